// Futures drawn on a device by libtorch. Built into the shared object cangong_torch.
#include <torch/torch.h>

#include <cmath>

#include "base/error.h"
#include "model/decoder_torch.h"
#include "model/device_futures.h"

namespace cangong {
namespace {

using torch::Tensor;

constexpr std::size_t kDrawsTogether = 4;  // events of each future between two looks at who is over
constexpr std::size_t kMoreRows = 32;      // room of a cache grows by so many rows at least
constexpr std::int32_t kOver = -1, kCut = -2;  // instead of an id

std::int64_t wide(std::size_t count) {
  return static_cast<std::int64_t>(count);
}

template <class T>
Tensor moved(const std::vector<T>& values, torch::IntArrayRef shape, torch::Device device) {
  return torch::from_blob(const_cast<T*>(values.data()), shape,
                          torch::CppTypeToScalarType<T>::value)
      .to(device, false, true);
}

// The rules as the device reads them.
struct DeviceRules {
  Tensor recurs, ends, kin;  // by id; kin: the first id of the same fact, undefined: each its own

  DeviceRules(const FutureRules& rules, torch::Device device) {
    const auto by_id = [&](const std::vector<std::uint8_t>& values) {
      return moved(values, {wide(values.size())}, device).to(torch::kBool);
    };
    recurs = by_id(rules.recurs), ends = by_id(rules.ends);
    if (rules.kin.empty()) return;
    std::vector<std::int32_t> firsts;
    for (const auto& [first, last] : rules.kin) firsts.push_back(first);
    kin = moved(firsts, {wide(firsts.size())}, device);
  }

  // What was drawn does not happen again. may: futures x ids.
  void ban(const Tensor& drawn, const Tensor& is_drawn, Tensor& may) const {
    const Tensor bans = is_drawn.logical_and(recurs.index_select(0, drawn).logical_not());
    if (!kin.defined()) {
      const Tensor column = drawn.unsqueeze(1);
      may.scatter_(1, column, may.gather(1, column).logical_and(bans.logical_not().unsqueeze(1)));
      return;
    }
    const Tensor own = kin.index_select(0, drawn).unsqueeze(1);
    may.logical_and_((kin.unsqueeze(0) == own).logical_and(bans.unsqueeze(1)).logical_not());
  }
};

// What the futures of each question begin with.
struct Beginnings {
  Tensor cache;          // layers x questions x rows x 2 width: keys, then values
  Tensor logits, may;    // questions x ids
  Tensor watch;          // the same; undefined where nothing is watched
  Tensor ages, tell_by;  // questions x 2: now, the end; x ages that are told of
  Tensor lengths, most;  // of the histories; events of a future
  std::size_t rows = 0, tells = 0;
};

class TorchFutures final : public DeviceFutures {
 public:
  explicit TorchFutures(const DeviceDecoder& decoder)
      : shape_(decoder.shape),
        device_(torch_device(decoder.device)),
        type_(decoder.format == FloatFormat::bfloat16 ? torch::kBFloat16 : torch::kFloat32),
        ends_(decoder.rules.ends),
        rules_(decoder.rules, device_) {
    if (decoder.device == Device::processor) {
      at::set_num_threads(static_cast<int>(decoder.threads));
      most_together_ = 512;
    }
    const Tensor all =
        torch::from_blob(const_cast<float*>(decoder.weights), {wide(decoder.size)}, torch::kFloat32)
            .to(device_, type_, false, true);
    decoder_.emplace(shape_, views_of(shape_, all));
    heads_ = torch::eye(wide(shape_.heads), options(type_))
                 .view({1, wide(shape_.heads), wide(shape_.heads), 1});
  }

  void draw(std::span<const DeviceQuestion> questions, std::uint64_t seed,
            const Over& over) override {
    constexpr std::size_t kAtOnce = 2048;
    told_of_torch("drawing futures", [&] {
      const torch::NoGradGuard guard;
      torch::manual_seed(seed);
      for (std::size_t from = 0; from < questions.size(); from += kAtOnce)
        draw_some(questions.subspan(from, std::min(kAtOnce, questions.size() - from)), from, over);
    });
  }

 private:
  // A future and where it is drawn.
  struct Slot {
    std::size_t question = 0, number = 0, rows = 0;
    bool is_active = false;
    Future future;
  };

  torch::TensorOptions options(torch::Dtype type) const {
    return torch::TensorOptions(device_).dtype(type);
  }

