#pragma once
#include <cstddef>
#include <vector>

#include "stcorner/parallel.hpp"

namespace stcorner::audio {

/// Every factor-th sample of the low-passed signal: output i stands for input i * factor (no delay), the
/// signal counts as zero outside.
std::vector<float> decimate(const float* signal, std::ptrdiff_t n, std::ptrdiff_t factor, int n_threads, Pause pause);

/// Every `factor`-th value of the signal after a Gaussian low-pass filter that falls to `rest` at `cutoff`, in shares
/// of the sample rate.
std::vector<float> smooth(const float* signal, std::ptrdiff_t n, double cutoff, double rest, std::ptrdiff_t factor,
                          int n_threads, Pause pause);

}  // namespace stcorner::audio
