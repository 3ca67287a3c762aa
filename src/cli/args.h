// The command line: each verb declares its options once; help and errors come from there.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace cangong {

struct Option {
  std::string_view name;   // "--store"
  std::string_view value;  // "STORE"; empty for a flag
  std::string_view help;
};

// What was typed, checked against the verb's declaration.
class Args {
 public:
  bool flag(std::string_view name) const { return options_.contains(std::string(name)); }
  std::optional<std::string> find(std::string_view name) const;
  std::string get(std::string_view name, std::string_view otherwise) const;
  // Throw a usage error where they are missing.
  std::string need(std::string_view name) const;
  const std::string& positional(std::size_t index) const;
  const std::vector<std::string>& positionals() const { return positionals_; }
  std::size_t threads() const;
  // "512M", "2G": bytes.
  std::size_t bytes(std::string_view name, std::size_t otherwise) const;

 private:
  friend struct Verb;
  std::string verb_, usage_;
  std::map<std::string, std::string> options_;
  std::vector<std::string> positionals_;
};

struct Verb {
  std::string_view name, summary, usage, example;
  std::vector<Option> options;
  int (*run)(const Args& args);
  std::size_t most_positionals = 1;
  std::string (*more_help)() = nullptr;  // what a file that the verb reads may say

  Args parse(std::span<const std::string> words) const;
  std::string help() const;
};

// A mistake in the command line: exit code 2.
struct UsageError {
  std::string message;
};

// Every verb, in the order of a user's day (all.cpp).
std::span<const Verb> verbs();

enum Exit {
  kOk = 0,
  kFailure = 1,
  kUsage = 2,
  kPartial = 3,
  kNotPermitted = 4,
  kDataRequired = 5,
  kInterrupted = 130
};

std::string mapping_help();
std::string recipe_help();
std::string pretrain_help();
int run_import(const Args& args);
int run_synthesize(const Args& args);
int run_check(const Args& args);
int run_check_task(const Args& args);
int run_label(const Args& args);
int run_train(const Args& args);
int run_evaluate(const Args& args);
int run_predict(const Args& args);
int run_pretrain(const Args& args);
int run_finetune(const Args& args);
int run_convert(const Args& args);
int run_simulate(const Args& args);
int run_ask(const Args& args);
int run_embed(const Args& args);
int run_forget(const Args& args);
int run_study_verb(const Args& args);
int run_models(const Args& args);
int run_audit(const Args& args);
int run_serve(const Args& args);
int run_onnx(const Args& args);
int run_approve(const Args& args);
int run_account(const Args& args);
int run_config(const Args& args);
int run_backup(const Args& args);
int run_migrate(const Args& args);
int run_pull(const Args& args);
int run_restore(const Args& args);
int run_doctor(const Args& args);
int run_explain_error(const Args& args);
int run_completion(const Args& args);
int run_manual(const Args& args);

}  // namespace cangong