  Beginnings begin(std::span<const DeviceQuestion> questions) const {
    Beginnings own;
    const std::size_t ids = shape_.vocabulary, count = questions.size();
    std::vector<float> may, watch;
    std::vector<double> ages, tell_by;
    std::vector<std::int64_t> lengths, most;
    bool is_watched = false;
    for (const auto& [request, may_of, watch_of] : questions) {
      own.rows = std::max(own.rows, request.ids.size());
      own.tells = std::max(own.tells, request.tell_by.size());
      is_watched = is_watched || watch_of;
    }
    for (const auto& [request, may_of, watch_of] : questions) {
      may.insert(may.end(), may_of, may_of + ids);
      if (is_watched && watch_of) watch.insert(watch.end(), watch_of, watch_of + ids);
      if (is_watched && !watch_of) watch.resize(watch.size() + ids);
      ages.push_back(request.days.back()), ages.push_back(request.until);
      for (std::size_t k = 0; k < own.tells; ++k)
        tell_by.push_back(k < request.tell_by.size() ? request.tell_by[k] : 0);
      lengths.push_back(wide(request.ids.size())), most.push_back(wide(request.most_events));
    }
    own.may = moved(may, {wide(count), wide(ids)}, device_).to(torch::kBool);
    if (is_watched) own.watch = moved(watch, {wide(count), wide(ids)}, device_);
    own.ages = moved(ages, {wide(count), 2}, device_);
    own.tell_by = moved(tell_by, {wide(count), wide(own.tells)}, device_);
    own.lengths = moved(lengths, {wide(count)}, device_);
    own.most = moved(most, {wide(count)}, device_);
    read_histories(questions, own);
    return own;
  }

  // Histories of so many rows at once, filled up on the right.
  void read_histories(std::span<const DeviceQuestion> questions, Beginnings& own) const {
    constexpr std::size_t kRows = 65536;
    own.cache = torch::zeros(
        {wide(shape_.layers), wide(questions.size()), wide(own.rows), 2 * wide(shape_.width)},
        options(type_));
    own.logits =
        torch::empty({wide(questions.size()), wide(shape_.vocabulary)}, options(torch::kFloat32));
    const std::size_t together = std::max<std::size_t>(1, kRows / own.rows);
    for (std::size_t from = 0; from < questions.size(); from += together) {
      const auto some = questions.subspan(from, std::min(together, questions.size() - from));
      std::vector<std::int32_t> ids(some.size() * own.rows, 1);
      std::vector<float> days(ids.size());
      for (std::size_t i = 0; i < some.size(); ++i) {
        std::copy(some[i].request.ids.begin(), some[i].request.ids.end(), &ids[i * own.rows]);
        std::copy(some[i].request.days.begin(), some[i].request.days.end(), &days[i * own.rows]);
      }
      const std::int64_t first = wide(from), count = wide(some.size()), rows = wide(own.rows);
      const Tensor normal =
          decoder_->forward(moved(ids, {count, rows}, device_), moved(days, {count, rows}, device_),
                            0, [&](std::size_t layer, const Tensor& qkv) {
                              own.cache.select(0, wide(layer))
                                  .narrow(0, first, count)
                                  .copy_(qkv.narrow(2, wide(shape_.width), 2 * wide(shape_.width)));
                              return decoder_->attend(qkv, {}, 0);
                            });
      const Tensor last = own.lengths.narrow(0, first, count) - 1;
      const Tensor behind =
          normal.gather(1, last.view({count, 1, 1}).expand({count, 1, normal.size(2)})).squeeze(1);
      own.logits.narrow(0, first, count).copy_(decoder_->logits(behind));
    }
  }

  void draw_some(std::span<const DeviceQuestion> questions, std::size_t first, const Over& over) {
    const Beginnings beginnings = begin(questions);
    std::size_t all = 0;
    for (const DeviceQuestion& question : questions) all += question.request.futures;
    next_question_ = next_future_ = 0;
    make_room(beginnings, std::min(all, together(beginnings)));
    std::vector<std::size_t> free(slots_.size());
    for (std::size_t i = 0; i < free.size(); ++i) free[i] = i;
    for (;;) {
      fill(questions, beginnings, free);
      const auto active = std::count_if(slots_.begin(), slots_.end(),
                                        [](const Slot& slot) { return slot.is_active; });
      if (active == 0) return;
      if (static_cast<std::size_t>(active) * 2 < slots_.size()) close_ranks();
      grow();
      for (std::size_t k = 0; k < kDrawsTogether; ++k) draw_once(k);
      free = look(questions, first, over);
      put_to_rest(free);
    }
  }

