#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>

#include "plan.hpp"

namespace stcorner::audio {
namespace {

constexpr Index kItem = 64;
constexpr int kMost = 6;
constexpr int kHarmonics = 15;
constexpr double kCompression = 0.85, kLowest = 25.0, kFmin = 55.0, kFmax = 1000.0, kVoicing = 0.7;
// The ear's share of an octave position: 1/2 + atan(kSteep log2(f / kTurn)) / pi.
constexpr double kSteep = 2.994, kTurn = 31.79;
// Costs of the path, fitted to tracks of the published set: a voice below the threshold; silence above it; what a
// candidate lacks to be certain, and to the frame's best; an octave's jump; where a voice begins and where it ends.
constexpr double kWeak = 3.5, kMissed = 4.3, kDoubt = 1.05, kSecond = 5.45, kJump = 4.9, kBegin = 2.26, kEnd = 6.43;

struct Tables {
  explicit Tables(Index n_bins, double rate) : n(n_bins) {
    const double bin = rate / static_cast<double>(2 * (n - 1));
    std::vector<double> x(n), step(n - 1);
    for (Index k = 0; k < n; ++k) x[k] = std::log2(k ? bin * static_cast<double>(k) : 0.5 * bin);
    for (Index k = 0; k + 1 < n; ++k) step[k] = x[k + 1] - x[k];
    spline.assign(5 * n, 0.0F);
    double before = 0.0;
    for (Index k = 1; k + 1 < n; ++k) {
      const double w = 1.0 / (2.0 * (step[k - 1] + step[k]) - step[k - 1] * before);
      before = step[k] * w;
      const double row[5] = {6.0 * w / step[k - 1], -6.0 * w * (1.0 / step[k] + 1.0 / step[k - 1]), 6.0 * w / step[k],
                             -w * step[k - 1], -before};
      std::transform(row, row + 5, spline.begin() + 5 * k, [](double value) { return static_cast<float>(value); });
    }
    first = std::log2(kLowest);
    octave = (std::log2(0.5 * rate) - first) / static_cast<double>(n - 1);
    Index knot = 0;
    for (Index i = 0; i < n; ++i) {
      const double place = first + octave * static_cast<double>(i);
      while (knot + 2 < n && x[knot + 1] <= place) ++knot;
      knots.push_back(knot);
      const double h = step[knot], a = (x[knot + 1] - place) / h, b = 1.0 - a;
      const double heard = 0.5 + std::atan(kSteep * (place - std::log2(kTurn))) / kPi;
      for (const double w : {a, b, (a * a * a - a) * h * h / 6.0, (b * b * b - b) * h * h / 6.0})
        weights.push_back(static_cast<float>(heard * w));
    }
    const double per_octave = static_cast<double>(n) / (octave * static_cast<double>(n - 1));
    for (int h = 0; h < kHarmonics; ++h) {
      shifts.push_back(static_cast<Index>(std::log2(h + 1.0) * per_octave));
      shares.push_back(static_cast<float>(std::pow(kCompression, h) / kHarmonics));
    }
  }

  kernels::SubharmonicPlan plan() const noexcept {
    return {n, spline.data(), weights.data(), knots.data(), kHarmonics, shifts.data(), shares.data()};
  }

