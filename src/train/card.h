// What only a person can say about a model; the recipe's `card:`.
#pragma once

#include <string>

#include "base/config.h"

namespace cangong {

struct CardOptions {
  static constexpr bool is_config = true;
  std::string developer, contact, funding, release, availability, background, inequalities;
  std::string intended_use, intended_users, decision_role, how_to_use, out_of_scope;
  std::string setting, treatments, outcome_assessment, predictor_choice, fairness_approach;
  std::string bias_mitigation, risks, clinical_risk, biases, stakeholders, patients_involved;
  std::string external_tester, outcome_evaluations, updates, corrections, ethics, consent;
  std::string conflicts, protocol, registration, data_sharing, code_sharing, publications;
  std::string interpretation, expertise, next_steps, monitoring, clusters, differences,
      training_population;
  template <class V>
  void visit(V& v) {
    v("developer", developer, "who made the model");
    v("contact", contact, "how to reach them");
    v("funding", funding, "who paid for it");
    v("release", release, "stage of release: research, pilot, in use");
    v("availability", availability, "where it may be used, approvals");
    v("background", background, "the clinical question and models that exist");
    v("inequalities", inequalities, "known differences in health between groups");
    v("intended_use", intended_use, "what it is for and where in the work it stands");
    v("intended_users", intended_users, "who uses it");
    v("decision_role", decision_role, "whether it informs, augments or replaces a decision");
    v("how_to_use", how_to_use, "what a user does with an answer");
    v("out_of_scope", out_of_scope, "where it must not be used");
    v("setting", setting, "kind, number and place of the centres");
    v("treatments", treatments, "that patients were given, and how these were handled");
    v("outcome_assessment", outcome_assessment, "who judged the outcome, blinded or not");
    v("predictor_choice", predictor_choice, "why these predictors, and who assessed them");
    v("fairness_approach", fairness_approach, "how fairness was sought");
    v("bias_mitigation", bias_mitigation, "what was done against bias");
    v("risks", risks, "known risks and limits");
    v("clinical_risk", clinical_risk, "level of clinical risk");
    v("biases", biases, "known biases and ethical considerations");
    v("stakeholders", stakeholders, "who was consulted");
    v("patients_involved", patients_involved, "how patients and the public had a part");
    v("external_tester", external_tester, "who tested it outside");
    v("outcome_evaluations", outcome_evaluations, "studies of what its use does to patients");
    v("updates", updates, "how it is maintained and updated");
    v("corrections", corrections, "how often faults are corrected");
    v("ethics", ethics, "approval of an ethics committee");
    v("consent", consent, "consent of patients, or what they are told");
    v("conflicts", conflicts, "of interest");
    v("protocol", protocol, "where the protocol can be read");
    v("registration", registration, "of the study");
    v("data_sharing", data_sharing, "where the data can be had");
    v("code_sharing", code_sharing, "where the analysis can be had");
    v("publications", publications, "peer-reviewed papers");
    v("interpretation", interpretation, "what the results mean");
    v("expertise", expertise, "what users must know and do");
    v("clusters", clusters, "differences between centres or other clusters");
    v("differences", differences, "between the patients of the training and of the evaluation");
    v("training_population", training_population, "whom the training patients represent");
    v("monitoring", monitoring, "how validity and fairness are watched in use");
    v("next_steps", next_steps, "towards use and wider validity");
  }
};

}  // namespace cangong
