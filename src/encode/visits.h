// The last visits of a record, one after the other.
#pragma once

#include <string>
#include <vector>

#include "base/config.h"
#include "encode/encoder.h"

namespace cangong {

struct VisitOptions {
  static constexpr bool is_config = true;
  std::size_t keep = 0, max_codes = 64, min_patients = 5;
  std::string step = "1d";
  std::vector<std::string> include, exclude;
  template <class V>
  void visit(V& v) {
    v("keep", keep, "so many visits, the latest; 0: none");
    v("step", step,
      "what happens in one such length of time, back from the prediction, is a visit");
    v("include", include, "only codes that one of these regular expressions finds");
    v("exclude", exclude, "never codes that one of these finds");
    v("min_patients", min_patients, "a code must occur in so many training patients");
    v("max_codes", max_codes, "keep so many codes, those of most patients");
  }
};

// A visit is a length of time `step`, counted back from the cutoff, in which something happened. Of
// each visit: how many days ago its last event was; of each code the last value (in the unit that
// most training values have; missing where there is none), or for codes without numbers how often
// it occurred.
class VisitEncoder : public Encoder {
 public:
  // Throws Fault::config where an option is out of its range.
  explicit VisitEncoder(VisitOptions options);
  static std::unique_ptr<VisitEncoder> load(const std::string& saved);

  void fit(const HistoryStream& training) override;
  const std::vector<Column>& columns() const override { return columns_; }
  Layout layout() const override {
    return channels_.empty() ? Layout{} : Layout{0, options_.keep, channels_.size() + 1};
  }
  std::unique_ptr<EncoderSession> session(const CodeBook& codes) const override;
  std::string save() const override;

 private:
  friend class VisitSession;
  struct Channel {
    std::string code, unit;
    bool number = false;
  };
  void name_columns();

  VisitOptions options_;
  Duration step_{};
  std::vector<Channel> channels_;
  std::vector<Column> columns_;
};

}  // namespace cangong
