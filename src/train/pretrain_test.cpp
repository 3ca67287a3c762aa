#include "train/pretrain.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/safetensors.h"
#include "model/decoder_pass.h"
#include "model/likeness.h"
#include "model/state_encoder.h"
#include "timeline/store_writer.h"

namespace cangong {
namespace {

// Women have A a year after birth, men B; C follows two years later, always. 1 in 10 tunes.
class PretrainTest : public testing::Test {
 protected:
  void SetUp() override {
    StoreWriter writer(folder_.path() / "store", {1 << 24, "test"});
    for (std::int64_t p = 1; p <= 200; ++p) {
      const auto add = [&](const char* code, std::optional<int> day) {
        Event event;
        event.code = writer.codes().intern(code);
        if (day) event.time = Time(std::chrono::days(*day));
        writer.add(PatientId(p), event);
      };
      const int late = static_cast<int>(p * 37 % 100);
      add("MEDS_BIRTH", 0), add(p % 2 ? "GENDER//F" : "GENDER//M", std::nullopt);
      add(p % 2 ? "A" : "B", 365 + late), add("C", 1095 + late);
    }
    writer.commit();
    const Store store = Store::open(folder_.path() / "store");
    recipe_ = parse_pretrain_recipe(
        "name: test\nwindow: {context: 8}\nmodel: {layers: 2, heads: 2, width: 16}\n"
        "training: {steps: 60, people: 16, warm_up: 10, evaluate_every: 20, dropout: 0,\n"
        "  learning_rate: 2.0e-2, lowest_rate: 1.0e-3}\n",
        "test.yaml");
    vocabulary_ = TokenVocabulary::learn(
        store, recipe_.tokens, [](PatientId) { return true; }, 1);
    (void)write_token_shards(
        store, vocabulary_,
        [](PatientId p) { return p.for_storage() % 10 ? TokenSplit::train : TokenSplit::tuning; },
        folder_.path() / "tokens", 1);
    shards_ = TokenShards::open(folder_.path() / "tokens", vocabulary_.size());
  }
  PretrainInput input(const std::string& checkpoint, std::size_t threads = 1) const {
    return {shards_, vocabulary_, recipe_, folder_.path() / checkpoint, "this", threads};
  }

