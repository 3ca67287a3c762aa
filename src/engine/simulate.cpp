#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/question.h"

namespace cangong {
namespace {

// What is counted of one code over all futures.
struct CodeCount {
  std::vector<double> first;  // ascending: days from the question, of each future that has it
  double events = 0;          // of all futures together
};

// By code; "no event" is none. `from`: the age at the question.
std::map<std::string, CodeCount> count_codes(const std::vector<Future>& futures,
                                             const TokenVocabulary& vocabulary, float from) {
  std::map<std::string, CodeCount> counts;
  for (const Future& future : futures) {
    std::map<std::string, double> first;
    for (std::size_t i = 0; i < future.ids.size(); ++i) {
      const Token& token = vocabulary.token(future.ids[i]);
      if (token.kind == Token::Kind::no_event) continue;
      first.emplace(token.code, double{future.days[i]} - from);
      counts[token.code].events += 1;
    }
    for (const auto& [code, days] : first) counts[code].first.push_back(days);
  }
  for (auto& [code, own] : counts) std::sort(own.first.begin(), own.first.end());
  return counts;
}

// RFC 4180.
std::string quoted(const std::string& code) {
  std::string text = "\"";
  for (const char c : code) text += c == '"' ? "\"\"" : std::string(1, c);
  return text + "\"";
}

void write_csv(const fs::path& file, const std::vector<Future>& futures,
               const AskedPatient& asked) {
  std::string text = "future,age_days,time,code,value\n";
  for (std::size_t f = 0; f < futures.size(); ++f)
    for (std::size_t i = 0; i < futures[f].ids.size(); ++i) {
      const Token& token = asked.model.vocabulary().token(futures[f].ids[i]);
      if (token.kind == Token::Kind::no_event) continue;
      const double days = double{futures[f].days[i]} - asked.moment.age_days;
      const Time when = asked.moment.as_of + Duration(static_cast<std::int64_t>(days * 86400e6));
      text += std::to_string(f) + "," + format_number(futures[f].days[i]) + "," +
              format_time(when) + "," + quoted(token.code) + "," +
              (token.part ? format_number(token.value) : "") + "\n";
    }
  write_file(file, text);
}

}  // namespace

SimulateReply simulate_futures(const SimulateRequest& request) {
  const FutureQuestion& question = request.question;
  const AskedPatient asked = asked_patient(question);
  const TimelineModel& model = asked.model;
  const FutureRequest wanted = asked.wanted(question);
  SimulateReply reply;
  require_like(model, wanted, reply.warnings);
  const DecoderFutures simulator(model.weights(), model.rules(), question.device);
  const std::vector<Future> futures =
      simulator.draw({&wanted, 1}, question.seed, question.threads).front();
  reply.bundle = asked.bundle.digest(), reply.store = asked.store.digest();
  reply.model = model.facts().name, reply.format = question.format;
  reply.synthetic = asked.store.inventory().synthetic || model.facts().synthetic;
  reply.as_of = asked.moment.as_of, reply.age_years = asked.moment.age_days / 365.25;
  reply.futures = futures.size(), reply.unknown_events = asked.moment.history.unknown;
  const Meaning meaning = meaning_in(asked.store);
  const auto total = static_cast<double>(futures.size());
  for (const auto& [code, own] : count_codes(futures, model.vocabulary(), asked.moment.age_days)) {
    const double share = static_cast<double>(own.first.size()) / total;
    reply.events += own.events / total;
    if (code == "MEDS_DEATH") reply.dead = share;
    reply.codes.push_back({code, meaning(code), share, std::sqrt(share * (1 - share) / total),
                           own.first[own.first.size() / 2], own.events / total});
  }
  for (const Future& future : futures) reply.cut += future.is_cut;
  std::stable_sort(reply.codes.begin(), reply.codes.end(),
                   [](const auto& a, const auto& b) { return a.share > b.share; });
  if (reply.codes.size() > request.most) reply.codes.resize(request.most);
  record_asked(asked, question,
               {"simulate", reply.dead,
                nlohmann::ordered_json{{"value_of", "share of deaths"},
                                       {"futures_written", !request.out.empty()}}
                    .dump()});
  if (!request.out.empty()) write_csv(request.out, futures, asked);
  return reply;
}

}  // namespace cangong
