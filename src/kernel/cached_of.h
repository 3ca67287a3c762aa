// Attention over what was kept, and the drawing of what comes next. Part of kernels_of.h.

// Scores become what the query takes of each row; 0 behind a block's last one. Returns their sum.
inline float share_rows(const CachedAttention& of, float* shares) {
  Vec top = splat(-3e38f), total{};
  float* at = shares;
  for (const auto& block : of.blocks) {
    if (const std::size_t rest = block.rows % kLanes) {
      float* last = at + (block.rows - rest);
      const Ints inside = lane_numbers() < static_cast<std::int32_t>(rest);
      store(last, inside ? load(last) : splat(-3e38f));
    }
    for (std::size_t j = 0; j < block.rows; j += kLanes) {
      const Vec s = load(at + j);
      top = s > top ? s : top;
    }
    at += whole_sixteens(block.rows);
  }
  const float most = largest(top);
  at = shares;
  for (const auto& block : of.blocks) {
    for (std::size_t j = 0; j < block.rows; j += kLanes) {
      const Vec e = exponential(load(at + j) - most);
      store(at + j, e);
      total += e;
    }
    if (block.rows % kPageRows != 0 && block.rows % kPageRows <= kPageRows - kLanes)
      store(at + whole_sixteens(block.rows) - kLanes, Vec{});
    at += whole_sixteens(block.rows);
  }
  return sum(total);
}

// Numbers of a head that are taken at once.
struct HeadPiece {
  std::size_t first, count;
};

constexpr std::size_t kLine = 64 / sizeof(std::uint32_t);
inline void fetch_line(const std::uint32_t* at) {
  asm volatile("prefetcht1 %0" ::"m"(*at));
}

// Rows of a block, at most kStretch: they stay in the first cache while all queries pass by.
struct Stretch {
  std::size_t block, from, rows;
};
constexpr std::size_t kStretch = 256;
template <class Use>
inline void each_stretch(const CachedAttention* all, std::size_t count, const Use& use) {
  for (std::size_t block = 0; block < 2; ++block) {
    std::size_t longest = 0;
    for (std::size_t i = 0; i < count; ++i)
      longest = all[i].blocks[block].rows > longest ? all[i].blocks[block].rows : longest;
    for (std::size_t from = 0; from < longest; from += kStretch)
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t rows = all[i].blocks[block].rows;
        if (from < rows)
          use(i, Stretch{block, from, rows - from < kStretch ? rows - from : kStretch});
      }
  }
}

// Where the shares of a stretch stand.
inline float* shares_of(const CachedAttention& of, const Stretch& stretch) {
  return of.scratch + (stretch.block ? whole_sixteens(of.blocks[0].rows) : 0) + stretch.from;
}

inline void score_piece(const CachedAttention& of, const HeadPiece& piece, const Stretch& stretch,
                        MatrixProduct::Into into) {
  const Vec scale = splat(1 / __builtin_sqrtf(static_cast<float>(of.width / of.heads)));
  alignas(64) float query[16];
  store(query, load(of.query + piece.first) * scale);
  if constexpr (kLanes < 16) store(query + 8, load(of.query + piece.first + 8) * scale);
  const bool halves = of.kept == FloatFormat::bfloat16;
  const Score one = halves ? kPairScores[piece.count / 2 - 1] : kScores[piece.count - 1];
  const auto& block = of.blocks[stretch.block];
  one(block.pages + stretch.from / kPageRows, block.keys + page_words(of.kept, piece.first),
      stretch.rows, query, into, shares_of(of, stretch));
}

inline void mix_piece(const CachedAttention& of, const HeadPiece& piece, const Stretch& stretch,
                      Vec* sums) {
  const bool halves = of.kept == FloatFormat::bfloat16;
  const MixRows one = halves ? kPairMixes[piece.count / 2 - 1] : kMixes[piece.count - 1];
  const auto& block = of.blocks[stretch.block];
  one(block.pages + stretch.from / kPageRows, block.values + page_words(of.kept, piece.first),
      stretch.rows, shares_of(of, stretch), sums);
}

inline void put_piece(const CachedAttention& of, const HeadPiece& piece, float by, Vec* sums,
                      float* out) {
  const bool halves = of.kept == FloatFormat::bfloat16;
  for (std::size_t from = 0; from < piece.count; from += kLanes) {
    const std::size_t left = piece.count - from < kLanes ? piece.count - from : kLanes;
    const Vec all = halves ? sum_eights(sums + from) : sum_each(sums + from);
    store_part(out + piece.first + from, all * by, left);
  }
}

