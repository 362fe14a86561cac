#pragma once
#include "audio.hpp"
#include "simd.hpp"

// The declarations that the audio room's table collects.
namespace stcorner::kernels::STC_ISA {

void changes_and_energy(const float* x, std::ptrdiff_t begin, std::ptrdiff_t end, float threshold,
                        std::int64_t* changes, double* energy) noexcept;
void autocorrelate32(const AcfPlan<float>& plan, const FrameJob<float>& job, const float* weights,
                     std::ptrdiff_t n_lags, float* scratch, float* out, float* levels) noexcept;
void autocorrelate64(const AcfPlan<double>& plan, const FrameJob<double>& job, const double* weights,
                     std::ptrdiff_t n_lags, double* scratch, double* out, double* levels) noexcept;
void power_spectra(const FftPlan<float>& plan, const FrameJob<float>& job, float* scratch, float* out) noexcept;
void resample_frames(const FftPlan<float>& there, const FftPlan<float>& back, const FrameJob<float>& job,
                     std::ptrdiff_t n_bins, std::ptrdiff_t length, float* scratch, float* out) noexcept;
void band_spectra(const FftPlan<float>& plan, const FrameJob<float>& job, const BandJob& bands, float* scratch,
                  float* out) noexcept;
void project(const float* rows, std::ptrdiff_t n_rows, std::ptrdiff_t stride, const Band* bands, std::ptrdiff_t n_bands,
             float* out) noexcept;
void logarithms(const float* x, std::ptrdiff_t n, float least, float scale, float* out) noexcept;
void find_roots(const double* a, int n, double* re, double* im) noexcept;
int find_peaks(const PeakJob& job, const float* acf, float* row, float* lags, float* strengths) noexcept;
void subharmonics(const SubharmonicPlan& plan, const float* power, std::ptrdiff_t n_frames, float* scratch,
                  float* out) noexcept;
int list_peaks(const float* row, std::ptrdiff_t n, std::int32_t* places, float* sum) noexcept;
void correlate_powers(const float* power, std::ptrdiff_t n, const double* cosines, std::ptrdiff_t n_lags,
                      double* out) noexcept;
void decimate(const float* const* phases, int factor, const float* taps, int n_taps, float* out,
              std::ptrdiff_t n_out) noexcept;

}  // namespace stcorner::kernels::STC_ISA
