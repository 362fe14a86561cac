#pragma once
#include <cstdint>

#include "table.hpp"

namespace stcorner::kernels {

/// A mixed-radix complex transform of length `n`: stages of radix 2, 3, 4, 5, 8 or 11. For each stage in turn
/// `twiddles` holds, for p = 0 .. m - 1 and j = 1 .. radix - 1, the pair (cos, -sin) of 2 pi j p / (radix m).
template <class T>
struct FftPlan {
  Index n;
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
  Index n;
  const Index* starts;
  Index n_frames;      ///< at most `2 * lanes`
  Index frame_length;  ///< at most the transform's length
  const T* window;
  bool remove_mean;
  Index level_begin;  ///< the part of the frame whose largest magnitude is its level
  Index level_end;
};

/// Consecutive bins with one weight each.
struct Band {
  Index first;
  Index count;
  const float* weights;
};

/// Sums of spectra in bands; with `scale` not 0, `scale` times the natural logarithm of what is at least `least`, a
/// normal number.
struct BandJob {
  const Band* bands;
  Index n_bands;
  float least;
  float scale;
};

/// Subharmonic sums of spectra of `n` bins, at `n` places that are even on a scale of octaves. All pointers are to n
/// entries of so many values.
struct SubharmonicPlan {
  Index n;
  const float* spline;          ///< 5: what turns a bin and its neighbours, and the bends beside it, into its bend
  const float* weights;         ///< 4: of the values and the bends of the knots on both sides of a place
  const Index* knots;  ///< 1: the lower of these
  int n_harmonics;
  const Index* shifts;  ///< of each harmonic, in places
  const float* shares;
};

/// Where the maxima of a normalised autocorrelation are sought and how they are refined.
struct PeakJob {
  const float* scale;          ///< per lag: 1 / autocorrelation of the window
  const float* cost;           ///< per lag: what a candidate pays for its length
  Index first_lag;    ///< maxima lie in [first_lag, last_lag]; last_lag + kSincTaps / 2 < n_lags
  Index last_lag;
  Index n_lags;
  float least_strength;
  int max_candidates;
  const float* sinc;  ///< (kSincSteps + 1, kSincTaps) interpolation kernels, one per fraction of a lag
};

constexpr int kSincTaps = 32;
constexpr int kSincSteps = 64;
constexpr int kMaxCandidates = 16;
constexpr int kMostRoots = 64;

/// Kernels of the audio room: raw pointers only, noexcept, no allocation.
struct AudioTable {
  const char* isa;
  Index lanes32;  ///< floats per vector; the transforms run `2 * lanes` frames at once
  Index lanes64;

  /// Number of i in [begin, end) where x[i - 1] and x[i] lie on different sides of -threshold, and the
  /// sum of x[i]^2. Nothing comes before x[0]. Either pointer may be null.
  void (*changes_and_energy)(const float* x, Index begin, Index end, float threshold, std::int64_t* changes,
                             double* energy) noexcept;

  /// Raw autocorrelation times n of up to `2 * lanes` frames, lags 0 .. n_lags - 1, into rows of `out`
  /// (row length `n_lags`). `scratch` holds 4 * n * lanes values, aligned to 64 bytes. `weights`, if not
  /// null, multiplies the n / 2 + 1 lower bins of the power spectra. `levels`: one per frame.
  void (*autocorrelate32)(const AcfPlan<float>& plan, const FrameJob<float>& job, const float* weights, Index n_lags,
                          float* scratch, float* out, float* levels) noexcept;
  void (*autocorrelate64)(const AcfPlan<double>& plan, const FrameJob<double>& job, const double* weights, Index n_lags,
                          double* scratch, double* out, double* levels) noexcept;

  /// Power spectra (bins 0 .. n / 2) of up to `2 * lanes` frames into rows of `out`; scratch as above.
  void (*power_spectra)(const FftPlan<float>& plan, const FrameJob<float>& job, float* scratch, float* out) noexcept;

  /// Up to `2 * lanes` frames at another rate, back.n / there.n of theirs, of which the lowest `n_bins` bins are
  /// kept, bin 0 with twice its share: the first `length` samples into rows of `out`. back.n <= there.n; scratch as
  /// above.
  void (*resample_frames)(const FftPlan<float>& there, const FftPlan<float>& back, const FrameJob<float>& job,
                          Index n_bins, Index length, float* scratch, float* out) noexcept;

  /// Their sums in bands into rows of `out`, without the spectra going through memory; `scratch` holds
  /// (4 n + 2 n_bands) * lanes values.
  void (*band_spectra)(const FftPlan<float>& plan, const FrameJob<float>& job, const BandJob& bands, float* scratch,
                       float* out) noexcept;

  /// out[r, b] = sum over the band's bins of weights * row r, for each band.
  void (*project)(const float* rows, Index n_rows, Index stride, const Band* bands, Index n_bands, float* out) noexcept;

  /// out[i] = scale * log(max(x[i], least)), `least` a normal number.
  void (*logarithms)(const float* x, Index n, float least, float scale, float* out) noexcept;

  /// All roots of z^n + a[1] z^(n-1) + ... + a[n] at once, by the iteration of Aberth and Ehrlich, into the first n of
  /// kMostRoots values each.
  void (*find_roots)(const double* a, int n, double* re, double* im) noexcept;

  /// Candidates of one frame: refined lags (in samples) and strengths, strongest (after cost) first.
  /// `acf` has n_lags values; `row` is scratch for n_lags + kSincTaps. Returns their number.
  int (*find_peaks)(const PeakJob& job, const float* acf, float* row, float* lags, float* strengths) noexcept;

  /// Sums for up to `lanes32` rows of power spectra into rows of `out`; `scratch` holds 3 * n * lanes32 values.
  void (*subharmonics)(const SubharmonicPlan& plan, const float* power, Index n_frames, float* scratch,
                       float* out) noexcept;

  /// Where a row is higher than before and no lower than after, and the sum of the row. Returns the number of places.
  int (*list_peaks)(const float* row, Index n, std::int32_t* places, float* sum) noexcept;

  /// Half the autocorrelation that belongs to the `n` bins of a power spectrum, at lags whose cos(2 pi lag / (2 n - 2))
  /// are given. Of both lists as much is read or written as fills a multiple of 32.
  void (*correlate_powers)(const float* power, Index n, const double* cosines, Index n_lags, double* out) noexcept;

  /// out[i] = sum_k taps[k] * phases[k % factor][i + k / factor] for i in [0, n_out): a decimating filter.
  void (*decimate)(const float* const* phases, int factor, const float* taps, int n_taps, float* out,
                   Index n_out) noexcept;
};

}  // namespace stcorner::kernels

STC_KERNEL_TABLE(AudioTable, audio_table)
