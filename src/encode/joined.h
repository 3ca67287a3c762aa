// The encoder of a recipe: aggregates over windows and, where it asks for them, visits.
#pragma once

#include "encode/visits.h"
#include "encode/windowed.h"

namespace cangong {

struct EncoderOptions : WindowedOptions {
  VisitOptions visits;
  std::string timelines;
  template <class V>
  void visit(V& v) {
    WindowedOptions::visit(v);
    v("visits", visits, "keep, step, max_codes, ...: the last visits in their order");
    v("timelines", timelines,
      "a model of timelines (cangong pretrain), whose state behind a record becomes columns");
  }
};

// The windowed columns come first, then those of `state`, if any: the facts of the layout.
class JoinedEncoder : public Encoder {
 public:
  // state: of a model of timelines, which keeps itself apart from save().
  explicit JoinedEncoder(const EncoderOptions& options, std::unique_ptr<Encoder> state = nullptr);
  static std::unique_ptr<JoinedEncoder> load(const std::string& saved,
                                             std::unique_ptr<Encoder> state = nullptr);

  void fit(const HistoryStream& training) override;
  const std::vector<Column>& columns() const override { return columns_; }
  Layout layout() const override;
  std::unique_ptr<EncoderSession> session(const CodeBook& codes) const override;
  std::string save() const override;

  const Encoder* state() const { return state_.get(); }
  // Codes that occurred often enough but are beyond max_codes of the windows; after fit().
  std::size_t left_out() const { return windowed_->left_out(); }

 private:
  JoinedEncoder() = default;
  void join_columns();
  std::size_t facts() const {
    return windowed_->columns().size() + (state_ ? state_->columns().size() : 0);
  }

  std::unique_ptr<WindowedEncoder> windowed_;
  std::unique_ptr<Encoder> state_;        // none: no model of timelines
  std::unique_ptr<VisitEncoder> visits_;  // none: no visits
  std::vector<Column> columns_;
};

}  // namespace cangong
