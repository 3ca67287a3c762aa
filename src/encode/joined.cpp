#include "encode/joined.h"

#include <nlohmann/json.hpp>

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

class JoinedSession : public EncoderSession {
 public:
  JoinedSession(std::unique_ptr<EncoderSession> windowed, std::unique_ptr<EncoderSession> visits,
                std::size_t facts)
      : windowed_(std::move(windowed)), visits_(std::move(visits)), facts_(facts) {}

  void encode(const History& history, std::vector<Entry>& row) override {
    windowed_->encode(history, row);
    if (!visits_) return;
    visits_->encode(history, behind_);
    for (const Entry& entry : behind_)
      row.push_back({static_cast<std::uint32_t>(entry.column + facts_), entry.value});
  }
  std::vector<std::size_t> origin(const History& history, std::size_t column) override {
    return column < facts_ ? windowed_->origin(history, column)
                           : visits_->origin(history, column - facts_);
  }

 private:
  std::unique_ptr<EncoderSession> windowed_, visits_;
  std::size_t facts_ = 0;
  std::vector<Entry> behind_;
};

}  // namespace

JoinedEncoder::JoinedEncoder(const EncoderOptions& options)
    : windowed_(std::make_unique<WindowedEncoder>(options)) {
  if (options.visits.keep > 0) visits_ = std::make_unique<VisitEncoder>(options.visits);
}

void JoinedEncoder::fit(const HistoryStream& training) {
  windowed_->fit(training);
  if (visits_) visits_->fit(training);
  join_columns();
}

void JoinedEncoder::join_columns() {
  columns_ = windowed_->columns();
  if (visits_)
    columns_.insert(columns_.end(), visits_->columns().begin(), visits_->columns().end());
}

Layout JoinedEncoder::layout() const {
  Layout layout = visits_ ? visits_->layout() : Layout{};
  layout.facts = windowed_->columns().size();
  return layout;
}

std::unique_ptr<EncoderSession> JoinedEncoder::session(const CodeBook& codes) const {
  return std::make_unique<JoinedSession>(windowed_->session(codes),
                                         visits_ ? visits_->session(codes) : nullptr,
                                         windowed_->columns().size());
}

std::string JoinedEncoder::save() const {
  if (!visits_) return windowed_->save();
  Json json = Json::parse(windowed_->save());
  json["visits"] = Json::parse(visits_->save());
  return json.dump(1) + "\n";
}

std::unique_ptr<JoinedEncoder> JoinedEncoder::load(const std::string& saved) {
  const Json json = Json::parse(saved);
  std::unique_ptr<JoinedEncoder> encoder(new JoinedEncoder);
  encoder->windowed_ = WindowedEncoder::load(saved);
  if (json.contains("visits")) encoder->visits_ = VisitEncoder::load(json.at("visits").dump());
  encoder->join_columns();
  return encoder;
}

}  // namespace cangong
