#include "serve/key_source.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace cangong {
namespace {

using namespace std::chrono_literals;

constexpr auto kUsual = 5min, kKeptAtMost = 60min, kBetweenFetches = 1min;

// How long an answer may be kept.
std::chrono::seconds lifetime(const std::string& cache_control) {
  for (const std::string_view part : split(cache_control, ',')) {
    const std::string word = lower(trim(part));
    if (word == "no-store" || word == "no-cache") return 0s;
    if (!word.starts_with("max-age=")) continue;
    const auto seconds = parse_integer(word.substr(8));
    if (seconds && *seconds >= 0)
      return std::min<std::chrono::seconds>(kKeptAtMost, std::chrono::seconds(*seconds));
  }
  return kUsual;
}

}  // namespace

bool is_https(std::string_view where) {
  return where.starts_with("https://");
}

KeySource::KeySource(std::string where, fs::path home)
    : where_(std::move(where)), home_(std::move(home)) {}

KeySource::Fetched KeySource::fetch(Outbound& outbound, const Asker& asker, Time now) const {
  if (!is_https(where_))
    return {std::make_shared<const KeySet>(KeySet::parse(read_file(home_ / where_))), now,
            now + kUsual};
  OutboundRequest request;
  request.url = where_, request.purpose = "keys", request.within = 5s;
  request.most_bytes = 64 << 10, request.headers = {{"Accept", "application/json"}};
  const OutboundResponse got = outbound.ask(request, asker);
  if (got.status != 200) fail(Fault::missing, "their keys cannot be had");
  return {std::make_shared<const KeySet>(KeySet::parse(got.body)), now,
          now + lifetime(got.header("cache-control"))};
}

std::shared_ptr<const KeySet> KeySource::keys(Wanted wanted, Outbound& outbound, const Asker& asker,
                                              Time now) {
  std::unique_lock lock(mutex_);
  const bool stale = !kept_.keys || now >= kept_.good_until;
  const bool anew = wanted == Wanted::anew && now >= kept_.at + kBetweenFetches;
  if (!stale && !anew) return kept_.keys;
  const std::unique_lock alone(fetching_, std::try_to_lock);
  if (!alone || (failed_ && now < *failed_ + kBetweenFetches)) {
    if (!stale) return kept_.keys;
    fail(Fault::denied, "the keys of who signed cannot be had now; try again in a minute");
  }
  lock.unlock();  // who needs no new keys is not held up
  try {
    Fetched fresh = fetch(outbound, asker, now);
    lock.lock();
    failed_.reset(), kept_ = std::move(fresh);
    return kept_.keys;
  } catch (const Error& error) {
    if (error.fault == Fault::storage) throw;
    if (!lock.owns_lock()) lock.lock();
    failed_ = now;
    fail(Fault::denied, std::string("the keys of who signed: ") + error.what());
  }
}

Jwt KeySource::verify(const std::string& token, std::span<const JwtAlgorithm> allowed,
                      Outbound& outbound, const Asker& asker, Time now) {
  const auto kept = keys(Wanted::kept, outbound, asker, now);
  try {
    return verify_jwt(token, *kept, allowed, now);
  } catch (const Error& error) {
    const auto anew = keys(Wanted::anew, outbound, asker, now);
    if (anew == kept) throw;
    return verify_jwt(token, *anew, allowed, now);
  }
}

}  // namespace cangong
