#pragma once
// One vector type for all instruction sets, by the vector extensions of gcc and clang. Everything here is forced inline
// and lives in the namespace of the set being compiled, so no weak symbol with wide instructions can reach the
// baseline. Intrinsics stand only where the extensions have no word for it: fused multiply-adds, masks, pairwise
// products.
#include <cstdint>
#include <type_traits>
#include <utility>

#include "stcorner/parallel.hpp"

#if defined(STC_SCALAR)
#define STC_VECTOR_BYTES 0
#elif defined(__AVX512F__)
#define STC_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define STC_VECTOR_BYTES 32
#else
#define STC_VECTOR_BYTES 16
#endif
#if STC_VECTOR_BYTES && defined(__SSE2__)
#include <immintrin.h>
#elif STC_VECTOR_BYTES && defined(__aarch64__)
#include <arm_neon.h>
#endif

#define STC_FORCED inline __attribute__((always_inline))
#define STC_INLINE static STC_FORCED
#define STC_RESTRICT __restrict__
#ifdef STC_SANITIZE  // every access of an unrolled loop has checks of its own: minutes a file
#define STC_UNROLL
#else
#define STC_UNROLL _Pragma("GCC unroll 32")
#endif

namespace stcorner::kernels::STC_ISA {

template <class T>
struct Vector {
  static constexpr Index size = STC_VECTOR_BYTES ? STC_VECTOR_BYTES / sizeof(T) : 1;
  typedef T Lanes __attribute__((vector_size(size * sizeof(T))));  // NOLINT(modernize-use-using): gcc wants it so
  Lanes v;

