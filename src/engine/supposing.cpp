#include "engine/supposing.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "engine/question.h"

namespace cangong {
namespace {

// "CODE=12" as its two sides; a code itself may hold '='.
std::pair<std::string, std::optional<double>> sides_of(const std::string& text) {
  const std::size_t at = text.rfind('=');
  const auto number =
      at == std::string::npos ? std::nullopt : parse_number(std::string_view(text).substr(at + 1));
  return {number ? text.substr(0, at) : text, number};
}

class Supposed {
 public:
  Supposed(const TimelineModel& model, FutureRequest& request, std::vector<std::string>& warnings)
      : model_(model),
        vocabulary_(model.vocabulary()),
        rules_(model.rules()),
        request_(request),
        warnings_(warnings) {}

  void without(const std::string& code) {
    require_known(code, "without");
    if (vocabulary_.token(vocabulary_.ids_of(code).front()).kind == Token::Kind::input)
      fail(Fault::input, "without: nobody is without " + code);
    const std::size_t before = request_.ids.size() + request_.happened.size();
    for (std::size_t i = request_.ids.size() - 1; i-- > 0;)
      if (is(request_.ids[i], code)) erase(i);
    std::erase_if(request_.happened, [&](std::int32_t id) { return is(id, code); });
    if (request_.ids.size() + request_.happened.size() == before)
      fail(Fault::input, "without: the record has no " + code);
  }

  void shifted(const std::string& text) {
    const auto [code, days] = sides_of(text);
    if (!days) fail(Fault::input, "shifted: write CODE=DAYS, such as " + text + "=-30");
    require_known(code, "shifted");
    if (vocabulary_.token(vocabulary_.ids_of(code).front()).kind == Token::Kind::input)
      fail(Fault::input, "shifted: " + code + " has no time of its own");
    if (std::any_of(request_.happened.begin(), request_.happened.end(),
                    [&, own = code](std::int32_t id) { return is(id, own); }))
      warnings_.push_back("the model does not look back as far as the first " + code +
                          ", which stays where it is");
    bool any = false;
    for (std::size_t i = 0; i + 1 < request_.ids.size(); ++i) {
      if (!is(request_.ids[i], code)) continue;
      any = true;
      const double moved = request_.days[i] + *days;
      if (moved < 0 || moved > request_.days.back())
        fail(Fault::input, "shifted: " + code + " would lie " +
                               (moved < 0 ? "before birth" : "behind the moment of the question"));
      request_.days[i] = static_cast<float>(moved);
    }
    if (!any) fail(Fault::input, "shifted: the record has no " + code);
    sort();
  }

  void with(const std::string& text) {
    auto [code, number] = sides_of(text);
    if (vocabulary_.ids_of(text).size() > 0) code = text, number = std::nullopt;
    require_known(code, "with");
    const std::int32_t id = vocabulary_.id_for(code, number);
    if (id < 0) fail(Fault::input, "with: the model knows no numbers of " + code);
    const std::string unit(vocabulary_.unit_of(code));
    if (!number && vocabulary_.ids_of(code).size() > 1)
      fail(Fault::input, "with: write " + code + "=NUMBER" + (unit.empty() ? "" : ", in " + unit));
    if (number && !unit.empty()) warnings_.push_back(code + " is taken to be in " + unit);
    const auto place = static_cast<std::size_t>(id);
    if (rules_.ends[place]) fail(Fault::input, "with: nothing follows " + code);
    for (const std::int32_t own : vocabulary_.ids_of(code))
      if (!request_.watched.empty() && request_.watched[static_cast<std::size_t>(own)] > 0)
        fail(Fault::input, "with: " + code + " is what is asked about");
    warn_of_overlap(code);
    request_.ids.insert(request_.ids.end() - 1, id);
    request_.days.insert(request_.days.end() - 1, request_.days.back());
  }

 private:
  bool is(std::int32_t id, const std::string& code) const {
    return vocabulary_.token(id).code == code;
  }
  void require_known(const std::string& code, const char* where) const {
    if (vocabulary_.ids_of(code).empty())
      fail(Fault::input, std::string(where) + ": the model knows no code \"" + code + "\"");
  }
  void erase(std::size_t i) {
    request_.ids.erase(request_.ids.begin() + static_cast<std::ptrdiff_t>(i));
    request_.days.erase(request_.days.begin() + static_cast<std::ptrdiff_t>(i));
  }

  // The last one is the question's own.
  void sort() {
    std::vector<std::size_t> order(request_.ids.size() - 1);
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return request_.days[a] < request_.days[b];
    });
    order.push_back(order.size());
    const FutureRequest old = request_;
    for (std::size_t i = 0; i < order.size(); ++i)
      request_.ids[i] = old.ids[order[i]], request_.days[i] = old.days[order[i]];
  }

  // How likely the model itself holds it for this patient stands for how many like them had it.
  void warn_of_overlap(const std::string& code) {
    const auto ids = vocabulary_.ids_of(code);
    std::uint64_t people = 0;
    for (const std::int32_t id : ids) people = std::max(people, vocabulary_.token(id).people);
    constexpr std::uint64_t kFew = 100;
    if (people > 0 && people < kFew)  // 0: weights from elsewhere, nobody knows
      warnings_.push_back("only " + std::to_string(people) + " training patients had " + code);
    if (ids.front() < vocabulary_.first_outcome()) return;
    if (rates_.empty()) rates_ = DecoderFutures(model_.weights(), rules_).rates(request_);
    double rate = 0;
    for (const std::int32_t id : ids) rate += rates_[static_cast<std::size_t>(id)];
    if (rate == 0) {
      warnings_.push_back(code + " is recorded already, and nobody had it twice");
      return;
    }
    constexpr double kHardly = 0.001;
    const double yearly = -std::expm1(-rate * kDaysOfYear);
    if (yearly < kHardly)
      warnings_.push_back("hardly anybody like this patient gets " + code + ": " +
                          format_short(1e5 * yearly, 2) + " of 100,000 a year by the model");
  }

  const TimelineModel& model_;
  const TokenVocabulary& vocabulary_;
  const FutureRules rules_;
  FutureRequest& request_;
  std::vector<std::string>& warnings_;
  std::vector<double> rates_;  // before anything was taken for recorded
};

}  // namespace

void suppose(const Supposing& supposing, const TimelineModel& model, FutureRequest& request,
             std::vector<std::string>& warnings) {
  if (supposing.empty()) return;
  Supposed supposed(model, request, warnings);
  for (const std::string& code : supposing.without) supposed.without(code);
  for (const std::string& text : supposing.shifted) supposed.shifted(text);
  for (const std::string& text : supposing.with) supposed.with(text);
  warnings.push_back("association, not effect: who had it so differed in other ways, too");
}

}  // namespace cangong
