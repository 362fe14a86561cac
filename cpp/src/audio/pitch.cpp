#include "stcorner/audio.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "decimation.hpp"
#include "path.hpp"
#include "plan.hpp"

namespace stcorner::audio {
namespace {

// A clean clip is tracked below a frequency at which the filter leaves `kPassRest`, no lower than `kLeastPass` fmax, at
// a rate `kPassRate` times that; what is left is more periodic, and its silences are deeper.
constexpr double kLeastPass = 1.6, kPassRate = 10.0, kPassRest = 0.03, kCleanVoicing = 0.27, kCleanSilence = 3.0;

std::vector<double> hann(Index n) {
  std::vector<double> window(n);
  for (Index i = 0; i < n; ++i)
    window[i] = 0.5 - 0.5 * std::cos(2.0 * kPi * (static_cast<double>(i) + 0.5) / static_cast<double>(n));
  return window;
}

/// Interpolation kernels: row f holds sinc(k - f / kSincSteps) under a Hann window, for the lags
/// k = -15 .. 16 about the whole lag, each row of sum 1.
std::vector<float> make_sinc_table() {
  constexpr int kHalf = kernels::kSincTaps / 2;
  std::vector<float> table;
  for (int step = 0; step <= kernels::kSincSteps; ++step) {
    double row[kernels::kSincTaps], sum = 0.0;
    for (int k = 0; k < kernels::kSincTaps; ++k) {
      const double x = k - (kHalf - 1) - static_cast<double>(step) / kernels::kSincSteps;
      const double sinc = std::abs(x) < 1e-12 ? 1.0 : std::sin(kPi * x) / (kPi * x);
      row[k] = sinc * (0.5 + 0.5 * std::cos(kPi * x / (kHalf + 0.5)));
      sum += row[k];
    }
    for (const double value : row) table.push_back(static_cast<float>(value / sum));
  }
  return table;
}

const std::vector<float>& sinc_table() {
  static const std::vector<float> table = make_sinc_table();
  return table;
}

float largest_magnitude(const float* x, Index n) {
  if (n == 0) return 0.0F;
  double sums[8] = {};  // lanes, so that neither sums nor comparisons need wait for one another
  float low[8], high[8];
  std::fill_n(low, 8, x[0]);
  std::fill_n(high, 8, x[0]);
  const auto take = [&](Index lane, float value) {
    sums[lane] += static_cast<double>(value);
    low[lane] = value < low[lane] ? value : low[lane];
    high[lane] = value > high[lane] ? value : high[lane];
  };
  Index i = 0;
  for (; i + 8 <= n; i += 8)
    for (Index lane = 0; lane < 8; ++lane) take(lane, x[i + lane]);
  for (; i < n; ++i) take(0, x[i]);
  double sum = 0.0;
  for (const double part : sums) sum += part;
  const auto mean = static_cast<float>(sum / static_cast<double>(n));
  return std::max(*std::max_element(high, high + 8) - mean, mean - *std::min_element(low, low + 8));
}

/// The search in one signal, at its rate after decimation by `factor`.
class Tracker {
 public:
  Tracker(const float* signal, Index n, const Framing& framing, const PitchOptions& options, Index factor)
      : signal_(signal),
        n_(n),
        options_(options),
        step_(static_cast<double>(framing.hop_length) / options.sample_rate),
        rate_(options.sample_rate / static_cast<double>(factor)),
        length_(std::max<Index>(4, (framing.frame_length + factor / 2) / factor)),
        first_lag_(std::max<Index>(2, static_cast<Index>(rate_ / options.fmax))),
        last_lag_(static_cast<Index>(std::ceil(rate_ / options.fmin))),
        n_lags_(last_lag_ + kernels::kSincTaps / 2 + 2),
        plan_(good_length(length_ + n_lags_)),
        scale_(n_lags_, 0.0F),
        cost_(n_lags_, 0.0F) {
    if (last_lag_ <= first_lag_) throw std::invalid_argument("fmax must be > fmin by at least one lag");
    if (length_ < 2 * last_lag_) throw std::invalid_argument("frame_length must hold two periods of fmin");
    const std::vector<double> window = hann(length_);
    const auto own = window_autocorrelation(window.data(), length_, std::min(n_lags_, length_));
    window_.assign(window.begin(), window.end());
    for (std::size_t lag = 0; lag < own.size(); ++lag) scale_[lag] = static_cast<float>(1.0 / std::max(own[lag], 1e-4));
    for (std::size_t lag = 1; lag < cost_.size(); ++lag)
      cost_[lag] = static_cast<float>(options.octave_cost * std::log2(static_cast<double>(lag) * options.fmax / rate_));
    for (Index i = 0; i < framing.n_frames; ++i) {
      // Middle of the frame in half samples, moved to the nearest sample after decimation.
      const Index middle = 2 * (framing.first_start + i * framing.hop_length) + framing.frame_length;
      starts_.push_back((middle + 2 * factor * length_) / (2 * factor) - length_ - length_ / 2);
    }
  }

  /// Learn the noise of the clip, and leave it out of the frames' spectra from here on.
  const Noise& learn() {
    noise_ = learn_noise(signal_, n_, rate_, starts_, window_, plan_.get().whole);
    return noise_;
  }

