#include "path.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace stcorner::audio {
namespace {

// Frames that stand for the noise and for the voice of a clip, by energy.
constexpr double kQuiet = 0.05, kLoud = 0.9;
// Energy over that of the noise from which the threshold begins to fall, and from which it has fallen.
constexpr double kRiseBegin = 1.15, kRiseEnd = 1.6;
constexpr double kMostLowered = 0.6;
constexpr int kMost = 17;  // 16 candidates and "unvoiced", which is state 0

/// Worth of each state of one frame and the octave position of each voiced one.
struct States {
  int n = 1;
  float worth[kMost];
  float octave[kMost];
};

int best_of(const float* worth, int n) { return static_cast<int>(std::max_element(worth, worth + n) - worth); }

class Judge {
 public:
  Judge(const Candidates& table, const PitchOptions& options, double reference)
      : options_(options), reference_(reference) {
    if (!options.find_path || !(options.noise_adaptation > 0.0) || table.n_frames == 0) return;
    noise_ = quantile(table.energies, kQuiet);
    const double loud = quantile(table.energies, kLoud);
    if (noise_ > 0.0) share_ = std::min(kMostLowered, options.noise_adaptation * noise_ / loud);
  }

  States operator()(const Candidates& table, std::ptrdiff_t frame) const {
    States states;
    const auto index = static_cast<std::size_t>(frame);
    const int count = table.counts[index];
    states.n = 1 + count;
    states.worth[0] = unvoiced(table.levels[index], table.energies[index]);
    states.octave[0] = 0.0F;
    if (options_.always_voiced && count > 0) states.worth[0] = -1e6F;
    for (int k = 0; k < count; ++k) {
      const auto at = static_cast<std::size_t>(frame * table.capacity + k);
      const auto octave = std::log2(table.frequencies[at]);
      states.octave[k + 1] = octave;
      states.worth[k + 1] =
          table.strengths[at] -
          static_cast<float>(options_.octave_cost * (std::log2(options_.fmax) - static_cast<double>(octave)));
    }
    if (count > 0 && !options_.always_voiced && !options_.cost_in_voicing) {
      // The octave cost chooses among candidates; a low voice is not less of a voice for it.
      const int best = 1 + best_of(states.worth + 1, count);
      const auto at = static_cast<std::size_t>(frame * table.capacity + best - 1);
      states.worth[0] -= table.strengths[at] - states.worth[best];
    }
    return states;
  }

 private:
  static double quantile(std::vector<float> values, double share) {
    const auto place = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + place, values.end());
    return static_cast<double>(values[static_cast<std::size_t>(place)]);
  }

  // A frame far below the reference is unvoiced however periodic it is: hum, and the ringing of silence.
  float unvoiced(float level, float energy) const {
    double threshold = options_.voicing_threshold;
    if (share_ > 0.0) {
      // Noise of energy N lowers the strength of a voice of energy S to S / (S + N) of what it was.
      const double rise = (static_cast<double>(energy) / noise_ - kRiseBegin) / (kRiseEnd - kRiseBegin);
      threshold *= 1.0 - share_ * std::clamp(rise, 0.0, 1.0);
    }
    if (!(reference_ > 0.0)) return static_cast<float>(threshold + 2.0);
    if (options_.silence_threshold <= 0.0) return static_cast<float>(threshold);
    const double quiet = 2.0 - static_cast<double>(level) / reference_ * (1.0 + threshold) / options_.silence_threshold;
    return static_cast<float>(threshold + std::max(0.0, quiet));
  }

  const PitchOptions& options_;
  double reference_;
  double noise_ = 0.0, share_ = 0.0;
};

void write(const Candidates& table, std::ptrdiff_t frame, int state, const States& states, float* f0, float* strength) {
  const int count = states.n - 1;
  const int shown = state > 0 ? state : count > 0 ? 1 + best_of(states.worth + 1, count) : 0;
  const auto at = static_cast<std::size_t>(frame * table.capacity + shown - 1);
  f0[frame] = state > 0 ? table.frequencies[at] : std::numeric_limits<float>::quiet_NaN();
  strength[frame] = shown > 0 ? table.strengths[at] : 0.0F;
}

}  // namespace

void choose_candidates(const Candidates& table, const PitchOptions& options, double reference, double step, float* f0,
                       float* strength) {
  const Judge judge(table, options, reference);
  const std::ptrdiff_t n = table.n_frames;
  if (n == 0) return;
  if (!options.find_path) {
    for (std::ptrdiff_t frame = 0; frame < n; ++frame) {
      const States states = judge(table, frame);
      write(table, frame, best_of(states.worth, states.n), states, f0, strength);
    }
    return;
  }
  // Costs of change are meant per 10 ms.
  const auto jump = static_cast<float>(options.octave_jump_cost * 0.01 / step);
  const auto turn = static_cast<float>(options.voiced_unvoiced_cost * 0.01 / step);
  std::vector<std::uint8_t> from(static_cast<std::size_t>(n) * kMost, 0);
  States before = judge(table, 0);
  for (std::ptrdiff_t frame = 1; frame < n; ++frame) {
    States now = judge(table, frame);
    for (int k = 0; k < now.n; ++k) {
      float best = before.worth[0] - (k > 0 ? turn : 0.0F);
      int origin = 0;
      for (int j = 1; j < before.n; ++j) {
        const float cost = k > 0 ? jump * std::abs(now.octave[k] - before.octave[j]) : turn;
        if (before.worth[j] - cost > best) best = before.worth[j] - cost, origin = j;
      }
      now.worth[k] += best;
      from[static_cast<std::size_t>(frame * kMost + k)] = static_cast<std::uint8_t>(origin);
    }
    // Only differences matter; without this the sums of a long signal would lose their last digits.
    const float top = now.worth[best_of(now.worth, now.n)];
    for (int k = 0; k < now.n; ++k) now.worth[k] -= top;
    before = now;
  }
  int state = best_of(before.worth, before.n);
  for (std::ptrdiff_t frame = n - 1; frame >= 0; --frame) {
    write(table, frame, state, judge(table, frame), f0, strength);
    state = from[static_cast<std::size_t>(frame * kMost + state)];
  }
}

}  // namespace stcorner::audio
