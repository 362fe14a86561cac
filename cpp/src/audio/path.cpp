#include "path.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace stcorner::audio {
namespace {

// Energy over that of the noise from which the threshold begins to fall, and from which it has fallen.
constexpr double kRiseBegin = 1.15, kRiseEnd = 1.6;
// Strengths fluctuate under noise: by this times the threshold's fall the costs of change rise, so that a path
// is held through frames that the noise has broken.
constexpr double kJumpRise = 3.0, kTurnRise = 5.0;
// The octave cost rises too, but no further than this: low voices must be let through.
constexpr double kOctaveRise = 5.0, kMostOctaveRise = 0.5;
// How far a peak may lie from a whole number of periods to be one of theirs, and how much each weighs beside
// the first.
constexpr float kOffPeriod = 0.02F, kPeriodWeight = 0.5F;
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
  Judge(const PitchOptions& options, double reference, const Noise& noise)
      : options_(options),
        reference_(reference),
        noise_(noise.quiet),
        share_(lowered_share(options, noise)),
        octave_cost_(options.octave_cost * (1.0 + std::min(kMostOctaveRise, kOctaveRise * share_))),
        highest_(std::log2(options.fmax)) {}

  double share() const noexcept { return share_; }

  States operator()(const Candidates& table, Index frame) const {
    States states;
    const int count = table.counts[frame];
    states.n = 1 + count;
    states.worth[0] = unvoiced(table.levels[frame], table.energies[frame]);
    states.octave[0] = 0.0F;
    if (options_.always_voiced && count > 0) states.worth[0] = -1e6F;
    for (int k = 0; k < count; ++k) {
      const Index at = frame * table.capacity + k;
      states.octave[k + 1] = table.octaves[at];
      const double below = highest_ - static_cast<double>(table.octaves[at]);
      states.worth[k + 1] = table.strengths[at] - static_cast<float>(octave_cost_ * below);
    }
    if (count > 0 && !options_.always_voiced && !options_.cost_in_voicing) {
      // The octave cost chooses among candidates; a low voice is not less of a voice for it.
      const int best = 1 + best_of(states.worth + 1, count);
      states.worth[0] -= table.strengths[frame * table.capacity + best - 1] - states.worth[best];
    }
    return states;
  }

 private:
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
  double noise_, share_, octave_cost_, highest_;
};

/// Frequency of a candidate, sharpened by the peaks at twice its period, three times and so on: they err by as
/// many samples as the first, but stand for several periods.
float sharpened(const Candidates& table, Index frame, Index chosen, const PitchOptions& options) {
  const Index begin = frame * table.capacity, end = begin + table.counts[frame];
  const float frequency = table.frequencies[chosen];
  float sum = 1.0F, weights = 1.0F;  // of the period, in units of the first guess
  for (int periods = 2; periods <= options.refine_periods; ++periods) {
    float nearest = kOffPeriod, found = 0.0F;
    for (Index at = begin; at < end; ++at) {
      const float ratio = frequency / (static_cast<float>(periods) * table.frequencies[at]);
      if (std::abs(ratio - 1.0F) < nearest) nearest = std::abs(ratio - 1.0F), found = ratio;
    }
    if (!(found > 0.0F)) break;
    const float weight = kPeriodWeight * static_cast<float>(periods);
    sum += weight * found;
    weights += weight;
  }
  return std::clamp(frequency * weights / sum, static_cast<float>(options.fmin), static_cast<float>(options.fmax));
}

void write(const Candidates& table, Index frame, int state, const States& states, const PitchOptions& options,
           float* f0, float* strength) {
  const int count = states.n - 1;
  const int shown = state > 0 ? state : count > 0 ? 1 + best_of(states.worth + 1, count) : 0;
  const Index at = frame * table.capacity + shown - 1;
  f0[frame] = state > 0 ? sharpened(table, frame, at, options) : std::numeric_limits<float>::quiet_NaN();
  strength[frame] = shown > 0 ? table.strengths[at] : 0.0F;
}

}  // namespace

double lowered_share(const PitchOptions& options, const Noise& noise) {
  return std::min(kMostLowered, options.noise_adaptation * noise.ratio);
}

void choose_candidates(const Candidates& table, const PitchOptions& options, const Noise& noise, double reference,
                       double step, float* f0, float* strength) {
  const Judge judge(options, reference, noise);
  const Index n = table.n_frames;
  if (n == 0) return;
  if (!options.find_path) {
    for (Index frame = 0; frame < n; ++frame) {
      const States states = judge(table, frame);
      write(table, frame, best_of(states.worth, states.n), states, options, f0, strength);
    }
    return;
  }
  // Costs of change are meant per 10 ms.
  const auto jump = static_cast<float>(options.octave_jump_cost * (1.0 + kJumpRise * judge.share()) * 0.01 / step);
  const auto turn = static_cast<float>(options.voiced_unvoiced_cost * (1.0 + kTurnRise * judge.share()) * 0.01 / step);
  std::vector<std::uint8_t> from(n * kMost, 0);
  States before = judge(table, 0);
  for (Index frame = 1; frame < n; ++frame) {
    States now = judge(table, frame);
    for (int k = 0; k < now.n; ++k) {
      float best = before.worth[0] - (k > 0 ? turn : 0.0F);
      int origin = 0;
      for (int j = 1; j < before.n; ++j) {
        const float cost = k > 0 ? jump * std::abs(now.octave[k] - before.octave[j]) : turn;
        if (before.worth[j] - cost > best) best = before.worth[j] - cost, origin = j;
      }
      now.worth[k] += best;
      from[frame * kMost + k] = static_cast<std::uint8_t>(origin);
    }
    // Only differences matter; without this the sums of a long signal would lose their last digits.
    const float top = now.worth[best_of(now.worth, now.n)];
    for (int k = 0; k < now.n; ++k) now.worth[k] -= top;
    before = now;
  }
  int state = best_of(before.worth, before.n);
  for (Index frame = n - 1; frame >= 0; --frame) {
    write(table, frame, state, judge(table, frame), options, f0, strength);
    state = from[frame * kMost + state];
  }
}

}  // namespace stcorner::audio