  TempFolder folder_;
  PretrainRecipe recipe_;
  TokenVocabulary vocabulary_;
  TokenShards shards_;
};

// Its columns are the last state of the pass; a bundle keeps it beside another model.
TEST_F(PretrainTest, TheStateBehindARecordIsColumns) {
  const DelphiShape shape{2, 2, 16, vocabulary_.size()};
  const auto model = [&] {
    TimelineFacts facts;
    facts.name = "t", facts.context = 8;
    return TimelineModel(
        vocabulary_, DecoderWeights(shape, first_weights(shape, 3), DecoderWeights::Ways::forward),
        facts);
  };
  StateEncoder encoder(model(), "name: test\n");
  const Store store = Store::open(folder_.path() / "store");
  encoder.fit(StoreHistories(store, {}));
  BundleWriter writer;
  encoder.write(writer);
  (void)writer.commit(folder_.path() / "models" / "both");
  const Bundle bundle = Bundle::open(folder_.path() / "models" / "both");
  EXPECT_FALSE(TimelineModel::is_in(bundle));
  ASSERT_TRUE(StateEncoder::is_in(bundle));
  const auto kept = StateEncoder::load(bundle);
  EXPECT_EQ(kept->recipe(), "name: test\n");
  ASSERT_EQ(kept->columns().size(), 16u);
  const Timeline timeline = store.patient(PatientId(7));
  const History history = timeline.until(Time(std::chrono::days(800)));
  std::vector<Entry> row, again;
  encoder.session(store.codes())->encode(history, row);
  kept->session(store.codes())->encode(history, again);
  const TimelineModel own = model();
  const Tokenizer tokenizer(vocabulary_, store.codes(), store.code_infos());
  const FutureRequest asked = question_of(own, tokenizer.tokens(history), 800);
  const DecoderRows rows = decoder_rows(asked.ids, asked.days);
  DecoderPass pass(own.weights());
  pass.forward({rows, 0, 1});
  ASSERT_EQ(row.size(), 16u);
  for (std::size_t k = 0; k < 16; ++k) {
    EXPECT_EQ(row[k].value, pass.last_state()[k]);
    EXPECT_EQ(again[k].value, row[k].value);
  }
  encoder.session(store.codes())->encode(timeline.until(Time(std::chrono::days(-1))), row);
  EXPECT_TRUE(row.empty()) << "not born yet: missing";
}

// A question stands behind "nothing happened" as often as what the model learnt from; what does not
// fit is told as had, but for those.
TEST_F(PretrainTest, QuestionsSayThatNothingHappenedAsOftenAsTrainingDid) {
  TimelineFacts facts;
  facts.context = 7, facts.no_event_years = 1;
  const DelphiShape shape = shape_of(recipe_.model, vocabulary_.size());
  const TimelineModel model(vocabulary_,
                            {shape, first_weights(shape, 1), DecoderWeights::Ways::forward}, facts);
  const auto id = [&](const char* code) { return vocabulary_.ids_of(code).front(); };
  const std::int32_t no = TokenVocabulary::kNoEvent, f = id("GENDER//F"), a = id("A"), c = id("C");
  const FutureRequest asked = question_of(model, {{f, a}, {0, 400}}, 800);
  EXPECT_EQ(asked.ids, (std::vector<std::int32_t>{f, no, no, a, no, no}));
  EXPECT_EQ(asked.days, (std::vector<float>{0, 1, 366.25, 400, 731.5, 800}));
  const FutureRequest later = question_of(model, {{f, a, c}, {0, 400, 1100}}, 2300);
  EXPECT_EQ(later.ids, (std::vector<std::int32_t>{f, no, no, c, no, no, no, no}));
  EXPECT_EQ(later.happened, std::vector<std::int32_t>{a});
}

// A record in its usual order surprises less than one in another; the share is that of a conformal
// p-value, and nothing is told by too few.
TEST_F(PretrainTest, UnlikeRecordsAreTold) {
  recipe_.training.steps = 300, recipe_.training.evaluate_every = 300;
  const Pretrained trained = pretrain(input("a"));
  const auto id = [&](const char* code) { return vocabulary_.ids_of(code).front(); };
  const std::int32_t f = id("GENDER//F"), a = id("A"), b = id("B"), c = id("C");
  const std::int32_t first = vocabulary_.first_outcome();
  EXPECT_FALSE(surprise_of(trained.weights, {f, a, c}, {0, 400, 1100}, first)) << "too short";
  const auto usual = surprise_of(trained.weights, {f, a, c}, {0, 400, 1100}, first, 2);
  const auto other = surprise_of(trained.weights, {f, c, b}, {0, 10, 11}, first, 2);
  ASSERT_TRUE(usual && other);
  EXPECT_LT(*usual + 1, *other);
  std::vector<double> known;
  for (int i = 0; i < 99; ++i) known.push_back(i);
  EXPECT_FALSE(Likeness(known).share(3));
  known.push_back(99);
  const Likeness likeness(known);
  EXPECT_DOUBLE_EQ(*likeness.share(50), 51.0 / 101);
  EXPECT_DOUBLE_EQ(*likeness.share(200), 1.0 / 101);
  EXPECT_DOUBLE_EQ(*likeness.share(-1), 1);
  for (int i = 100; i < 5000; ++i) known.push_back(i);
  const Likeness thinned(known);
  EXPECT_EQ(thinned.surprises().size(), Likeness::kMost);
  EXPECT_NEAR(*thinned.share(2500), 0.5, 0.002);
}

TEST_F(PretrainTest, LearnsWhatFollowsWhat) {
  recipe_.training.steps = 600, recipe_.training.evaluate_every = 200;
  const Pretrained trained = pretrain(input("a"));
  ASSERT_EQ(trained.curve.size(), 3u);
  EXPECT_LT(trained.curve.back().cross_entropy, 0.2) << "sex and the event before say which";
  EXPECT_GT(trained.curve.front().cross_entropy, trained.curve.back().cross_entropy);
  const TimelineModel model(vocabulary_,
                            DecoderWeights(
                                trained.weights.shape(),
                                [&] {
                                  DelphiNetwork<float>::Weights named;
                                  for (const auto& [name, values] : trained.weights.named())
                                    named[name] = {values.begin(), values.end()};
                                  return named;
                                }(),
                                DecoderWeights::Ways::forward),
                            {});
  const DecoderFutures simulator(model.weights(), model.rules());
  FutureRequest request;
  request.ids = {vocabulary_.ids_of("GENDER//F").front(), vocabulary_.ids_of("A").front()};
  request.days = {0, 400};
  const auto rates = simulator.rates(request);
  const auto rate = [&](const char* code) {
    return rates[static_cast<std::size_t>(vocabulary_.ids_of(code).front())];
  };
  EXPECT_GT(rate("C"), 5 * rate("B"));
  EXPECT_EQ(rate("A"), 0) << "it was, and nobody had it twice";
  EXPECT_EQ(rate("GENDER//F"), 0);
}

TEST_F(PretrainTest, GoesOnToTheSameBytes) {
  const Pretrained whole = pretrain(input("whole"));
  PretrainInput stopped = input("parts", 2);
  struct Stop {};
  stopped.judged = [](const PretrainPoint& point) {
    if (point.step == 40) throw Stop();
  };
  EXPECT_THROW((void)pretrain(stopped), Stop);
  const Pretrained parts = pretrain(input("parts", 3));
  EXPECT_EQ(parts.resumed_from, 40u);
  EXPECT_EQ(parts.weights.named(), whole.weights.named());
  EXPECT_EQ(read_file(folder_.path() / "parts"), read_file(folder_.path() / "whole"));
}

// What is judged and kept is the average; the training itself goes on as without it, and a resumed
// one to the same bytes.
TEST_F(PretrainTest, AveragedWeightsAreKept) {
  const Pretrained plain = pretrain(input("plain"));
  recipe_.training.average = 0.9;
  const Pretrained averaged = pretrain(input("averaged"));
  EXPECT_NE(averaged.weights.named(), plain.weights.named());
  ASSERT_EQ(averaged.curve.size(), plain.curve.size());
  for (std::size_t i = 0; i < plain.curve.size(); ++i) {
    EXPECT_EQ(averaged.curve[i].training, plain.curve[i].training);
    EXPECT_NE(averaged.curve[i].cross_entropy, plain.curve[i].cross_entropy);
  }
  PretrainInput stopped = input("parts");
  struct Stop {};
  stopped.judged = [](const PretrainPoint& point) {
    if (point.step == 40) throw Stop();
  };
  EXPECT_THROW((void)pretrain(stopped), Stop);
  EXPECT_EQ(pretrain(input("parts", 2)).weights.named(), averaged.weights.named());
  EXPECT_EQ(read_file(folder_.path() / "parts"), read_file(folder_.path() / "averaged"));
}

TEST_F(PretrainTest, ACheckpointThatIsDamagedOrNotItsOwnIsRefused) {
  (void)pretrain(input("a"));
  PretrainInput other = input("a");
  other.belongs_to = "that";
  EXPECT_THROW((void)pretrain(other), Error);
  std::string bytes = read_file(folder_.path() / "a");
  for (const char* told : {"\"steps\":\"", "\"best_loss\":\""}) {
    std::string changed = bytes;
    changed[changed.find(told) + std::string(told).size()] ^= 1;
    write_file(folder_.path() / "a", changed);
    EXPECT_THROW((void)pretrain(input("a")), Error) << told;
  }
  bytes[bytes.size() / 2] ^= 1;
  write_file(folder_.path() / "a", bytes);
  try {
    (void)pretrain(input("a"));
    FAIL() << "a flipped bit was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault, Fault::storage);
    EXPECT_NE(std::string(error.what()).find("damaged"), std::string::npos);
  }
  write_file(folder_.path() / "a", bytes.substr(0, bytes.size() / 3));
  EXPECT_THROW((void)pretrain(input("a")), Error);
}

TEST_F(PretrainTest, ALossThatIsNoNumberNamesTheStepAndKeepsTheCheckpoint) {
  PretrainInput begun = input("a");
  struct Stop {};
  begun.judged = [](const PretrainPoint&) { throw Stop(); };
  EXPECT_THROW((void)pretrain(begun), Stop);
  const std::string kept = read_file(folder_.path() / "a");
  recipe_.training.learning_rate = 1e30, recipe_.training.lowest_rate = 1e30;
  try {
    (void)pretrain(input("a"));
    FAIL() << "no loss can be a number here";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault, Fault::model);
    EXPECT_NE(std::string(error.what()).find("step 2"), std::string::npos) << error.what();
  }
  EXPECT_EQ(read_file(folder_.path() / "a"), kept);
}

TEST_F(PretrainTest, AnUnfitRecipeIsRefusedWithItsPlace) {
  for (const char* text :
       {"name: x\nmodel: {layers: 2, heads: 3, width: 16}\n", "name: x\ntraining: {steps: 10}\n",
        "name: x\nwindows: {}\n", "name: x\nsplit: {tuning: 1}\n",
        "name: x\nwindow: {from: middle}\n", "name: x\nwindow: {no_event_years: 1.0e-9}\n",
        "name: x\ntokens: {observed_until: the end}\n", "name: x\nwindow: {silence: golden}\n",
        "name: x\ntraining: {clip: -1}\n", "name: x\nmodel: {layers: 1000000}\n"})
    try {
      (void)parse_pretrain_recipe(text, "r.yaml");
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("r.yaml:2"), std::string::npos) << error.what();
    }
}

