#include "stcorner/audio.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace stcorner::audio {
namespace {

constexpr double kTurn = 0.1;  // of a contour's range: smaller ups and downs are no peaks

void moments_of(const double* x, Index n, bool gaps, double* out) {
  double sum = 0.0, squares = 0.0;
  Index count = 0;
  for (Index i = 0; i < n; ++i)
    if (!gaps || x[i] != 0.0) sum += x[i], ++count;
  const double number = static_cast<double>(std::max<Index>(count, 1)), mean = sum / number;
  for (Index i = 0; i < n; ++i)
    if (!gaps || x[i] != 0.0) squares += (x[i] - mean) * (x[i] - mean);
  out[0] = mean;
  out[1] = std::abs(mean) > 1e-9 ? std::sqrt(squares / number) / mean : 0.0;
}

struct Turn {
  Index at;
  bool peak;
};

std::vector<Turn> turns_of(const double* x, Index n, double least) {
  std::vector<Turn> turns;
  for (Index i = 1; i + 1 < n; ++i) {
    const double before = x[i] - x[i - 1], after = x[i + 1] - x[i];
    if (!(before * after < 0.0)) continue;
    const bool peak = before > 0.0;
    if (turns.empty()) {
      if (std::abs(x[i] - x[0]) > least) turns.push_back({i, peak});
      continue;
    }
    const double change = (peak ? 1.0 : -1.0) * (x[i] - x[turns.back().at]);
    if (turns.back().peak == peak && change > 0.0)
      turns.back().at = i;
    else if (turns.back().peak != peak && change > least)
      turns.push_back({i, peak});
  }
  return turns;
}

}  // namespace

void smooth_tracks(double* tracks, Index n_tracks, Index n, bool gaps, double* moments) {
  for (Index track = 0; track < n_tracks; ++track) {
    double* const x = tracks + track * n;
    double before = gaps || n == 0 ? 0.0 : x[0];
    for (Index i = 0; i < n; ++i) {
      const double here = x[i], after = i + 1 < n ? x[i + 1] : gaps ? 0.0 : here;
      const double known = gaps ? 1.0 + (before != 0.0) + (after != 0.0) : 3.0;
      if (!gaps || here != 0.0) x[i] = (before + here + after) / known;
      before = here;
    }
    moments_of(x, n, gaps, moments + 2 * track);
  }
}

void contour(const double* x, Index n, double step, double* out) {
  std::fill_n(out, kContour, 0.0);
  if (n == 0) return;
  moments_of(x, n, false, out);
  std::vector<double> sorted(x, x + n);
  std::sort(sorted.begin(), sorted.end());
  for (Index k = 0; k < 3; ++k) {
    const double place = (0.2 + 0.3 * static_cast<double>(k)) * static_cast<double>(n - 1);
    const auto below = static_cast<Index>(place);
    const double low = sorted[below], high = sorted[std::min(below + 1, n - 1)];
    out[2 + k] = low + (place - static_cast<double>(below)) * (high - low);
  }
  out[5] = out[4] - out[2];

  const std::vector<Turn> turns = turns_of(x, n, kTurn * (sorted.back() - sorted.front()));
  std::vector<double> slopes[2];
  Index before = 0;
  const auto slope = [&](Index i) { return (x[i] - x[before]) / (static_cast<double>(i - before) * step); };
  for (const Turn& turn : turns) {
    slopes[turn.peak ? 0 : 1].push_back(std::abs(slope(turn.at)));
    before = turn.at;
    out[10] += turn.peak ? 1.0 : 0.0;
  }
  const std::size_t whole[2] = {slopes[0].size(), slopes[1].size()};
  if (n - 1 > before) {
    const bool rising = turns.empty() ? slope(n - 1) > 0.0 : !turns.back().peak;
    slopes[rising ? 0 : 1].push_back(slope(n - 1));
  }
  for (int k = 0; k < 2; ++k) {
    const double number = std::max(1.0, static_cast<double>(slopes[k].size()));
    double sum = 0.0, squares = 0.0;
    for (const double each : slopes[k]) sum += each;
    for (std::size_t i = 0; i < whole[k]; ++i) squares += (slopes[k][i] - sum / number) * (slopes[k][i] - sum / number);
    out[6 + 2 * k] = sum / number;
    out[7 + 2 * k] = std::sqrt(squares / number);
  }
}

}  // namespace stcorner::audio
