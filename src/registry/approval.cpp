#include "registry/approval.h"

#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/pattern.h"
#include "registry/audit.h"

namespace cangong {

using Json = nlohmann::ordered_json;

fs::path approvals_file(const fs::path& models) {
  return models / "approvals.ndjson";
}

void check_approval_name(const std::string& name) {
  static const Pattern kName =
      Pattern::require("^[a-z0-9][a-z0-9.-]{0,62}@[a-z0-9][a-z0-9-]{0,30}$", "names of models");
  if (!kName.in(name))
    fail(Fault::input,
         "a model is approved under a name such as sepsis@champion: small letters, "
         "digits, \"-\" and \".\", then @ and what it is (champion, challenger, ...)");
}

void approve(const fs::path& models, const Approval& approval) {
  check_approval_name(approval.name);
  const Json record{{"what", "approval"},
                    {"name", approval.name},
                    {"bundle", approval.bundle},
                    {"by", approval.by},
                    {"note", approval.note}};
  if (!approval.bundle.empty()) Bundle::open(models / approval.bundle).verify();
  append_audit(approvals_file(models), approval.at, record.dump());
  if (approval.bundle.empty())
    fs::remove(models / approval.name);
  else
    point_alias(models / approval.name, models / approval.bundle);
}

std::vector<Approval> approval_history(const fs::path& models) {
  const fs::path file = approvals_file(models);
  if (!fs::exists(file)) return {};
  const AuditCheck check = verify_audit(file);
  if (check.first_bad_line)
    fail(Fault::storage, file.string() + ":" + std::to_string(check.first_bad_line) +
                             ": the trail of approvals does not hold (" + check.problem +
                             "); restore it from a backup");
  std::vector<Approval> all;
  LineReader lines(file);
  while (const auto line = lines.next()) {
    const Json record = Json::parse(line->text);
    if (record.value("what", "") != "approval") continue;
    all.push_back({record.at("name"), record.at("bundle"), record.at("by"), record.at("at"),
                   record.value("note", "")});
  }
  return all;
}

std::vector<Approval> approvals(const fs::path& models) {
  std::map<std::string, Approval> last;
  for (const Approval& approval : approval_history(models)) last[approval.name] = approval;
  std::vector<Approval> valid;
  for (const auto& [name, approval] : last) {
    if (approval.bundle.empty()) continue;
    valid.push_back(approval);
  }
  return valid;
}

}  // namespace cangong