  friend STC_FORCED Vector operator+(Vector a, Vector b) noexcept { return {a.v + b.v}; }
  friend STC_FORCED Vector operator-(Vector a, Vector b) noexcept { return {a.v - b.v}; }
  friend STC_FORCED Vector operator*(Vector a, Vector b) noexcept { return {a.v * b.v}; }
  friend STC_FORCED Vector operator/(Vector a, Vector b) noexcept { return {a.v / b.v}; }
  friend STC_FORCED Vector max(Vector a, Vector b) noexcept { return {a.v > b.v ? a.v : b.v}; }
};
using F32 = Vector<float>;
using F64 = Vector<double>;
using I32 = Vector<std::int32_t>;

template <class T>
STC_INLINE Vector<T> load(const T* p) noexcept {
  Vector<T> a;
  __builtin_memcpy(&a.v, p, sizeof a.v);
  return a;
}
template <class T>
STC_INLINE void store(T* p, Vector<T> a) noexcept {
  __builtin_memcpy(p, &a.v, sizeof a.v);
}
template <class T>
STC_INLINE Vector<T> broadcast(T x) noexcept {
  return {x - typename Vector<T>::Lanes{}};
}
/// The first n lanes, the others zero.
template <class T>
STC_INLINE Vector<T> load_part(const T* p, Index n) noexcept {
  if (n >= Vector<T>::size) return load(p);
  T parts[Vector<T>::size] = {};
  for (Index i = 0; i < n; ++i) parts[i] = p[i];
  return load(parts);
}
template <class T>
STC_INLINE void store_part(T* p, Vector<T> a, Index n) noexcept {
  if (n >= Vector<T>::size) return store(p, a);
  T parts[Vector<T>::size];
  store(parts, a);
  for (Index i = 0; i < n; ++i) p[i] = parts[i];
}
/// sum + lane + lane ..., in the precision of the sum.
template <class Sum, class T>
STC_INLINE Sum add_lanes(Sum sum, Vector<T> a) noexcept {
  T parts[Vector<T>::size];
  store(parts, a);
  for (const T part : parts) sum += static_cast<Sum>(part);
  return sum;
}
/// a * b + c, in one step where the instruction set has it.
template <class T>
STC_INLINE Vector<T> fma(Vector<T> a, Vector<T> b, Vector<T> c) noexcept {
#if STC_VECTOR_BYTES == 64
  if constexpr (sizeof(T) == 4) return {_mm512_fmadd_ps(a.v, b.v, c.v)};
  if constexpr (sizeof(T) == 8) return {_mm512_fmadd_pd(a.v, b.v, c.v)};
#elif STC_VECTOR_BYTES == 32
  if constexpr (sizeof(T) == 4) return {_mm256_fmadd_ps(a.v, b.v, c.v)};
  if constexpr (sizeof(T) == 8) return {_mm256_fmadd_pd(a.v, b.v, c.v)};
#elif STC_VECTOR_BYTES && defined(__aarch64__)
  if constexpr (sizeof(T) == 4) return {vfmaq_f32(c.v, a.v, b.v)};
  if constexpr (sizeof(T) == 8) return {vfmaq_f64(c.v, a.v, b.v)};
#else
  return a * b + c;
#endif
}

/// sums + a0 * b0 + a1 * b1 of the pairs of 16-bit integers in every lane.
STC_INLINE I32 add_products(I32 sums, I32 a, I32 b) noexcept {
#if STC_VECTOR_BYTES == 64
  return {sums.v + (I32::Lanes)_mm512_madd_epi16((__m512i)a.v, (__m512i)b.v)};
#elif STC_VECTOR_BYTES == 32
  return {sums.v + (I32::Lanes)_mm256_madd_epi16((__m256i)a.v, (__m256i)b.v)};
#elif STC_VECTOR_BYTES && defined(__SSE2__)
  return {sums.v + (I32::Lanes)_mm_madd_epi16((__m128i)a.v, (__m128i)b.v)};
#elif STC_VECTOR_BYTES && defined(__aarch64__)
  const int16x8_t x = (int16x8_t)a.v, y = (int16x8_t)b.v;
  return {sums.v + vpaddq_s32(vmull_s16(vget_low_s16(x), vget_low_s16(y)), vmull_high_s16(x, y))};
#else
  return {sums.v + (a.v << 16 >> 16) * (b.v << 16 >> 16) + (a.v >> 16) * (b.v >> 16)};
#endif
}

/// Bit i is set where a > b in lane i; T has 32 bits.
template <class T>
STC_INLINE unsigned greater_mask(Vector<T> a, Vector<T> b) noexcept {
#if STC_VECTOR_BYTES == 64
  if constexpr (std::is_floating_point_v<T>) return _mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ);
  if constexpr (std::is_integral_v<T>) return _mm512_cmpgt_epi32_mask((__m512i)a.v, (__m512i)b.v);
#elif STC_VECTOR_BYTES == 32
  return static_cast<unsigned>(_mm256_movemask_ps((__m256)(a.v > b.v)));
#elif STC_VECTOR_BYTES && defined(__SSE2__)
  return static_cast<unsigned>(_mm_movemask_ps((__m128)(a.v > b.v)));
#elif STC_VECTOR_BYTES && defined(__aarch64__)
  return vaddvq_u32((uint32x4_t)(a.v > b.v) & uint32x4_t{1, 2, 4, 8});
#else
  const auto greater = a.v > b.v;
  unsigned mask = 0;
  for (int i = 0; i < static_cast<int>(Vector<T>::size); ++i) mask |= (static_cast<unsigned>(greater[i]) & 1u) << i;
  return mask;
#endif
}

/// Hide where a value came from: gcc would otherwise load it from memory again at every use.
STC_INLINE void keep(F32& a) noexcept {
#if STC_VECTOR_BYTES && defined(__SSE2__)
  __asm__("" : "+v"(a.v));
#elif STC_VECTOR_BYTES && defined(__aarch64__)
  __asm__("" : "+w"(a.v));
#else
  (void)a;
#endif
}

STC_INLINE void prefetch(const void* p) noexcept { __builtin_prefetch(p, 0, 2); }

/// Lanes of a and b, counted on from one to the other; `pick(i)` is the one that goes to lane i.
template <class T, class Pick, std::size_t... I>
STC_INLINE Vector<T> shuffle(Vector<T> a, Vector<T> b, Pick pick, std::index_sequence<I...>) noexcept {
#ifdef __clang__
  return {__builtin_shufflevector(a.v, b.v, pick(I)...)};
#else
  using Lane = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  return {__builtin_shuffle(a.v, b.v, typename Vector<Lane>::Lanes{static_cast<Lane>(pick(I))...})};
#endif
}

