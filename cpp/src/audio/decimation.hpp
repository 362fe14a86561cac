#pragma once
#include <vector>

#include "stcorner/parallel.hpp"

namespace stcorner::audio {

/// Every factor-th sample of the low-passed signal: output i stands for input i * factor (no delay), the
/// signal counts as zero outside.
std::vector<float> decimate(const float* signal, Index n, Index factor, Team team);

/// Every `factor`-th value of the signal after a Gaussian low-pass filter that falls to `rest` at `cutoff`, in shares
/// of the sample rate.
std::vector<float> smooth(const float* signal, Index n, double cutoff, double rest, Index factor, Team team);

}  // namespace stcorner::audio
