#pragma once
// One float32 and one float64 vector type for all instruction sets. Everything here is forced inline and lives in the
// namespace of the set being compiled, so no weak symbol with wide instructions can reach the baseline.
#include <cstddef>

#if defined(__AVX512F__) || defined(__AVX2__) || defined(__SSE2__) || defined(_M_X64)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#ifdef _MSC_VER
#define STC_INLINE static __forceinline
#define STC_RESTRICT __restrict
#else
#define STC_INLINE static inline __attribute__((always_inline))
#define STC_RESTRICT __restrict__
#endif

namespace stcorner::kernels::STC_ISA {

#if defined(__AVX512F__)
struct F32 {
  static constexpr std::ptrdiff_t size = 16;
  __m512 v;
};
STC_INLINE F32 load(const float* p) noexcept { return {_mm512_loadu_ps(p)}; }
STC_INLINE void store(float* p, F32 a) noexcept { _mm512_storeu_ps(p, a.v); }
STC_INLINE F32 broadcast(float x) noexcept { return {_mm512_set1_ps(x)}; }
STC_INLINE F32 operator+(F32 a, F32 b) noexcept { return {_mm512_add_ps(a.v, b.v)}; }
STC_INLINE F32 operator-(F32 a, F32 b) noexcept { return {_mm512_sub_ps(a.v, b.v)}; }
STC_INLINE F32 operator*(F32 a, F32 b) noexcept { return {_mm512_mul_ps(a.v, b.v)}; }
STC_INLINE F32 operator/(F32 a, F32 b) noexcept { return {_mm512_div_ps(a.v, b.v)}; }
STC_INLINE F32 max(F32 a, F32 b) noexcept { return {_mm512_max_ps(a.v, b.v)}; }
STC_INLINE F32 min(F32 a, F32 b) noexcept { return {_mm512_min_ps(a.v, b.v)}; }
/// a * b + c
STC_INLINE F32 fma(F32 a, F32 b, F32 c) noexcept { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
/// Bit i is set where a > b in lane i.
STC_INLINE unsigned greater_mask(F32 a, F32 b) noexcept {
  return static_cast<unsigned>(_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ));
}
#elif defined(__AVX2__)
struct F32 {
  static constexpr std::ptrdiff_t size = 8;
  __m256 v;
};
STC_INLINE F32 load(const float* p) noexcept { return {_mm256_loadu_ps(p)}; }
STC_INLINE void store(float* p, F32 a) noexcept { _mm256_storeu_ps(p, a.v); }
STC_INLINE F32 broadcast(float x) noexcept { return {_mm256_set1_ps(x)}; }
STC_INLINE F32 operator+(F32 a, F32 b) noexcept { return {_mm256_add_ps(a.v, b.v)}; }
STC_INLINE F32 operator-(F32 a, F32 b) noexcept { return {_mm256_sub_ps(a.v, b.v)}; }
STC_INLINE F32 operator*(F32 a, F32 b) noexcept { return {_mm256_mul_ps(a.v, b.v)}; }
STC_INLINE F32 operator/(F32 a, F32 b) noexcept { return {_mm256_div_ps(a.v, b.v)}; }
STC_INLINE F32 max(F32 a, F32 b) noexcept { return {_mm256_max_ps(a.v, b.v)}; }
STC_INLINE F32 min(F32 a, F32 b) noexcept { return {_mm256_min_ps(a.v, b.v)}; }
STC_INLINE F32 fma(F32 a, F32 b, F32 c) noexcept { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
STC_INLINE unsigned greater_mask(F32 a, F32 b) noexcept {
  return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ)));
}
#elif defined(__SSE2__) || defined(_M_X64)
struct F32 {
  static constexpr std::ptrdiff_t size = 4;
  __m128 v;
};
STC_INLINE F32 load(const float* p) noexcept { return {_mm_loadu_ps(p)}; }
STC_INLINE void store(float* p, F32 a) noexcept { _mm_storeu_ps(p, a.v); }
STC_INLINE F32 broadcast(float x) noexcept { return {_mm_set1_ps(x)}; }
STC_INLINE F32 operator+(F32 a, F32 b) noexcept { return {_mm_add_ps(a.v, b.v)}; }
STC_INLINE F32 operator-(F32 a, F32 b) noexcept { return {_mm_sub_ps(a.v, b.v)}; }
STC_INLINE F32 operator*(F32 a, F32 b) noexcept { return {_mm_mul_ps(a.v, b.v)}; }
STC_INLINE F32 operator/(F32 a, F32 b) noexcept { return {_mm_div_ps(a.v, b.v)}; }
STC_INLINE F32 max(F32 a, F32 b) noexcept { return {_mm_max_ps(a.v, b.v)}; }
STC_INLINE F32 min(F32 a, F32 b) noexcept { return {_mm_min_ps(a.v, b.v)}; }
STC_INLINE F32 fma(F32 a, F32 b, F32 c) noexcept { return {_mm_add_ps(_mm_mul_ps(a.v, b.v), c.v)}; }
STC_INLINE unsigned greater_mask(F32 a, F32 b) noexcept {
  return static_cast<unsigned>(_mm_movemask_ps(_mm_cmpgt_ps(a.v, b.v)));
}
#elif defined(__ARM_NEON)
struct F32 {
  static constexpr std::ptrdiff_t size = 4;
  float32x4_t v;
};
STC_INLINE F32 load(const float* p) noexcept { return {vld1q_f32(p)}; }
STC_INLINE void store(float* p, F32 a) noexcept { vst1q_f32(p, a.v); }
STC_INLINE F32 broadcast(float x) noexcept { return {vdupq_n_f32(x)}; }
STC_INLINE F32 operator+(F32 a, F32 b) noexcept { return {vaddq_f32(a.v, b.v)}; }
STC_INLINE F32 operator-(F32 a, F32 b) noexcept { return {vsubq_f32(a.v, b.v)}; }
STC_INLINE F32 operator*(F32 a, F32 b) noexcept { return {vmulq_f32(a.v, b.v)}; }
STC_INLINE F32 operator/(F32 a, F32 b) noexcept { return {vdivq_f32(a.v, b.v)}; }
STC_INLINE F32 max(F32 a, F32 b) noexcept { return {vmaxq_f32(a.v, b.v)}; }
STC_INLINE F32 min(F32 a, F32 b) noexcept { return {vminq_f32(a.v, b.v)}; }
STC_INLINE F32 fma(F32 a, F32 b, F32 c) noexcept { return {vfmaq_f32(c.v, a.v, b.v)}; }
STC_INLINE unsigned greater_mask(F32 a, F32 b) noexcept {
  const uint32_t bits[4] = {1, 2, 4, 8};
  return vaddvq_u32(vandq_u32(vcgtq_f32(a.v, b.v), vld1q_u32(bits)));
}
#else
struct F32 {
  static constexpr std::ptrdiff_t size = 1;
  float v;
};
STC_INLINE F32 load(const float* p) noexcept { return {*p}; }
STC_INLINE void store(float* p, F32 a) noexcept { *p = a.v; }
STC_INLINE F32 broadcast(float x) noexcept { return {x}; }
STC_INLINE F32 operator+(F32 a, F32 b) noexcept { return {a.v + b.v}; }
STC_INLINE F32 operator-(F32 a, F32 b) noexcept { return {a.v - b.v}; }
STC_INLINE F32 operator*(F32 a, F32 b) noexcept { return {a.v * b.v}; }
STC_INLINE F32 operator/(F32 a, F32 b) noexcept { return {a.v / b.v}; }
STC_INLINE F32 max(F32 a, F32 b) noexcept { return {a.v > b.v ? a.v : b.v}; }
STC_INLINE F32 min(F32 a, F32 b) noexcept { return {a.v < b.v ? a.v : b.v}; }
STC_INLINE F32 fma(F32 a, F32 b, F32 c) noexcept { return {a.v * b.v + c.v}; }
STC_INLINE unsigned greater_mask(F32 a, F32 b) noexcept { return a.v > b.v ? 1u : 0u; }
#endif