// Windows of long records: facts of birth, then the latest rows; targets are what follows.
TEST_F(PretrainTest, WindowsKeepBirthAndTellWhatFollows) {
  WindowOptions options = recipe_.window;
  options.ties = "hidden", options.least_days = 1;
  const TokenBatches batches(shards_, vocabulary_, options);
  Random random(5);
  const DecoderRows rows = batches.training(50, random);
  EXPECT_EQ(rows.people(), 50u);
  for (const auto& target : rows.targets) {
    const auto row = target.row;
    EXPECT_GE(target.wait, 1);
    EXPECT_TRUE(target.next == TokenVocabulary::kNoEvent ||
                target.next >= vocabulary_.first_outcome());
    const auto next = std::upper_bound(rows.starts.begin(), rows.starts.end(), row);
    if (row + 1 < *next) {
      EXPECT_EQ(rows.ids[row + 1], target.next);
    }
  }
}

// Forty years, an event a year; windows of ten. Between birth and a later window nothing is a
// target.
TEST_F(PretrainTest, WhatWasLeftOutIsNeverFollowedOver) {
  StoreWriter writer(folder_.path() / "long", {1 << 24, "test"});
  for (std::int64_t p = 1; p <= 20; ++p) {
    const auto add = [&](const char* code, std::optional<int> day) {
      Event event;
      event.code = writer.codes().intern(code);
      if (day) event.time = Time(std::chrono::days(*day));
      writer.add(PatientId(p), event);
    };
    add("MEDS_BIRTH", 0), add("GENDER//F", std::nullopt);
    for (int year = 1; year <= 40; ++year) add("VISIT", 365 * year);
  }
  writer.commit();
  const Store store = Store::open(folder_.path() / "long");
  const auto vocabulary = TokenVocabulary::learn(
      store, recipe_.tokens, [](PatientId) { return true; }, 1);
  (void)write_token_shards(
      store, vocabulary, [](PatientId) { return TokenSplit::train; }, folder_.path() / "t", 1);
  const TokenShards shards = TokenShards::open(folder_.path() / "t", vocabulary.size());
  const std::int32_t visit = vocabulary.ids_of("VISIT").front(), sex = 2;
  WindowOptions options = recipe_.window;
  options.context = 10, options.no_event_years = 5;
  const TokenBatches batches(shards, vocabulary, options);
  Random random(3);
  std::size_t late = 0;
  for (const DecoderRows& rows :
       {batches.training(200, random), batches.judging(TokenSplit::train, 0, 20)}) {
    for (std::size_t person = 0; person < rows.people(); ++person) {
      const std::size_t first = rows.starts[person];
      ASSERT_LE(rows.starts[person + 1] - first, options.context);
      EXPECT_EQ(rows.ids[first], sex) << "facts of birth stay";
      late += rows.days[first + 1] > 365;
    }
    for (const auto& target : rows.targets) {
      EXPECT_LE(target.wait, 365) << "a year is the longest that nothing happens";
      if (target.next == visit && rows.ids[target.row] == sex) {
        EXPECT_EQ(target.wait, 365);
      }
    }
  }
  EXPECT_GT(late, 100u) << "windows begin anywhere";
}

