#include "registry/approval.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/pattern.h"
#include "registry/audit.h"

namespace cangong {

using Json = nlohmann::ordered_json;

fs::path approvals_file(const fs::path& models) {
  return models / "approvals.ndjson";
}

void check_approval_name(const std::string& name) {
  static const Pattern kName =
      Pattern::require("^[a-z0-9][a-z0-9.-]{0,62}@[a-z0-9][a-z0-9-]{0,30}$", "names of models");
  if (!kName.in(name))
    fail(Fault::input,
         "a model is approved under a name such as sepsis@champion: small letters, "
         "digits, \"-\" and \".\", then @ and what it is (champion, challenger, ...)");
}

void approve(const fs::path& models, const Approval& approval) {
  check_approval_name(approval.name);
  Json record{{"what", "approval"}, {"name", approval.name}, {"bundle", approval.bundle},
              {"by", approval.by},  {"note", approval.note}, {"how", approval.how}};
  if (!approval.proposed_by.empty()) record["proposed_by"] = approval.proposed_by;
  if (!approval.bundle.empty()) Bundle::open(models / approval.bundle).verify();
  append_audit(approvals_file(models), approval.at, record.dump());
  if (approval.bundle.empty())
    fs::remove(models / approval.name);
  else
    point_alias(models / approval.name, models / approval.bundle);
}

namespace {

// The records of the trail, if it holds.
std::vector<Json> records_of(const fs::path& models) {
  const fs::path file = approvals_file(models);
  if (!fs::exists(file)) return {};
  const AuditCheck check = verify_audit(file);
  if (check.first_bad_line)
    fail(Fault::storage, file.string() + ":" + std::to_string(check.first_bad_line) +
                             ": the trail of approvals does not hold (" + check.problem +
                             "); restore it from a backup");
  std::vector<Json> all;
  LineReader lines(file);
  while (const auto line = lines.next()) all.push_back(Json::parse(line->text));
  return all;
}

Approval approval_of(const Json& record) {
  return {record.at("name"),
          record.at("bundle"),
          record.at("by"),
          record.at("at"),
          record.value("note", ""),
          record.value("how", "direct"),
          record.value("proposed_by", "")};
}

}  // namespace

std::vector<Approval> approval_history(const fs::path& models) {
  std::vector<Approval> all;
  for (const Json& record : records_of(models))
    if (record.value("what", "") == "approval") all.push_back(approval_of(record));
  return all;
}

const char* name_of(Proposal::State state) {
  constexpr const char* kNames[] = {"open", "approved", "refused"};
  return kNames[static_cast<int>(state)];
}

void propose(const fs::path& models, const Proposal& proposal) {
  const Approval& wanted = proposal.wanted;
  check_approval_name(wanted.name);
  Bundle::open(models / wanted.bundle).verify();
  const Json record{{"what", "proposal"},      {"id", proposal.id}, {"name", wanted.name},
                    {"bundle", wanted.bundle}, {"by", wanted.by},   {"note", wanted.note}};
  append_audit(approvals_file(models), wanted.at, record.dump());
}

std::vector<Proposal> proposals(const fs::path& models) {
  std::vector<Proposal> all;
  for (const Json& record : records_of(models)) {
    const std::string what = record.value("what", "");
    if (what == "proposal") all.push_back({record.at("id"), approval_of(record)});
    if (what != "decision") continue;
    for (Proposal& proposal : all) {
      if (proposal.id != record.at("proposal").get<std::string>()) continue;
      proposal.state = record.at("decision") == "approved" ? Proposal::State::approved
                                                           : Proposal::State::refused;
      proposal.decided_by = record.at("by"), proposal.decided_at = record.at("at");
      proposal.decision_note = record.at("note");
    }
  }
  return all;
}

void decide(const fs::path& models, const Decision& decision, Needs needs) {
  const auto all = proposals(models);
  const auto found = std::find_if(all.begin(), all.end(), [&](const Proposal& one) {
    return one.id == decision.proposal && one.state == Proposal::State::open;
  });
  if (found == all.end()) fail(Fault::missing, "no such proposal waits for a decision");
  const bool approved = decision.state == Proposal::State::approved;
  if (approved && needs == Needs::second_person && found->wanted.by == decision.by)
    fail(Fault::denied, "who proposed a model does not approve it; another person does");
  if (approved) Bundle::open(models / found->wanted.bundle).verify();
  const Json record{{"what", "decision"},
                    {"proposal", decision.proposal},
                    {"decision", name_of(decision.state)},
                    {"by", decision.by},
                    {"note", decision.note}};
  append_audit(approvals_file(models), decision.at, record.dump());
  if (!approved) return;
  const bool second = found->wanted.by != decision.by;
  approve(models, {found->wanted.name, found->wanted.bundle, decision.by, decision.at,
                   decision.note, second ? "second_person" : "one_person", found->wanted.by});
}

std::vector<Approval> approvals(const fs::path& models) {
  std::map<std::string, Approval> last;
  for (const Approval& approval : approval_history(models)) last[approval.name] = approval;
  std::vector<Approval> valid;
  for (const auto& [name, approval] : last) {
    if (approval.bundle.empty()) continue;
    valid.push_back(approval);
  }
  return valid;
}

}  // namespace cangong
