// What the rest of the service sees of HTTP; the server itself is http_server.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"

namespace cangong {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;  // "GET"
  std::string path;    // decoded, without the query
  std::string target;  // as it was asked
  Pairs query;         // decoded
  Pairs headers;       // names in small letters
  std::string body;
  std::string peer;  // the client's address

  // The first of that name; empty where there is none.
  const std::string& header(std::string_view name) const;
  std::optional<std::string> asked(std::string_view name) const;
};
// Of a header such as content-type, without its parameters, in small letters.
std::string media_type(const Request& request, std::string_view header);

// Sets target, path and query. False where the target is not a path with an optional query.
bool take_target(std::string_view target, Request& request);

struct Response {
  int status = 200;
  std::string type = "application/json";
  std::string body;
  Pairs headers = {};
};

struct HttpOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8443;  // 0: any free one
  fs::path certificate, key;  // PEM
  std::size_t workers = 16;   // requests worked on at once
  std::size_t most_connections = 1000;
  std::size_t most_header_bytes = 16 << 10;
  int seconds_to_ask = 20;     // for a whole request
  int seconds_idle = 60;       // between requests
  int seconds_to_finish = 10;  // for those under way when the service ends
};

struct HttpHandlers {
  // Bytes of body that a request may have; asked before the body is read.
  std::function<std::size_t(const Request& head)> body_limit;
  std::function<Response(const Request&)> answer;  // throws nothing
  // For what goes wrong before there is a request: the status and what it means.
  std::function<Response(int status, const std::string& what)> refuse;
};

// HTTP/1.1 over TLS 1.2 or 1.3.
class HttpServer {
 public:
  // Throws Fault::config where the address cannot be had or the certificate not be read.
  HttpServer(HttpOptions options, HttpHandlers handlers);
  ~HttpServer();

  std::uint16_t port() const;
  // Returns after stop(), when those under way are answered.
  void run();
  // From any thread.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The pairs of "a=1&b=2", of a query or a form; nothing where they are not well formed.
std::optional<Pairs> decode_pairs(std::string_view text);
// "%41+b" of a query; nothing where the text is not well formed or not UTF-8.
std::optional<std::string> decode_url(std::string_view text, char blank);
std::string encode_url(std::string_view text);
const char* status_text(int status);

}  // namespace cangong
