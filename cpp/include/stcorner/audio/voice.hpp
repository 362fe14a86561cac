#pragma once
#include <cstddef>
#include <vector>

#include "stcorner/parallel.hpp"

namespace stcorner::audio {

/// Resonances of each of `n_rows` rows of `length` samples by Burg's method: frequencies and bandwidths (in shares of
/// the sample rate) of the first `n_formants` poles above `margin` and below 1/2 - `margin`, lowest first, NaN where
/// there are fewer. Throws std::invalid_argument unless 2 <= order <= 64 and order < length.
void burg_formants(const double* rows, std::ptrdiff_t n_rows, std::ptrdiff_t length, int order, double margin,
                   std::ptrdiff_t n_formants, double* frequencies, double* bandwidths, int n_threads,
                   Pause pause = nullptr);

/// Places in samples of the pulses of a voice whose f0 (in shares of the sample rate, NaN where unvoiced) is known
/// every `hop` samples from sample 0 on. From the largest excursion in the middle of each voiced stretch, pulse after
/// pulse is sought to either side: where the waveform's next period resembles the last most.
std::vector<double> glottal_pulses(const float* signal, std::ptrdiff_t n, const double* f0, std::ptrdiff_t n_frames,
                                   std::ptrdiff_t hop, Pause pause = nullptr);

/// Jitter (mean difference of successive periods over the mean period) and shimmer (mean difference of the peak-to-peak
/// amplitudes of successive periods in dB) within `half` samples of each frame's centre, first + i * hop; NaN where f0
/// (in shares of the sample rate) is NaN or fewer than three pulses are found.
void frame_perturbation(const float* signal, std::ptrdiff_t n, const float* f0, std::ptrdiff_t n_frames,
                        std::ptrdiff_t first, std::ptrdiff_t hop, std::ptrdiff_t half, float* jitter, float* shimmer,
                        int n_threads, Pause pause = nullptr);

}  // namespace stcorner::audio
