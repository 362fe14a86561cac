#include "fusion.hpp"

#include <cstring>

#include "fusion_integers.hpp"
#include "simd.hpp"

#define STC_STRING_(x) #x
#define STC_STRING(x) STC_STRING_(x)

#if defined(__GNUC__) || defined(__clang__)
#define STC_UNROLL _Pragma("GCC unroll 16")
#else
#define STC_UNROLL
#endif

namespace stcorner::kernels::STC_ISA {
namespace {

// A tile is kRows x (kVectors vectors): its sums, the vectors of one pair of coordinates and one broadcast
// pair fit the registers.
#if defined(__AVX512F__)
constexpr std::ptrdiff_t kVectors = 2, kRows = 8;
#elif defined(__AVX2__)
constexpr std::ptrdiff_t kVectors = 2, kRows = 4;
#elif defined(__SSE2__) || defined(_M_X64)
constexpr std::ptrdiff_t kVectors = 4, kRows = 2;
#elif defined(__ARM_NEON)
constexpr std::ptrdiff_t kVectors = 4, kRows = 4;
#else
constexpr std::ptrdiff_t kVectors = 16, kRows = 4;
#endif
constexpr std::ptrdiff_t kWidth = kVectors * I32::size;

struct Tile {
  I32 sums[kRows][kVectors];
};

/// A pair of 16-bit values in every lane.
STC_INLINE I32 broadcast_pair(const std::int16_t* p) noexcept {
  std::int32_t both;
  std::memcpy(&both, p, sizeof both);
  return all(both);
}

STC_INLINE void accumulate(Tile& tile, const std::int16_t* a, const std::int16_t* b, std::ptrdiff_t begin,
                           std::ptrdiff_t end) noexcept {
  for (std::ptrdiff_t k = begin; k < end; ++k) {
    I32 column[kVectors];
    STC_UNROLL for (std::ptrdiff_t v = 0; v < kVectors; ++v) column[v] =
        load_integers(b + 2 * (k * kWidth + v * I32::size));
    STC_UNROLL for (std::ptrdiff_t r = 0; r < kRows; ++r) {
      const I32 row = broadcast_pair(a + 2 * (k * kWidth + r));
      STC_UNROLL for (std::ptrdiff_t v = 0; v < kVectors; ++v) tile.sums[r][v] =
          add_products(tile.sums[r][v], row, column[v]);
    }
  }
}

/// The halves and limits of two panels at one stage, `a` from the tile's first row on.
struct Edges {
  const std::int32_t *half_a, *half_b, *limit_a, *limit_b;
};

/// Lanes where the bound, both halves less the product, is below the larger limit.
STC_INLINE unsigned within(const Edges& e, const Tile& tile, std::ptrdiff_t r, std::ptrdiff_t v) noexcept {
  const I32 half = all(e.half_a[r]) + load_integers(e.half_b + v * I32::size);
  const I32 limit = max(all(e.limit_a[r]), load_integers(e.limit_b + v * I32::size));
  return above(tile.sums[r][v], half - limit);
}

STC_INLINE bool any_within(const Tile& tile, const Edges& edges) noexcept {
  unsigned any = 0;
  STC_UNROLL for (std::ptrdiff_t v = 0; v < kVectors; ++v) STC_UNROLL for (std::ptrdiff_t r = 0; r < kRows; ++r) any |=
      within(edges, tile, r, v);
  return any != 0;
}

STC_INLINE Hit* emit(const Tile& tile, const Edges& edges, std::int32_t first_row, Hit* out) noexcept {
  for (std::ptrdiff_t r = 0; r < kRows; ++r) {
    for (std::ptrdiff_t v = 0; v < kVectors; ++v) {
      unsigned mask = within(edges, tile, r, v);
      if (mask == 0) continue;
      std::int32_t bounds[I32::size];
      store_integers(bounds, all(edges.half_a[r]) + load_integers(edges.half_b + v * I32::size) - tile.sums[r][v]);
      for (std::ptrdiff_t l = 0; mask != 0; ++l, mask >>= 1)
        if (mask & 1u)
          *out++ = {bounds[l], first_row + static_cast<std::int32_t>(r), static_cast<std::int32_t>(v * I32::size + l)};
    }
  }
  return out;
}

std::ptrdiff_t scan(const Panel& a, const Panel& b, const std::int32_t* stage_ends, std::ptrdiff_t n_stages,
                    Hit* hits) noexcept {
  Hit* out = hits;
  for (std::ptrdiff_t row = 0; row < kWidth; row += kRows) {
    Tile tile;
    STC_UNROLL for (std::ptrdiff_t r = 0; r < kRows; ++r) STC_UNROLL for (std::ptrdiff_t v = 0; v < kVectors; ++v)
        tile.sums[r][v] = all(0);
    Edges edges{a.halves + row, b.halves, a.limits + row, b.limits};
    std::ptrdiff_t done = 0;
    bool alive = true;
    for (std::ptrdiff_t stage = 0; alive && stage < n_stages; ++stage) {
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

void quantise(const float* x, std::ptrdiff_t n, float factor, std::int16_t* out) noexcept {
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: the last bit of a sum with it is a unit
  for (std::ptrdiff_t k = 0; k < n; ++k)
    out[k] = static_cast<std::int16_t>(static_cast<std::int32_t>((x[k] * factor + kRound) - kRound));
}

// Eight float64 lanes. The empty asm keeps the compiler from fusing a product with the sum after it.
#if defined(__AVX512F__)
struct Lanes {
  __m512d v;
};
STC_INLINE Lanes load_lanes(const float* p) noexcept { return {_mm512_cvtps_pd(_mm256_loadu_ps(p))}; }
STC_INLINE Lanes load_lanes(const double* p) noexcept { return {_mm512_loadu_pd(p)}; }
STC_INLINE void add_square(Lanes& sums, Lanes a, Lanes b) noexcept {
  const __m512d difference = _mm512_sub_pd(a.v, b.v);
  __m512d square = _mm512_mul_pd(difference, difference);  // NOLINT(misc-const-correctness): asm writes it
#ifndef _MSC_VER
  __asm__("" : "+v"(square));
#endif
  sums.v = _mm512_add_pd(sums.v, square);
}
STC_INLINE void store_lanes(double* p, Lanes a) noexcept { _mm512_storeu_pd(p, a.v); }
#elif defined(__AVX2__)
struct Lanes {
  __m256d low, high;
};
STC_INLINE Lanes load_lanes(const float* p) noexcept {
  return {_mm256_cvtps_pd(_mm_loadu_ps(p)), _mm256_cvtps_pd(_mm_loadu_ps(p + 4))};
}
STC_INLINE Lanes load_lanes(const double* p) noexcept { return {_mm256_loadu_pd(p), _mm256_loadu_pd(p + 4)}; }
STC_INLINE __m256d square_of(__m256d difference) noexcept {
  __m256d square = _mm256_mul_pd(difference, difference);  // NOLINT(misc-const-correctness): asm writes it
#ifndef _MSC_VER
  __asm__("" : "+x"(square));
#endif
  return square;
}
STC_INLINE void add_square(Lanes& sums, Lanes a, Lanes b) noexcept {
  sums.low = _mm256_add_pd(sums.low, square_of(_mm256_sub_pd(a.low, b.low)));
  sums.high = _mm256_add_pd(sums.high, square_of(_mm256_sub_pd(a.high, b.high)));
}
STC_INLINE void store_lanes(double* p, Lanes a) noexcept {
  _mm256_storeu_pd(p, a.low);
  _mm256_storeu_pd(p + 4, a.high);
}
#else
struct Lanes {
  double v[8];
};
template <class T>
STC_INLINE Lanes load_lanes(const T* p) noexcept {
  Lanes lanes;
  for (int l = 0; l < 8; ++l) lanes.v[l] = static_cast<double>(p[l]);
  return lanes;
}
STC_INLINE void add_square(Lanes& sums, const Lanes& a, const Lanes& b) noexcept {
  for (int l = 0; l < 8; ++l) {
    const double difference = a.v[l] - b.v[l];
    sums.v[l] += difference * difference;
  }
}
STC_INLINE void store_lanes(double* p, const Lanes& a) noexcept {
  for (int l = 0; l < 8; ++l) p[l] = a.v[l];
}
#endif

template <class T>
STC_INLINE double distance(const T* a, const T* b, std::ptrdiff_t n) noexcept {
  Lanes sums{};
  std::ptrdiff_t k = 0;
  for (; k + 8 <= n; k += 8) add_square(sums, load_lanes(a + k), load_lanes(b + k));
  if (k < n) {
    T rest_a[8] = {}, rest_b[8] = {};
    for (std::ptrdiff_t l = 0; k + l < n; ++l) {
      rest_a[l] = a[k + l];
      rest_b[l] = b[k + l];
    }
    add_square(sums, load_lanes(rest_a), load_lanes(rest_b));
  }
  double s[8];
  store_lanes(s, sums);
  return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

double distance_float(const float* a, const float* b, std::ptrdiff_t n) noexcept { return distance(a, b, n); }
double distance_double(const double* a, const double* b, std::ptrdiff_t n) noexcept { return distance(a, b, n); }

}  // namespace

const FusionTable& fusion_table() noexcept {
  static constexpr FusionTable kTable{STC_STRING(STC_ISA), kWidth, &scan, &quantise, &distance_float, &distance_double};
  return kTable;
}

}  // namespace stcorner::kernels::STC_ISA