// Asks for the next stretch of a long block while this one is computed, `count` queries sharing the
// pages: they lie too far apart for the processor to see them coming. `offset`: the piece's in
// them.
inline void fetch_next(const CachedAttention& of, const HeadPiece& piece, const Stretch& stretch,
                       std::size_t offset, std::size_t query, std::size_t count) {
  const auto& block = of.blocks[stretch.block];
  if (stretch.block == 1) query = 0, count = 1;  // nobody shares it
  const std::size_t first = (stretch.from + stretch.rows) / kPageRows;
  const std::size_t pages = whole_sixteens(block.rows) / kPageRows;
  const std::size_t last =
      first + kStretch / kPageRows < pages ? first + kStretch / kPageRows : pages;
  const std::size_t words = page_words(of.kept, piece.count);
  for (std::size_t page = first + query; page < last; page += count)
    for (std::size_t at = 0; at < words; at += kLine)
      fetch_line(block.pages[page] + offset + page_words(of.kept, piece.first) + at);
}

// Asks for what comes, some lines at a time: all at once would wait for the memory.
class Fetcher {
 public:
  Fetcher(const Ahead& ahead, std::size_t times)
      : ahead_(ahead), lines_((ahead.count * (ahead.words / kLine) + times - 1) / times) {}
  void some() {
    for (std::size_t i = 0; i < lines_ && piece_ < ahead_.count; ++i) {
      fetch_line(ahead_.pieces[piece_] + at_);
      if ((at_ += kLine) >= ahead_.words) at_ = 0, ++piece_;
    }
  }

 private:
  const Ahead& ahead_;
  std::size_t lines_, piece_ = 0, at_ = 0;
};

// Piece by piece for all rows: what they share is read from memory once, then from the caches.
void attend_cached(const CachedAttention* all, std::size_t count, float* out, std::size_t stride,
                   const Ahead& ahead) {
  const std::size_t heads = all[0].heads, width = all[0].width / heads;
  float by[kMostAttending];
  const std::size_t most = all[0].kept == FloatFormat::bfloat16 ? kPairPiece : kPiece;
  const auto each_piece = [&](std::size_t head, const auto& use) {
    for (std::size_t from = 0; from < width; from += most)
      use(HeadPiece{head * width + from, width - from < most ? width - from : most}, from);
  };
  const std::size_t blocks = (all[0].blocks[0].rows > 0) + (all[0].blocks[1].rows > 0);
  Fetcher fetcher(ahead, 2 * blocks * count * heads * ((width + most - 1) / most));
  for (std::size_t head = 0; head < heads; ++head) {
    each_piece(head, [&](const HeadPiece& piece, std::size_t from) {
      const auto into = from > 0 ? MatrixProduct::Into::add : MatrixProduct::Into::set;
      each_stretch(all, count, [&](std::size_t i, const Stretch& stretch) {
        if (stretch.from == 0) fetcher.some();
        fetch_next(all[i], piece, stretch, all[i].blocks[stretch.block].keys, i, count);
        score_piece(all[i], piece, stretch, into);
      });
    });
    for (std::size_t i = 0; i < count; ++i) by[i] = 1 / share_rows(all[i], all[i].scratch);
    each_piece(head, [&](const HeadPiece& piece, std::size_t) {
      Vec sums[kMostAttending][16];
      for (std::size_t i = 0; i < count; ++i)
        for (Vec& sum : sums[i]) sum = Vec{};
      each_stretch(all, count, [&](std::size_t i, const Stretch& stretch) {
        if (stretch.from == 0) fetcher.some();
        fetch_next(all[i], piece, stretch, all[i].blocks[stretch.block].values, i, count);
        mix_piece(all[i], piece, stretch, sums[i]);
      });
      for (std::size_t i = 0; i < count; ++i)
        put_piece(all[i], piece, by[i], sums[i], out + i * stride);
    });
  }
}

double rates(const float* x, const float* allowed, float* out, std::size_t count) {
  Vec total{};
  each_vector(count, [&](std::size_t i, auto in, auto put) {
    const Vec rate = exponential(in(x + i)) * in(allowed + i);
    put(out + i, rate);
    total += rate;
  });
  return sum(total);
}

std::size_t pick(const float* x, std::size_t count, double target) {
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const double part = sum(load(x + i));
    if (part > target) break;
    target -= part;
  }
  std::size_t last = 0;
  for (; i < count; ++i) {
    if (!(x[i] > 0)) continue;
    last = i;
    if ((target -= x[i]) < 0) return i;
  }
  if (x[last] > 0) return last;
  while (i-- > 0)
    if (x[i] > 0) return i;
  return 0;
}
