// Any bytes as the head of a request: refused, or a path and a query that are what was asked for.
#include <simdjson.h>

#include <boost/beast/http.hpp>

#include "base/error.h"
#include "serve/http.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cangong;
  namespace bhttp = boost::beast::http;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto decoded = decode_url(encode_url(text), '+');
  ensure(decoded ? *decoded == text : !simdjson::validate_utf8(text), "encoding is undone");

  Request request;
  if (take_target(text, request)) {
    ensure(request.path.starts_with('/') && request.path.find('\0') == std::string::npos &&
               simdjson::validate_utf8(request.path),
           "a path is text");
    for (const auto& [name, value] : request.query)
      ensure(simdjson::validate_utf8(name) && simdjson::validate_utf8(value), "a query is text");
  }

  bhttp::request_parser<bhttp::string_body> parser;
  parser.header_limit(16384);
  parser.body_limit(65536);
  boost::system::error_code error;
  std::size_t used = 0;
  while (!error && used < size && !parser.is_done())
    used += parser.put(boost::asio::const_buffer(data + used, size - used), error);
  if (!parser.is_header_done()) return 0;
  const auto& head = parser.get();
  Request asked;
  if (take_target({head.target().data(), head.target().size()}, asked))
    ensure(asked.target.find_first_of("\r\n ") == std::string::npos, "no second line in a target");
  ensure(head.body().size() <= 65536, "the limit holds");
  return 0;
}
