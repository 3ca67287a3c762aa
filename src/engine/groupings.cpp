#include "engine/groupings.h"

#include <algorithm>
#include <array>
#include <map>

#include "encode/encoder.h"

namespace cangong {
namespace {

constexpr std::array kFamilies{"GENDER", "SEX", "RACE", "ETHNICITY", "SITE"};
constexpr std::array<std::pair<double, const char*>, 5> kAges{
    {{18, "0-17"}, {40, "18-39"}, {65, "40-64"}, {80, "65-79"}, {1e9, "80+"}}};
constexpr std::size_t kMostGroups = 8;

const char* age_band(double years) {
  for (const auto& [below, name] : kAges)
    if (years < below) return name;
  return kAges.back().second;
}

}  // namespace

void GroupMembers::add(std::size_t example, const History& history) {
  const auto add = [&](const std::string& family, const std::string& name) {
    auto& list = members_[{family, name}];
    if (list.empty() || list.back() != example) list.push_back(example);
  };
  std::optional<double> age;
  for (const Event& event : history.events()) {
    const std::string& code = history.codes().name(event.code);
    if (code == "MEDS_BIRTH" && event.time) age = years_between(*event.time, history.cutoff());
    if ((code == "AGE" || code.starts_with("AGE//")) && event.number && !age) age = *event.number;
    if (event.number && *event.number == 0) continue;  // "SEX//FEMALE: 0"
    const std::size_t slashes = code.find("//");
    const std::string family = code.substr(0, slashes);
    if (slashes != std::string::npos &&
        std::find(kFamilies.begin(), kFamilies.end(), family) != kFamilies.end())
      add(family, code.substr(slashes + 2));
  }
  if (age) add("AGE", age_band(*age));
}

std::vector<Grouping> groupings_of(const Store& store, const std::vector<LabelRow>& rows) {
  GroupMembers groups;
  StoreHistories(store, rows)
      .each(1, [&](std::size_t, std::size_t example, const History& history) {
        groups.add(example, history);
      });
  return groups.of(rows.size());
}

std::vector<Grouping> GroupMembers::of(std::size_t examples) const {
  using Member = decltype(members_)::const_iterator;
  std::map<std::string, std::vector<Member>> families;
  for (auto at = members_.cbegin(); at != members_.cend(); ++at)
    if (at->second.size() < examples) families[at->first.first].push_back(at);
  std::vector<Grouping> groupings;
  for (auto& [family, groups] : families) {
    std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) {
      return a->second.size() > b->second.size();
    });
    groups.resize(std::min(groups.size(), kMostGroups));
    std::sort(groups.begin(), groups.end(),
              [](const auto& a, const auto& b) { return a->first < b->first; });
    for (const auto& group : groups) {
      Grouping& grouping = groupings.emplace_back();
      grouping.family = family, grouping.name = group->first.second;
      grouping.members.assign(examples, false);
      for (const std::size_t example : group->second) grouping.members[example] = true;
    }
  }
  return groupings;
}

}  // namespace cangong
