#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/progress.h"
#include "engine/question.h"
#include "model/decoder_pass.h"
#include "model/state_encoder.h"
#include "registry/audit.h"
#include "timeline/vector_table.h"

namespace cangong {
namespace {

// When each patient is looked at.
class Moments {
 public:
  explicit Moments(const EmbedRequest& request) {
    if (request.labels) {
      for (const LabelRow& row : find_labels(*request.labels, request.task).rows)
        by_patient_[row.patient].push_back(row.when), ++count_;
      return;
    }
    const auto moment = parse_moment(request.as_of, Zone(request.zone));
    if (!moment)
      fail(Fault::input,
           "--as-of \"" + request.as_of + "\" is not a date or time; write 2020-03-01T12:00");
    everybody_ = {moment->last};
  }
  std::uint64_t count() const { return count_; }  // of labels
  const std::vector<Time>& of(PatientId patient) const {
    static const std::vector<Time> kNever;
    if (!everybody_.empty()) return everybody_;
    const auto found = by_patient_.find(patient);
    return found == by_patient_.end() ? kNever : found->second;
  }

 private:
  std::vector<Time> everybody_;
  std::map<PatientId, std::vector<Time>> by_patient_;
  std::uint64_t count_ = 0;
};

// Working memories of the passes under way; no more than there are threads.
class Passes {
 public:
  explicit Passes(const DecoderWeights& weights) : weights_(weights) {}
  template <class Use>
  void borrow(const Use& use) {
    std::unique_ptr<DecoderPass> pass;
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) pass = std::move(free_.back()), free_.pop_back();
    }
    if (!pass) pass = std::make_unique<DecoderPass>(weights_);
    use(*pass);
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(pass));
  }

 private:
  const DecoderWeights& weights_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<DecoderPass>> free_;
};

// Of one shard's patients.
struct Part {
  std::unique_ptr<VectorTable> table;
  std::uint64_t rows = 0, patients = 0, without = 0;
};

class Embedder {
 public:
  Embedder(const TimelineModel& model, const Store& store, const Moments& moments)
      : model_(model),
        store_(store),
        moments_(moments),
        tokenizer_(model.vocabulary(), store.codes(), store.code_infos()),
        passes_(model.weights()) {}

  void add(const Timeline& timeline, Part& part) {
    const std::uint64_t before = part.rows;
    for (const Time when : moments_.of(timeline.patient())) {
      const auto question = asked_behind(model_, tokenizer_, timeline.until(when));
      if (!question) {
        ++part.without;
        continue;
      }
      const DecoderRows rows = decoder_rows(question->ids, question->days);
      passes_.borrow([&](DecoderPass& pass) {
        pass.forward({rows, 0, 1});
        part.table->add(timeline.patient(), when, pass.last_state());
      });
      ++part.rows;
    }
    part.patients += part.rows > before;
  }

 private:
  const TimelineModel& model_;
  const Store& store_;
  const Moments& moments_;
  Tokenizer tokenizer_;
  Passes passes_;
};

}  // namespace

EmbedReply embed_patients(const EmbedRequest& request) {
  const fs::path given = fs::absolute(request.out);
  const fs::path out = given.has_filename() ? given : given.parent_path();  // "name/"
  if (fs::exists(fs::symlink_status(out)))
    fail(Fault::input, out.string() + " exists; name a new folder");
  const Bundle bundle = Bundle::open(request.bundle);
  const TimelineModel model = TimelineModel::open(bundle);
  const Store store = Store::open(request.store);
  const Moments moments(request);
  EmbedReply reply;
  reply.bundle = bundle.digest(), reply.store = store.digest(), reply.model = model.facts().name;
  reply.synthetic = store.inventory().synthetic || model.facts().synthetic;
  reply.width = model.weights().shape().width;
  const std::map<std::string, std::string> about{{"model", reply.bundle},
                                                 {"store", reply.store},
                                                 {"synthetic", reply.synthetic ? "true" : "false"}};
  fs::create_directories(out.parent_path());
  const TempFolder work(out.parent_path());
  const fs::path folder = work.path() / "embeddings";
  fs::create_directories(folder);
  std::vector<Part> parts(store.inventory().shards.size());
  for (std::size_t i = 0; i < parts.size(); ++i)
    parts[i].table = std::make_unique<VectorTable>(folder / (std::to_string(i) + ".parquet"),
                                                   VectorColumn{"embedding", reply.width}, about);
  Embedder embedder(model, store, moments);
  Progress progress("embedding", store.inventory().subjects());
  store.each(Columns::all, request.threads, [&](std::size_t shard, const Timeline& timeline) {
    embedder.add(timeline, parts[shard]);
    stop_if_interrupted();
    progress.step();
  });
  for (Part& part : parts) {
    part.table->finish();
    reply.rows += part.rows, reply.patients += part.patients, reply.without += part.without;
  }
  if (request.labels) reply.unknown = moments.count() - reply.rows - reply.without;
  if (request.labels && reply.unknown == moments.count())
    fail(Fault::input, "the store has none of the labels' patients; they are of another store");
  const Time now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  append_audit(request.store / "audit.ndjson", format_time(now),
               nlohmann::ordered_json{{"what", "embed"},
                                      {"model", reply.bundle},
                                      {"store", reply.store},
                                      {"patients", reply.patients},
                                      {"rows", reply.rows}}
                   .dump());
  fs::rename(folder, out);
  return reply;
}

}  // namespace cangong