  void track(float* f0, float* strength, Team team) const {
    const auto n_frames = static_cast<Index>(starts_.size());
    Candidates table(n_frames, options_.max_candidates);
    constexpr Index kItem = 512;
    drive(pieces(n_frames, kItem, [&](Index first, Index last) { search(first, last, table); }), team);
    if (team.pause) team.pause();
    const double level = options_.reference_level;
    const double reference = level > 0.0 ? level : static_cast<double>(largest_magnitude(signal_, n_));
    choose_candidates(table, options_, noise_, reference, step_, f0, strength);
  }

 private:
  /// Candidates of the frames [first, last) into the table.
  void search(Index first, Index last, Candidates& table) const {
    const kernels::AudioTable& kernel = kernels::audio_table();
    const Index batch = 2 * kernel.lanes32, half_period = std::min(last_lag_ / 2 + 1, length_ / 2);
    const Scratch<float> scratch(4 * plan_.get().whole.n * kernel.lanes32);
    std::vector<float> rows(batch * n_lags_), row(n_lags_ + 2 * kernels::kSincTaps), levels(batch);
    // Candidates under half the (lowered) threshold cannot win; a tracker that calls all voiced takes any.
    const double threshold = options_.voicing_threshold * (1.0 - lowered_share(options_, noise_));
    const float least = options_.always_voiced ? 0.0F : static_cast<float>(0.5 * threshold);
    const kernels::PeakJob peaks{scale_.data(),           cost_.data(),       first_lag_, last_lag_, n_lags_, least,
                                 options_.max_candidates, sinc_table().data()};
    for (Index at = first; at < last; at += batch) {
      const Index count = std::min(batch, last - at);
      kernel.autocorrelate32(plan_.get(),
                             {signal_, n_, starts_.data() + at, count, length_, window_.data(), true,
                              length_ / 2 - half_period, length_ / 2 + half_period},
                             noise_.weights.empty() ? nullptr : noise_.weights.data(), n_lags_, scratch.data(),
                             rows.data(), levels.data());
      for (Index i = 0; i < count; ++i) {
        float lags[kernels::kMaxCandidates], strengths[kernels::kMaxCandidates];
        const int found = kernel.find_peaks(peaks, rows.data() + i * n_lags_, row.data(), lags, strengths);
        table.levels[at + i] = levels[i];
        table.energies[at + i] = rows[i * n_lags_];
        for (int k = 0; k < found; ++k) {
          const double frequency = rate_ / static_cast<double>(lags[k]);
          if (frequency <= options_.fmax && frequency >= options_.fmin)
            table.add(at + i, static_cast<float>(frequency), std::max(strengths[k], 0.0F));
        }
      }
    }
  }

  const float* signal_;
  Index n_;
  const PitchOptions& options_;
  double step_, rate_;
  Index length_, first_lag_, last_lag_, n_lags_;
  EvenPlan<float> plan_;
  std::vector<float> window_, scale_, cost_;
  std::vector<Index> starts_;
  Noise noise_;
};

}  // namespace

void track_pitch(const float* signal, Index n, const Framing& framing, const PitchOptions& options, float* f0,
                 float* strength, Team team) {
  if (!(options.sample_rate > 0.0 && options.sample_rate <= 1e9))
    throw std::invalid_argument("sr must be > 0 and <= 1e9");
  check(framing);
  if (options.max_candidates < 1 || options.max_candidates > kernels::kMaxCandidates)
    throw std::invalid_argument("max_candidates must be >= 1 and <= 16");
  if (!(options.fmin > 0.0 && options.fmax > options.fmin)) throw std::invalid_argument("fmax must be > fmin > 0");
  const Index factor = std::max<Index>(1, static_cast<Index>(options.sample_rate / 16000.0));
  std::vector<float> decimated;
  if (factor > 1) {
    decimated = decimate(signal, n, factor, team);
    signal = decimated.data();
    n = static_cast<Index>(decimated.size());
  }
  Tracker tracker(signal, n, framing, options, factor);
  const bool adapts = options.find_path && options.noise_adaptation > 0.0, is_clean = adapts && tracker.learn().clean;
  if (!is_clean || !(options.low_pass > 0.0)) return tracker.track(f0, strength, team);
  const double rate = options.sample_rate / static_cast<double>(factor);
  const double cutoff = std::max(options.low_pass, kLeastPass * options.fmax);
  const auto step = std::max<Index>(1, static_cast<Index>(rate / (kPassRate * cutoff)));
  const std::vector<float> low = smooth(signal, n, cutoff / rate, kPassRest, step, team);
  PitchOptions clean = options;
  clean.voicing_threshold += kCleanVoicing * (1.0 - options.voicing_threshold);
  clean.silence_threshold = std::min(1.0, kCleanSilence * options.silence_threshold);
  Framing shorter = framing;
  const auto periods = 2 * (1 + static_cast<Index>(rate / static_cast<double>(step) / options.fmin));
  if (options.clean_length > factor * step * periods && options.clean_length < framing.frame_length) {
    shorter.frame_length = options.clean_length;
    shorter.first_start += (framing.frame_length - options.clean_length) / 2;
  }
  Tracker(low.data(), static_cast<Index>(low.size()), shorter, clean, factor * step).track(f0, strength, team);
}

}  // namespace stcorner::audio
