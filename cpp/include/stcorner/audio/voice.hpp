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

/// Jitter, and shimmer in dB, of the periods that end in each frame, found one after another where a period resembles
/// the next most; a frame with no new one keeps the last value. Frame i is the samples [i * hop, (i + 1) * hop); f0 is
/// in shares of the sample rate, NaN where unvoiced, where both are 0.
void period_perturbation(const float* signal, std::ptrdiff_t n, const float* f0, std::ptrdiff_t n_frames,
                         std::ptrdiff_t hop, float* jitter, float* shimmer, Pause pause = nullptr);

/// Frequencies and bandwidths, in shares of the sample rate, of the poles of 1 - sum_k a[k] z^-k, where a are the
/// coefficients of the inverse filter of order `order` by the autocorrelation method, of each of `n_rows` rows; lowest
/// first, 0 where there are fewer than `count`.
void swapped_poles(const float* rows, std::ptrdiff_t n_rows, std::ptrdiff_t length, int order, double margin,
                   std::ptrdiff_t count, float* frequencies, float* bandwidths, int n_threads, Pause pause = nullptr);

}  // namespace stcorner::audio
