#include "decimation.hpp"

#include <algorithm>
#include <cmath>

#include "../kernels/audio.hpp"

namespace stcorner::audio {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr std::ptrdiff_t kHalfLobes = 8;
constexpr std::ptrdiff_t kChunk = 8192;  // outputs per work item

/// Hann-windowed sinc with its edge at 0.9 of the new Nyquist frequency, of sum 1 and odd length.
std::vector<float> low_pass(std::ptrdiff_t factor) {
  const std::ptrdiff_t half = kHalfLobes * factor;
  std::vector<double> taps;
  double sum = 0.0;
  for (std::ptrdiff_t k = -half; k <= half; ++k) {
    const double x = 0.9 * static_cast<double>(k) / static_cast<double>(factor);
    const double sinc = k == 0 ? 1.0 : std::sin(kPi * x) / (kPi * x);
    taps.push_back(sinc * (0.5 + 0.5 * std::cos(kPi * static_cast<double>(k) / static_cast<double>(half + 1))));
    sum += taps.back();
  }
  std::vector<float> result;
  result.reserve(taps.size());
  for (const double tap : taps) result.push_back(static_cast<float>(tap / sum));
  return result;
}

/// Gaussian of an odd length and of sum 1 whose spectrum falls to `rest` at `cutoff` (in shares of the sample rate).
std::vector<float> gaussian(double cutoff, double rest) {
  const double a = -std::log(rest) / (cutoff * cutoff);
  const auto half = static_cast<std::ptrdiff_t>(std::ceil(4.0 * std::sqrt(0.5 * a) / kPi));
  std::vector<double> taps;
  double sum = 0.0;
  for (std::ptrdiff_t k = -half; k <= half; ++k) {
    taps.push_back(std::exp(-kPi * kPi * static_cast<double>(k * k) / a));
    sum += taps.back();
  }
  std::vector<float> result;
  result.reserve(taps.size());
  for (const double tap : taps) result.push_back(static_cast<float>(tap / sum));
  return result;
}

std::vector<float> filtered(const float* signal, std::ptrdiff_t n, const std::vector<float>& taps,
                            std::ptrdiff_t factor, int n_threads, Pause pause) {
  const auto n_taps = static_cast<std::ptrdiff_t>(taps.size());
  const std::ptrdiff_t n_out = ceil_div(n, factor);
  std::vector<float> out(static_cast<std::size_t>(n_out));
  const auto kernel = kernels::audio_table().decimate;
  const auto filter = [&](std::ptrdiff_t first, std::ptrdiff_t last) {
    const std::ptrdiff_t count = last - first;
    // Dealt into `factor` rows, so that neighbouring outputs read neighbouring inputs.
    const std::ptrdiff_t row = count + n_taps / factor + 1, begin = first * factor - n_taps / 2;
    std::vector<float> dealt(static_cast<std::size_t>(row * factor));
    std::vector<const float*> phases;
    for (std::ptrdiff_t phase = 0; phase < factor; ++phase) {
      float* const to = dealt.data() + phase * row;
      phases.push_back(to);
      for (std::ptrdiff_t i = 0; i < row; ++i) {
        const std::ptrdiff_t at = begin + phase + i * factor;
        to[i] = at >= 0 && at < n ? signal[at] : 0.0F;
      }
    }
    kernel(phases.data(), static_cast<int>(factor), taps.data(), static_cast<int>(n_taps), out.data() + first, count);
  };
  // A product and a sum take a vector's share of a nanosecond.
  drive(pieces(n_out, kChunk, filter), threads_worth(n_threads, 0.05 * static_cast<double>(n_out * n_taps)), pause);
  return out;
}

}  // namespace

std::vector<float> decimate(const float* signal, std::ptrdiff_t n, std::ptrdiff_t factor, int n_threads, Pause pause) {
  return filtered(signal, n, low_pass(factor), factor, n_threads, pause);
}

std::vector<float> smooth(const float* signal, std::ptrdiff_t n, double cutoff, double rest, std::ptrdiff_t factor,
                          int n_threads, Pause pause) {
  return filtered(signal, n, gaussian(cutoff, rest), factor, n_threads, pause);
}

}  // namespace stcorner::audio
