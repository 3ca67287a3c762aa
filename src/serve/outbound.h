// The one way out: HTTPS to the hosts that an administrator listed (outbound: in config.yaml), and
// to no other. The list is empty at first.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "engine/hospital.h"
#include "serve/config.h"
#include "serve/http.h"

namespace cangong {

struct OutboundRequest {
  std::string method = "GET";
  std::string url;  // "https://ehr.example.org/fhir/Patient/1"
  Pairs headers = {};
  std::string body = {};
  std::string purpose = {};  // for the trail; no identifiers
  std::size_t most_bytes = 4 << 20;
  fs::path into = {};  // the body of an answer with status 200 is written there, in parts
  std::chrono::milliseconds within{10000};  // names, connecting, TLS and the whole answer
  // Followed for GET alone, to listed hosts; Authorization and Cookie stay with the first host.
  int most_redirects = 0;
  std::function<bool()> stop = {};  // asked five times a second: then no answer comes
};

struct OutboundResponse {
  int status = 0;
  Pairs headers = {};  // names in small letters
  std::string body = {};
  std::string url = {};  // that answered, after redirects
  // The first of that name; empty where there is none.
  const std::string& header(std::string_view name) const;
};

// TLS 1.2 or 1.3, verified against the system's authorities or the host's `ca`; no proxies. Safe
// for concurrent use.
class Outbound {
 public:
  // Throws Fault::config where an entry is no host or its `ca` cannot be read.
  Outbound(const std::vector<OutboundHost>& hosts, Hospital& hospital);
  ~Outbound();

  bool lists(const std::string& url) const;
  // Recorded (host and purpose) before anything is sent; blocks no longer than `within`. Any status
  // is an answer. Throws Fault::denied for a host that is not listed, Fault::input for what is no
  // https URL, Fault::missing where no whole answer came: the message says why.
  OutboundResponse ask(const OutboundRequest& request, const Asker& asker);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What an https URL consists of. Throws Fault::input; the message does not repeat the URL.
struct HttpsUrl {
  std::string host;               // small letters; an IPv6 address without its brackets
  std::string port;               // "443" where none is given
  std::string target;             // "/path?query"
  std::string authority() const;  // "host:port"
};
HttpsUrl parse_https_url(std::string_view url);
// `location` as the answer of `from` means it.
std::string resolve_redirect(const HttpsUrl& from, std::string_view location);

}  // namespace cangong
