#include "encode/token_vocabulary.h"

#include <gtest/gtest.h>

#include <memory>

#include "encode/token_shards.h"
#include "timeline/store_writer.h"

namespace cangong {
namespace {

// Twenty people, born a year apart; all are given LAB with numbers 1 to 20 and a DRUG twice, the
// first three RARE//1, the next three RARE//2 (both below GROUP//RARE), one OTHER.
struct Clinic {
  TempFolder folder;

  static Time born(std::int64_t patient) { return Time(std::chrono::days(365 * patient)); }

  Store store(const fs::path& name = "store") const {
    StoreWriter writer(folder.path() / name, {1 << 24, "test"});
    const auto add = [&](std::int64_t patient, const std::string& code, int day,
                         std::optional<float> number = std::nullopt, const char* unit = "") {
      Event event;
      event.code = writer.codes().intern(code);
      if (day >= 0) event.time = born(patient) + std::chrono::days(day);
      event.number = number, event.unit = unit;
      writer.add(PatientId(patient), event);
    };
    for (std::int64_t p = 1; p <= 20; ++p) {
      add(p, "MEDS_BIRTH", 0);
      add(p, p % 2 ? "GENDER//F" : "GENDER//M", -1);
      add(p, "LAB", 100, static_cast<float>(p), "mg/dL");
      add(p, "LAB", 200, 1000, "umol/L");
      add(p, "DRUG", 150), add(p, "DRUG", 250);
      if (p <= 6) add(p, p <= 3 ? "RARE//1" : "RARE//2", 300);
      if (p == 1) add(p, "RARE//2", 310);
      if (p == 7) add(p, "OTHER", 300);
      if (p == 8) add(p, "MEDS_DEATH", 400);
    }
    for (const char* code : {"RARE//1", "RARE//2"}) writer.add_info({code, "", {"GROUP/RARE"}});
    writer.commit();
    return Store::open(folder.path() / name);
  }
};

TokenVocabulary learned(const Store& store, std::size_t least = 5) {
  TokenOptions options;
  options.least_people = least, options.parts = 4;
  return TokenVocabulary::learn(
      store, options, [](PatientId) { return true; }, 2);
}

std::vector<std::string> token_names(const TokenVocabulary& vocabulary) {
  std::vector<std::string> names;
  for (std::size_t id = 0; id < vocabulary.size(); ++id)
    names.push_back(vocabulary.token(static_cast<std::int32_t>(id)).name());
  return names;
}

TEST(TokenVocabulary, PutsInputsBeforeOutcomesAndRareCodesUnderTheirParent) {
  const Clinic clinic;
  const Store store = clinic.store();
  const TokenVocabulary vocabulary = learned(store);
  const auto group = groups_of(store.codes(), store.code_infos()).begin()->first + "+";
  EXPECT_EQ(token_names(vocabulary),
            (std::vector<std::string>{"", "", "GENDER//F", "GENDER//M", "DRUG", "LAB", "LAB//Q1",
                                      "LAB//Q2", "LAB//Q3", "LAB//Q4", group, "MEDS_DEATH"}));
  EXPECT_EQ(vocabulary.first_outcome(), 4);
  EXPECT_TRUE(vocabulary.token(4).recurs);
  EXPECT_TRUE(vocabulary.token(10).recurs) << "the first has two codes of it";
  EXPECT_EQ(vocabulary.token(10).people, 6u) << "each once";
  EXPECT_EQ(vocabulary.ids_of("LAB").size(), 5u);
  EXPECT_EQ(token_names(TokenVocabulary::parse(vocabulary.json())), token_names(vocabulary));
}

TEST(TokenVocabulary, WhatIsExcludedStandsUnderNoParent) {
  const Clinic clinic;
  const Store store = clinic.store();
  TokenOptions options;
  options.least_people = 3, options.exclude = {"^RARE//1"};
  const auto vocabulary =
      TokenVocabulary::parse(TokenVocabulary::learn(
                                 store, options, [](PatientId) { return true; }, 1)
                                 .json());
  const Tokenizer tokenizer(vocabulary, store.codes(), store.code_infos());
  for (const std::int32_t id : tokenizer.tokens(store.patient(PatientId(2)).until(Time::max())).ids)
    EXPECT_EQ(vocabulary.token(id).code.find("RARE"), std::string::npos);
}

TEST(TokenVocabulary, OtherPatientsTeachItNothing) {
  const Clinic clinic;
  TokenOptions options;
  options.least_people = 2;
  const auto vocabulary = TokenVocabulary::learn(
      clinic.store(), options, [](PatientId patient) { return patient.for_storage() > 15; }, 1);
  for (const std::string& name : token_names(vocabulary)) EXPECT_EQ(name.find("RARE"), name.npos);
  for (const std::int32_t id : vocabulary.ids_of("LAB"))
    if (vocabulary.token(id).part) {
      EXPECT_GE(vocabulary.token(id).value, 16);
    }
}

TEST(TokenVocabulary, NumbersInAnotherUnitAreTheCodeAlone) {
  const Clinic clinic;
  const Store store = clinic.store();
  const TokenVocabulary vocabulary = learned(store);
  const Tokenizer tokenizer(vocabulary, store.codes(), store.code_infos());
  const auto sequence = tokenizer.tokens(store.patient(PatientId(20)).until(Time::max()));
  std::vector<std::string> names;
  for (const std::int32_t id : sequence.ids) names.push_back(vocabulary.token(id).name());
  EXPECT_EQ(names, (std::vector<std::string>{"GENDER//M", "LAB//Q4", "DRUG", "LAB", "DRUG"}));
  EXPECT_EQ(sequence.days, (std::vector<float>{0, 100, 150, 200, 250}));
}

TEST(TokenVocabulary, TheSpanOfYearsOfABirthIsAFactOfBirth) {
  const Clinic clinic;
  const Store store = clinic.store();
  TokenOptions options;
  options.least_people = 5, options.birth_years = 10;
  const TokenVocabulary vocabulary =
      TokenVocabulary::parse(TokenVocabulary::learn(
                                 store, options, [](PatientId) { return true; }, 2)
                                 .json());
  // Patient p is born 365 p days into 1970: ten before the eighties, ten before the nineties.
  EXPECT_EQ(vocabulary.token(vocabulary.id_for("BORN//1970", {})).people, 10u);
  EXPECT_EQ(vocabulary.token(vocabulary.id_for("BORN//1980", {})).people, 10u);
  EXPECT_EQ(vocabulary.id_for("BORN//1990", {}), -1) << "nobody";
  EXPECT_LT(vocabulary.id_for("BORN//1970", {}), vocabulary.first_outcome()) << "not foretold";
  const Tokenizer tokenizer(vocabulary, store.codes(), store.code_infos());
  const auto tokens = tokenizer.tokens(store.patient(PatientId(3)).until(Time::max()));
  EXPECT_EQ(vocabulary.token(tokens.ids.front()).code, "BORN//1970");
  EXPECT_EQ(tokens.days.front(), 0);
  EXPECT_EQ(birth_token(Time(std::chrono::days(-1)), 5), "BORN//1965");
}

TEST(TokenVocabulary, NothingBehindTheCutoffBecomesAToken) {
  const Clinic clinic;
  const Store store = clinic.store();
  const TokenVocabulary vocabulary = learned(store);
  const Tokenizer tokenizer(vocabulary, store.codes(), store.code_infos());
  const Timeline timeline = store.patient(PatientId(3));
  const Time cut = Clinic::born(3) + std::chrono::days(150);
  const auto whole = tokenizer.tokens(timeline.until(Time::max()));
  const auto early = tokenizer.tokens(timeline.until(cut));
  ASSERT_EQ(early.ids.size(), 3u);
  EXPECT_TRUE(std::equal(early.ids.begin(), early.ids.end(), whole.ids.begin()));
}

TEST(TokenVocabulary, WithoutAnythingToForetellItIsRefused) {
  const Clinic clinic;
  TokenOptions options;
  options.exclude = {"."};
  EXPECT_THROW((void)TokenVocabulary::learn(
                   clinic.store(), options, [](PatientId) { return true; }, 1),
               Error);
  EXPECT_THROW((void)TokenVocabulary::parse("{}"), Error);
  std::string json = learned(clinic.store()).json();
  json.replace(json.find("\"first_outcome\":4"), 17, "\"first_outcome\":5");
  EXPECT_THROW((void)TokenVocabulary::parse(json), Error) << "an outcome among the inputs";
  EXPECT_THROW((void)TokenVocabulary::parse("{\"format\": 1, \"tokens\": [[1]]}"), Error);
}

TEST(TokenShards, HoldWhatTheTokenizerSays) {
  const Clinic clinic;
  const Store store = clinic.store();
  const TokenVocabulary vocabulary = learned(store);
  const fs::path folder = clinic.folder.path() / "tokens";
  const auto split = [](PatientId patient) {
    return patient.for_storage() > 17 ? TokenSplit::tuning : TokenSplit::train;
  };
  const TokenTally tally = write_token_shards(store, vocabulary, split, folder, 2);
  EXPECT_EQ(tally.people, 20u);
  EXPECT_EQ(tally.unknown, 1u) << "OTHER";
  const TokenShards shards = TokenShards::open(folder, vocabulary.size());
  EXPECT_EQ(shards.people(TokenSplit::train), 17u);
  EXPECT_EQ(shards.people(TokenSplit::tuning), 3u);
  std::uint64_t events = 0;
  for (const auto one : {TokenSplit::train, TokenSplit::tuning})
    for (std::size_t i = 0; i < shards.people(one); ++i) events += shards.events(one, i).size();
  EXPECT_EQ(events, tally.events);
  EXPECT_THROW((void)TokenShards::open(folder, 5), Error) << "ids of another vocabulary";
  for (const auto& file : fs::directory_iterator(folder))
    if (file.path().extension() == ".events" && fs::file_size(file) > 0)
      fs::resize_file(file, fs::file_size(file) - 8);
  EXPECT_THROW((void)TokenShards::open(folder, vocabulary.size()), Error) << "cut off";
}

TEST(TokenShards, TheLivingAreFollowedToTheEnd) {
  const Clinic clinic;
  const Store store = clinic.store();
  const TokenVocabulary vocabulary = learned(store);
  const auto last_of = [&](const char* name, const char* until) {
    const fs::path folder = clinic.folder.path() / name;
    (void)write_token_shards(
        store, vocabulary, [](PatientId) { return TokenSplit::train; }, folder, 1,
        FollowUp::parse(until));
    return
        [shards = std::make_shared<TokenShards>(TokenShards::open(folder, vocabulary.size()))](
            std::size_t patient) { return shards->events(TokenSplit::train, patient - 1).back(); };
  };
  const auto by_record = last_of("by_record", "last_record");
  EXPECT_EQ(by_record(7).id, TokenVocabulary::kNoEvent) << "OTHER is no token, but was recorded";
  EXPECT_EQ(by_record(7).days, 300);
  EXPECT_NE(by_record(9).id, TokenVocabulary::kNoEvent);
  EXPECT_EQ(by_record(9).days, 250);
  const auto by_date = last_of("by_date", "2000-01-01");
  EXPECT_EQ(by_date(1).id, TokenVocabulary::kNoEvent);
  EXPECT_NEAR(by_date(1).days, 10958 - 365, 1e-3) << "until the end of that day";
  EXPECT_NE(by_date(8).id, TokenVocabulary::kNoEvent) << "dead";
  const auto early = last_of("early", "1980-01-01");
  EXPECT_NE(early(17).id, TokenVocabulary::kNoEvent) << "recorded later than that";
  EXPECT_THROW((void)FollowUp::parse("the end"), Error);
}

}  // namespace
}  // namespace cangong
