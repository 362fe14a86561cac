#pragma once
#include <vector>

#include "stcorner/parallel.hpp"

namespace stcorner::audio {

/// Frame i covers the samples [first_start + i * hop_length, ... + frame_length). Samples outside the
/// signal count as absent.
struct Framing {
  Index frame_length;
  Index hop_length;
  Index first_start;
  Index n_frames;
};

/// Share of sign changes per frame (changes between neighbours of the frame, over frame_length) and root
/// mean square per frame, in one pass over the `n` samples: each sample is read once, whatever the
/// overlap. A sample below -threshold is negative, any other positive. `zcr` or `rms` may be null;
/// both have n_frames values. Throws std::invalid_argument for a length or hop below 1.
void zcr_rms(const float* signal, Index n, const Framing& framing, float threshold, double* zcr, float* rms, Team team);

/// Autocorrelation of the windowed frames in float64, lags 0 .. n_lags - 1, into (n_frames, n_lags).
/// `window` has frame_length values. With `unbiased`, each lag is divided by the window's own
/// autocorrelation there. Throws std::invalid_argument if n_lags > frame_length.
void autocorrelate(const double* signal, Index n, const Framing& framing, const double* window, Index n_lags,
                   bool unbiased, double* out, Team team);

/// Windowed frames of `length` samples that begin at `starts`; samples outside the signal are zero.
struct Frames {
  const float* signal;
  Index n;
  const Index* starts;
  Index n_frames;
  const float* window;
  Index length;
};

/// Power spectra into (n_frames, n_fft / 2 + 1). The transform is at least as long as the frames; its rest is zero.
/// Throws std::invalid_argument unless n_fft is a product of 2, 3 and 5.
void power_spectra(const Frames& frames, Index n_fft, float* out, Team team);

/// Frames at another rate, n_back / n_fft of theirs: of the transform of n_fft points the lowest `n_bins` bins, the
/// first with twice its share, go back by one of n_back; the first `length` samples go into (n_frames, length). Throws
/// std::invalid_argument unless n_fft is a product of 2, 3 and 5 and n_back of these and 11.
void resample_frames(const Frames& frames, Index n_fft, Index n_bins, Index n_back, Index length, float* out,
                     Team team);

/// `scale` times the natural logarithm of values, each at least `least`; a scale of 0 leaves them as they are.
struct Logarithm {
  float least = 1e-30F;
  float scale = 0.0F;
};

/// A basis (n_rows, n_bands) for the cosine transform of levels; none without rows.
struct Cosines {
  const float* basis = nullptr;
  Index n_rows = 0;
};

/// The same spectra, their sums by the rows of a basis (n_bands, n_fft / 2 + 1) and the logarithm of these, into
/// (n_frames, n_bands): the spectra themselves never leave the cache. The zeros that a row of the basis begins and ends
/// with are skipped. With cosines, what `project` makes of these rows, into (n_frames, n_rows), without the rows
/// themselves going through memory. Throws std::invalid_argument for a least value that is not a normal number > 0.
void band_spectra(const Frames& frames, Index n_fft, const float* basis, Index n_bands, Logarithm logarithm,
                  Cosines cosines, float* out, Team team);

/// Logarithms of `n` values; throws as above.
void logarithms(const float* x, Index n, Logarithm logarithm, float* out, Team team);

/// out[i, b] = sum_k rows[i, k] * basis[b, k]. The zeros that a row of the basis begins and ends with are
/// skipped. The sums are in an order that depends on nothing but the basis.
void project(const float* rows, Index n_rows, const float* basis, Index n_bands, Index n_bins, float* out, Team team);

/// The recipe egemaps' values of power spectra (n_rows, 257) at 16 kHz, into (10, n_rows): loudness, alpha ratio,
/// Hammarberg index, two slopes, flux and four cepstral coefficients. `bases` (28, 257): below and above 1 kHz, 26 mel
/// bands; `slopes` (2, 49) of decibels; `ear` (26): logarithms of the bands' shares in loudness; `lifted` (4, 26).
void describe_spectra(const float* power, Index n_rows, const float* bases, const float* slopes, const float* ear,
                      const float* lifted, double* out);

/// Parameters of the pitch tracker; the costs mean what they mean in Praat's "To Pitch (ac)".
struct PitchOptions {
  double sample_rate = 0.0;
  double fmin = 60.0;
  double fmax = 500.0;
  double voicing_threshold = 0.45;
  double silence_threshold = 0.03;
  double octave_cost = 0.05;
  double octave_jump_cost = 0.35;
  double voiced_unvoiced_cost = 0.14;
  /// How far the path allows for the noise that the clip's quiet frames hold. This times the ratio of their energy
  /// to the loud frames' is the share by which the voicing threshold falls in frames that rise above the quiet
  /// ones; with it the costs rise; and the bins of the spectrum are weighted by what is voice in them. 0: nothing
  /// of this, as in Praat.
  double noise_adaptation = 0.0;
  /// Hz at which a Gaussian filter has all but removed what is above, in clips whose quiet frames hold hardly any
  /// noise; no less than 1.6 fmax. Thresholds rise with it, as all is more periodic then. 0: no filter.
  double low_pass = 0.0;
  Index clean_length = 0;  ///< frame length in samples after that filter; 0: the frames' own
  bool cost_in_voicing = false;  ///< whether the octave cost also weighs against "unvoiced", as in Praat
  double reference_level = 0.0;  ///< magnitude that silence_threshold refers to; 0: the signal's largest
  int max_candidates = 15;  ///< 1 to 16
  int refine_periods = 1;  ///< peaks at up to so many periods sharpen the frequency; 1: the first alone
  bool find_path = true;      ///< false: the strongest candidate of each frame by itself
  bool always_voiced = false;  ///< no frame is called unvoiced unless it has no candidate
};

/// f0 in Hz (NaN where unvoiced) and strength (normalised autocorrelation, 0 .. 1) per frame.
/// Framing counts samples of `signal`. Signals of 32 kHz and more are decimated first, by the integer that
/// brings them nearest above 16 kHz. Throws std::invalid_argument for parameters that leave no lag to
/// search, or out of their range.
void track_pitch(const float* signal, Index n, const Framing& framing, const PitchOptions& options, float* f0,
                 float* strength, Team team);

/// f0 in Hz per frame, NaN where unvoiced, by subharmonic summation (Hermes 1988) of power spectra (n_rows, n_bins)
/// from 0 Hz to half the sample rate, and a path of least cost over the frames. Row i is that of frame `places[i]`;
/// frames without a row are unvoiced. Throws std::invalid_argument for spectra that cannot hold it.
void subharmonic_pitch(const float* power, const Index* places, Index n_rows, Index n_bins, double sample_rate,
                       float* f0, Index n_frames, Team team);

/// Descriptors of the harmonics of each row of power spectra (n_frames, n_bins), given f0 in Hz and three formants in
/// Hz (n_frames, 3), into (n_frames, 6), in dB: harmonics over noise, from the autocorrelation; harmonic 2 less
/// harmonic 3; harmonic 2 less the strongest harmonic within a fifth of formant 3; and the strongest within a fifth of
/// formants 1, 2 and 3, less harmonic 1. What is not known is 0. Throws std::invalid_argument for frequencies below 0
/// or above the sample rate.
void harmonic_levels(const float* power, Index n_frames, Index n_bins, double sample_rate, const float* f0,
                     const float* formants, float* out, Team team);

/// Resonances of each of `n_rows` rows of `length` samples by Burg's method: frequencies and bandwidths (in shares of
/// the sample rate) of the first `n_formants` poles above `margin` and below 1/2 - `margin`, lowest first, NaN where
/// there are fewer. Throws std::invalid_argument unless 2 <= order <= 64 and order < length.
void burg_formants(const double* rows, Index n_rows, Index length, int order, double margin, Index n_formants,
                   double* frequencies, double* bandwidths, Team team);

/// Places in samples of the pulses of a voice whose f0 (in shares of the sample rate, NaN where unvoiced) is known
/// every `hop` samples from sample 0 on. From the largest excursion in the middle of each voiced stretch, pulse after
/// pulse is sought to either side: where the waveform's next period resembles the last most. This and the next two
/// throw std::invalid_argument for f0 below 5e-5 or above 1 where voiced, and for frames beyond 2^60 samples.
std::vector<double> glottal_pulses(const float* signal, Index n, const double* f0, Index n_frames, Index hop,
                                   Pause pause = nullptr);

/// Jitter (mean difference of successive periods over the mean period) and shimmer (mean difference of the peak-to-peak
/// amplitudes of successive periods in dB) within `half` samples of each frame's centre, first + i * hop; NaN where f0
/// (in shares of the sample rate) is NaN or fewer than three pulses are found.
void frame_perturbation(const float* signal, Index n, const float* f0, Index n_frames, Index first, Index hop,
                        Index half, float* jitter, float* shimmer, Team team);

/// Jitter, and shimmer in dB, of the periods that end in each frame, found one after another where a period resembles
/// the next most; a frame with no new one keeps the last value. Frame i is the samples [i * hop, (i + 1) * hop); f0 is
/// in shares of the sample rate, NaN where unvoiced, where both are 0.
void period_perturbation(const float* signal, Index n, const float* f0, Index n_frames, Index hop, float* jitter,
                         float* shimmer, Pause pause = nullptr);

/// Frequencies and bandwidths, in shares of the sample rate, of the poles of 1 - sum_k a[k] z^-k, where a are the
/// coefficients of the inverse filter of order `order` by the autocorrelation method, of each of `n_rows` rows; lowest
/// first, 0 where there are fewer than `count`.
void swapped_poles(const float* rows, Index n_rows, Index length, int order, double margin, Index count,
                   float* frequencies, float* bandwidths, Team team);

/// Mean over a frame and its neighbours of each row of tracks (n_tracks, n), in place; of the result the mean, and the
/// standard deviation over it (0 where the mean is), go into (n_tracks, 2). The ends count twice; with `gaps`, 0 is
/// unknown instead: it stays, and enters neither.
void smooth_tracks(double* tracks, Index n_tracks, Index n, bool gaps, double* moments);

constexpr Index kContour = 11;

/// Of a contour of `n` values, `step` s apart: mean; standard deviation over it; 20th, 50th and 80th percentile;
/// distance of the outer two; mean and deviation of the slopes, per s, of rising and of falling parts; number of peaks.
/// It turns where it moves by more than a tenth of its range. What follows the last turn enters the means, falling with
/// its sign, but not the deviations.
void contour(const double* x, Index n, double step, double* out);

}  // namespace stcorner::audio
