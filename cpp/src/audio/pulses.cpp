#include <algorithm>
#include <cmath>
#include <limits>

#include "plan.hpp"

namespace stcorner::audio {
namespace {

constexpr Index kItem = 32;
// The next pulse lies within these shares of a period. Below the first resemblance there is no pulse any more; above
// the second one more is taken beyond the edge of a voiced stretch. Below the third share of the signal's largest
// magnitude there is only noise.
constexpr double kNearest = 0.8, kFarthest = 1.25, kLeast = 0.3, kBeyond = 0.7, kFaint = 0.01;
constexpr int kMostPulses = 64;  // within a frame, to either side

struct Step {
  double place;
  double resemblance;
  float largest;  // magnitude in the period found
};

/// A stretch of samples at and about `origin`; places are relative to it, so that they do not depend on how much of
/// the signal is at hand.
class Waveform {
 public:
  Waveform(const float* signal, Index n, Index origin) : x_(signal + origin), first_(-origin), end_(n - origin) {}

  float at(Index i) const { return i >= first_ && i < end_ ? x_[i] : 0.0F; }

  /// The largest magnitude in [from, to], between samples by a parabola.
  double extremum(double from, double to) const {
    const auto begin = std::max(first_, static_cast<Index>(std::ceil(from)));
    const auto stop = std::min(end_, static_cast<Index>(std::floor(to)) + 1);
    if (begin >= stop) return 0.5 * (from + to);
    Index best = begin;
    for (Index i = begin; i < stop; ++i)
      if (std::abs(x_[i]) > std::abs(x_[best])) best = i;
    return static_cast<double>(best) + top(at(best - 1), at(best), at(best + 1));
  }

  /// The place, a period before (direction -1) or after (1) `from`, about which a period most resembles the one there.
  Step next(double from, double period, int direction) const {
    const auto begin = static_cast<Index>(std::lround(from - 0.5 * period));
    const auto length = std::max<Index>(2, static_cast<Index>(std::lround(period)));
    const auto low = std::max<Index>(1, static_cast<Index>(std::floor(kNearest * period)));
    const auto high = static_cast<Index>(std::ceil(kFarthest * period));
    double own = 0.0;
    for (Index k = 0; k < length; ++k) own += square(at(begin + k));
    double before = 0.0, best = -2.0, left = 0.0, right = 0.0;
    Index lag = low;
    for (Index shift = low; shift <= high; ++shift) {
      const double now = resemblance(begin, begin + direction * shift, length, own);
      if (shift == lag + 1) right = now;
      if (now > best) best = now, lag = shift, left = before, right = now;
      before = now;
    }
    double offset = 0.0;
    if (lag > low && lag < high) offset = top(left, best, right);
    const Index there = begin + direction * lag;
    float largest = 0.0F;
    for (Index k = 0; k < length; ++k) largest = std::max(largest, std::abs(at(there + k)));
    return {from + direction * (static_cast<double>(lag) + offset), best, largest};
  }

  /// Largest less smallest sample from `from` on to `to`.
  double reach(double from, double to) const {
    const auto begin = static_cast<Index>(std::lround(from));
    const auto stop = static_cast<Index>(std::lround(to));
    float low = at(begin), high = low;
    for (Index i = begin + 1; i < stop; ++i) low = std::min(low, at(i)), high = std::max(high, at(i));
    return static_cast<double>(high) - static_cast<double>(low);
  }

 private:
  static double square(float x) { return static_cast<double>(x) * static_cast<double>(x); }

  /// Place of the top of the parabola through three neighbours, relative to the middle one.
  template <class T>
  static double top(T a, T b, T c) {
    const double bend = static_cast<double>(a) - 2.0 * static_cast<double>(b) + static_cast<double>(c);
    const double offset = bend != 0.0 ? 0.5 * (static_cast<double>(a) - static_cast<double>(c)) / bend : 0.0;
    return std::clamp(offset, -0.5, 0.5);
  }

  double resemblance(Index a, Index b, Index length, double own) const {
    float product[4] = {}, power[4] = {};  // lanes, so that the additions need not wait for one another
    Index k = 0;
    if (std::min(a, b) >= first_ && std::max(a, b) + length <= end_) {
      const float* const p = x_ + a;
      const float* const q = x_ + b;
      for (; k + 4 <= length; k += 4)
        for (Index j = 0; j < 4; ++j) product[j] += p[k + j] * q[k + j], power[j] += q[k + j] * q[k + j];
    }
    for (; k < length; ++k) product[0] += at(a + k) * at(b + k), power[0] += at(b + k) * at(b + k);
    const double energy = static_cast<double>((power[0] + power[1]) + (power[2] + power[3])) * own;
    const auto sum = static_cast<double>((product[0] + product[1]) + (product[2] + product[3]));
    return energy > 1e-60 ? sum / std::sqrt(energy) : 0.0;
  }

