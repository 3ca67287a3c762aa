// Counters and histograms as Prometheus reads them. No label ever names a patient.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

namespace cangong {

class Metrics {
 public:
  void count_request(const std::string& method, const std::string& route, int status,
                     double seconds);
  // `outcome`: ok, data_required, ood or error.
  void count_answer(const std::string& model, const std::string& outcome, double seconds);
  // What is looked up when it is asked for.
  struct Gauge {
    std::string name, help, labels;  // of one name one after the other
    double value;
  };
  std::string text(const std::vector<Gauge>& gauges) const;

 private:
  // Bounds of OpenTelemetry's http.server.request.duration.
  static constexpr std::array kBounds{.005, .01, .025, .05, .075, .1,  .25,
                                      .5,   .75, 1.,   2.5, 5.,   7.5, 10.};
  struct Histogram {
    std::array<std::uint64_t, kBounds.size() + 1> counts{};
    double sum = 0;
    void add(double seconds);
  };
  static void print(std::string& text, const std::string& name, const std::string& labels,
                    const Histogram& histogram);

  mutable std::mutex mutex_;
  std::map<std::tuple<std::string, std::string, int>, Histogram> requests_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> answers_;
  std::map<std::string, Histogram> answering_;
};

}  // namespace cangong
