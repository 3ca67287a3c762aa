// Another system's Bulk Data endpoint, asked by its own rules.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "serve/outbound.h"
#include "serve/own_key.h"

namespace cangong {

// Whether a request shows the token.
enum class Access { token, open };

struct BulkManifest {
  struct File {
    std::string type, url;
  };
  std::string at;  // transactionTime: what the next export begins with
  Access access = Access::token;
  std::vector<File> output, deleted;
};

class BulkSource {
 public:
  struct Parts {
    Outbound& outbound;
    const OwnKey& key;
    const Asker& asker;
  };
  BulkSource(const BulkSourceConfig& config, const Parts& parts);

  // Begins an export of what changed after `since` (empty: of all); where its state is told.
  // Throws Fault::input with the status where it is refused.
  std::string begin(const std::string& since);
  // Nothing yet: ask again after `wait`. Throws Fault::input where the export failed or is gone.
  struct Status {
    std::optional<BulkManifest> manifest;
    std::chrono::seconds wait{0};
    std::string progress;
  };
  Status status(const std::string& at);
  void fetch(const std::string& url, Access access, const fs::path& into,
             const std::function<bool()>& stop);
  // Lets the other side forget it.
  void end(const std::string& at);

 private:
  OutboundResponse ask(OutboundRequest request, Access access);
  const std::string& token();

  const BulkSourceConfig& config_;
  Parts parts_;
  std::string base_, token_;
  std::chrono::steady_clock::time_point good_until_{};
};

}  // namespace cangong
