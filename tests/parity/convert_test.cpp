// Weights of the official code (commit 770b87a) as a model of timelines, and back.
#include <gtest/gtest.h>

#include "base/safetensors.h"
#include "delphi_stored.h"
#include "engine/foundation.h"
#include "model/decoder_pass.h"

namespace cangong {
namespace {

class Convert : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS_SHARED_DATA("delphi-parity");
    NEEDS_SHARED_DATA("delphi-simulated");
    for (const auto& [name, rows, columns] : kSmallDelphi.weights())
      arrays_[name] = {rows == 1 ? std::vector{columns} : std::vector{rows, columns},
                       stored_weights<float>("trained").at(name)};
    request_.from = folder_.path() / "official.safetensors";
    request_.out = folder_.path() / "models" / "delphi";
    request_.labels = shared_data() / "delphi-simulated" / "labels.csv";
    request_.heads = kSmallDelphi.heads;
  }
  void write() { write_file(request_.from, write_safetensors(arrays_)); }

  TempFolder folder_;
  NamedArrays arrays_;
  ConvertRequest request_;
};

TEST_F(Convert, OfficialWeightsGiveTheOfficialLogitsAndComeBack) {
  arrays_["lm_head.weight"] = arrays_.at("transformer.wte.weight");
  write();
  EXPECT_EQ(convert_from_delphi(request_).parameters, kSmallDelphi.parameters());
  const TimelineModel model = TimelineModel::open(Bundle::open(request_.out));
  EXPECT_EQ(model.vocabulary().first_outcome(), 13);
  EXPECT_EQ(model.vocabulary().token(2).code, "GENDER//F");
  EXPECT_EQ(model.vocabulary().token(1269).code, "MEDS_DEATH");
  const auto arrays = stored_arrays("P2_forward/forward.npz");
  const auto columns = arrays.at("logit_columns").as<std::size_t>();
  const DelphiBatch batch = stored_batch(arrays, "batch0/", 4);
  const DecoderRows rows = decoder_rows(delphi_lesson(batch));
  DecoderPass pass(model.weights());
  pass.forward({rows, 0, rows.people()});
  const Floats& logits = pass.logits({rows, 0, rows.people()});
  const auto& wanted = arrays.at("trained/f32/batch0/logits_columns").values;
  std::size_t row = 0;
  for (std::size_t i = 0; i < batch.tokens.size(); ++i) {
    if (batch.tokens[i] == delphi::kPadding) continue;
    for (std::size_t c = 0; c < columns.size(); ++c)
      ASSERT_NEAR(logits[row * row_stride(kSmallDelphi.vocabulary) + columns[c]],
                  wanted[i * columns.size() + c], 2e-5);
    ++row;
  }
  ConvertRequest back;
  back.from = request_.out, back.out = folder_.path() / "back.safetensors";
  (void)convert_to_delphi(back);
  const Safetensors again = read_safetensors(read_file(back.out), "back");
  ASSERT_EQ(again.arrays.size(), arrays_.size());
  for (const auto& [name, array] : arrays_) {
    EXPECT_EQ(again.arrays.at(name).values, array.values) << name;
    EXPECT_EQ(again.arrays.at(name).shape, array.shape) << name;
  }
  EXPECT_EQ(again.about.at("n_head"), std::to_string(kSmallDelphi.heads));
  // The labels beside it are the same to a reader: it can be taken in again as it is.
  ConvertRequest third;
  third.from = back.out, third.out = folder_.path() / "models" / "again";
  third.labels = folder_.path() / "back.labels.csv";
  (void)convert_from_delphi(third);
  const TimelineModel same = TimelineModel::open(Bundle::open(third.out));
  for (std::int32_t id = 2; id < 1270; ++id)
    ASSERT_EQ(same.vocabulary().token(id).code, model.vocabulary().token(id).code);
}

TEST_F(Convert, WhatIsNoDelphiIsRefused) {
  const auto refused = [&](const char* why) {
    write();
    try {
      (void)convert_from_delphi(request_);
      ADD_FAILURE() << why;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
    }
    EXPECT_FALSE(fs::exists(request_.out));
  };
  request_.heads = 0;
  refused("--heads");
  request_.heads = 5;
  refused("divide the width");
  request_.heads = kSmallDelphi.heads;
  arrays_["transformer.h.0.ln_1.bias"] = {{1}, {0}};
  refused("without biases");
  arrays_.erase("transformer.h.0.ln_1.bias");
  arrays_["lm_head.weight"] = {{1}, {0}};
  refused("not the embedding");
  arrays_.erase("lm_head.weight");
  arrays_["transformer.ln_f.weight"].values[0] = std::nanf("");
  refused("no number");
  arrays_["transformer.ln_f.weight"] = {{1}, {1}};
  refused("transformer.ln_f.weight");
  arrays_.erase("transformer.wte.weight");
  refused("no weights of Delphi");
}

}  // namespace
}  // namespace cangong
