// A service from its start to Ctrl-C.
#pragma once

#include <functional>
#include <optional>

#include "serve/service.h"

namespace cangong {

struct ServeRequest {
  fs::path home;
  std::optional<std::uint16_t> port;  // instead of the configured one; 0: any free one
};
struct ServeStarted {
  std::string url, fingerprint;
  std::optional<std::string> first_code;  // password of "admin", good for one sign-in
  std::vector<std::string> models, problems;
};

// Calls `started` when it answers; returns after SIGINT or SIGTERM, when those under way are
// answered. Throws before that where the home, its configuration or the address is not right.
void serve(const ServeRequest& request, const std::function<void(const ServeStarted&)>& started);

// A whole copy of a home as one file (tar), made while it is served; `restore` makes a home of it.
// Keys are in it: the file is as secret as the home.
struct BackupReply {
  std::uint64_t files = 0, bytes = 0;
};
BackupReply backup(const fs::path& home, const fs::path& file);
// Throws Fault::input where `home` is not empty, Fault::storage where the backup is damaged.
BackupReply restore(const fs::path& file, const fs::path& home);

}  // namespace cangong
