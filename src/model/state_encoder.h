// The state in which a model of timelines is behind a record, as columns that other models learn
// from: what is known as a linear probe where they are linear (Steinberg et al. 2021, CLMBR).
#pragma once

#include "encode/encoder.h"
#include "model/timeline_model.h"

namespace cangong {

// width columns, TIMELINES//k; all are missing where no birth is known by the cutoff, where the
// patient is dead, and over 130 years of age.
class StateEncoder : public Encoder {
 public:
  static constexpr const char* kCode = "TIMELINES";

  static bool is_of(const Column& column) {
    return column.code.starts_with(std::string(kCode) + "//");
  }

  // recipe: the model's own, which says who trained it.
  StateEncoder(TimelineModel model, std::string recipe);
  // Of a bundle of the model alone, or of one that write() added it to.
  static std::unique_ptr<StateEncoder> open(const Bundle& bundle);
  static std::unique_ptr<StateEncoder> load(const Bundle& bundle);
  static bool is_in(const Bundle& bundle);
  void write(BundleWriter& bundle) const;

  const TimelineModel& model() const { return model_; }
  const std::string& recipe() const { return recipe_; }

  // Keeps which codes stand under which parents.
  void fit(const HistoryStream& training) override;
  const std::vector<Column>& columns() const override { return columns_; }
  std::unique_ptr<EncoderSession> session(const CodeBook& codes) const override;
  std::string save() const override;

 private:
  TimelineModel model_;
  std::string recipe_;
  std::vector<CodeInfo> parents_;  // of codes that the vocabulary knows by a parent alone
  std::vector<Column> columns_;
};

// What the model is asked behind a history; none where it has nothing to say.
std::optional<FutureRequest> asked_behind(const TimelineModel& model, const Tokenizer& tokenizer,
                                          const History& history);

}  // namespace cangong