  // As many as the memory for their caches and their sums allows.
  std::size_t together(const Beginnings& beginnings) const {
    constexpr std::size_t kCaches = std::size_t{24} << 30, kSums = std::size_t{8} << 30;
    const std::size_t row = shape_.layers * 2 * shape_.width * (type_ == torch::kFloat32 ? 4 : 2);
    const std::size_t by_cache = kCaches / (row * (beginnings.rows + 2 * kMoreRows));
    const std::size_t by_sums =
        kSums / (sizeof(float) * shape_.vocabulary * (beginnings.tells + 4));
    return std::max<std::size_t>(1, std::min({most_together_, by_cache, by_sums}));
  }

  // Fewer at once where the device has not the memory.
  void make_room(const Beginnings& own, std::size_t count) {
    constexpr std::size_t kFew = 16;
    try {
      take_room(own, count);
    } catch (const c10::OutOfMemoryError&) {
      if (count < kFew) throw;
      cache_ = logits_ = may_ = summed_ = waits_ = watch_ = Tensor();
      make_room(own, count / 2);
    }
  }

  void take_room(const Beginnings& own, std::size_t count) {
    const std::int64_t slots = wide(count), ids = wide(shape_.vocabulary);
    slots_.assign(count, {});
    rows_ = own.rows + kMoreRows;
    cache_ = torch::zeros({wide(shape_.layers), slots, wide(rows_), 2 * wide(shape_.width)},
                          options(type_));
    logits_ = torch::zeros({slots, ids}, options(torch::kFloat32));
    may_ = torch::zeros({slots, ids}, options(torch::kBool));
    ages_ = torch::zeros({slots, 2}, options(torch::kFloat64));
    lengths_ = torch::zeros({slots}, options(torch::kInt64));
    most_ = torch::zeros({slots}, options(torch::kInt64));
    active_ = torch::zeros({slots}, options(torch::kBool));
    hazards_ = torch::zeros({slots}, options(torch::kFloat64));
    watch_ = own.watch.defined() ? torch::zeros({slots, ids}, options(torch::kFloat32)) : Tensor();
    tell_by_ = torch::zeros({slots, wide(own.tells)}, options(torch::kFloat64));
    summed_ = waits_ = Tensor();
    if (own.tells > 0) {
      summed_ = torch::zeros({slots, wide(own.tells), ids}, options(torch::kFloat32));
      waits_ = torch::ones({slots, ids}, options(torch::kBool));
    }
  }

  // All that is kept by slot, but the cache.
  std::vector<Tensor*> by_slot() {
    std::vector<Tensor*> all{&logits_, &may_,    &ages_,    &lengths_,
                             &most_,   &active_, &hazards_, &tell_by_};
    for (Tensor* own : {&watch_, &summed_, &waits_})
      if (own->defined()) all.push_back(own);
    return all;
  }

  // The next futures, in the slots that are free.
  void fill(std::span<const DeviceQuestion> questions, const Beginnings& own,
            std::span<const std::size_t> free) {
    std::vector<std::int64_t> slots, from;
    for (const std::size_t place : free) {
      while (next_question_ < questions.size() &&
             next_future_ == questions[next_question_].request.futures)
        ++next_question_, next_future_ = 0;
      if (next_question_ == questions.size()) break;
      slots_[place] = {
          next_question_, next_future_++, questions[next_question_].request.ids.size(), true, {}};
      slots.push_back(wide(place)), from.push_back(wide(next_question_));
    }
    if (slots.empty()) return;
    const Tensor to = moved(slots, {wide(slots.size())}, device_);
    const Tensor of = moved(from, {wide(from.size())}, device_);
    const auto begin = [&](Tensor& at, const Tensor& with) {
      if (at.defined()) at.index_copy_(0, to, with.index_select(0, of));
    };
    cache_.narrow(2, 0, wide(own.rows)).index_copy_(1, to, own.cache.index_select(1, of));
    begin(logits_, own.logits), begin(may_, own.may), begin(ages_, own.ages);
    begin(lengths_, own.lengths), begin(most_, own.most + own.lengths);
    begin(tell_by_, own.tell_by), begin(watch_, own.watch);
    active_.index_fill_(0, to, 1), hazards_.index_fill_(0, to, 0);
    if (summed_.defined()) summed_.index_fill_(0, to, 0), waits_.index_fill_(0, to, 1);
  }

  // What is over draws nothing more, and writes at the beginning of its own room alone.
  void put_to_rest(const std::vector<std::size_t>& free) {
    if (free.empty()) return;
    const std::vector<std::int64_t> slots(free.begin(), free.end());
    const Tensor places = moved(slots, {wide(slots.size())}, device_);
    active_.index_fill_(0, places, 0), lengths_.index_fill_(0, places, 0);
  }

