#include "serve/run.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "base/progress.h"
#include "serve/tls.h"

namespace cangong {
namespace {

HttpOptions options_of(const ServiceConfig& config, const TlsFiles& tls,
                       const std::optional<std::uint16_t>& port) {
  HttpOptions options;
  options.address = config.listen;
  options.port = port ? *port : static_cast<std::uint16_t>(config.port);
  options.certificate = tls.certificate, options.key = tls.key;
  options.workers = config.workers;
  options.most_connections = config.most_connections;
  return options;
}

std::string url_of(const ServiceConfig& config, std::uint16_t port) {
  std::string host = config.listen;
  if (host == "0.0.0.0" || host == "::") host = "localhost";
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return "https://" + host + ":" + std::to_string(port);
}

}  // namespace

void serve(const ServeRequest& request, const std::function<void(const ServeStarted&)>& started) {
  fs::create_directories(request.home);
  const Home home{request.home};
  if (!fs::exists(home.config())) write_file(home.config(), commented_config());
  const ServiceConfig config = load_service_config(home.config());
  const FileLock alone(request.home / "service.lock",
                       request.home.string() + " is being served by another process");
  Service service(request.home, config);
  const TlsFiles tls = tls_files(home.keys());
  HttpServer server(options_of(config, tls, request.port), service.handlers());
  service.set_public_url(url_of(config, server.port()));
  ServeStarted about{url_of(config, server.port()), fingerprint(tls.certificate), {}, {}, {}};
  about.first_code = service.accounts().first_code();
  const auto models = service.hospital().models();
  for (const ModelPtr& model : models->served) about.models.push_back(model->id());
  about.problems = models->problems;
  for (const CardThreshold& card : config.cards)
    if (std::none_of(models->served.begin(), models->served.end(),
                     [&](const ModelPtr& model) { return model->name == card.model; }))
      about.problems.push_back(card.where + ": no approved model has the name \"" + card.model +
                               "\"; its cards have no thresholds");
  service.hospital().note({"(service)", "", "", ""}, "start");
  std::jthread watcher([&](const std::stop_token& stop) {
    while (!interrupted() && !stop.stop_requested())
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    server.stop();
  });
  started(about);
  server.run();
  service.hospital().note({"(service)", "", "", ""}, "stop");
}

}  // namespace cangong
