#pragma once
// One float32 vector type for all instruction sets. Everything here is forced inline and lives in the
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
struct F32 { static constexpr std::ptrdiff_t size = 16; __m512 v; };
STC_INLINE F32 load(const float* p) noexcept { return {_mm512_loadu_ps(p)}; }
STC_INLINE void store(float* p, F32 a) noexcept { _mm512_storeu_ps(p, a.v); }
STC_INLINE F32 broadcast(float x) noexcept { return {_mm512_set1_ps(x)}; }
STC_INLINE F32 operator+(F32 a, F32 b) noexcept { return {_mm512_add_ps(a.v, b.v)}; }
STC_INLINE F32 operator-(F32 a, F32 b) noexcept { return {_mm512_sub_ps(a.v, b.v)}; }
STC_INLINE F32 operator*(F32 a, F32 b) noexcept { return {_mm512_mul_ps(a.v, b.v)}; }
STC_INLINE F32 max(F32 a, F32 b) noexcept { return {_mm512_max_ps(a.v, b.v)}; }
STC_INLINE F32 min(F32 a, F32 b) noexcept { return {_mm512_min_ps(a.v, b.v)}; }
/// a * b + c
STC_INLINE F32 fma(F32 a, F32 b, F32 c) noexcept { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
#elif defined(__AVX2__)
struct F32 { static constexpr std::ptrdiff_t size = 8; __m256 v; };
STC_INLINE F32 load(const float* p) noexcept { return {_mm256_loadu_ps(p)}; }
STC_INLINE void store(float* p, F32 a) noexcept { _mm256_storeu_ps(p, a.v); }
STC_INLINE F32 broadcast(float x) noexcept { return {_mm256_set1_ps(x)}; }
STC_INLINE F32 operator+(F32 a, F32 b) noexcept { return {_mm256_add_ps(a.v, b.v)}; }
STC_INLINE F32 operator-(F32 a, F32 b) noexcept { return {_mm256_sub_ps(a.v, b.v)}; }
STC_INLINE F32 operator*(F32 a, F32 b) noexcept { return {_mm256_mul_ps(a.v, b.v)}; }
STC_INLINE F32 max(F32 a, F32 b) noexcept { return {_mm256_max_ps(a.v, b.v)}; }
STC_INLINE F32 min(F32 a, F32 b) noexcept { return {_mm256_min_ps(a.v, b.v)}; }
STC_INLINE F32 fma(F32 a, F32 b, F32 c) noexcept { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
#elif defined(__SSE2__) || defined(_M_X64)
struct F32 { static constexpr std::ptrdiff_t size = 4; __m128 v; };
STC_INLINE F32 load(const float* p) noexcept { return {_mm_loadu_ps(p)}; }
STC_INLINE void store(float* p, F32 a) noexcept { _mm_storeu_ps(p, a.v); }
STC_INLINE F32 broadcast(float x) noexcept { return {_mm_set1_ps(x)}; }
STC_INLINE F32 operator+(F32 a, F32 b) noexcept { return {_mm_add_ps(a.v, b.v)}; }
STC_INLINE F32 operator-(F32 a, F32 b) noexcept { return {_mm_sub_ps(a.v, b.v)}; }
STC_INLINE F32 operator*(F32 a, F32 b) noexcept { return {_mm_mul_ps(a.v, b.v)}; }
STC_INLINE F32 max(F32 a, F32 b) noexcept { return {_mm_max_ps(a.v, b.v)}; }
STC_INLINE F32 min(F32 a, F32 b) noexcept { return {_mm_min_ps(a.v, b.v)}; }
STC_INLINE F32 fma(F32 a, F32 b, F32 c) noexcept { return {_mm_add_ps(_mm_mul_ps(a.v, b.v), c.v)}; }
#elif defined(__ARM_NEON)
struct F32 { static constexpr std::ptrdiff_t size = 4; float32x4_t v; };
STC_INLINE F32 load(const float* p) noexcept { return {vld1q_f32(p)}; }
STC_INLINE void store(float* p, F32 a) noexcept { vst1q_f32(p, a.v); }
STC_INLINE F32 broadcast(float x) noexcept { return {vdupq_n_f32(x)}; }
STC_INLINE F32 operator+(F32 a, F32 b) noexcept { return {vaddq_f32(a.v, b.v)}; }
STC_INLINE F32 operator-(F32 a, F32 b) noexcept { return {vsubq_f32(a.v, b.v)}; }
STC_INLINE F32 operator*(F32 a, F32 b) noexcept { return {vmulq_f32(a.v, b.v)}; }
STC_INLINE F32 max(F32 a, F32 b) noexcept { return {vmaxq_f32(a.v, b.v)}; }
STC_INLINE F32 min(F32 a, F32 b) noexcept { return {vminq_f32(a.v, b.v)}; }
STC_INLINE F32 fma(F32 a, F32 b, F32 c) noexcept { return {vfmaq_f32(c.v, a.v, b.v)}; }
#else
struct F32 { static constexpr std::ptrdiff_t size = 1; float v; };
STC_INLINE F32 load(const float* p) noexcept { return {*p}; }
STC_INLINE void store(float* p, F32 a) noexcept { *p = a.v; }
STC_INLINE F32 broadcast(float x) noexcept { return {x}; }
STC_INLINE F32 operator+(F32 a, F32 b) noexcept { return {a.v + b.v}; }
STC_INLINE F32 operator-(F32 a, F32 b) noexcept { return {a.v - b.v}; }
STC_INLINE F32 operator*(F32 a, F32 b) noexcept { return {a.v * b.v}; }
STC_INLINE F32 max(F32 a, F32 b) noexcept { return {a.v > b.v ? a.v : b.v}; }
STC_INLINE F32 min(F32 a, F32 b) noexcept { return {a.v < b.v ? a.v : b.v}; }
STC_INLINE F32 fma(F32 a, F32 b, F32 c) noexcept { return {a.v * b.v + c.v}; }
#endif

}  // namespace stcorner::kernels::STC_ISA
