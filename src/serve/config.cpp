#include "serve/config.h"

#include <set>

#include "base/pattern.h"
#include "base/postgres_at.h"

namespace cangong {
namespace {

template <class T>
std::string text_of(const T& value) {
  if constexpr (std::is_same_v<T, std::string>)
    return value.empty() ? "\"\"" : value;
  else if constexpr (std::is_same_v<T, bool>)
    return value ? "true" : "false";
  else if constexpr (std::is_arithmetic_v<T>)
    return std::to_string(value);
  else
    return "[]";
}

// Prints "# port: 8443  # to listen at".
struct Commenter {
  std::string text;
  template <class T>
  void operator()(const char* key, T& value, const char* help) {
    text += "# " + std::string(help) + "\n# " + key + ": " + text_of(value) + "\n\n";
  }
};

void check(const ServiceConfig& config, const fs::path& file) {
  const auto require = [&](bool holds, const std::string& rule) {
    if (!holds) fail(Fault::config, file.string() + ": " + rule);
  };
  require(config.port <= 65535, "port is 0 to 65535");
  require(config.workers >= 1 && config.workers <= 256, "workers is 1 to 256");
  require(config.most_connections >= 1, "most_connections is at least 1");
  require(config.patient_access == "care_team" || config.patient_access == "all",
          "patient_access is care_team or all");
  require(config.minutes_idle >= 1 && config.hours_signed_in >= 1,
          "sessions last at least a minute");
  require(config.failures_before_lock >= 1 && config.minutes_locked >= 1,
          "failures_before_lock and minutes_locked are at least 1");
  require(config.public_url.empty() || config.public_url.starts_with("https://"),
          "public_url begins with https://");
  if (!config.database.empty())
    at_place(file.string(), [&] { check_connection_words(config.database); });
  for (const CardThreshold& card : config.cards)
    if (card.model.empty() || card.reason.empty() || card.warning > card.critical)
      fail(Fault::config,
           card.where + ": a threshold has a model, a reason, and warning <= critical");
  for (const CardThreshold& card : config.cards)
    for (const CardSuggestion& one : card.suggestions)
      if (one.label.empty() || one.system.empty() || one.code.empty())
        fail(Fault::config, one.where + ": a suggestion has label, system and code");
  static const Pattern kName = Pattern::require("^[a-z0-9][a-z0-9-]{0,40}$", "names of sources");
  for (const BulkSourceConfig& source : config.sources)
    if (!kName.in(source.name) || !source.url.starts_with("https://"))
      fail(Fault::config, source.where +
                              ": a source has a name of small letters, digits and \"-\", and an "
                              "https url");
  for (const std::string& origin : config.origins)
    require(origin.starts_with("https://") && origin.find('/', 8) == std::string::npos,
            "an origin is https://host, or https://host:port, without a path");
  for (const ChallengerTrial& trial : config.trials)
    if (trial.model.empty() || !(trial.share >= 0 && trial.share <= 1))
      fail(Fault::config, trial.where + ": a trial has a model, and a share of 0 to 1");
}

}  // namespace

ServiceConfig load_service_config(const fs::path& file) {
  ServiceConfig config;
  if (fs::exists(file)) {
    const Node node = Node::load(file);
    if (!node.is_null()) read_value(node, config);
  }
  check(config, file);
  return config;
}

std::string commented_config() {
  ServiceConfig defaults;
  Commenter commenter;
  defaults.visit(commenter);
  return "# What `cangong serve` does. Take the \"# \" before an option away to change it.\n\n" +
         commenter.text;
}

}  // namespace cangong
