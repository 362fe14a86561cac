#include "noise.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "plan.hpp"

namespace stcorner::audio {
namespace {

constexpr std::size_t kMostRanked = 512, kLeastRanked = 20;  // frames, evenly spaced
constexpr double kQuietShare = 0.1, kLoudShare = 0.3;        // of the frames, by energy
constexpr std::size_t kMostTransformed = 48;                 // of either kind
// Energy of the quiet frames over that of the loud ones below which nothing is gained, from which the quiet ones
// may be voice as well, and from which they are held to be.
constexpr double kFaint = 1e-3, kPause = 0.5, kNoPause = 0.8;
// Weights stay away from 0 and 1 as if every bin held this share of the voice's mean power besides: a bin where
// neither voice nor noise is must not be cut, or hiss with little at high frequencies looks like a voice.
constexpr double kFloor = 0.1;
// Hz; partials count as under a Gaussian of this width, and this share must lie below kFundamentals.
constexpr double kLowest = 50.0, kFundamentals = 300.0, kPartials = 300.0, kLowShare = 0.45;
constexpr std::ptrdiff_t kReach = 5;  // bins on either side over which spectra are smoothed

/// Energy of n samples about their mean.
double energy_of(const float* x, std::ptrdiff_t n) {
  float sums[8] = {}, squares[8] = {};  // lanes, so that the additions need not wait for one another
  const float origin = x[0];            // near the mean where an offset would drown the rest
  for (std::ptrdiff_t i = 0; i + 8 <= n; i += 8)
    for (std::ptrdiff_t k = 0; k < 8; ++k) {
      const float value = x[i + k] - origin;
      sums[k] += value;
      squares[k] += value * value;
    }
  const double sum = std::accumulate(sums, sums + 8, 0.0), square = std::accumulate(squares, squares + 8, 0.0);
  return std::max(0.0, square - sum * sum / static_cast<double>(std::max<std::ptrdiff_t>(1, n / 8 * 8)));
}

/// Starts of frames that lie within the signal, evenly spaced among all of these, quietest first.
std::vector<std::ptrdiff_t> ranked(const float* signal, std::ptrdiff_t n, const std::vector<std::ptrdiff_t>& starts,
                                   std::ptrdiff_t length) {
  std::vector<std::ptrdiff_t> inside;
  for (const std::ptrdiff_t start : starts)
    if (start >= 0 && start + length <= n) inside.push_back(start);
  std::vector<std::pair<double, std::ptrdiff_t>> keyed;
  const std::size_t stride = (inside.size() + kMostRanked - 1) / kMostRanked;
  for (std::size_t i = 0; i < inside.size(); i += stride)
    keyed.emplace_back(energy_of(signal + inside[i] + length / 4, length / 2), inside[i]);
  std::sort(keyed.begin(), keyed.end());
  std::vector<std::ptrdiff_t> result;
  result.reserve(keyed.size());
  for (const auto& each : keyed) result.push_back(each.second);
  return result;
}

/// Power spectra of some of the frames, one row each.
class Spectra {
 public:
  Spectra(const float* signal, std::ptrdiff_t n, const std::ptrdiff_t* first, const std::ptrdiff_t* last,
          const std::vector<float>& window, const kernels::FftPlan<float>& plan)
      : bins_(plan.n / 2 + 1) {
    const std::size_t stride = (static_cast<std::size_t>(last - first) + kMostTransformed - 1) / kMostTransformed;
    std::vector<std::ptrdiff_t> starts;
    for (; first < last; first += stride) starts.push_back(*first);
    count_ = static_cast<std::ptrdiff_t>(starts.size());
    rows_.resize(static_cast<std::size_t>(count_ * bins_));
    const kernels::AudioTable& kernel = kernels::audio_table();
    const std::ptrdiff_t batch = 2 * kernel.lanes32;
    const Scratch<float> scratch(4 * plan.n * kernel.lanes32);
    for (std::ptrdiff_t at = 0; at < count_; at += batch)
      kernel.power_spectra(plan,
                           {signal, n, starts.data() + at, std::min(batch, count_ - at),
                            static_cast<std::ptrdiff_t>(window.size()), window.data(), true, 0, 0},
                           scratch.data(), rows_.data() + at * bins_);
  }

  /// The mean of all, smoothed over neighbouring bins.
  std::vector<double> mean() const {
    std::vector<float> sum(static_cast<std::size_t>(bins_), 0.0F);
    for (std::ptrdiff_t i = 0; i < count_; ++i)
      for (std::ptrdiff_t k = 0; k < bins_; ++k)
        sum[static_cast<std::size_t>(k)] += rows_[static_cast<std::size_t>(i * bins_ + k)];
    std::vector<double> result;
    for (std::ptrdiff_t k = 0; k < bins_; ++k) {
      double total = 0.0, weights = 0.0;
      for (std::ptrdiff_t j = std::max<std::ptrdiff_t>(0, k - kReach); j <= std::min(bins_ - 1, k + kReach); ++j) {
        const auto weight = static_cast<double>(kReach + 1 - std::abs(j - k));
        total += weight * static_cast<double>(sum[static_cast<std::size_t>(j)]);
        weights += weight;
      }
      result.push_back(total / (weights * static_cast<double>(count_)));
    }
    return result;
  }

 private:
  std::ptrdiff_t bins_, count_ = 0;
  std::vector<float> rows_;
};

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

Noise learn_noise(const float* signal, std::ptrdiff_t n, double rate, const std::vector<std::ptrdiff_t>& starts,
                  const std::vector<float>& window, const kernels::FftPlan<float>& plan) {
  const auto order = ranked(signal, n, starts, static_cast<std::ptrdiff_t>(window.size()));
  if (order.size() < kLeastRanked) return {};
  const auto part = [&](double share) {
    return static_cast<std::ptrdiff_t>(share * static_cast<double>(order.size()));
  };
  const std::ptrdiff_t* const begin = order.data();
  const std::ptrdiff_t* const end = begin + order.size();
  const Spectra quiet(signal, n, begin, begin + part(kQuietShare), window, plan);
  const Spectra loud(signal, n, end - part(kLoudShare), end, window, plan);

  Noise result;
  const std::vector<double> noise = quiet.mean(), both = loud.mean();
  const double low = std::accumulate(noise.begin(), noise.end(), 0.0);
  const double high = std::accumulate(both.begin(), both.end(), 0.0);
  result.clean = high > 0.0 && low <= kFaint * high && has_low_partials(both, rate / static_cast<double>(plan.n));
  if (low > kFaint * high && low < kNoPause * high) {
    std::vector<double> voice;
    voice.reserve(noise.size());
    for (std::size_t k = 0; k < noise.size(); ++k) voice.push_back(std::max(both[k] - noise[k], 0.0));
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
