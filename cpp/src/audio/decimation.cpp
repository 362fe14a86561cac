#include "decimation.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "plan.hpp"

namespace stcorner::audio {
namespace {

constexpr Index kHalfLobes = 8;
constexpr Index kChunk = 8192;  // outputs per work item

/// tap(-half) to tap(half), over their sum.
template <class Tap>
std::vector<float> taps_of(Index half, Tap tap) {
  std::vector<double> taps;
  for (Index k = -half; k <= half; ++k) taps.push_back(tap(static_cast<double>(k)));
  const double sum = std::accumulate(taps.begin(), taps.end(), 0.0);
  for (double& each : taps) each /= sum;
  return std::vector<float>(taps.begin(), taps.end());
}

/// Hann-windowed sinc with its edge at 0.9 of the new Nyquist frequency.
std::vector<float> low_pass(Index factor) {
  const Index half = kHalfLobes * factor;
  return taps_of(half, [&](double k) {
    const double x = 0.9 * k / static_cast<double>(factor), sinc = k == 0.0 ? 1.0 : std::sin(kPi * x) / (kPi * x);
    return sinc * (0.5 + 0.5 * std::cos(kPi * k / static_cast<double>(half + 1)));
  });
}

/// Gaussian whose spectrum falls to `rest` at `cutoff` (in shares of the sample rate).
std::vector<float> gaussian(double cutoff, double rest) {
  const double a = -std::log(rest) / (cutoff * cutoff);
  const auto half = static_cast<Index>(std::ceil(4.0 * std::sqrt(0.5 * a) / kPi));
  return taps_of(half, [&](double k) { return std::exp(-kPi * kPi * (k * k) / a); });
}

std::vector<float> filtered(const float* signal, Index n, const std::vector<float>& taps, Index factor, Team team) {
  const auto n_taps = static_cast<Index>(taps.size());
  const Index n_out = ceil_div(n, factor);
  std::vector<float> out(n_out);
  const auto kernel = kernels::audio_table().decimate;
  const auto filter = [&](Index first, Index last) {
    const Index count = last - first;
    // Dealt into `factor` rows, so that neighbouring outputs read neighbouring inputs.
    const Index row = count + n_taps / factor + 1, begin = first * factor - n_taps / 2;
    std::vector<float> dealt(row * factor);
    std::vector<const float*> phases;
    for (Index phase = 0; phase < factor; ++phase) {
      float* const to = dealt.data() + phase * row;
      phases.push_back(to);
      for (Index i = 0; i < row; ++i) {
        const Index at = begin + phase + i * factor;
        to[i] = at >= 0 && at < n ? signal[at] : 0.0F;
      }
    }
    kernel(phases.data(), static_cast<int>(factor), taps.data(), static_cast<int>(n_taps), out.data() + first, count);
  };
  // A product and a sum take a vector's share of a nanosecond.
  drive(pieces(n_out, kChunk, filter), team.worth(0.05 * static_cast<double>(n_out * n_taps)));
  return out;
}

}  // namespace

std::vector<float> decimate(const float* signal, Index n, Index factor, Team team) {
  return filtered(signal, n, low_pass(factor), factor, team);
}

std::vector<float> smooth(const float* signal, Index n, double cutoff, double rest, Index factor, Team team) {
  return filtered(signal, n, gaussian(cutoff, rest), factor, team);
}

}  // namespace stcorner::audio
