#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include "base/error.h"
#include "base/text.h"
#include "serve/http.h"

namespace cangong {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using Tcp = asio::ip::tcp;
using Stream = beast::ssl_stream<beast::tcp_stream>;
using BoostError = boost::system::error_code;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

bool take_head(const bhttp::request<bhttp::string_body>& from, Request& request) {
  request.method = view(from.method_string());
  for (const auto& field : from)
    request.headers.emplace_back(lower(view(field.name_string())),
                                 std::string(view(field.value())));
  return take_target(view(from.target()), request);
}

// Of connections that are open, as long as it lives.
class Counted {
 public:
  explicit Counted(std::size_t& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::size_t& count_;
};

}  // namespace

struct HttpServer::State {
  HttpOptions options;
  HttpHandlers handlers;
  asio::io_context io{1};
  asio::ssl::context tls{asio::ssl::context::tls_server};
  Tcp::acceptor acceptor{io};
  asio::thread_pool workers;
  std::size_t connections = 0;
  bool stopping = false;

  State(HttpOptions o, HttpHandlers h)
      : options(std::move(o)), handlers(std::move(h)), workers(options.workers) {}

  void open() {
    BoostError error;
    tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                    asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                    asio::ssl::context::no_tlsv1_1);
    SSL_CTX_set_cipher_list(tls.native_handle(), "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_options(tls.native_handle(), SSL_OP_NO_RENEGOTIATION);
    tls.use_certificate_chain_file(options.certificate.string(), error);
    if (!error) tls.use_private_key_file(options.key.string(), asio::ssl::context::pem, error);
    if (error)
      fail(Fault::config, options.certificate.string() + ", " + options.key.string() +
                              ": no certificate with its key (PEM)");
    const auto address = asio::ip::make_address(options.address, error);
    if (error)
      fail(Fault::config,
           "listen: \"" + options.address + "\" is no address such as 0.0.0.0 or ::1");
    const Tcp::endpoint end(address, options.port);
    acceptor.open(end.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(end, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error)
      fail(Fault::config, "cannot listen at " + options.address + ":" +
                              std::to_string(options.port) + ": " + error.message() +
                              "; choose another port");
  }

  bhttp::response<bhttp::string_body> message(Response response, bool keep) const {
    bhttp::response<bhttp::string_body> out{static_cast<bhttp::status>(response.status), 11};
    out.set(bhttp::field::server, "cangong");
    if (!response.type.empty()) out.set(bhttp::field::content_type, response.type);
    for (const auto& [name, value] : response.headers) out.insert(name, value);
    out.body() = std::move(response.body);
    out.keep_alive(keep);
    out.prepare_payload();
    return out;
  }

  asio::awaitable<Response> work(const Request& request) { co_return handlers.answer(request); }

  // False where it did not arrive. (g++ 12 miscompiles `if (co_await ...)` with temporaries in it:
  // results of awaiting get a name first.)
  asio::awaitable<bool> send(Stream& stream, Response response, bool keep, bool head_only) {
    auto out = message(std::move(response), keep);
    beast::get_lowest_layer(stream).expires_after(std::chrono::seconds(options.seconds_to_ask));
    bhttp::response_serializer<bhttp::string_body> serializer(out);
    BoostError error;
    if (head_only)
      error = std::get<0>(co_await bhttp::async_write_header(stream, serializer, kAwait));
    else
      error = std::get<0>(co_await bhttp::async_write(stream, serializer, kAwait));
    co_return !error;
  }

  asio::awaitable<bool> refuse(Stream& stream, int status, std::string what) {
    Response response = handlers.refuse(status, what);
    const bool sent = co_await send(stream, std::move(response), false, false);
    if (sent) co_await drain(stream);
    co_return false;
  }

  // Who is refused may still be sending: closing at once would take the answer away from them.
  asio::awaitable<void> drain(Stream& stream) {
    auto& socket = beast::get_lowest_layer(stream);
    socket.expires_after(std::chrono::seconds(2));
    co_await stream.async_shutdown(kAwait);
    BoostError none;
    socket.socket().shutdown(Tcp::socket::shutdown_send, none);
    std::array<char, 16384> rest;
    for (int parts = 0; parts < 4096; ++parts) {  // 64 MB, or two seconds
      const auto [error, bytes] = co_await socket.async_read_some(asio::buffer(rest), kAwait);
      if (error) co_return;
    }
  }

  // One request and its answer.
  asio::awaitable<bool> serve(Stream& stream, beast::flat_buffer& buffer, std::string peer) {
    auto& socket = beast::get_lowest_layer(stream);
    bhttp::request_parser<bhttp::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(options.most_header_bytes));
    parser.body_limit(boost::none);
    socket.expires_after(std::chrono::seconds(options.seconds_idle));
    auto [error, bytes] = co_await bhttp::async_read_header(stream, buffer, parser, kAwait);
    if (error == bhttp::error::header_limit)
      co_return co_await refuse(stream, 431, "the head of the request is too long");
    // What is no mistake in the text of a request is the end of the connection.
    const auto& of_http = bhttp::make_error_code(bhttp::error::end_of_stream).category();
    if (error && (error == bhttp::error::end_of_stream || error.category() != of_http))
      co_return false;
    if (error) co_return co_await refuse(stream, 400, "not an HTTP request");
    Request request;
    request.peer = std::move(peer);
    if (!take_head(parser.get(), request))
      co_return co_await refuse(stream, 400, "the address is not well formed");
    // A body that ends in a way unknown here would be taken for the next request (RFC 9112, 6.3).
    if (parser.get().count(bhttp::field::transfer_encoding) > 0 && !parser.chunked())
      co_return co_await refuse(stream, 400, "the body is sent chunked, or with its length");
    const std::size_t most = handlers.body_limit(request);
    if (const auto size = parser.content_length(); size && *size > most)
      co_return co_await refuse(stream, 413, "the body is longer than this address takes");
    parser.body_limit(most);
    socket.expires_after(std::chrono::seconds(options.seconds_to_ask));
    if (beast::iequals(parser.get()[bhttp::field::expect], "100-continue")) {
      bhttp::response<bhttp::empty_body> go_on{bhttp::status::continue_, 11};
      co_await bhttp::async_write(stream, go_on, kAwait);
    }
    const auto [failed, read] = co_await bhttp::async_read(stream, buffer, parser, kAwait);
    if (failed == bhttp::error::body_limit)
      co_return co_await refuse(stream, 413, "the body is longer than this address takes");
    if (failed.category() == of_http && failed != bhttp::error::partial_message)
      co_return co_await refuse(stream, 400, "the body is not sent as HTTP sends it");
    if (failed) co_return false;
    const bool keep = parser.keep_alive() && !stopping;
    request.body = std::move(parser.get().body());
    socket.expires_never();
    Response response = co_await asio::co_spawn(workers, work(request), asio::use_awaitable);
    const bool sent = co_await send(stream, std::move(response), keep, request.method == "HEAD");
    co_return sent&& keep;
  }

