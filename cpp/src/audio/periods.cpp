#include <algorithm>
#include <cmath>
#include <vector>

#include "plan.hpp"

namespace stcorner::audio {
namespace {

constexpr double kRange = 0.1;  // of a period, within which it is sought
constexpr double kLeast = 0.5;  // correlation of a period with the next
constexpr int kSure = 2;        // periods found from which on a frame looks no further than its end

class Matcher {
 public:
  Matcher(const float* x, Index n) : x_(x), n_(n) {}

  /// No place from now on lies before this one.
  void begin(Index place) {
    origin_ = place;
    sums_.assign(1, 0.0);
    squares_.assign(1, 0.0);
  }

  /// Correlations of the `lag` samples from `place` on with as many that follow, for lags [first, end).
  const std::vector<double>& operator()(Index place, Index first, Index end) {
    const Index count = end - first;
    for (Index i = origin_ + static_cast<Index>(sums_.size()) - 1; i < place + 2 * end; ++i) {
      const double value = static_cast<double>(x_[i]);
      sums_.push_back(sums_.back() + value);
      squares_.push_back(squares_.back() + value * value);
    }
    bands_.resize(count);
    products_.resize(count);
    found_.resize(count);
    for (Index lag = first; lag < end; ++lag) bands_[lag - first] = {lag, lag, x_ + place};
    kernels::audio_table().project(x_ + place, 1, 0, bands_.data(), end - first, products_.data());
    for (Index i = 0; i < count; ++i) {
      const Index lag = first + i;
      const double length = static_cast<double>(lag);
      const double one = between(sums_, place, lag), two = between(sums_, place + lag, lag);
      const double power = (between(squares_, place, lag) - one * one / length) *
                           (between(squares_, place + lag, lag) - two * two / length);
      const double product = static_cast<double>(products_[i]) - one * two / length;
      found_[i] = power > 1e-24 ? product / std::sqrt(power) : 0.0;
    }
    return found_;
  }

  float reach(Index begin, Index end) const {
    const auto [low, high] = std::minmax_element(x_ + begin, x_ + std::min(end, n_));
    return *high - *low;
  }

 private:
  double between(const std::vector<double>& sums, Index place, Index count) const {
    return sums[place + count - origin_] - sums[place - origin_];
  }

  const float* x_;
  Index n_, origin_ = 0;
  std::vector<double> sums_, squares_, found_;
  std::vector<kernels::Band> bands_;
  std::vector<float> products_;
};

/// Mean change of neighbours over their mean.
struct Change {
  double change = 0.0, sum = 0.0;
  int count = 0;
  void add(double before, double now) {
    change += std::abs(now - before);
    sum += 0.5 * (now + before);
    ++count;
  }
};

}  // namespace

void period_perturbation(const float* signal, Index n, const float* f0, Index n_frames, Index hop, float* jitter,
                         float* shimmer, Pause pause) {
  check({1, hop, 0, n_frames});
  check_f0(f0, n_frames);
  Matcher match(signal, n);
  Index place = 0;
  int found = 0;
  double period = 0.0, reach = 0.0;
  for (Index frame = 0; frame < n_frames; ++frame) {
    jitter[frame] = shimmer[frame] = 0.0F;
    if (!(f0[frame] > 0.0F)) {
      found = 0;
      continue;
    }
    const bool begins = frame == 0 || !(f0[frame - 1] > 0.0F);
    if (begins)
      match.begin(place = frame * hop);
    else
      jitter[frame] = jitter[frame - 1], shimmer[frame] = shimmer[frame - 1];
    const double expected = 1.0 / static_cast<double>(f0[frame]);
    const auto low = static_cast<Index>(expected * (1.0 - kRange));
    const auto high = static_cast<Index>(std::ceil(expected * (1.0 + kRange)));
    Change lengths, reaches;
    for (bool look = found < kSure; look || place + 2 * high <= (frame + 1) * hop; look = false) {
      if (low < 2 || place + 2 * high + 2 > n) break;
      const std::vector<double>& alike = match(place, low - 1, high + 2);
      const auto best = std::max_element(alike.begin() + 1, alike.end() - 1);
      const Index lag = low - 1 + (best - alike.begin());
      if (*best < kLeast) {
        place += static_cast<Index>(std::lround(expected));
        continue;
      }
      const double bend = best[-1] - 2.0 * best[0] + best[1];
      const bool top = bend < 0.0 && best[0] >= best[-1] && best[0] >= best[1];
      const double now = static_cast<double>(lag) + (top ? 0.5 * (best[-1] - best[1]) / bend : 0.0);
      const double before = found ? reach : static_cast<double>(match.reach(place, place + lag));
      reach = static_cast<double>(match.reach(place + lag, place + 2 * lag));
      reaches.add(before, reach);
      if (found++) lengths.add(period, now);
      period = now;
      place += lag;
    }
    if (lengths.count) jitter[frame] = static_cast<float>(lengths.change / lengths.sum);
    if (reaches.sum > 0.0) shimmer[frame] = static_cast<float>(20.0 * std::log10(1.0 + reaches.change / reaches.sum));
    if (pause && frame % 1024 == 1023) pause();
  }
}

}  // namespace stcorner::audio
