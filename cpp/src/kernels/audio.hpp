#pragma once
#include <cstddef>
#include <cstdint>

#include "table.hpp"

namespace stcorner::kernels {

/// A mixed-radix complex transform of length `n`: stages of radix 2, 3, 4, 5 or 8. For each stage in turn
/// `twiddles` holds, for p = 0 .. m - 1 and j = 1 .. radix - 1, the pair (cos, -sin) of 2 pi j p / (radix m).
template <class T>
struct FftPlan {
  std::ptrdiff_t n;
  int n_stages;
  int radices[24];
  const T* twiddles;
};

/// The transforms of an autocorrelation: of the frames, and of their power spectra at half the length.
template <class T>
struct AcfPlan {
  FftPlan<T> whole;
  FftPlan<T> half;
  const T* turns;  ///< pairs (cos, sin) of pi j / half.n for j = 0 .. half.n / 2
};

/// Frames of one signal, cut and windowed. Samples outside [0, n) count as absent: they are zero and do
/// not enter the frame's mean. `starts` has one (possibly negative) first sample per frame.
template <class T>
struct FrameJob {
  const T* signal;
  std::ptrdiff_t n;
  const std::ptrdiff_t* starts;
  std::ptrdiff_t n_frames;      ///< at most `2 * lanes`
  std::ptrdiff_t frame_length;  ///< at most the transform's length
  const T* window;
  bool remove_mean;
  std::ptrdiff_t level_begin;  ///< the part of the frame whose largest magnitude is its level
  std::ptrdiff_t level_end;
};

/// Consecutive bins with one weight each.
struct Band {
  std::ptrdiff_t first;
  std::ptrdiff_t count;
  const float* weights;
};

/// Where the maxima of a normalised autocorrelation are sought and how they are refined.
struct PeakJob {
  const float* scale;          ///< per lag: 1 / autocorrelation of the window
  const float* cost;           ///< per lag: what a candidate pays for its length
  std::ptrdiff_t first_lag;    ///< maxima lie in [first_lag, last_lag]; last_lag + kSincTaps / 2 < n_lags
  std::ptrdiff_t last_lag;
  std::ptrdiff_t n_lags;
  float least_strength;
  int max_candidates;
  const float* sinc;  ///< (kSincSteps + 1, kSincTaps) interpolation kernels, one per fraction of a lag
};

constexpr int kSincTaps = 32;
constexpr int kSincSteps = 64;
constexpr int kMaxCandidates = 16;

/// Kernels of the audio room: raw pointers only, noexcept, no allocation.
struct AudioTable {
  const char* isa;
  std::ptrdiff_t lanes32;  ///< floats per vector; the transforms run `2 * lanes` frames at once
  std::ptrdiff_t lanes64;

  /// Number of i in [begin, end) where x[i - 1] and x[i] lie on different sides of -threshold, and the
  /// sum of x[i]^2. Nothing comes before x[0]. Either pointer may be null.
  void (*changes_and_energy)(const float* x, std::ptrdiff_t begin, std::ptrdiff_t end, float threshold,
                             std::int64_t* changes, double* energy) noexcept;

  /// Raw autocorrelation times n of up to `2 * lanes` frames, lags 0 .. n_lags - 1, into rows of `out`
  /// (row length `n_lags`). `scratch` holds 4 * n * lanes values, aligned to 64 bytes. `weights`, if not
  /// null, multiplies the n / 2 + 1 lower bins of the power spectra. `levels`: one per frame.
  void (*autocorrelate32)(const AcfPlan<float>& plan, const FrameJob<float>& job, const float* weights,
                          std::ptrdiff_t n_lags, float* scratch, float* out, float* levels) noexcept;
  void (*autocorrelate64)(const AcfPlan<double>& plan, const FrameJob<double>& job, const double* weights,
                          std::ptrdiff_t n_lags, double* scratch, double* out, double* levels) noexcept;

  /// Power spectra (bins 0 .. n / 2) of up to `2 * lanes` frames into rows of `out`; scratch as above.
  void (*power_spectra)(const FftPlan<float>& plan, const FrameJob<float>& job, float* scratch, float* out) noexcept;

  /// out[b] = sum over the band's bins of weights * row, for each band.
  void (*project)(const float* row, const Band* bands, std::ptrdiff_t n_bands, float* out) noexcept;

  /// Candidates of one frame: refined lags (in samples) and strengths, strongest (after cost) first.
  /// `acf` has n_lags values; `row` is scratch for n_lags + kSincTaps. Returns their number.
  int (*find_peaks)(const PeakJob& job, const float* acf, float* row, float* lags, float* strengths) noexcept;

  /// out[i] = sum_k taps[k] * phases[k % factor][i + k / factor] for i in [0, n_out): a decimating filter.
  void (*decimate)(const float* const* phases, int factor, const float* taps, int n_taps, float* out,
                   std::ptrdiff_t n_out) noexcept;
};

}  // namespace stcorner::kernels

STC_KERNEL_TABLE(AudioTable, audio_table)
