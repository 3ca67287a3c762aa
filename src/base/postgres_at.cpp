#include "base/postgres_at.h"

#include <libpq-fe.h>

#include <algorithm>
#include <map>
#include <memory>

#include "base/error.h"
#include "base/secret_file.h"
#include "base/text.h"

namespace cangong {
namespace {

using Words = std::map<std::string, std::string>;

Words parse(const std::string& text) {
  char* problem = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(text.c_str(), &problem), &PQconninfoFree);
  const std::unique_ptr<char, decltype(&PQfreemem)> freed(problem, &PQfreemem);
  // What libpq says of it may repeat it.
  if (!options)
    fail(Fault::config, "database: not understood; write \"host=... dbname=... user=...\"");
  Words words;
  for (const PQconninfoOption* option = options.get(); option->keyword; ++option)
    if (option->val) words[option->keyword] = option->val;
  return words;
}

bool is_this_machine(const Words& words) {
  const auto host = words.find("host"), address = words.find("hostaddr");
  if (address != words.end()) return address->second == "127.0.0.1" || address->second == "::1";
  if (host == words.end()) return !words.contains("service");
  const auto hosts = split(host->second, ',');
  return std::all_of(hosts.begin(), hosts.end(), [](std::string_view one) {
    return one.empty() || one.starts_with('/') || one.starts_with('@') || one == "localhost" ||
           one == "127.0.0.1" || one == "::1";
  });
}

// "host:port:database:user:password"
bool is_passfile_line(std::string_view line) {
  int fields = 1;
  for (std::size_t i = 0; i < line.size(); ++i)
    if (line[i] == '\\')
      ++i;
    else
      fields += line[i] == ':';
  return fields == 5;
}

void add_password(const fs::path& file, Words& words) {
  at_place("database_password_file", [&] { require_secret_file(file); });
  const std::string text = read_file(file);
  for (std::string_view line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (line.starts_with('#') || is_passfile_line(line))
      words["passfile"] = file.string();
    else
      words["password"] = line;
    return;
  }
  fail(Fault::config, "database_password_file: " + file.string() + " is empty");
}

}  // namespace

void check_connection_words(const std::string& text) {
  const Words words = parse(text);
  if (words.contains("password") || words.contains("sslpassword"))
    fail(Fault::config,
         "database: holds a password; put it into a file of mode 0600 and name that as "
         "database_password_file");
}

PostgresConnection connection_of(const DatabaseAt& at) {
  check_connection_words(at.server);
  Words words = parse(at.server);
  if (!is_this_machine(words)) words.try_emplace("sslmode", "verify-full");
  words.try_emplace("gssencmode", "disable");
  words.try_emplace("connect_timeout", "5");
  words.try_emplace("keepalives_idle", "30");
  words.try_emplace("fallback_application_name", "cangong");
  words["client_encoding"] = "UTF8";
  if (!at.password_file.empty()) add_password(at.password_file, words);
  PostgresConnection connection;
  const auto or_default = [&](const char* key, const char* other) {
    const auto found = words.find(key);
    return found == words.end() ? std::string(other) : found->second;
  };
  connection.name = "the database " + or_default("dbname", "of the user's name") + " at " +
                    or_default("host", "this machine");
  connection.words.assign(words.begin(), words.end());
  return connection;
}

}  // namespace cangong
