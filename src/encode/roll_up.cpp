#include "encode/roll_up.h"

#include <set>
#include <unordered_map>

namespace cangong {

Groups groups_of(const CodeBook& codes, const std::vector<CodeInfo>& infos) {
  std::unordered_map<std::string_view, const CodeInfo*> by_code;
  for (const CodeInfo& info : infos) by_code.emplace(info.code, &info);
  Groups groups;
  for (CodeId id = 0; id < codes.size(); ++id) {
    const std::string& code = codes.name(id);
    std::set<std::string_view> seen{code};
    std::vector<std::string_view> open{code};
    while (!open.empty()) {
      const auto found = by_code.find(open.back());
      open.pop_back();
      if (found == by_code.end()) continue;
      for (const std::string& parent : found->second->parents)
        if (seen.insert(parent).second) {
          groups[parent].push_back(code);
          open.push_back(parent);
        }
    }
  }
  for (auto& [above, members] : groups)
    if (codes.find(above)) members.push_back(above);
  return groups;
}

}  // namespace cangong
