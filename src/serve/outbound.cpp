#include "serve/outbound.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "base/text.h"

namespace cangong {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using Tcp = asio::ip::tcp;
using Stream = beast::ssl_stream<beast::tcp_stream>;
using BoostError = boost::system::error_code;
using Deadline = std::chrono::steady_clock::time_point;
constexpr auto kAwaitOutbound = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t kMostHeaderBytes = 16 << 10;
constexpr int kMostLookups = 16;

std::string text_of(beast::string_view text) {
  return {text.data(), text.size()};
}

[[noreturn]] void unanswered(const HttpsUrl& url, const std::string& why) {
  fail(Fault::missing, url.authority() + " gave no whole answer: " + why);
}

using Addresses = std::vector<Tcp::endpoint>;

// The system's look-up of names cannot be interrupted: it goes on in a thread that nobody waits
// for, and only so many do.
Addresses look_up(const HttpsUrl& url, Deadline deadline) {
  static std::atomic<int> going_on = 0;
  BoostError error;
  const auto port = static_cast<std::uint16_t>(*parse_integer(url.port));
  const auto address = asio::ip::make_address(url.host, error);
  if (!error) return {{address, port}};
  if (going_on.fetch_add(1) >= kMostLookups) {
    --going_on;
    unanswered(url, "too many names are being looked up");
  }
  const auto promise = std::make_shared<std::promise<Addresses>>();
  auto found = promise->get_future();
  std::thread([promise, host = url.host, service = url.port] {
    Addresses all;
    BoostError failed;
    asio::io_context io;
    for (const auto& entry : Tcp::resolver(io).resolve(host, service, failed))
      all.push_back(entry.endpoint());
    promise->set_value(std::move(all));
    --going_on;
  }).detach();
  if (found.wait_until(deadline) != std::future_status::ready)
    unanswered(url, "its name was not found in time");
  Addresses all = found.get();
  if (all.empty()) unanswered(url, "its name is not known");
  return all;
}

bhttp::request<bhttp::string_body> message_of(const OutboundRequest& request, const HttpsUrl& url) {
  bhttp::request<bhttp::string_body> message;
  message.version(11);
  message.method_string(request.method);
  message.target(url.target);
  message.set(bhttp::field::user_agent, "cangong");
  message.set(bhttp::field::accept_encoding, "identity");
  for (const auto& [name, value] : request.headers) {
    for (const char c : name + value)
      if (static_cast<unsigned char>(c) < ' ' || c == 127)
        fail(Fault::input, "a header holds a character that no header may");
    message.set(name, value);
  }
  const std::string authority = url.authority();
  message.set(bhttp::field::host,
              url.port == "443" ? authority.substr(0, authority.size() - 4) : authority);
  message.set(bhttp::field::connection, "close");
  message.body() = request.body;
  message.prepare_payload();
  return message;
}

void require_whole(const HttpsUrl& url, BoostError broken) {
  if (broken == bhttp::error::body_limit || broken == bhttp::error::header_limit ||
      broken == bhttp::error::buffer_overflow)
    unanswered(url, "it is longer than is taken");
  if (broken == BoostError(ENOSPC, boost::system::generic_category()))
    fail(Fault::storage, "the disk is full");
  if (broken) unanswered(url, "it is no whole HTTP answer");
}

// One request and its answer. What it throws names the host.
asio::awaitable<OutboundResponse> exchange(const OutboundRequest& request, const HttpsUrl& url,
                                           const Addresses& addresses, asio::ssl::context& tls) {
  Stream stream(co_await asio::this_coro::executor, tls);
  stream.set_verify_mode(asio::ssl::verify_peer);
  stream.set_verify_callback(asio::ssl::host_name_verification(url.host));
  BoostError is_name;
  asio::ip::make_address(url.host, is_name);
  if (is_name) SSL_set_tlsext_host_name(stream.native_handle(), url.host.c_str());
  auto& socket = beast::get_lowest_layer(stream);
  const auto [refused, end] = co_await socket.async_connect(addresses, kAwaitOutbound);
  if (refused) unanswered(url, "cannot connect: " + refused.message());
  const auto [insecure] =
      co_await stream.async_handshake(asio::ssl::stream_base::client, kAwaitOutbound);
  if (insecure)
    unanswered(url, "TLS: " + insecure.message() + "; is its authority known (ca: in outbound)?");
  auto message = message_of(request, url);
  const auto [unsent, sent] = co_await bhttp::async_write(stream, message, kAwaitOutbound);
  if (unsent) unanswered(url, "the connection ended");
  bhttp::response_parser<bhttp::empty_body> head;
  head.header_limit(kMostHeaderBytes);
  head.body_limit(request.most_bytes);
  if (request.method == "HEAD") head.skip(true);
  beast::flat_buffer buffer(64 << 10);
  const auto [headless, read] =
      co_await bhttp::async_read_header(stream, buffer, head, kAwaitOutbound);
  require_whole(url, headless);
  OutboundResponse response;
  response.status = static_cast<int>(head.get().result_int());
  for (const auto& field : head.get())
    response.headers.emplace_back(lower(text_of(field.name_string())), text_of(field.value()));
  response.url = "https://" + url.authority() + url.target;
  if (response.status == 200 && !request.into.empty()) {
    bhttp::response_parser<bhttp::file_body> parser(std::move(head));
    BoostError unwritten;
    parser.get().body().open(request.into.c_str(), beast::file_mode::write, unwritten);
    if (unwritten) fail(Fault::storage, "cannot write " + request.into.string());
    const auto [broken, ignored] =
        co_await bhttp::async_read(stream, buffer, parser, kAwaitOutbound);
    require_whole(url, broken);
  } else {
    bhttp::response_parser<bhttp::string_body> parser(std::move(head));
    const auto [broken, ignored] =
        co_await bhttp::async_read(stream, buffer, parser, kAwaitOutbound);
    require_whole(url, broken);
    response.body = std::move(parser.get().body());
  }
  co_return response;
}

OutboundResponse exchange_until(const OutboundRequest& request, const HttpsUrl& url,
                                asio::ssl::context& tls, Deadline deadline) {
  const Addresses addresses = look_up(url, deadline);
  std::exception_ptr failure;
  std::optional<OutboundResponse> response;
  asio::io_context io{1};  // ends before what its coroutine refers to
  asio::co_spawn(io, exchange(request, url, addresses, tls),
                 [&](std::exception_ptr thrown, OutboundResponse got) {
                   failure = thrown;
                   if (!thrown) response = std::move(got);
                 });
  while (!failure && !response && std::chrono::steady_clock::now() < deadline) {
    if (request.stop && request.stop()) unanswered(url, "it was stopped");
    io.run_until(
        std::min(deadline, std::chrono::steady_clock::now() + std::chrono::milliseconds(200)));
  }
  if (failure) std::rethrow_exception(failure);
  if (!response) unanswered(url, "it did not come in time");
  return std::move(*response);
}

bool is_redirect(const OutboundResponse& response) {
  constexpr int kStatuses[] = {301, 302, 303, 307, 308};
  return std::find(std::begin(kStatuses), std::end(kStatuses), response.status) !=
             std::end(kStatuses) &&
         !response.header("location").empty();
}

using TlsContext = std::shared_ptr<asio::ssl::context>;

TlsContext tls_context(const OutboundHost& host, const fs::path& home) {
  auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
  BoostError error;
  if (host.ca.empty())
    tls->set_default_verify_paths(error);
  else
    tls->load_verify_file((home / host.ca).string(), error);
  if (error)
    fail(Fault::config, host.where +
                            ": ca: " + (host.ca.empty() ? "the system's authorities" : host.ca) +
                            " cannot be read (certificates, PEM)");
  return tls;
}

HttpsUrl listed(const OutboundHost& host) {
  try {
    return parse_https_url("https://" + host.host);
  } catch (const Error& error) {
    fail(Fault::config, host.where + ": host is a name and a port: " + error.what());
  }
}

}  // namespace

