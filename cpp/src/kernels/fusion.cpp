#include "fusion.hpp"

#include <cstring>

#include "simd.hpp"

namespace stcorner::kernels::STC_ISA {
namespace {

// A tile is kRows x (kVectors vectors): its sums, the vectors of one pair of coordinates and one broadcast
// pair fit the registers.
#if STC_VECTOR_BYTES == 64
constexpr Index kVectors = 2, kRows = 8;
#elif STC_VECTOR_BYTES == 32
constexpr Index kVectors = 2, kRows = 4;
#elif STC_VECTOR_BYTES == 16 && !defined(__aarch64__)
constexpr Index kVectors = 4, kRows = 2;
#else
constexpr Index kVectors = 16 / I32::size, kRows = 4;
#endif
constexpr Index kWidth = kVectors * I32::size;

struct Tile {
  I32 sums[kRows][kVectors];
};

/// Pairs of 16-bit values, as many as there are lanes; the first of them in every lane.
STC_INLINE I32 load_pairs(const std::int16_t* p) noexcept {
  I32 pairs;
  std::memcpy(&pairs.v, p, sizeof pairs.v);
  return pairs;
}
STC_INLINE I32 broadcast_pair(const std::int16_t* p) noexcept {
  std::int32_t both;
  std::memcpy(&both, p, sizeof both);
  return broadcast(both);
}

STC_INLINE void accumulate(Tile& tile, const std::int16_t* a, const std::int16_t* b, Index begin, Index end) noexcept {
  for (Index k = begin; k < end; ++k) {
    I32 column[kVectors];
    STC_UNROLL for (Index v = 0; v < kVectors; ++v) column[v] = load_pairs(b + 2 * (k * kWidth + v * I32::size));
    STC_UNROLL for (Index r = 0; r < kRows; ++r) {
      const I32 row = broadcast_pair(a + 2 * (k * kWidth + r));
      STC_UNROLL for (Index v = 0; v < kVectors; ++v) tile.sums[r][v] = add_products(tile.sums[r][v], row, column[v]);
    }
  }
}

/// The halves and limits of two panels at one stage, `a` from the tile's first row on.
struct Edges {
  const std::int32_t *half_a, *half_b, *limit_a, *limit_b;
};

/// Lanes where the bound, both halves less the product, is below the larger limit.
STC_INLINE unsigned within(const Edges& e, const Tile& tile, Index r, Index v) noexcept {
  const I32 half = broadcast(e.half_a[r]) + load(e.half_b + v * I32::size);
  const I32 limit = max(broadcast(e.limit_a[r]), load(e.limit_b + v * I32::size));
  return greater_mask(tile.sums[r][v], half - limit);
}

STC_INLINE bool any_within(const Tile& tile, const Edges& edges) noexcept {
  unsigned any = 0;
  STC_UNROLL for (Index v = 0; v < kVectors; ++v) STC_UNROLL for (Index r = 0; r < kRows; ++r) any |=
      within(edges, tile, r, v);
  return any != 0;
}

STC_INLINE Hit* emit(const Tile& tile, const Edges& edges, std::int32_t first_row, Hit* out) noexcept {
  for (Index r = 0; r < kRows; ++r) {
    for (Index v = 0; v < kVectors; ++v) {
      unsigned mask = within(edges, tile, r, v);
      if (mask == 0) continue;
      std::int32_t bounds[I32::size];
      store(bounds, broadcast(edges.half_a[r]) + load(edges.half_b + v * I32::size) - tile.sums[r][v]);
      for (Index l = 0; mask != 0; ++l, mask >>= 1)
        if (mask & 1u)
          *out++ = {bounds[l], first_row + static_cast<std::int32_t>(r), static_cast<std::int32_t>(v * I32::size + l)};
    }
  }
  return out;
}

Index scan(const Panel& a, const Panel& b, const std::int32_t* stage_ends, Index n_stages, Hit* hits) noexcept {
  Hit* out = hits;
  for (Index row = 0; row < kWidth; row += kRows) {
    Tile tile;
    STC_UNROLL for (Index r = 0; r < kRows; ++r) STC_UNROLL for (Index v = 0; v < kVectors; ++v) tile.sums[r][v] =
        broadcast(std::int32_t{0});
    Edges edges{a.halves + row, b.halves, a.limits + row, b.limits};
    Index done = 0;
    bool alive = true;
    for (Index stage = 0; alive && stage < n_stages; ++stage) {
      edges.half_a = a.halves + stage * kWidth + row;
      edges.half_b = b.halves + stage * kWidth;
      accumulate(tile, a.values + 2 * row, b.values, done, stage_ends[stage]);
      done = stage_ends[stage];
      alive = any_within(tile, edges);
    }
    if (alive) out = emit(tile, edges, static_cast<std::int32_t>(row), out);
  }
  return out - hits;
}

void quantise(const float* x, Index n, float factor, std::int16_t* out) noexcept {
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: the last bit of a sum with it is a unit
  for (Index k = 0; k < n; ++k)
    out[k] = static_cast<std::int16_t>(static_cast<std::int32_t>((x[k] * factor + kRound) - kRound));
}

STC_INLINE F64 load_wide(const double* p) noexcept { return load(p); }
STC_INLINE F64 load_wide(const float* p) noexcept {
#if STC_VECTOR_BYTES == 64
  return {_mm512_cvtps_pd(_mm256_loadu_ps(p))};
#elif STC_VECTOR_BYTES == 32  // gcc would convert half a vector at a time
  return {_mm256_cvtps_pd(_mm_loadu_ps(p))};
#else
  F64 wide;
  STC_UNROLL
  for (int i = 0; i < static_cast<int>(F64::size); ++i) wide.v[i] = static_cast<double>(p[i]);
  return wide;
#endif
}

// Eight sums on every instruction set, so that all add in one order; nothing is fused here (see CMakeLists.txt).
struct Sums {
  F64 parts[8 / F64::size];

  template <class T>
  STC_FORCED void add(const T* a, const T* b) noexcept {
    STC_UNROLL
    for (Index i = 0; i < 8 / F64::size; ++i) {
      const F64 difference = load_wide(a + i * F64::size) - load_wide(b + i * F64::size);
      parts[i] = parts[i] + difference * difference;
    }
  }
};

template <class T>
STC_INLINE double distance(const T* a, const T* b, Index n) noexcept {
  Sums sums{};
  Index k = 0;
  for (; k + 8 <= n; k += 8) sums.add(a + k, b + k);
  if (k < n) {
    T rest_a[8] = {}, rest_b[8] = {};
    for (Index l = 0; k + l < n; ++l) {
      rest_a[l] = a[k + l];
      rest_b[l] = b[k + l];
    }
    sums.add(rest_a, rest_b);
  }
  double s[8];
  std::memcpy(s, sums.parts, sizeof s);
  return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

double distance_float(const float* a, const float* b, Index n) noexcept { return distance(a, b, n); }
double distance_double(const double* a, const double* b, Index n) noexcept { return distance(a, b, n); }

}  // namespace

const FusionTable& fusion_table() noexcept {
  static constexpr FusionTable kTable{STC_STRING(STC_ISA), kWidth, &scan, &quantise, &distance_float, &distance_double};
  return kTable;
}

}  // namespace stcorner::kernels::STC_ISA
