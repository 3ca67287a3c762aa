#include "encode/joined.h"

#include <nlohmann/json.hpp>

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

// Encoders side by side, each one's columns behind those of the one before.
class JoinedSession : public EncoderSession {
 public:
  struct Part {
    std::unique_ptr<EncoderSession> session;
    std::size_t first;  // column
  };
  explicit JoinedSession(std::vector<Part> parts) : parts_(std::move(parts)) {}

  void encode(const History& history, std::vector<Entry>& row) override {
    row.clear();
    for (const Part& part : parts_) {
      part.session->encode(history, own_);
      for (const Entry& entry : own_)
        row.push_back({static_cast<std::uint32_t>(entry.column + part.first), entry.value});
    }
  }
  std::vector<std::size_t> origin(const History& history, std::size_t column) override {
    std::size_t part = parts_.size() - 1;
    while (parts_[part].first > column) --part;
    return parts_[part].session->origin(history, column - parts_[part].first);
  }

 private:
  std::vector<Part> parts_;
  std::vector<Entry> own_;
};

}  // namespace

JoinedEncoder::JoinedEncoder(const EncoderOptions& options, std::unique_ptr<Encoder> state)
    : windowed_(std::make_unique<WindowedEncoder>(options)), state_(std::move(state)) {
  if (options.visits.keep > 0) visits_ = std::make_unique<VisitEncoder>(options.visits);
}

void JoinedEncoder::fit(const HistoryStream& training) {
  windowed_->fit(training);
  if (state_) state_->fit(training);
  if (visits_) visits_->fit(training);
  join_columns();
}

void JoinedEncoder::join_columns() {
  columns_ = windowed_->columns();
  const auto add = [&](const Encoder& more) {
    columns_.insert(columns_.end(), more.columns().begin(), more.columns().end());
  };
  if (state_) add(*state_);
  if (visits_) add(*visits_);
}

Layout JoinedEncoder::layout() const {
  Layout layout = visits_ ? visits_->layout() : Layout{};
  layout.facts = facts();
  return layout;
}

std::unique_ptr<EncoderSession> JoinedEncoder::session(const CodeBook& codes) const {
  std::vector<JoinedSession::Part> parts;
  parts.push_back({windowed_->session(codes), 0});
  if (state_) parts.push_back({state_->session(codes), windowed_->columns().size()});
  if (visits_) parts.push_back({visits_->session(codes), facts()});
  return std::make_unique<JoinedSession>(std::move(parts));
}

std::string JoinedEncoder::save() const {
  if (!visits_) return windowed_->save();
  Json json = Json::parse(windowed_->save());
  json["visits"] = Json::parse(visits_->save());
  return json.dump(1) + "\n";
}

std::unique_ptr<JoinedEncoder> JoinedEncoder::load(const std::string& saved,
                                                   std::unique_ptr<Encoder> state) {
  const Json json = Json::parse(saved);
  std::unique_ptr<JoinedEncoder> encoder(new JoinedEncoder);
  encoder->state_ = std::move(state);
  encoder->windowed_ = WindowedEncoder::load(saved);
  if (json.contains("visits")) encoder->visits_ = VisitEncoder::load(json.at("visits").dump());
  encoder->join_columns();
  return encoder;
}

}  // namespace cangong
