#include <array>

#include "cli/args.h"

namespace cangong {
namespace {

const Option kJson{"--json", "", "one JSON object on standard output"};
const Option kStore{"--store", "STORE", "the store"};
const Option kLabels{"--labels", "LABELS", "the folder that `cangong label` wrote"};
const Option kTask{"--task", "NAME", "which task, where the labels hold several"};
const Option kDryRun{"--dry-run", "", "do the reading and the checks, write nothing"};
const Option kThreads{"--threads", "N", "threads to use (all)"};

// A new verb is one file and one entry here.
const std::array kVerbs{
    Verb{"import",
         "Puts outside records onto the timelines of a store.",
         "import FORMAT PATH --into STORE [options]",
         "cangong import fhir export/ --into hospital",
         {{"--into", "STORE", "the store; made where there is none"},
          {"--mapping", "FILE", "csv: which column is what"},
          {"--suggest", "FILE", "csv: print a first mapping for a file and stop"},
          {"--system", "NAME", "ontology: whose codes it holds, such as ICD10CM"},
          {"--codes", "REGEX", "ontology: its group is the code inside the store's codes"},
          {"--zone", "ZONE", "of times without an offset: UTC, +08:00, Asia/Shanghai (UTC)"},
          {"--memory", "SIZE", "for sorting, such as 512M (1G)"},
          {"--most-rejected", "SHARE", "fail where more rows are rejected than this (0.1)"},
          {"--name", "NAME", "of the data set"},
          kDryRun,
          kJson},
         run_import,
         2,
         mapping_help},
    Verb{"check",
         "Says what is in a store and what is wrong with it.",
         "check STORE [--json]",
         "cangong check hospital",
         {kJson},
         run_check},
    Verb{"check-task",
         "Says who is left after each step of a task, and looks for signs that its answer leaks.",
         "check-task TASK --store STORE [--report FOLDER]",
         "cangong check-task studies/icu-mortality/task.yaml --store hospital",
         {kStore,
          {"--predicates", "FILE", "an ACES predicates file"},
          {"--report", "FOLDER", "where attrition.svg and check.json go"},
          kThreads,
          kJson},
         run_check_task},
    Verb{"label",
         "Finds the examples of one or several tasks and labels them.",
         "label TASK... --store STORE --out LABELS",
         "cangong label studies/icu-mortality/task.yaml --store hospital --out labels",
         {kStore,
          {"--out", "LABELS", "where the label folders go"},
          {"--predicates", "FILE", "an ACES predicates file"},
          kDryRun,
          kThreads,
          kJson},
         run_label,
         1000},
    Verb{"train",
         "Trains a model and its baselines, and leaves a bundle.",
         "train RECIPE --store STORE --labels LABELS --out BUNDLE",
         "cangong train studies/icu-mortality/recipe.yaml --store hospital --labels labels --out "
         "models/icu",
         {kStore,
          kLabels,
          {"--out", "BUNDLE", "a name for the model, in a folder of models"},
          kTask,
          kDryRun,
          kThreads,
          kJson},
         run_train,
         1,
         recipe_help},
    Verb{"evaluate",
         "Judges a model on patients that it has not seen, and writes the report.",
         "evaluate BUNDLE --store STORE --labels LABELS --report REPORT",
         "cangong evaluate models/icu --store hospital --labels labels --report report",
         {kStore,
          kLabels,
          {"--split", "NAME", "held_out, tuning, train, cross or all (held_out)"},
          {"--report", "FOLDER", "where index.html and report.json go"},
          kTask,
          {"--title", "TEXT", "of the report"},
          {"--replicates", "N", "of the bootstrap (1000)"},
          kThreads,
          kJson},
         run_evaluate},
    Verb{"predict",
         "Answers for one patient at one moment, with reasons.",
         "predict BUNDLE --store STORE --subject ID --as-of TIME [--explain]",
         "cangong predict models/icu --store hospital --subject 42 --as-of 2020-03-01T12:00 "
         "--explain",
         {kStore,
          {"--subject", "ID", "the store's number, or system|value"},
          {"--as-of", "TIME", "nothing later is looked at"},
          {"--zone", "ZONE", "of a time without an offset (UTC)"},
          {"--explain", "", "with reasons and the events behind them"},
          kJson},
         run_predict},
    Verb{"run",
         "Runs a whole study, only what has changed.",
         "run STUDY [--data FOLDER]",
         "cangong run studies/heart-disease/study.yaml --data data",
         {{"--data", "FOLDER", "where the study's data lie"},
          {"--out", "FOLDER", "store, labels, model and report go below (reports/NAME)"},
          {"--fresh", "", "do every step again"},
          kThreads,
          kJson},
         run_study_verb},
    Verb{"models",
         "Lists the models in a folder, or gives one another name.",
         "models FOLDER [--alias NAME=DIGEST]",
         "cangong models models",
         {{"--alias", "NAME=MODEL", "point a name at a model (digest or other name)"}, kJson},
         run_models},
    Verb{"audit",
         "Verifies the trail of answers of a store.",
         "audit verify STORE",
         "cangong audit verify hospital",
         {kJson},
         run_audit,
         2},
};

}  // namespace

std::span<const Verb> verbs() {
  return kVerbs;
}

}  // namespace cangong
