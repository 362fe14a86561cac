#pragma once
// Vectors of 32-bit integers, which are also pairs of 16-bit ones; as simd.hpp, for all instruction sets.
#include <cstdint>
#include <cstring>

#include "simd.hpp"

namespace stcorner::kernels::STC_ISA {

#if defined(__AVX512F__)
struct I32 {
  static constexpr std::ptrdiff_t size = 16;
  __m512i v;
};
STC_INLINE I32 load_integers(const void* p) noexcept { return {_mm512_loadu_si512(p)}; }
STC_INLINE void store_integers(std::int32_t* p, I32 a) noexcept { _mm512_storeu_si512(p, a.v); }
STC_INLINE I32 all(std::int32_t x) noexcept { return {_mm512_set1_epi32(x)}; }
STC_INLINE I32 operator+(I32 a, I32 b) noexcept { return {_mm512_add_epi32(a.v, b.v)}; }
STC_INLINE I32 operator-(I32 a, I32 b) noexcept { return {_mm512_sub_epi32(a.v, b.v)}; }
STC_INLINE I32 max(I32 a, I32 b) noexcept { return {_mm512_max_epi32(a.v, b.v)}; }
/// Bit l is set where a > b in lane l.
STC_INLINE unsigned above(I32 a, I32 b) noexcept { return _mm512_cmpgt_epi32_mask(a.v, b.v); }
/// sums + a0 * b0 + a1 * b1 of the pairs in every lane.
STC_INLINE I32 add_products(I32 sums, I32 a, I32 b) noexcept {
  return {_mm512_add_epi32(sums.v, _mm512_madd_epi16(a.v, b.v))};
}
#elif defined(__AVX2__)
struct I32 {
  static constexpr std::ptrdiff_t size = 8;
  __m256i v;
};
STC_INLINE I32 load_integers(const void* p) noexcept { return {_mm256_loadu_si256(static_cast<const __m256i*>(p))}; }
STC_INLINE void store_integers(std::int32_t* p, I32 a) noexcept {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.v);
}
STC_INLINE I32 all(std::int32_t x) noexcept { return {_mm256_set1_epi32(x)}; }
STC_INLINE I32 operator+(I32 a, I32 b) noexcept { return {_mm256_add_epi32(a.v, b.v)}; }
STC_INLINE I32 operator-(I32 a, I32 b) noexcept { return {_mm256_sub_epi32(a.v, b.v)}; }
STC_INLINE I32 max(I32 a, I32 b) noexcept { return {_mm256_max_epi32(a.v, b.v)}; }
STC_INLINE unsigned above(I32 a, I32 b) noexcept {
  return static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(a.v, b.v))));
}
STC_INLINE I32 add_products(I32 sums, I32 a, I32 b) noexcept {
  return {_mm256_add_epi32(sums.v, _mm256_madd_epi16(a.v, b.v))};
}
#elif defined(__SSE2__) || defined(_M_X64)
struct I32 {
  static constexpr std::ptrdiff_t size = 4;
  __m128i v;
};
STC_INLINE I32 load_integers(const void* p) noexcept { return {_mm_loadu_si128(static_cast<const __m128i*>(p))}; }
STC_INLINE void store_integers(std::int32_t* p, I32 a) noexcept {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), a.v);
}
STC_INLINE I32 all(std::int32_t x) noexcept { return {_mm_set1_epi32(x)}; }
STC_INLINE I32 operator+(I32 a, I32 b) noexcept { return {_mm_add_epi32(a.v, b.v)}; }
STC_INLINE I32 operator-(I32 a, I32 b) noexcept { return {_mm_sub_epi32(a.v, b.v)}; }
STC_INLINE I32 max(I32 a, I32 b) noexcept {
  const __m128i greater = _mm_cmpgt_epi32(a.v, b.v);
  return {_mm_or_si128(_mm_and_si128(greater, a.v), _mm_andnot_si128(greater, b.v))};
}
STC_INLINE unsigned above(I32 a, I32 b) noexcept {
  return static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpgt_epi32(a.v, b.v))));
}
STC_INLINE I32 add_products(I32 sums, I32 a, I32 b) noexcept {
  return {_mm_add_epi32(sums.v, _mm_madd_epi16(a.v, b.v))};
}
#elif defined(__ARM_NEON)
struct I32 {
  static constexpr std::ptrdiff_t size = 4;
  int32x4_t v;
};
STC_INLINE I32 load_integers(const void* p) noexcept {
  return {vreinterpretq_s32_u8(vld1q_u8(static_cast<const std::uint8_t*>(p)))};
}
STC_INLINE void store_integers(std::int32_t* p, I32 a) noexcept { vst1q_s32(p, a.v); }
STC_INLINE I32 all(std::int32_t x) noexcept { return {vdupq_n_s32(x)}; }
STC_INLINE I32 operator+(I32 a, I32 b) noexcept { return {vaddq_s32(a.v, b.v)}; }
STC_INLINE I32 operator-(I32 a, I32 b) noexcept { return {vsubq_s32(a.v, b.v)}; }
STC_INLINE I32 max(I32 a, I32 b) noexcept { return {vmaxq_s32(a.v, b.v)}; }
STC_INLINE unsigned above(I32 a, I32 b) noexcept {
  const uint32x4_t bits = {1, 2, 4, 8};
  return vaddvq_u32(vandq_u32(vcgtq_s32(a.v, b.v), bits));
}
STC_INLINE I32 add_products(I32 sums, I32 a, I32 b) noexcept {
  const int16x8_t x = vreinterpretq_s16_s32(a.v), y = vreinterpretq_s16_s32(b.v);
  const int32x4_t low = vmull_s16(vget_low_s16(x), vget_low_s16(y)), high = vmull_high_s16(x, y);
  return {vaddq_s32(sums.v, vpaddq_s32(low, high))};
}
#else
struct I32 {
  static constexpr std::ptrdiff_t size = 1;
  std::int32_t v;
};
STC_INLINE I32 load_integers(const void* p) noexcept {
  I32 a;
  std::memcpy(&a.v, p, sizeof a.v);
  return a;
}
STC_INLINE void store_integers(std::int32_t* p, I32 a) noexcept { *p = a.v; }
STC_INLINE I32 all(std::int32_t x) noexcept { return {x}; }
STC_INLINE I32 operator+(I32 a, I32 b) noexcept { return {a.v + b.v}; }
STC_INLINE I32 operator-(I32 a, I32 b) noexcept { return {a.v - b.v}; }
STC_INLINE I32 max(I32 a, I32 b) noexcept { return {a.v > b.v ? a.v : b.v}; }
STC_INLINE unsigned above(I32 a, I32 b) noexcept { return a.v > b.v ? 1u : 0u; }
STC_INLINE I32 add_products(I32 sums, I32 a, I32 b) noexcept {
  std::int16_t x[2], y[2];
  std::memcpy(x, &a.v, sizeof x);
  std::memcpy(y, &b.v, sizeof y);
  return {sums.v + x[0] * y[0] + x[1] * y[1]};
}
#endif

}  // namespace stcorner::kernels::STC_ISA
