#include "source/sink.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "vocab/units.h"

namespace cangong {
namespace {

using namespace std::chrono;
constexpr Time kEarliest = sys_days(year(1800) / 1 / 1);
constexpr std::size_t kLongestCode = 1000;  // bytes
constexpr Time kLatest = sys_days(year(2500) / 1 / 1);

constexpr std::array<std::string_view, 13> kStatic{
    "MEDS_BIRTH", "GENDER",     "SEX",      "RACE",           "ETHNICITY",      "GENOME", "GENE",
    "SNP",        "BLOOD_TYPE", "LANGUAGE", "MARITAL_STATUS", "FAMILY_HISTORY", "SITE"};

bool plausible(Time time) {
  return kEarliest <= time && time < kLatest;
}

}  // namespace

bool may_be_static(std::string_view code) {
  const std::string_view head = code.substr(0, code.find("//"));
  return std::find(kStatic.begin(), kStatic.end(), head) != kStatic.end();
}

Sink::Sink(StoreWriter& writer, Identities& identities, const fs::path& rejects)
    : writer_(writer), identities_(identities), rejects_(rejects), rejects_path_(rejects) {
  if (!rejects_) fail(Fault::storage, "cannot write " + rejects.string());
}

std::optional<std::string> objection_to(const Fact& fact) {
  if (fact.code.empty()) return "a code is missing";
  if (fact.code.size() > kLongestCode) return "a code longer than 1,000 bytes";
  for (const std::string& parent : fact.parents)
    if (parent.size() > kLongestCode) return "a code longer than 1,000 bytes";
  if (!fact.time && !fact.declared_static && !may_be_static(fact.code))
    return "no time, and the code is not one that may be static";
  if (fact.time && !plausible(*fact.time)) return "a time outside 1800-2499";
  if (fact.occurred && !plausible(*fact.occurred)) return "a clinical time outside 1800-2499";
  if (fact.number && !std::isfinite(static_cast<float>(*fact.number)))
    return "a number that is not finite";
  return std::nullopt;
}

std::optional<std::string> Sink::objection(const Fact& fact) const {
  for (const auto text : {fact.code, fact.unit, fact.text, fact.description})
    if (check_texts_ && !simdjson::validate_utf8(text.data(), text.size()))
      return "text that is not UTF-8";
  return objection_to(fact);
}

bool Sink::accept(const Where& where, std::span<const Fact> facts) {
  for (const Fact& fact : facts)
    if (const auto why = objection(fact)) {
      reject(where, *why);
      return false;
    }
  ++tally_.rows;
  ++tally_.accepted;
  if (facts.empty()) remark("accepted without an event: nothing but missing values");
  for (const Fact& fact : facts) {
    Event event;
    event.time = fact.time;
    event.occurred = fact.occurred;
    event.code = writer_.codes().intern(fact.code);
    if (fact.number) event.number = static_cast<float>(*fact.number);
    event.unit = canonical_unit(fact.unit);
    event.text = fact.text;
    writer_.add(fact.patient, event);
    describe(event.code, fact);
  }
  tally_.events += facts.size();
  return true;
}

void Sink::describe(CodeId code, const Fact& fact) {
  if (code >= described_.size()) described_.resize(code + 1);
  if (!described_[code] && !fact.description.empty()) {
    writer_.describe(code, fact.description);
    described_[code] = true;
  }
  for (const std::string& parent : fact.parents) {
    const std::size_t pair = std::hash<std::string>()(parent) * 31 + code;
    if (known_parents_.insert(pair).second)
      writer_.add_info({std::string(fact.code), "", {parent}});
  }
}

void Sink::accept_code(const CodeInfo& info) {
  ++tally_.rows;
  ++tally_.accepted;
  ++tally_.codes;
  writer_.add_info(info);
}

void Sink::reject(const Where& where, const std::string& why) {
  ++tally_.rows;
  ++tally_.rejected;
  ++tally_.reasons[why];
  const nlohmann::ordered_json line{{"file", where.file}, {"line", where.line}, {"why", why}};
  rejects_ << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

void Sink::remark(const std::string& what) {
  ++tally_.reasons[what];
}

void Sink::skip(const std::string& why) {
  ++tally_.rows;
  ++tally_.skipped;
  ++tally_.reasons["skipped: " + why];
}

void Sink::finish() {
  rejects_.flush();
  if (!rejects_) fail(Fault::storage, "cannot write " + rejects_path_.string());
}

}  // namespace cangong