  Index n;
  std::vector<float> spline, weights, shares;
  std::vector<Index> knots, shifts;
  double first = 0.0, octave = 0.0;
};

/// Candidates of a frame, most salient first, and how voiced each is: its height over the mean of all places.
struct Frame {
  int count = 0;
  double octave[kMost], voicing[kMost];
};

Frame candidates(const float* sums, const Tables& tables, std::int32_t* places) {
  Index peaks[kMost];
  int found = 0;
  float total;
  const Index n = tables.n;
  const int count = kernels::audio_table().list_peaks(sums, n, places, &total);
  for (int p = 0; p < count; ++p) {
    const Index i = places[p];
    if (found == kMost && !(sums[i] > sums[peaks[kMost - 1]])) continue;
    int place = std::min(found, kMost - 1);
    for (; place > 0 && sums[i] > sums[peaks[place - 1]]; --place) peaks[place] = peaks[place - 1];
    peaks[place] = i;
    found = std::min(found + 1, kMost);
  }
  Frame frame;
  static const double lowest = std::log2(kFmin), highest = std::log2(kFmax);
  const double mean = static_cast<double>(total) / static_cast<double>(n);
  for (int k = 0; k < found; ++k) {
    const Index at = peaks[k];
    const double left = static_cast<double>(sums[at - 1]), here = static_cast<double>(sums[at]);
    const double right = static_cast<double>(sums[at + 1]);
    const double shift = 0.5 * (left - right) / (left - 2.0 * here + right);
    const double height = here - 0.25 * (left - right) * shift;
    const double octave = tables.first + tables.octave * (static_cast<double>(peaks[k]) + shift);
    if (!(octave >= lowest && octave <= highest && height > 0.0)) continue;
    frame.octave[frame.count] = octave;
    frame.voicing[frame.count++] = 1.0 - mean / height;
  }
  return frame;
}

/// The path of least cost; state 0 is "unvoiced".
void follow(const std::vector<Frame>& frames, float* f0) {
  const auto n = static_cast<Index>(frames.size());
  std::vector<std::uint8_t> origin(n * (kMost + 1));
  double total[kMost + 1] = {};
  const double* octaves = nullptr;
  int states = 1;
  for (Index t = 0; t < n; ++t) {
    const Frame& frame = frames[t];
    double cost[kMost + 1], reached[kMost + 1], best = 0.0;
    for (int k = 0; k < frame.count; ++k) best = std::max(best, frame.voicing[k]);
    for (int k = 0; k < frame.count; ++k) {
      const double voicing = frame.voicing[k];
      cost[k + 1] = kDoubt * (1.0 - voicing) + kSecond * (best - voicing) + (voicing < kVoicing ? kWeak : 0.0);
    }
    cost[0] = best >= kVoicing ? kMissed : 0.0;
    for (int now = 0; now <= frame.count; ++now) {
      int from = 0;
      double least = std::numeric_limits<double>::infinity();
      for (int then = 0; then < states; ++then) {
        double way = total[then];
        if (t > 0 && now && then)
          way += kJump * std::abs(frame.octave[now - 1] - octaves[then - 1]);
        else if (t > 0 && now != then)
          way += now ? kBegin : kEnd;
        if (way < least) least = way, from = then;
      }
      origin[t * (kMost + 1) + now] = static_cast<std::uint8_t>(from);
      reached[now] = least + cost[now];
    }
    states = frame.count + 1;
    std::copy_n(reached, states, total);
    octaves = frame.octave;
  }
  Index state = std::min_element(total, total + states) - total;
  for (Index t = n; t-- > 0;) {
    f0[t] =
        state ? static_cast<float>(std::exp2(frames[t].octave[state - 1])) : std::numeric_limits<float>::quiet_NaN();
    state = origin[t * (kMost + 1) + state];
  }
}

}  // namespace

void subharmonic_pitch(const float* power, const Index* places, Index n_rows, Index n_bins, double sample_rate,
                       float* f0, Index n_frames, Team team) {
  if (n_bins < 16 || !(sample_rate > 4.0 * kFmax))
    throw std::invalid_argument("n_bins must be >= 16 and sample_rate > 4000");
  for (Index i = 0; i < n_rows; ++i)
    if (places[i] < 0 || places[i] >= n_frames) throw std::invalid_argument("places must be frames");
  const Tables tables(n_bins, sample_rate);
  const kernels::AudioTable& table = kernels::audio_table();
  std::vector<Frame> frames(n_frames);
  const auto frames_of = [&](Index begin, Index end) {
    const Scratch<float> scratch(3 * n_bins * table.lanes32), sums(table.lanes32 * n_bins);
    const Scratch<std::int32_t> peaks(n_bins);
    for (Index first = begin; first < end; first += table.lanes32) {
      const Index count = std::min(table.lanes32, end - first);
      table.subharmonics(tables.plan(), power + first * n_bins, count, scratch.data(), sums.data());
      for (Index i = 0; i < count; ++i)
        frames[places[first + i]] = candidates(sums.data() + i * n_bins, tables, peaks.data());
    }
  };
  const double work = 4.0 * static_cast<double>(n_rows) * static_cast<double>(n_bins);
  drive(pieces(n_rows, kItem, frames_of), team.worth(work));
  follow(frames, f0);
}

}  // namespace stcorner::audio