  // Where most slots are empty and nothing is left to fill them: the others move together.
  void close_ranks() {
    std::vector<std::int64_t> kept;
    std::vector<Slot> slots;
    for (std::size_t i = 0; i < slots_.size(); ++i)
      if (slots_[i].is_active) kept.push_back(wide(i)), slots.push_back(std::move(slots_[i]));
    const Tensor places = moved(kept, {wide(kept.size())}, device_);
    for (Tensor* own : by_slot()) *own = own->index_select(0, places);
    cache_ = cache_.index_select(1, places);
    slots_ = std::move(slots);
  }

  // Room for the rows until the next look.
  void grow() {
    longest_ = 0;
    for (const Slot& slot : slots_)
      if (slot.is_active) longest_ = std::max(longest_, slot.rows);
    if (longest_ + kDrawsTogether <= rows_) return;
    const std::size_t rows = rows_ + std::max(rows_ / 2, kMoreRows);
    Tensor larger =
        torch::zeros({cache_.size(0), cache_.size(1), wide(rows), cache_.size(3)}, options(type_));
    larger.narrow(2, 0, wide(rows_)).copy_(cache_);
    cache_ = larger, rows_ = rows;
  }

  // The first of all clocks, and when; then what comes behind it.
  void draw_once(std::size_t k) {
    if (k == 0) {
      drawn_ = torch::empty({wide(kDrawsTogether), wide(slots_.size())}, options(torch::kInt32));
      when_ = torch::empty({wide(kDrawsTogether), wide(slots_.size())}, options(torch::kFloat32));
    }
    const Tensor rates = torch::exp(logits_).mul_(may_);
    const auto [first, id] = torch::empty_like(rates).exponential_().div_(rates).min(1);
    const Tensor wait = first.to(torch::kFloat64), now = ages_.select(1, 0);
    const Tensor left = ages_.select(1, 1) - now, passed = torch::minimum(wait, left);
    sum_up(rates, passed);
    const Tensor comes = active_.logical_and(wait < left);
    const Tensor is_drawn = comes.logical_and(lengths_ < most_);
    const Tensor then = (now + wait).to(torch::kFloat32);
    const Tensor over = torch::where(comes, kCut, kOver);
    drawn_[wide(k)].copy_(torch::where(is_drawn, id, over));
    when_[wide(k)].copy_(then);
    now.copy_(torch::where(is_drawn, then.to(torch::kFloat64), now));
    rules_.ban(id, is_drawn, may_);
    if (waits_.defined()) stop_waiting(id, is_drawn);
    active_.copy_(is_drawn.logical_and(rules_.ends.index_select(0, id).logical_not()));
    follow(id, now.to(torch::kFloat32), longest_ + k + 1);
    lengths_.add_(is_drawn);
  }

  void sum_up(const Tensor& rates, const Tensor& passed) {
    if (watch_.defined())
      hazards_.add_((torch::exp(logits_) * watch_).sum(1).to(torch::kFloat64) * passed * active_);
    if (!summed_.defined()) return;
    const Tensor ends =
        torch::minimum((tell_by_ - ages_.narrow(1, 0, 1)).clamp_min(0), passed.unsqueeze(1));
    const Tensor begins = torch::constant_pad_nd(ends.narrow(1, 0, ends.size(1) - 1), {1, 0});
    const Tensor lengths = ((ends - begins).clamp_min(0) * active_.unsqueeze(1));
    summed_.addcmul_((rates * waits_).unsqueeze(1), lengths.to(torch::kFloat32).unsqueeze(2));
  }

  // What came is not waited for any more, whether or not it may come again.
  void stop_waiting(const Tensor& id, const Tensor& is_drawn) {
    const Tensor own = rules_.kin.defined()
                           ? rules_.kin
                           : torch::arange(wide(shape_.vocabulary), options(torch::kInt32));
    const Tensor same = own.unsqueeze(0) == own.index_select(0, id).unsqueeze(1);
    waits_.logical_and_(same.logical_and(is_drawn.unsqueeze(1)).logical_not());
  }

