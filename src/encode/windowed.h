// Tabular features from any timeline: aggregates of each code over windows that end at the cutoff.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/pattern.h"
#include "encode/encoder.h"
#include "encode/roll_up.h"

namespace cangong {

enum class Aggregate { last, first, count, min, max, mean, slope, time_since };

void read_value(const Node& node, Aggregate& value);
const char* name_of(Aggregate aggregate);
// Those that count events need none.
bool needs_number(Aggregate aggregate);

// One column, where a recipe names them itself.
struct FeatureOptions {
  static constexpr bool is_config = true;
  std::string code, window;
  std::optional<std::string> unit;
  Aggregate aggregate = Aggregate::last;
  std::string where;  // in the recipe
  template <class V>
  void visit(V& v) {
    v("code", code, "as the store has it; AGE is the age in years at the prediction");
    v("aggregate", aggregate, "last first count min max mean slope time_since");
    v("window", window, "24h, 7d, all; none: a fact without a time");
    v("unit", unit, "needed where the code is recorded in several; \"\" is none");
  }
};

struct WindowedOptions {
  static constexpr bool is_config = true;
  std::vector<std::string> windows{"1d", "7d", "365d", "all"};
  std::vector<Aggregate> aggregates{Aggregate::last, Aggregate::count, Aggregate::min,
                                    Aggregate::max,  Aggregate::mean,  Aggregate::slope};
  std::vector<std::string> include, exclude;
  std::string where;  // in the recipe
  std::size_t min_patients = 5, max_codes = 1000;
  bool age = true, roll_up = false;
  std::vector<FeatureOptions> features;
  template <class V>
  void visit(V& v) {
    v("windows", windows, "lengths of time that end at the prediction; `all` for the whole record");
    v("aggregates", aggregates, "last first count min max mean slope time_since");
    v("include", include, "only codes that one of these regular expressions finds");
    v("exclude", exclude, "never codes that one of these finds");
    v("min_patients", min_patients, "a code must occur in so many training patients");
    v("max_codes", max_codes, "keep so many codes, those of most patients");
    v("roll_up", roll_up, "also count what stands under a common parent (codes.parquet)");
    v("age", age, "age in years at the prediction, from MEDS_BIRTH");
    v("features", features, "exactly these columns, in this order: code, aggregate, window, unit");
  }
};

// Windows are (cutoff - length, cutoff]. Numbers give last, first, min, max, mean (own unit), slope
// (per day, least squares, two distinct times at least); every code gives count and time_since
// (days since its last event). With roll_up, "PARENT+" counts the events of all codes below a
// parent. Static codes give their number, or 1. A column that is constant on the training rows, or
// that equals another one there, is dropped. `features` names columns one by one instead: they stay
// as they are.
class WindowedEncoder : public Encoder {
 public:
  explicit WindowedEncoder(WindowedOptions options);
  static std::unique_ptr<WindowedEncoder> load(const std::string& saved);

  void fit(const HistoryStream& training) override;
  const std::vector<Column>& columns() const override { return columns_; }
  std::unique_ptr<EncoderSession> session(const CodeBook& codes) const override;
  std::string save() const override;

  // Codes that occurred often enough but are beyond max_codes; after fit().
  std::size_t left_out() const { return left_out_; }

 private:
  friend class WindowedSession;
  struct Feature {
    std::string code;
    Aggregate aggregate = Aggregate::last;
    std::size_t window = 0;  // into windows_; kStatic for facts without time, kAge for age
    bool number = false;     // static: it has a value, so that it can be missing
    bool by_unit = false;    // only events in this unit: the code has several
    std::string unit;        // of its numbers
    friend bool operator==(const Feature&, const Feature&) = default;
  };
  static constexpr std::size_t kStatic = SIZE_MAX, kAge = SIZE_MAX - 1;

  template <class Use>
  void add_features(const std::string& code, const Use& use);
  void propose_groups(const HistoryStream& training);
  void propose_features(const HistoryStream& training);
  void take_named_features(const HistoryStream& training);
  void drop_useless(const HistoryStream& training);
  void name_columns();

  WindowedOptions options_;
  std::vector<std::pair<std::string, Duration>> windows_;  // by ascending length; last may be "all"
  std::vector<Feature> features_;
  Groups groups_;  // by the feature's code, which ends in "+": the codes that it counts
  std::size_t left_out_ = 0;
  std::vector<Column> columns_;
};

}  // namespace cangong
