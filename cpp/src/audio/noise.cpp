#include "noise.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "plan.hpp"

namespace stcorner::audio {
namespace {

constexpr Index kMostRanked = 512, kLeastRanked = 20;  // frames, evenly spaced
constexpr double kQuietShare = 0.1, kLoudShare = 0.3;        // of the frames, by energy
constexpr Index kMostTransformed = 48;                       // of either kind
// Energy of the quiet frames over that of the loud ones below which nothing is gained, from which the quiet ones
// may be voice as well, and from which they are held to be.
constexpr double kFaint = 1e-3, kPause = 0.5, kNoPause = 0.8;
// Weights stay away from 0 and 1 as if every bin held this share of the voice's mean power besides: a bin where
// neither voice nor noise is must not be cut, or hiss with little at high frequencies looks like a voice.
constexpr double kFloor = 0.1;
// Hz; partials count as under a Gaussian of this width, and this share must lie below kFundamentals.
constexpr double kLowest = 50.0, kFundamentals = 300.0, kPartials = 300.0, kLowShare = 0.45;
constexpr Index kReach = 5;  // bins on either side over which spectra are smoothed

/// Energy of n samples about their mean.
double energy_of(const float* x, Index n) {
  float sums[8] = {}, squares[8] = {};  // lanes, so that the additions need not wait for one another
  const float origin = x[0];            // near the mean where an offset would drown the rest
  for (Index i = 0; i + 8 <= n; i += 8)
    for (Index k = 0; k < 8; ++k) {
      const float value = x[i + k] - origin;
      sums[k] += value;
      squares[k] += value * value;
    }
  const double sum = std::accumulate(sums, sums + 8, 0.0), square = std::accumulate(squares, squares + 8, 0.0);
  return std::max(0.0, square - sum * sum / static_cast<double>(std::max<Index>(1, n / 8 * 8)));
}

/// Starts of frames that lie within the signal, evenly spaced among all of these, quietest first.
std::vector<Index> ranked(const float* signal, Index n, const std::vector<Index>& starts, Index length) {
  std::vector<Index> inside;
  for (const Index start : starts)
    if (start >= 0 && start + length <= n) inside.push_back(start);
  std::vector<std::pair<double, Index>> keyed;
  const auto count = static_cast<Index>(inside.size());
  for (Index i = 0; i < count; i += ceil_div(count, kMostRanked))
    keyed.emplace_back(energy_of(signal + inside[i] + length / 4, length / 2), inside[i]);
  std::sort(keyed.begin(), keyed.end());
  std::vector<Index> result;
  result.reserve(keyed.size());
  for (const auto& each : keyed) result.push_back(each.second);
  return result;
}

/// Mean of the power spectra of some of the frames, smoothed over neighbouring bins.
std::vector<double> mean_spectrum(const float* signal, Index n, const Index* first, const Index* last,
                                  const std::vector<float>& window, const kernels::FftPlan<float>& plan) {
  const Index stride = ceil_div(last - first, kMostTransformed), count = ceil_div(last - first, stride);
  const Index bins = plan.n / 2 + 1, lanes = kernels::audio_table().lanes32;
  std::vector<Index> starts;
  for (; first < last; first += stride) starts.push_back(*first);
  std::vector<float> rows(2 * lanes * bins), sum(bins, 0.0F);
  const Scratch<float> scratch(4 * plan.n * lanes);
  for (Index at = 0; at < count; at += 2 * lanes) {
    const Index some = std::min(2 * lanes, count - at);
    kernels::audio_table().power_spectra(
        plan, {signal, n, starts.data() + at, some, static_cast<Index>(window.size()), window.data(), true, 0, 0},
        scratch.data(), rows.data());
    for (Index i = 0; i < some; ++i)
      for (Index k = 0; k < bins; ++k) sum[k] += rows[i * bins + k];
  }
  std::vector<double> result;
  for (Index k = 0; k < bins; ++k) {
    double total = 0.0, weights = 0.0;
    for (Index j = std::max<Index>(0, k - kReach); j <= std::min(bins - 1, k + kReach); ++j) {
      const auto weight = static_cast<double>(kReach + 1 - std::abs(j - k));
      total += weight * static_cast<double>(sum[j]);
      weights += weight;
    }
    result.push_back(total / (weights * static_cast<double>(count)));
  }
  return result;
}

/// Lag 0 of the autocorrelation of a weighted power spectrum, whose upper half mirrors the lower.
double energy(const std::vector<double>& power, const std::vector<float>& weights) {
  double sum = 0.0;
  for (std::size_t k = 0; k < power.size(); ++k)
    sum += (k == 0 || k + 1 == power.size() ? 1.0 : 2.0) * power[k] *
           (weights.empty() ? 1.0 : static_cast<double>(weights[k]));
  return sum;
}

/// Whether much of a voice's power is where fundamentals are, the higher partials counting less and less: a telephone
/// cuts them off.
bool has_low_partials(const std::vector<double>& power, double hertz_per_bin) {
  double low = 0.0, all = 0.0;
  for (std::size_t k = 0; k < power.size(); ++k) {
    const double hertz = static_cast<double>(k) * hertz_per_bin, place = hertz / kPartials;
    if (!(hertz > kLowest)) continue;
    const double weighted = power[k] * std::exp(-place * place);
    all += weighted;
    if (hertz < kFundamentals) low += weighted;
  }
  return low > kLowShare * all;
}

}  // namespace

Noise learn_noise(const float* signal, Index n, double rate, const std::vector<Index>& starts,
                  const std::vector<float>& window, const kernels::FftPlan<float>& plan) {
  const auto order = ranked(signal, n, starts, static_cast<Index>(window.size()));
  const auto count = static_cast<Index>(order.size());
  if (count < kLeastRanked) return {};
  const auto part = [&](double share) { return static_cast<Index>(share * static_cast<double>(count)); };
  const Index* const begin = order.data();
  const Index* const end = begin + count;
  const auto noise = mean_spectrum(signal, n, begin, begin + part(kQuietShare), window, plan);
  const auto both = mean_spectrum(signal, n, end - part(kLoudShare), end, window, plan);

  Noise result;
  const double low = std::accumulate(noise.begin(), noise.end(), 0.0);
  const double high = std::accumulate(both.begin(), both.end(), 0.0);
  result.clean = high > 0.0 && low <= kFaint * high && has_low_partials(both, rate / static_cast<double>(plan.n));
  if (low > kFaint * high && low < kNoPause * high) {
    std::vector<double> voice(noise.size());
    for (std::size_t k = 0; k < noise.size(); ++k) voice[k] = std::max(both[k] - noise[k], 0.0);
    const double floor = kFloor * std::accumulate(voice.begin(), voice.end(), 0.0) / static_cast<double>(voice.size());
    for (std::size_t k = 0; k < noise.size(); ++k)
      result.weights.push_back(static_cast<float>((voice[k] + floor) / (voice[k] + noise[k] + floor)));
  }
  const double most = energy(both, result.weights);
  result.quiet = energy(noise, result.weights);
  if (most > 0.0) {
    const double ratio = result.quiet / most;
    result.ratio = ratio * std::clamp((kNoPause - ratio) / (kNoPause - kPause), 0.0, 1.0);
  }
  return result;
}

}  // namespace stcorner::audio
