#include "cli/args.h"

#include <algorithm>

#include "base/parallel.h"
#include "base/text.h"

namespace cangong {

std::optional<std::string> Args::find(std::string_view name) const {
  const auto entry = options_.find(std::string(name));
  if (entry == options_.end()) return std::nullopt;
  return entry->second;
}

std::string Args::get(std::string_view name, std::string_view otherwise) const {
  return find(name).value_or(std::string(otherwise));
}

std::string Args::need(std::string_view name) const {
  if (auto value = find(name)) return *value;
  throw UsageError{verb_ + ": " + std::string(name) + " is missing\nusage: " + usage_};
}

const std::string& Args::positional(std::size_t index) const {
  if (index < positionals_.size()) return positionals_[index];
  throw UsageError{verb_ + ": an argument is missing\nusage: " + usage_};
}

std::size_t Args::threads() const {
  const auto said = find("--threads");
  if (!said) return default_threads();
  const auto number = parse_integer(*said);
  if (!number || *number < 1) throw UsageError{"--threads is a whole number from 1"};
  return std::min(static_cast<std::size_t>(*number), 4 * default_threads());
}

std::size_t Args::bytes(std::string_view name, std::size_t otherwise) const {
  const auto said = find(name);
  if (!said) return otherwise;
  std::string_view text = *said;
  std::size_t scale = 1;
  if (text.ends_with("B")) text.remove_suffix(1);
  if (text.ends_with("i")) text.remove_suffix(1);
  if (!text.empty() && std::string_view("KMG").find(text.back()) != std::string_view::npos) {
    scale = text.back() == 'K' ? 1 << 10 : text.back() == 'M' ? 1 << 20 : 1 << 30;
    text.remove_suffix(1);
  }
  const auto number = parse_number(text);
  if (!number || *number <= 0)
    throw UsageError{std::string(name) + " is a size such as 512M or 2G"};
  return static_cast<std::size_t>(*number * static_cast<double>(scale));
}

Args Verb::parse(std::span<const std::string> words) const {
  Args args;
  args.verb_ = name;
  args.usage_ = "cangong " + std::string(usage);
  std::vector<std::string> known;
  for (const Option& option : options) known.emplace_back(option.name);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.size() < 2 || word[0] != '-') {
      args.positionals_.push_back(word);
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    const auto option = std::find_if(options.begin(), options.end(),
                                     [&](const Option& o) { return o.name == key; });
    if (option == options.end())
      throw UsageError{std::string(name) + ": unknown option " + key + suggestion(key, known)};
    if (option->value.empty()) {
      args.options_[key] = "";
    } else if (equals != std::string::npos) {
      args.options_[key] = word.substr(equals + 1);
    } else if (i + 1 < words.size()) {
      args.options_[key] = words[++i];
    } else {
      throw UsageError{key + " needs a value: " + key + " " + std::string(option->value)};
    }
  }
  if (args.positionals_.size() > most_positionals)
    throw UsageError{std::string(name) + ": \"" + args.positionals_[most_positionals] +
                     "\" is one argument too many\nusage: " + args.usage_};
  return args;
}

std::string Verb::help() const {
  std::string text = "Example:\n  " + std::string(example) + "\n\n" + std::string(summary) +
                     "\n\nUsage:\n  cangong " + std::string(usage) + "\n\nOptions:\n";
  for (const Option& option : options) {
    std::string left = "  " + std::string(option.name);
    if (!option.value.empty()) left += " " + std::string(option.value);
    left.resize(std::max<std::size_t>(left.size() + 2, 26), ' ');
    text += left + std::string(option.help) + "\n";
  }
  if (more_help) text += "\n" + more_help();
  return text;
}

}  // namespace cangong
