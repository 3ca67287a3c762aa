#include "serve/run.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/args.h"
#include "serve/config.h"

namespace cangong {
namespace {

void show(const ServeStarted& about, const fs::path& home) {
  std::printf("serving %s at %s\n", home.c_str(), about.url.c_str());
  std::printf("certificate (SHA-256): %s\n", about.fingerprint.c_str());
  if (about.first_code)
    std::printf("first sign-in: name admin, password %s (good once; choose a new one)\n",
                about.first_code->c_str());
  std::printf("models: %s\n", about.models.empty() ? "none is approved; cangong approve --help"
                                                   : join(about.models, ", ").c_str());
  for (const std::string& problem : about.problems)
    std::printf("NOT SERVED: %s\n", problem.c_str());
  std::printf("try:  curl --cacert %s %s/livez\n", (home / "keys/tls.crt").c_str(),
              about.url.c_str());
}

}  // namespace

int run_serve(const Args& args) {
  ServeRequest request;
  request.home = args.positional(0);
  if (const auto port = args.find("--port")) {
    const auto number = parse_integer(*port);
    if (!number || *number < 0 || *number > 65535) throw UsageError{"--port is 0 to 65535"};
    request.port = static_cast<std::uint16_t>(*number);
  }
  serve(request, [&](const ServeStarted& about) {
    if (args.flag("--json"))
      std::puts(nlohmann::ordered_json{{"url", about.url},
                                       {"fingerprint", about.fingerprint},
                                       {"first_code", about.first_code.value_or("")},
                                       {"models", about.models},
                                       {"problems", about.problems}}
                    .dump()
                    .c_str());
    else
      show(about, request.home);
    std::fflush(stdout);
  });
  return kOk;
}

int run_config(const Args&) {
  std::fputs(commented_config().c_str(), stdout);
  return kOk;
}

namespace {

int tell(const Args& args, const BackupReply& reply, const char* what) {
  if (args.flag("--json"))
    std::puts(
        nlohmann::ordered_json{{"files", reply.files}, {"bytes", reply.bytes}}.dump().c_str());
  else
    std::printf("%s %s files, %s bytes\n", what, format_count(reply.files).c_str(),
                format_count(reply.bytes).c_str());
  return kOk;
}

}  // namespace

int run_backup(const Args& args) {
  return tell(args, backup(args.positional(0), args.positional(1)), "saved");
}

int run_restore(const Args& args) {
  return tell(args, restore(args.positional(0), args.positional(1)), "restored");
}

}  // namespace cangong
