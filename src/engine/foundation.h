// The large model: trained on whole timelines, it draws futures and answers what it was never
// trained for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/supposing.h"
#include "report/timelines.h"
#include "train/pretrain.h"

namespace cangong {

struct PretrainRequest {
  fs::path recipe, store, out;
  std::size_t threads = 1;
  Device device = Device::processor;
  bool dry_run = false;       // finds the tokens, trains nothing
  bool only_prepare = false;  // writes OUT.work, to be trained elsewhere, and stops
  Say say = [](const std::string&) {};
};
struct PretrainReply {
  Digest bundle;  // empty after a dry run
  std::string name;
  std::size_t tokens = 0, parameters = 0, resumed_from = 0;
  TokenTally tally;
  std::vector<PretrainPoint> curve;
  TimelineFacts facts;
};
// The same command goes on where an interrupted one stopped (OUT.work).
PretrainReply pretrain_model(const PretrainRequest& request);

// Weights by the names of Delphi's official code, from and to.
struct ConvertRequest {
  static constexpr std::size_t kContext = 48;
  fs::path from, out;       // a safetensors file and a name for the model, or the other way round
  fs::path labels;          // what the ids stand for; to Delphi, OUT.labels.csv is written
  std::size_t heads = 0;    // where the file does not say
  std::size_t context = 0;  // events that are looked back at; 0: as the file says, else kContext
};
struct ConvertReply {
  Digest bundle;
  std::size_t tokens = 0, parameters = 0;
};
ConvertReply convert_from_delphi(const ConvertRequest& request);
ConvertReply convert_to_delphi(const ConvertRequest& request);

// Whom, and when. The future begins at `as_of`.
struct FutureQuestion {
  fs::path bundle, store;
  std::string subject, as_of, zone = "UTC";
  Duration horizon{std::chrono::hours(24 * 3652)};
  std::size_t futures = 1000;
  std::uint64_t seed = 1;
  std::size_t threads = 1;
  // bfloat16: what is kept of past events takes half of the memory; quicker.
  FloatFormat format = FloatFormat::float32;
  Device device = Device::processor;  // that draws the futures
};

// Patients as numbers: the state in which the model is before it says what may come.
struct EmbedRequest {
  fs::path bundle, store, out;  // a new folder
  std::string as_of, zone = "UTC";
  std::optional<fs::path> labels;  // or at the moments of these
  std::string task;                // where they hold several
  std::size_t threads = 1;
};
struct EmbedReply {
  Digest bundle, store;
  std::string model;
  bool synthetic = false;
  std::size_t width = 0;
  // Without: no birth known by then, or dead, or over 130 years old.
  std::uint64_t rows = 0, patients = 0, without = 0;
  std::uint64_t unknown = 0;  // moments of labels whose patients the store does not have
};
EmbedReply embed_patients(const EmbedRequest& request);

// Erasure: one person's rows, identifiers and part in what was made for training.
struct ForgetRequest {
  fs::path store;
  std::string subject;
  fs::path models;  // a folder of bundles; empty: none is looked at
};
struct ForgetReply {
  PatientId patient;
  Digest before, after;  // of the store
  std::uint64_t rows = 0, identifiers = 0;
  struct Model {
    Digest bundle;
    std::vector<std::string> aliases;
    bool on_this_store =
        false;  // as it was with the person in it; else on another, or on an older one
  };
  std::vector<Model> models;
  std::vector<fs::path> works;  // unfinished trainings whose tokens were deleted: to be begun anew
};
// Begun again where it was interrupted, it does the rest; the trail has what was told before.
// Throws Fault::missing where nothing of the person is there, Fault::input where several may be
// meant.
ForgetReply forget_patient(const ForgetRequest& request);

struct SimulateRequest {
  FutureQuestion question;
  std::size_t most = 20;  // codes that are told
  fs::path out;           // CSV of every event of every future; empty: none
};
// By code: how many futures have it, and when it first comes.
struct SimulatedCode {
  std::string code, description;
  double share = 0, standard_error = 0;
  double median_days = 0;  // from `as_of`, among the futures that have it
  double events = 0;       // a future, on average
};
struct SimulateReply {
  Digest bundle, store;
  std::string model;
  FloatFormat format = FloatFormat::float32;
  bool synthetic = false;
  Time as_of;
  double age_years = 0, events = 0;  // events of a future, "no event" not among them
  double dead = 0;                   // share of futures that end by death
  std::size_t futures = 0, cut = 0, unknown_events = 0;
  std::vector<SimulatedCode> codes;  // by falling share
  std::vector<std::string> warnings;
};
SimulateReply simulate_futures(const SimulateRequest& request);

struct AskRequest {
  FutureQuestion question;
  std::string codes;  // a regular expression: any of them, before the horizon; or
  std::optional<fs::path> task, predicates;  // a task file with an answer of yes or no
  Supposing supposing;
  bool explain = false;
  std::size_t orders = 0;  // that the shares of past events are sampled by, even; 0: no shares
};
// What the answer would be without one past event.
struct PastEvent {
  std::string code;
  double age_years = 0;
  double ratio = 1;  // of the rate now, with the event to without it
};
// How the present rate is shared among all past events: Shapley values of its logarithm, which add
// up to that of the rate with all of them to that with none.
struct SharedRate {
  struct Event {
    std::string code;
    double age_years = 0, share = 0, standard_error = 0;  // the error is of the sampling
  };
  std::vector<Event> events;         // by how far the share is from 0
  double with_all = 0, with_none = 0;  // rates a year
  std::size_t orders = 0;
};
struct AskReply {
  Digest bundle, store;
  std::string model, method;
  FloatFormat format = FloatFormat::float32;
  bool synthetic = false;
  Time as_of;
  double value = 0, standard_error = 0, low = 0, high = 0;  // 95 %
  double yearly_rate = 0;                                   // right now
  std::optional<double> as_recorded;                        // the value without what is supposed
  std::vector<std::string> codes, warnings;
  std::vector<PastEvent> reasons;  // by how far the ratio is from 1
  std::optional<SharedRate> shared;
  // A task's answer is the share among the futures that it takes.
  std::size_t futures = 0, taken = 0;
  std::size_t cut = 0;  // futures with more events than are drawn: what comes behind is not counted
};
// Every answer is recorded in the store's audit trail before it is given.
AskReply ask_model(const AskRequest& request);

// How what it foretells of patients who had no part in its training came true.
struct JudgeTimelinesRequest {
  fs::path bundle, store, report;  // a folder for index.html and report.json; empty: none
  std::string as_of, zone = "UTC";
  double years = 5;
  // Or a task's examples, asked of futures; `as_of` is each one's own, `patients` counts examples,
  // and `years` matters where an event ends the task's windows.
  std::optional<fs::path> labels;
  std::string task;  // where they hold several
  // Of a deep synthetic hospital: the folder of its true risks, which say when and how far.
  fs::path truth;
  // Of another hospital than the training's: everybody judges. Else those whom the recipe's split
  // keeps out of the training.
  bool another = false;
  std::size_t patients = 2000;  // at most, drawn by chance
  std::size_t futures = 20;     // of each
  std::size_t threads = 1;
  std::uint64_t seed = 1;
  FloatFormat format = FloatFormat::float32;
  Device device = Device::processor;
};
TimelinesReport judge_timelines(const JudgeTimelinesRequest& request);
// By `labels`.
TimelinesReport judge_task(const JudgeTimelinesRequest& request);

}  // namespace cangong
