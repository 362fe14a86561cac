#include "fusion.hpp"

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

// A tile is kRows x (kVectors vectors): its sums, the vectors of one coordinate and one broadcast
// value fill the registers (32 of AVX-512 and NEON, 16 of AVX2 and SSE2) without spilling.
#if defined(__AVX512F__)
constexpr std::ptrdiff_t kVectors = 2, kRows = 8;
#else
constexpr std::ptrdiff_t kVectors = 3, kRows = 4;
#endif
constexpr std::ptrdiff_t kWidth = kVectors * F32::size;

/// Bit l is set where a[l] >= b[l]; false for NaN.
STC_INLINE unsigned at_least(F32 a, F32 b) noexcept {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ);
#elif defined(__AVX2__)
  return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(a.v, b.v, _CMP_GE_OQ)));
#elif defined(__SSE2__) || defined(_M_X64)
  return static_cast<unsigned>(_mm_movemask_ps(_mm_cmpge_ps(a.v, b.v)));
#elif defined(__ARM_NEON)
  const uint32x4_t bits = {1, 2, 4, 8};
  const uint32x4_t set = vandq_u32(vcgeq_f32(a.v, b.v), bits);
  return vgetq_lane_u32(set, 0) | vgetq_lane_u32(set, 1) | vgetq_lane_u32(set, 2) | vgetq_lane_u32(set, 3);
#else
  return a.v >= b.v ? 1u : 0u;
#endif
}

struct Tile {
  F32 sums[kRows][kVectors];
};

/// What the product of two rows must reach for their halved squared distance, half_a + half_b - product,
/// to be within the larger of both limits.
STC_INLINE F32 needed(F32 half_a, F32 half_b, F32 limit_a, F32 limit_b) noexcept {
  return (half_a + half_b) - max(limit_a, limit_b);
}

STC_INLINE void accumulate(Tile& tile, const float* a, const float* b, std::ptrdiff_t begin,
                           std::ptrdiff_t end) noexcept {
  for (std::ptrdiff_t k = begin; k < end; ++k) {
    F32 column[kVectors];
    STC_UNROLL for (std::ptrdiff_t v = 0; v < kVectors; ++v) column[v] = load(b + k * kWidth + v * F32::size);
    STC_UNROLL for (std::ptrdiff_t r = 0; r < kRows; ++r) {
      const F32 row = broadcast(a[k * kWidth + r]);
      STC_UNROLL for (std::ptrdiff_t v = 0; v < kVectors; ++v) tile.sums[r][v] = fma(row, column[v], tile.sums[r][v]);
    }
  }
}

STC_INLINE bool any_within(const Tile& tile, const float* half_a, const float* half_b, const float* limit_a,
                           const float* limit_b) noexcept {
  unsigned any = 0;
  STC_UNROLL for (std::ptrdiff_t v = 0; v < kVectors; ++v) {
    const F32 half = load(half_b + v * F32::size), limit = load(limit_b + v * F32::size);
    STC_UNROLL for (std::ptrdiff_t r = 0; r < kRows; ++r) any |=
        at_least(tile.sums[r][v], needed(broadcast(half_a[r]), half, broadcast(limit_a[r]), limit));
  }
  return any != 0;
}

STC_INLINE Hit* emit(const Tile& tile, const float* half_a, const float* half_b, const float* limit_a,
                     const float* limit_b, std::int32_t first_row, Hit* out) noexcept {
  for (std::ptrdiff_t r = 0; r < kRows; ++r) {
    for (std::ptrdiff_t v = 0; v < kVectors; ++v) {
      const F32 half_sum = broadcast(half_a[r]) + load(half_b + v * F32::size);
      unsigned mask = at_least(tile.sums[r][v], needed(broadcast(half_a[r]), load(half_b + v * F32::size),
                                                       broadcast(limit_a[r]), load(limit_b + v * F32::size)));
      if (mask == 0) continue;
      float bounds[F32::size];
      store(bounds, half_sum - tile.sums[r][v]);
      for (std::ptrdiff_t l = 0; mask != 0; ++l, mask >>= 1)
        if (mask & 1u)
          *out++ = {bounds[l], first_row + static_cast<std::int32_t>(r), static_cast<std::int32_t>(v * F32::size + l)};
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
        tile.sums[r][v] = broadcast(0.0F);
    std::ptrdiff_t done = 0, stage = 0;
    bool alive = true;
    for (; alive && stage < n_stages; ++stage) {
      accumulate(tile, a.values + row, b.values, done, stage_ends[stage]);
      done = stage_ends[stage];
      alive = any_within(tile, a.half_norms + stage * kWidth + row, b.half_norms + stage * kWidth, a.limits + row,
                         b.limits);
    }
    if (alive)
      out = emit(tile, a.half_norms + (n_stages - 1) * kWidth + row, b.half_norms + (n_stages - 1) * kWidth,
                 a.limits + row, b.limits, static_cast<std::int32_t>(row), out);
  }
  return out - hits;
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
  __m512d square = _mm512_mul_pd(difference, difference);
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
  __m256d square = _mm256_mul_pd(difference, difference);
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
  static constexpr FusionTable table{STC_STRING(STC_ISA), kWidth, &scan, &distance_float, &distance_double};
  return table;
}

}  // namespace stcorner::kernels::STC_ISA
