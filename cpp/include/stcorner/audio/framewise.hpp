#pragma once
#include <cstddef>

#include "stcorner/parallel.hpp"

namespace stcorner::audio {

/// Frame i covers the samples [first_start + i * hop_length, ... + frame_length). Samples outside the
/// signal count as absent.
struct Framing {
  std::ptrdiff_t frame_length;
  std::ptrdiff_t hop_length;
  std::ptrdiff_t first_start;
  std::ptrdiff_t n_frames;
};

/// Share of sign changes per frame (changes between neighbours of the frame, over frame_length) and root
/// mean square per frame, in one pass over the `n` samples: each sample is read once, whatever the
/// overlap. A sample below -threshold is negative, any other positive. `zcr` or `rms` may be null;
/// both have n_frames values. Throws std::invalid_argument for a length or hop below 1.
void zcr_rms(const float* signal, std::ptrdiff_t n, const Framing& framing, float threshold, double* zcr, float* rms,
             int n_threads, Pause pause = nullptr);

/// Autocorrelation of the windowed frames in float64, lags 0 .. n_lags - 1, into (n_frames, n_lags).
/// `window` has frame_length values. With `unbiased`, each lag is divided by the window's own
/// autocorrelation there. Throws std::invalid_argument if n_lags > frame_length.
void autocorrelate(const double* signal, std::ptrdiff_t n, const Framing& framing, const double* window,
                   std::ptrdiff_t n_lags, bool unbiased, double* out, int n_threads, Pause pause = nullptr);

}  // namespace stcorner::audio