  // Rates behind one further event of each. Of all heads at once: a query of as many rows as there
  // are heads, each with its own share of the width and zeros beside, so that keys are read once.
  void follow(const Tensor& ids, const Tensor& days, std::size_t rows) {
    constexpr std::int64_t kWhole = 16;
    const std::int64_t slots = wide(slots_.size()), width = wide(shape_.width);
    const std::int64_t heads = wide(shape_.heads), part = width / heads;
    const std::int64_t used = std::min((wide(rows) + kWhole - 1) / kWhole * kWhole, wide(rows_));
    const Tensor places = torch::arange(slots, options(torch::kInt64)) * wide(rows_) + lengths_;
    const Tensor seen = torch::arange(used, options(torch::kInt64)) <= lengths_.unsqueeze(1);
    const Tensor mask =
        torch::zeros({slots, 1, used}, options(type_))
            .masked_fill_(seen.logical_not().unsqueeze(1), -std::numeric_limits<double>::infinity())
            .expand({slots, heads, used});
    const double scale = 1 / std::sqrt(static_cast<double>(part));
    const Tensor normal =
        decoder_->forward(ids, days, 0, [&](std::size_t layer, const Tensor& qkv) {
          const Tensor own = cache_.select(0, wide(layer));
          Tensor(own.view({slots * wide(rows_), 2 * width}))
              .index_copy_(0, places, qkv.narrow(1, width, 2 * width));
          const Tensor keys = own.narrow(1, 0, used).narrow(2, 0, width);
          const Tensor values = own.narrow(1, 0, used).narrow(2, width, width);
          const Tensor query = (qkv.narrow(1, 0, width).view({slots, heads, 1, part}) * heads_)
                                   .view({slots, heads, width});
          const Tensor scores = torch::baddbmm(mask, query, keys.transpose(1, 2), 1, scale);
          return torch::bmm(torch::softmax(scores, -1), values)
              .view({slots, heads, heads, part})
              .diagonal(0, 1, 2)
              .transpose(1, 2)
              .reshape({slots, width});
        });
    logits_ = decoder_->logits(normal);
  }

  // What was drawn since the last look; returns the slots whose futures are over, which are told.
  std::vector<std::size_t> look(std::span<const DeviceQuestion> questions, std::size_t first,
                                const Over& over) {
    const Tensor drawn = drawn_.cpu(), when = when_.cpu(), hazards = hazards_.cpu();
    const std::size_t count = slots_.size();
    const auto* ids = drawn.data_ptr<std::int32_t>();
    const auto* days = when.data_ptr<float>();
    std::vector<std::size_t> free;
    std::vector<std::int64_t> told;
    for (std::size_t i = 0; i < count; ++i) {
      Slot& slot = slots_[i];
      if (!slot.is_active) {
        free.push_back(i);
        continue;
      }
      for (std::size_t k = 0; k < kDrawsTogether && slot.is_active; ++k) {
        const std::int32_t id = ids[k * count + i];
        if (id < 0) {
          slot.future.is_cut = id == kCut, slot.is_active = false;
          break;
        }
        slot.future.ids.push_back(id), slot.future.days.push_back(days[k * count + i]);
        ++slot.rows;
        if (ends_[static_cast<std::size_t>(id)] ||
            questions[slot.question].request.is_over(id, slot.future.days.back()))
          slot.is_active = false;
      }
      if (slot.is_active) continue;
      free.push_back(i), told.push_back(wide(i));
      slot.future.hazard = hazards.data_ptr<double>()[i];
    }
    Tensor summed;
    if (summed_.defined() && !told.empty())
      summed = summed_.index_select(0, moved(told, {wide(told.size())}, device_)).cpu();
    for (std::size_t i = 0; i < told.size(); ++i) {
      Slot& slot = slots_[static_cast<std::size_t>(told[i])];
      over(first + slot.question, slot.number, std::move(slot.future),
           summed.defined() ? summed.data_ptr<float>() + wide(i) * summed_[0].numel() : nullptr);
    }
    return free;
  }

  DelphiShape shape_;
  torch::Device device_;
  torch::Dtype type_;
  std::vector<std::uint8_t> ends_;
  DeviceRules rules_;
  std::optional<TorchDecoder> decoder_;
  Tensor heads_;  // 1 where a head meets itself
  std::size_t most_together_ = 16384;

  std::vector<Slot> slots_;
  std::size_t next_question_ = 0, next_future_ = 0;
  std::size_t rows_ = 0, longest_ = 0;  // room of the cache; of the longest that is active
  // By slot, as Beginnings; lengths count the rows in the cache, most_ is the most of them.
  Tensor cache_, logits_, may_, watch_, ages_, tell_by_, lengths_, most_, active_, hazards_;
  Tensor summed_, waits_;  // where something is told of
  Tensor drawn_, when_;    // since the last look
};

}  // namespace
}  // namespace cangong

extern "C" void cangong_device_futures(const cangong::DeviceDecoder& decoder,
                                       std::unique_ptr<cangong::DeviceFutures>& futures) {
  cangong::told_of_torch("drawing futures",
                         [&] { futures = std::make_unique<cangong::TorchFutures>(decoder); });
}
