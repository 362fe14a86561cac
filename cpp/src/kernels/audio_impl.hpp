#pragma once
#include "audio.hpp"
#include "simd.hpp"

// What the files of the audio room's kernels share: float64 lanes beside simd.hpp's float32 ones, and the
// declarations that the table collects.
namespace stcorner::kernels::STC_ISA {

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

void changes_and_energy(const float* x, std::ptrdiff_t begin, std::ptrdiff_t end, float threshold,
                        std::int64_t* changes, double* energy) noexcept;
void autocorrelate32(const AcfPlan<float>& plan, const FrameJob<float>& job, const float* weights,
                     std::ptrdiff_t n_lags, float* scratch, float* out, float* levels) noexcept;
void autocorrelate64(const AcfPlan<double>& plan, const FrameJob<double>& job, const double* weights,
                     std::ptrdiff_t n_lags, double* scratch, double* out, double* levels) noexcept;
void power_spectra(const FftPlan<float>& plan, const FrameJob<float>& job, float* scratch, float* out) noexcept;
void project(const float* row, const Band* bands, std::ptrdiff_t n_bands, float* out) noexcept;
int find_peaks(const PeakJob& job, const float* acf, float* row, float* lags, float* strengths) noexcept;
void decimate(const float* const* phases, int factor, const float* taps, int n_taps, float* out,
              std::ptrdiff_t n_out) noexcept;

}  // namespace stcorner::kernels::STC_ISA