  asio::awaitable<void> connection(Tcp::socket socket) {
    const Counted counted(connections);
    BoostError none;
    const auto end = socket.remote_endpoint(none);
    const std::string peer = none ? std::string() : end.address().to_string();
    socket.set_option(Tcp::no_delay(true), none);
    Stream stream(std::move(socket), tls);
    beast::get_lowest_layer(stream).expires_after(std::chrono::seconds(options.seconds_to_ask));
    const auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::server, kAwait);
    if (!error) {
      // What the parser has not taken yet: a head, the size of a chunk; never a body.
      beast::flat_buffer buffer(options.most_header_bytes + 65536);
      while (co_await serve(stream, buffer, peer)) {
      }
      beast::get_lowest_layer(stream).expires_after(std::chrono::seconds(1));
      co_await stream.async_shutdown(kAwait);
    }
  }

  asio::awaitable<void> accept() {
    while (!stopping) {
      auto [error, socket] = co_await acceptor.async_accept(kAwait);
      if (error == asio::error::operation_aborted) co_return;
      if (error) {  // out of files, say: others will end
        asio::steady_timer pause(io, std::chrono::milliseconds(50));
        co_await pause.async_wait(kAwait);
      } else if (connections < options.most_connections) {
        asio::co_spawn(io, connection(std::move(socket)), [this](std::exception_ptr failure) {
          if (failure) handlers.refuse(500, "a connection ended by a mistake of the service");
        });
      }
    }
  }

  asio::awaitable<void> finish() {
    asio::steady_timer timer(io);
    for (int tenths = 0; connections > 0 && tenths < 10 * options.seconds_to_finish; ++tenths) {
      timer.expires_after(std::chrono::milliseconds(100));
      co_await timer.async_wait(kAwait);
    }
    io.stop();
  }
};

HttpServer::HttpServer(HttpOptions options, HttpHandlers handlers)
    : state_(std::make_unique<State>(std::move(options), std::move(handlers))) {
  state_->open();
}

HttpServer::~HttpServer() {
  state_->workers.join();
}

std::uint16_t HttpServer::port() const {
  return state_->acceptor.local_endpoint().port();
}

void HttpServer::run() {
  asio::co_spawn(state_->io, state_->accept(), asio::detached);
  state_->io.run();
  state_->workers.join();
}

void HttpServer::stop() {
  asio::post(state_->io, [this] {
    if (state_->stopping) return;
    state_->stopping = true;
    BoostError none;
    state_->acceptor.close(none);
    asio::co_spawn(state_->io, state_->finish(), asio::detached);
  });
}

const char* status_text(int status) {
  const auto text = bhttp::obsolete_reason(static_cast<bhttp::status>(status));
  return text.data();  // of a literal
}

}  // namespace cangong
