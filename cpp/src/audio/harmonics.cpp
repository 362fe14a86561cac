#include "stcorner/audio.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "plan.hpp"

namespace stcorner::audio {
namespace {

constexpr Index kItem = 32;
constexpr int kMost = 100;  // harmonics
constexpr Index kFill = 31;  // more lags than there are, which fill the kernel's vectors
constexpr int kColumns = 6;
constexpr double kNear = 0.1, kAbout = 0.2, kFaint = 1e-9, kSurest = 1e-10;

/// Height of the spectral peak nearest a frequency, the higher first of two as near, between bins on a parabola through
/// magnitudes; `plain` is that of its bin.
double peak_near(const float* power, Index n, double place, double* plain) {
  const auto middle = static_cast<Index>(std::lround(place));
  for (Index far = 0; far < n; ++far)
    for (const Index k : {middle + far, middle - far}) {
      if (k < 1 || k > n - 2 || !(power[k] > power[k - 1] && power[k] >= power[k + 1])) continue;
      const double left = std::sqrt(static_cast<double>(power[k - 1])), here = std::sqrt(static_cast<double>(power[k]));
      const double right = std::sqrt(static_cast<double>(power[k + 1])), side = left - right;
      *plain = here;
      return here - side * side / (8.0 * (left - 2.0 * here + right));
    }
  return *plain = std::sqrt(static_cast<double>(power[std::min(middle, n - 1)]));
}

double decibels(double magnitude) { return 20.0 * std::log10(std::max(magnitude, kFaint)); }

double total(const float* power, Index n) {
  double sums[8] = {};  // eight, so that the additions need not wait for one another
  Index k = 0;
  for (; k + 8 <= n; k += 8)
    for (Index i = 0; i < 8; ++i) sums[i] += static_cast<double>(power[k + i]);
  for (; k < n; ++k) sums[0] += static_cast<double>(power[k]);
  for (int i = 1; i < 8; ++i) sums[0] += sums[i];
  return sums[0];
}

/// Harmonics over noise in dB: from the largest autocorrelation near the period.
double clarity(const float* power, Index n, double period, const double* cosines, std::vector<double>& sums) {
  const auto first = static_cast<Index>(period * (1.0 - kNear));
  const Index lags = static_cast<Index>(period * (1.0 + kNear)) + 2 - first;
  sums.resize(lags + kFill);
  kernels::audio_table().correlate_powers(power, n, cosines + first, lags, sums.data());
  const double all = total(power, n) - 0.5 * (static_cast<double>(power[0]) + static_cast<double>(power[n - 1]));
  const double share = std::clamp(*std::max_element(sums.begin(), sums.begin() + lags) / all, kSurest, 1.0 - kSurest);
  return 10.0 * std::log10(share / (1.0 - share));
}

}  // namespace

void harmonic_levels(const float* power, Index n_frames, Index n_bins, double sample_rate, const float* f0,
                     const float* formants, float* out, Team team) {
  const auto is_odd = [&](float hertz) { return !(hertz >= 0.0F && static_cast<double>(hertz) <= sample_rate); };
  if (!(sample_rate > 0.0) || std::any_of(f0, f0 + n_frames, is_odd) ||
      std::any_of(formants, formants + 3 * n_frames, is_odd))
    throw std::invalid_argument("f0 and formants must be 0 to sample_rate, which must be positive");
  const double bin = 0.5 * sample_rate / static_cast<double>(n_bins - 1);
  const auto n_lags = static_cast<Index>(static_cast<double>(n_bins) * (1.0 + kNear)) + 3;
  std::vector<double> cosines(n_lags + kFill);
  for (std::size_t lag = 0; lag < cosines.size(); ++lag)
    cosines[lag] = std::cos(kPi / static_cast<double>(n_bins - 1) * static_cast<double>(lag));
  const auto frames_of = [&](Index begin, Index end) {
    std::vector<double> sums;
    for (Index frame = begin; frame < end; ++frame) {
      float* const to = out + frame * kColumns;
      std::fill_n(to, kColumns, 0.0F);
      const double hertz = static_cast<double>(f0[frame]);
      const float* const row = power + frame * n_bins;
      if (!(hertz > 2.0 * bin) || !(total(row, n_bins) > 0.0)) continue;
      to[0] = static_cast<float>(clarity(row, n_bins, sample_rate / hertz, cosines.data(), sums));
      const int count = std::min(kMost, static_cast<int>(0.5 * sample_rate / hertz));
      double plain, first, other;
      const double levels[3] = {decibels(peak_near(row, n_bins, hertz / bin, &first)),
                                decibels(peak_near(row, n_bins, 2.0 * hertz / bin, &other)),
                                decibels(peak_near(row, n_bins, 3.0 * hertz / bin, &other))};
      to[1] = static_cast<float>(levels[1] - levels[2]);
      for (int i = 0; i < 3; ++i) {
        const double formant = static_cast<double>(formants[frame * 3 + i]);
        const int low = std::max(1, static_cast<int>(std::ceil((1.0 - kAbout) * formant / hertz)));
        const int high = std::min(count, static_cast<int>((1.0 + kAbout) * formant / hertz));
        double strongest = 0.0;
        int number = 0;
        for (int k = low; k <= high; ++k) {
          const double height = peak_near(row, n_bins, k * hertz / bin, &plain);
          if (height > strongest) strongest = height, number = k;
        }
        if (number == 0) continue;
        const double level = decibels(strongest);
        if (i == 2) to[2] = static_cast<float>(levels[1] - level);
        to[3 + i] = number == 1 ? 0.0F : static_cast<float>(level - decibels(first));
      }
    }
  };
  drive(pieces(n_frames, kItem, frames_of), team.worth(5e3 * static_cast<double>(n_frames)));
}

}  // namespace stcorner::audio