  const float* x_;
  Index first_, end_;
};

/// f0 between frames, on the line; beyond the ends of a stretch as at the end.
double between(const double* f0, Index begin, Index end, double place) {
  const double inside = std::clamp(place, static_cast<double>(begin), static_cast<double>(end - 1));
  const auto low = std::min(static_cast<Index>(inside), end - 1), high = std::min(low + 1, end - 1);
  return f0[low] + (inside - static_cast<double>(low)) * (f0[high] - f0[low]);
}

}  // namespace

std::vector<double> glottal_pulses(const float* signal, Index n, const double* f0, Index n_frames, Index hop,
                                   Pause pause) {
  check({1, hop, 0, n_frames});
  check_f0(f0, n_frames);
  const Waveform wave(signal, n, 0);
  float most = 0.0F;
  for (Index i = 0; i < n; ++i) most = std::max(most, std::abs(signal[i]));
  std::vector<double> places;
  const auto step = static_cast<double>(hop);
  double done = -std::numeric_limits<double>::infinity();  // places up to here belong to the stretch before
  for (Index begin = 0; begin < n_frames; ++begin) {
    if (!(f0[begin] > 0.0)) continue;
    Index end = begin;
    while (end < n_frames && f0[end] > 0.0) ++end;
    const double left = (static_cast<double>(begin) - 0.5) * step, right = (static_cast<double>(end) - 0.5) * step;
    const double middle = 0.5 * (left + right);
    const auto period = [&](double place) { return 1.0 / between(f0, begin, end, place / step); };
    const double start = wave.extremum(middle - 0.5 * period(middle), middle + 0.5 * period(middle));
    const auto walk = [&](int direction, auto take) {
      double place = start;
      for (;;) {
        const double length = period(place);
        const Step found = wave.next(place, length, direction);
        const bool beyond = direction < 0 ? found.place < left : found.place > right;
        if (!(found.place > done + kNearest * length) || found.place < 0.0 || found.place >= static_cast<double>(n))
          return;
        if (found.resemblance > (beyond ? kBeyond : kLeast) &&
            static_cast<double>(found.largest) > kFaint * static_cast<double>(most))
          take(found.place);
        if (beyond) return;
        place = found.place;
      }
    };
    std::vector<double> earlier;
    walk(-1, [&](double place) { earlier.push_back(place); });
    places.insert(places.end(), earlier.rbegin(), earlier.rend());
    places.push_back(start);
    walk(1, [&](double place) { places.push_back(place); });
    done = places.back();
    begin = end;
    if (pause) pause();
  }
  return places;
}

void frame_perturbation(const float* signal, Index n, const float* f0, Index n_frames, Index first, Index hop,
                        Index half, float* jitter, float* shimmer, Team team) {
  check({1, hop, first, n_frames});
  check_f0(f0, n_frames);
  const auto frames_of = [&](Index begin, Index end) {
    for (Index frame = begin; frame < end; ++frame) {
      jitter[frame] = shimmer[frame] = std::numeric_limits<float>::quiet_NaN();
      if (!(f0[frame] > 0.0F)) continue;
      const Waveform wave(signal, n, first + frame * hop);
      const double period = 1.0 / static_cast<double>(f0[frame]), edge = static_cast<double>(half);
      double places[2 * kMostPulses + 1];
      int low = kMostPulses, high = kMostPulses;
      places[low] = wave.extremum(-0.5 * period, 0.5 * period);
      for (const int direction : {-1, 1})
        for (int count = 0; count < kMostPulses; ++count) {
          const Step found = wave.next(places[direction < 0 ? low : high], period, direction);
          if (std::abs(found.place) > edge || !(found.resemblance > kLeast)) break;
          places[direction < 0 ? --low : ++high] = found.place;
        }
      if (high - low < 2) continue;
      double periods = 0.0, change = 0.0, decibels = 0.0;
      for (int i = low; i < high; ++i) {
        const double now = places[i + 1] - places[i];
        periods += now;
        if (i == low) continue;
        change += std::abs(now - (places[i] - places[i - 1]));
        const double one = wave.reach(places[i - 1], places[i]), two = wave.reach(places[i], places[i + 1]);
        if (one > 0.0 && two > 0.0) decibels += std::abs(20.0 * std::log10(two / one));
      }
      const double count = high - low;
      jitter[frame] = static_cast<float>(change / (count - 1.0) / (periods / count));
      shimmer[frame] = static_cast<float>(decibels / (count - 1.0));
    }
  };
  // Each pulse compares two periods, together about the frame's length, at half a period of lags.
  const double work = static_cast<double>(n_frames) * 20.0 * static_cast<double>(half);
  drive(pieces(n_frames, kItem, frames_of), team.worth(work));
}

}  // namespace stcorner::audio