/// Hide where a value came from: gcc would otherwise load it from memory again at every use.
STC_INLINE void keep(F32& a) noexcept {
#if defined(__GNUC__) && (defined(__AVX512F__) || defined(__AVX2__) || defined(__SSE2__))
  __asm__("" : "+v"(a.v));
#elif defined(__GNUC__) && defined(__ARM_NEON)
  __asm__("" : "+w"(a.v));
#else
  (void)a;
#endif
}

STC_INLINE void prefetch(const void* p) noexcept {
#ifdef __GNUC__
  __builtin_prefetch(p, 0, 2);
#else
  (void)p;
#endif
}

#if defined(__AVX512F__)
/// Transpose F32::size vectors in place: lane j of vector i goes to lane i of vector j.
STC_INLINE void transpose(F32* r) noexcept {
  __m512 a[16], b[16];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    a[2 * i] = _mm512_unpacklo_ps(r[2 * i].v, r[2 * i + 1].v);
    a[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i].v, r[2 * i + 1].v);
  }
  const auto low = [](__m512 x, __m512 y) {
    return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(x), _mm512_castps_pd(y)));
  };
  const auto high = [](__m512 x, __m512 y) {
    return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(x), _mm512_castps_pd(y)));
  };
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {  // b[4 i + j]: column j of every 4 x 4 block of rows 4 i .. 4 i + 3
    b[4 * i] = low(a[4 * i], a[4 * i + 2]);
    b[4 * i + 1] = high(a[4 * i], a[4 * i + 2]);
    b[4 * i + 2] = low(a[4 * i + 1], a[4 * i + 3]);
    b[4 * i + 3] = high(a[4 * i + 1], a[4 * i + 3]);
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {  // the 4 x 4 blocks themselves
    const __m512 p = _mm512_shuffle_f32x4(b[j], b[4 + j], 0x88), q = _mm512_shuffle_f32x4(b[j], b[4 + j], 0xdd);
    const __m512 s = _mm512_shuffle_f32x4(b[8 + j], b[12 + j], 0x88),
                 t = _mm512_shuffle_f32x4(b[8 + j], b[12 + j], 0xdd);
    r[j].v = _mm512_shuffle_f32x4(p, s, 0x88);
    r[8 + j].v = _mm512_shuffle_f32x4(p, s, 0xdd);
    r[4 + j].v = _mm512_shuffle_f32x4(q, t, 0x88);
    r[12 + j].v = _mm512_shuffle_f32x4(q, t, 0xdd);
  }
}
#elif defined(__AVX2__)
STC_INLINE void transpose(F32* r) noexcept {
  __m256 a[8], b[8];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    a[2 * i] = _mm256_unpacklo_ps(r[2 * i].v, r[2 * i + 1].v);
    a[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i].v, r[2 * i + 1].v);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    b[4 * i] = _mm256_shuffle_ps(a[4 * i], a[4 * i + 2], 0x44);
    b[4 * i + 1] = _mm256_shuffle_ps(a[4 * i], a[4 * i + 2], 0xee);
    b[4 * i + 2] = _mm256_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0x44);
    b[4 * i + 3] = _mm256_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    r[j].v = _mm256_permute2f128_ps(b[j], b[4 + j], 0x20);
    r[4 + j].v = _mm256_permute2f128_ps(b[j], b[4 + j], 0x31);
  }
}
#elif defined(__SSE2__) || defined(_M_X64)
STC_INLINE void transpose(F32* r) noexcept { _MM_TRANSPOSE4_PS(r[0].v, r[1].v, r[2].v, r[3].v); }
#elif defined(__ARM_NEON)
STC_INLINE void transpose(F32* r) noexcept {
  const float32x4x2_t a = vtrnq_f32(r[0].v, r[1].v), b = vtrnq_f32(r[2].v, r[3].v);
  r[0].v = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
  r[1].v = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
  r[2].v = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
  r[3].v = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}