/// Groups of `kGroup` lanes, by turns from the lower or the upper halves of both vectors' 16-byte parts.
template <std::size_t kGroup, bool kUpper, class T>
STC_INLINE Vector<T> interleave(Vector<T> a, Vector<T> b) noexcept {
  constexpr std::size_t kAll = Vector<T>::size, kPart = 16 / sizeof(T);
  constexpr auto kPick = [](std::size_t i) {
    const std::size_t in = i % kPart, group = in / kGroup;
    return i - in + (kUpper ? kPart / 2 : 0) + group / 2 * kGroup + in % kGroup + (group % 2 ? kAll : 0);
  };
  return shuffle(a, b, kPick, std::make_index_sequence<kAll>());
}

/// Every other 16-byte part of two vectors.
template <bool kOdd, class T>
STC_INLINE Vector<T> every_other_part(Vector<T> a, Vector<T> b) noexcept {
  constexpr std::size_t kPart = 16 / sizeof(T);
  constexpr auto kPick = [](std::size_t i) { return i / kPart * 2 * kPart + (kOdd ? kPart : 0) + i % kPart; };
  return shuffle(a, b, kPick, std::make_index_sequence<Vector<T>::size>());
}

/// Transpose Vector<T>::size vectors in place: lane j of vector i goes to lane i of vector j. Within the parts of 16
/// bytes first, then the parts themselves.
template <class T>
STC_INLINE void transpose(Vector<T>* r) noexcept {
  constexpr int kAll = static_cast<int>(Vector<T>::size), kPart = 16 / sizeof(T), kParts = kAll / kPart;
  if constexpr (kAll > 1) {
    Vector<T> a[kAll];
    STC_UNROLL
    for (int i = 0; i < kAll; i += 2) {
      a[i] = interleave<1, false>(r[i], r[i + 1]);
      a[i + 1] = interleave<1, true>(r[i], r[i + 1]);
    }
    if constexpr (kPart == 4) {
      STC_UNROLL
      for (int i = 0; i < kAll; i += 4) {
        r[i] = interleave<2, false>(a[i], a[i + 2]);
        r[i + 1] = interleave<2, true>(a[i], a[i + 2]);
        r[i + 2] = interleave<2, false>(a[i + 1], a[i + 3]);
        r[i + 3] = interleave<2, true>(a[i + 1], a[i + 3]);
      }
    } else {
      STC_UNROLL
      for (int i = 0; i < kAll; ++i) r[i] = a[i];
    }
    STC_UNROLL
    for (int round = 1; round < kParts; round *= 2) {
      STC_UNROLL
      for (int i = 0; i < kAll; ++i) a[i] = r[i];
      STC_UNROLL
      for (int i = 0; i < kAll / 2; ++i) {
        const int from = i / kPart * 2 * kPart + i % kPart;
        r[i] = every_other_part<false>(a[from], a[from + kPart]);
        r[i + kAll / 2] = every_other_part<true>(a[from], a[from + kPart]);
      }
    }
  }
}

/// Natural logarithm of normal numbers > 0, within 0.8 units in the last place.
STC_INLINE F32 natural_log(F32 a) noexcept {
  // a = 2^e (1 + f), 1 + f from sqrt(1/2) to sqrt(2); log(1 + f) = f - f^2 / 2 + f^3 p(f), p of least largest error.
  constexpr float kShares[9] = {0.33333313F,  -0.25000009F, 0.20002119F,   -0.16667995F, 0.14219542F,
                                -0.12405596F, 0.11888236F,  -0.116756305F, 0.067464545F};
  using Bits = I32::Lanes;
  const Bits bits = (Bits)a.v;
  const Bits exponent = (bits - 0x3f3504f3) >> 23;
  const F32 f = F32{(F32::Lanes)(bits - (exponent << 23))} - broadcast(1.0F);
  const F32 e = {__builtin_convertvector(exponent, F32::Lanes)};
  F32 p = broadcast(kShares[8]);
  for (int i = 7; i >= 0; --i) p = fma(p, f, broadcast(kShares[i]));
  const F32 square = f * f;
  // log 2 in two parts, of which the first times e is exact.
  F32 small = fma(e, broadcast(-2.12194440e-4F), square * f * p);
  small = fma(square, broadcast(-0.5F), small);
  return fma(e, broadcast(0.693359375F), small + f);
}

}  // namespace stcorner::kernels::STC_ISA