const std::string& OutboundResponse::header(std::string_view name) const {
  static const std::string kNone;
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return kNone;
}

struct Outbound::State {
  Hospital& hospital;
  std::map<std::string, TlsContext> hosts = {};  // by "host:port"; not changed later

  asio::ssl::context& require(const HttpsUrl& url) const {
    const auto found = hosts.find(url.authority());
    if (found == hosts.end())
      fail(Fault::denied, url.authority() +
                              " is not listed: an administrator adds it to outbound: in "
                              "config.yaml, and starts the service again");
    return *found->second;
  }
};

Outbound::Outbound(const std::vector<OutboundHost>& hosts, Hospital& hospital)
    : state_(new State{hospital}) {
  TlsContext of_system;  // one for all: reading the authorities takes time
  for (const OutboundHost& host : hosts) {
    const HttpsUrl url = listed(host);
    const fs::path& home = hospital.home().path;
    if (host.ca.empty() && !of_system) of_system = tls_context(host, home);
    state_->hosts[url.authority()] = host.ca.empty() ? of_system : tls_context(host, home);
  }
}
Outbound::~Outbound() = default;

bool Outbound::lists(const std::string& url) const {
  return state_->hosts.contains(parse_https_url(url).authority());
}

OutboundResponse Outbound::ask(const OutboundRequest& request, const Asker& asker) {
  const Deadline deadline = std::chrono::steady_clock::now() + request.within;
  OutboundRequest hop = request;
  for (int redirects = 0;; ++redirects) {
    const HttpsUrl url = parse_https_url(hop.url);
    asio::ssl::context& tls = state_->require(url);
    const nlohmann::ordered_json told{
        {"host", url.authority()}, {"method", hop.method}, {"purpose", hop.purpose}};
    state_->hospital.note(asker, "outbound", told.dump());
    OutboundResponse response = exchange_until(hop, url, tls, deadline);
    if (!is_redirect(response) || request.most_redirects == 0 || hop.method != "GET")
      return response;
    if (redirects == request.most_redirects) unanswered(url, "it leads on and on");
    hop.url = resolve_redirect(url, response.header("location"));
    if (parse_https_url(hop.url).authority() != url.authority())
      std::erase_if(hop.headers, [](const auto& header) {
        return lower(header.first) == "authorization" || lower(header.first) == "cookie";
      });
  }
}

}  // namespace cangong