#else
STC_INLINE void transpose(F32*) noexcept {}
#endif

#if defined(__AVX512F__)
struct F64 {
  static constexpr std::ptrdiff_t size = 8;
  __m512d v;
};
STC_INLINE F64 load(const double* p) noexcept { return {_mm512_loadu_pd(p)}; }
STC_INLINE void store(double* p, F64 a) noexcept { _mm512_storeu_pd(p, a.v); }
STC_INLINE F64 broadcast(double x) noexcept { return {_mm512_set1_pd(x)}; }
STC_INLINE F64 operator+(F64 a, F64 b) noexcept { return {_mm512_add_pd(a.v, b.v)}; }
STC_INLINE F64 operator-(F64 a, F64 b) noexcept { return {_mm512_sub_pd(a.v, b.v)}; }
STC_INLINE F64 operator*(F64 a, F64 b) noexcept { return {_mm512_mul_pd(a.v, b.v)}; }
STC_INLINE F64 max(F64 a, F64 b) noexcept { return {_mm512_max_pd(a.v, b.v)}; }
STC_INLINE F64 fma(F64 a, F64 b, F64 c) noexcept { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }
#elif defined(__AVX2__)
struct F64 {
  static constexpr std::ptrdiff_t size = 4;
  __m256d v;
};
STC_INLINE F64 load(const double* p) noexcept { return {_mm256_loadu_pd(p)}; }
STC_INLINE void store(double* p, F64 a) noexcept { _mm256_storeu_pd(p, a.v); }
STC_INLINE F64 broadcast(double x) noexcept { return {_mm256_set1_pd(x)}; }
STC_INLINE F64 operator+(F64 a, F64 b) noexcept { return {_mm256_add_pd(a.v, b.v)}; }
STC_INLINE F64 operator-(F64 a, F64 b) noexcept { return {_mm256_sub_pd(a.v, b.v)}; }
STC_INLINE F64 operator*(F64 a, F64 b) noexcept { return {_mm256_mul_pd(a.v, b.v)}; }
STC_INLINE F64 max(F64 a, F64 b) noexcept { return {_mm256_max_pd(a.v, b.v)}; }
STC_INLINE F64 fma(F64 a, F64 b, F64 c) noexcept { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
#elif defined(__SSE2__) || defined(_M_X64)
struct F64 {
  static constexpr std::ptrdiff_t size = 2;
  __m128d v;
};
STC_INLINE F64 load(const double* p) noexcept { return {_mm_loadu_pd(p)}; }
STC_INLINE void store(double* p, F64 a) noexcept { _mm_storeu_pd(p, a.v); }
STC_INLINE F64 broadcast(double x) noexcept { return {_mm_set1_pd(x)}; }
STC_INLINE F64 operator+(F64 a, F64 b) noexcept { return {_mm_add_pd(a.v, b.v)}; }
STC_INLINE F64 operator-(F64 a, F64 b) noexcept { return {_mm_sub_pd(a.v, b.v)}; }
STC_INLINE F64 operator*(F64 a, F64 b) noexcept { return {_mm_mul_pd(a.v, b.v)}; }
STC_INLINE F64 max(F64 a, F64 b) noexcept { return {_mm_max_pd(a.v, b.v)}; }
STC_INLINE F64 fma(F64 a, F64 b, F64 c) noexcept { return {_mm_add_pd(_mm_mul_pd(a.v, b.v), c.v)}; }
#elif defined(__ARM_NEON)
struct F64 {
  static constexpr std::ptrdiff_t size = 2;
  float64x2_t v;
};
STC_INLINE F64 load(const double* p) noexcept { return {vld1q_f64(p)}; }
STC_INLINE void store(double* p, F64 a) noexcept { vst1q_f64(p, a.v); }
STC_INLINE F64 broadcast(double x) noexcept { return {vdupq_n_f64(x)}; }
STC_INLINE F64 operator+(F64 a, F64 b) noexcept { return {vaddq_f64(a.v, b.v)}; }
STC_INLINE F64 operator-(F64 a, F64 b) noexcept { return {vsubq_f64(a.v, b.v)}; }
STC_INLINE F64 operator*(F64 a, F64 b) noexcept { return {vmulq_f64(a.v, b.v)}; }
STC_INLINE F64 max(F64 a, F64 b) noexcept { return {vmaxq_f64(a.v, b.v)}; }
STC_INLINE F64 fma(F64 a, F64 b, F64 c) noexcept { return {vfmaq_f64(c.v, a.v, b.v)}; }
#else
struct F64 {
  static constexpr std::ptrdiff_t size = 1;
  double v;
};
STC_INLINE F64 load(const double* p) noexcept { return {*p}; }
STC_INLINE void store(double* p, F64 a) noexcept { *p = a.v; }
STC_INLINE F64 broadcast(double x) noexcept { return {x}; }
STC_INLINE F64 operator+(F64 a, F64 b) noexcept { return {a.v + b.v}; }
STC_INLINE F64 operator-(F64 a, F64 b) noexcept { return {a.v - b.v}; }
STC_INLINE F64 operator*(F64 a, F64 b) noexcept { return {a.v * b.v}; }
STC_INLINE F64 max(F64 a, F64 b) noexcept { return {a.v > b.v ? a.v : b.v}; }
STC_INLINE F64 fma(F64 a, F64 b, F64 c) noexcept { return {a.v * b.v + c.v}; }
#endif

STC_INLINE void transpose(F64* rows) noexcept {
  double values[F64::size][F64::size], column[F64::size];
  for (std::ptrdiff_t i = 0; i < F64::size; ++i) store(values[i], rows[i]);
  for (std::ptrdiff_t j = 0; j < F64::size; ++j) {
    for (std::ptrdiff_t i = 0; i < F64::size; ++i) column[i] = values[i][j];
    rows[j] = load(column);
  }
}

}  // namespace stcorner::kernels::STC_ISA
