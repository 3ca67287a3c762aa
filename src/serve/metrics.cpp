#include "serve/metrics.h"

#include <dirent.h>
#include <unistd.h>

#include <fstream>

#include "base/text.h"

namespace cangong {
namespace {

std::string head(const std::string& name, const std::string& kind, const std::string& help) {
  return "# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n";
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t open_files() {
  std::uint64_t count = 0;
  if (DIR* folder = ::opendir("/proc/self/fd")) {
    while (::readdir(folder)) ++count;
    ::closedir(folder);
  }
  return count > 3 ? count - 3 : 0;  // ".", "..", and the folder itself
}

}  // namespace

void Metrics::Histogram::add(double seconds) {
  std::size_t k = 0;
  while (k < kBounds.size() && seconds > kBounds[k]) ++k;
  ++counts[k];
  sum += seconds;
}

void Metrics::count_request(const std::string& method, const std::string& route, int status,
                            double seconds) {
  const std::lock_guard lock(mutex_);
  // A method that nobody knows gets no line of its own.
  constexpr std::string_view kKnown = " GET HEAD POST PUT DELETE ";
  const bool known = kKnown.find(" " + method + " ") != std::string_view::npos;
  requests_[{known ? method : "other", route, status}].add(seconds);
}

void Metrics::count_answer(const std::string& model, const std::string& outcome, double seconds) {
  const std::lock_guard lock(mutex_);
  ++answers_[{model, outcome}];
  answering_[model].add(seconds);
}

void Metrics::print(std::string& text, const std::string& name, const std::string& labels,
                    const Histogram& histogram) {
  std::uint64_t below = 0;
  for (std::size_t k = 0; k <= kBounds.size(); ++k) {
    below += histogram.counts[k];
    const std::string bound = k < kBounds.size() ? format_number(kBounds[k]) : "+Inf";
    text += name + "_bucket{" + labels + ",le=\"" + bound + "\"} " + std::to_string(below) + "\n";
  }
  text += name + "_sum{" + labels + "} " + format_number(histogram.sum) + "\n";
  text += name + "_count{" + labels + "} " + std::to_string(below) + "\n";
}

std::string Metrics::text(const std::vector<Gauge>& gauges) const {
  const std::lock_guard lock(mutex_);
  std::string text = head("cangong_http_request_duration_seconds", "histogram", "requests");
  for (const auto& [key, histogram] : requests_) {
    const auto& [method, route, status] = key;
    print(text, "cangong_http_request_duration_seconds",
          "method=\"" + method + "\",route=\"" + route + "\",status=\"" + std::to_string(status) +
              "\"",
          histogram);
  }
  text += head("cangong_inference_requests_total", "counter", "answers by model and outcome");
  for (const auto& [key, count] : answers_)
    text += "cangong_inference_requests_total{model=\"" + key.first + "\",outcome=\"" + key.second +
            "\"} " + std::to_string(count) + "\n";
  text += head("cangong_inference_duration_seconds", "histogram", "time of an answer");
  for (const auto& [model, histogram] : answering_)
    print(text, "cangong_inference_duration_seconds", "model=\"" + model + "\"", histogram);
  std::string name;
  for (const Gauge& gauge : gauges) {
    if (gauge.name != name) text += head(gauge.name, "gauge", gauge.help);
    name = gauge.name;
    text += name + (gauge.labels.empty() ? "" : "{" + gauge.labels + "}") + " " +
            format_number(gauge.value) + "\n";
  }
  text += head("process_resident_memory_bytes", "gauge", "memory in use") +
          "process_resident_memory_bytes " + std::to_string(resident_bytes()) + "\n";
  text += head("process_open_fds", "gauge", "open files") + "process_open_fds " +
          std::to_string(open_files()) + "\n";
  return text;
}

}  // namespace cangong
