#pragma once
#include <cstddef>

#include "stcorner/parallel.hpp"

namespace stcorner::audio {

/// f0 in Hz per frame, NaN where unvoiced, by subharmonic summation (Hermes 1988) of power spectra (n_rows, n_bins)
/// from 0 Hz to half the sample rate, and a path of least cost over the frames. Row i is that of frame `places[i]`;
/// frames without a row are unvoiced. Throws std::invalid_argument for spectra that cannot hold it.
void subharmonic_pitch(const float* power, const std::ptrdiff_t* places, std::ptrdiff_t n_rows, std::ptrdiff_t n_bins,
                       double sample_rate, float* f0, std::ptrdiff_t n_frames, int n_threads, Pause pause = nullptr);

/// Descriptors of the harmonics of each row of power spectra (n_frames, n_bins), given f0 in Hz and three formants in
/// Hz (n_frames, 3), into (n_frames, 6), in dB: harmonics over noise, from the autocorrelation; harmonic 2 less
/// harmonic 3; harmonic 2 less the strongest harmonic within a fifth of formant 3; and the strongest within a fifth of
/// formants 1, 2 and 3, less harmonic 1. What is not known is 0.
void harmonic_levels(const float* power, std::ptrdiff_t n_frames, std::ptrdiff_t n_bins, double sample_rate,
                     const float* f0, const float* formants, float* out, int n_threads, Pause pause = nullptr);

}  // namespace stcorner::audio