TEST_F(PretrainTest, TuningPatientsWithoutTargetsAreRefused) {
  (void)write_token_shards(
      Store::open(folder_.path() / "store"), vocabulary_,
      [](PatientId p) { return p.for_storage() % 10 ? TokenSplit::train : TokenSplit::held_out; },
      folder_.path() / "none", 1);
  const TokenShards none = TokenShards::open(folder_.path() / "none", vocabulary_.size());
  EXPECT_THROW((void)pretrain({none, vocabulary_, recipe_, folder_.path() / "n", "this", 1}),
               Error);
}

TEST_F(PretrainTest, AStepThatLeavesNoNumbersKeepsTheCheckpoint) {
  recipe_.training.evaluate_every = 1;
  PretrainInput begun = input("a");
  struct Stop {};
  begun.judged = [](const PretrainPoint& point) {
    if (point.step == 3) throw Stop();
  };
  EXPECT_THROW((void)pretrain(begun), Stop);
  const std::string kept = read_file(folder_.path() / "a");
  recipe_.training.learning_rate = 1e30, recipe_.training.lowest_rate = 1e30;
  EXPECT_THROW((void)pretrain(input("a")), Error);
  EXPECT_EQ(read_file(folder_.path() / "a"), kept);
}

TEST(Safetensors, RoundTripAndDamage) {
  const NamedArrays arrays{{"a", {{2, 2}, {1, 2, 3, 4}}}, {"b", {{0}, {}}}};
  const std::string bytes = write_safetensors(arrays, {{"k", "v"}});
  const Safetensors again = read_safetensors(bytes, "x");
  EXPECT_EQ(again.arrays.at("a").values, arrays.at("a").values);
  EXPECT_EQ(again.arrays.at("a").shape, arrays.at("a").shape);
  EXPECT_EQ(again.about.at("k"), "v");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_THROW((void)read_safetensors(bytes.substr(0, size), "x"), Error) << size;
}

}  // namespace
}  // namespace cangong
