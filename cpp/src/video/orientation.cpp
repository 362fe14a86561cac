#include "stcorner/video/orientation.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "buffer.hpp"
#include "kernels/video.hpp"
#include "stcorner/parallel.hpp"

namespace stcorner::video {
namespace {

using Index = std::ptrdiff_t;
constexpr double kPi = 3.14159265358979323846;

/// Where pixel i of n lies between the centres of n_cells cells: the upper of the two cells, -1 to n_cells - 1, and
/// the lower one's share.
struct Place {
  Index upper;
  float share;
};

Place place(Index i, Index n, Index n_cells) {
  const double at = (static_cast<double>(i) + 0.5) * static_cast<double>(n_cells) / static_cast<double>(n) - 0.5;
  const double floor = std::floor(at);
  return {static_cast<Index>(floor), static_cast<float>(at - floor)};
}

/// The first pixel whose upper cell is `cell` or a later one.
Index first_of(Index cell, Index n, Index n_cells) {
  Index i = std::clamp<Index>((2 * cell + 1) * n / (2 * n_cells), 0, n);
  while (i > 0 && place(i - 1, n, n_cells).upper >= cell) --i;
  while (i < n && place(i, n, n_cells).upper < cell) ++i;
  return i;
}

}  // namespace

OrientationMap::OrientationMap(OrientationOptions options)
    : TensorConsumer(options.harris), options_(std::move(options)) {
  const OrientationOptions& o = options_;
  const Grid& g = o.grid;
  g.check(o.harris);
  if (o.bins < 3) throw std::invalid_argument("bins must be >= 3");
  // Votes of a vector half way between two directions then sum to its length, of one along a direction as well.
  const double next = std::cos(2.0 * kPi / o.bins), unit = 1.0 / (1.0 - next);
  next_ = static_cast<float>(next * unit);
  for (int bin = 0; bin < o.bins; ++bin) {
    cosines_.push_back(static_cast<float>(std::cos(2.0 * kPi * bin / o.bins) * unit));
    sines_.push_back(static_cast<float>(std::sin(2.0 * kPi * bin / o.bins) * unit));
  }
  for (Index column = -1; column <= g.columns; ++column)
    column_begins_.push_back(first_of(column, o.harris.width, g.columns));
  for (Index x = 0; x < o.harris.width; ++x) shares_.push_back(place(x, o.harris.width, g.columns).share);
  sums_.assign(static_cast<std::size_t>(g.segments * (g.rows + 1) * 2 * g.columns * kParts * o.bins), 0.0);
}

void OrientationMap::done(Index t, Index n) {
  const OrientationOptions& o = options_;
  for (Index i = t; i < std::min(t + n, o.grid.n_frames); ++i) {
    const auto add_band = [&](Index band) { add(band, i, scratch(2 * kParts * o.bins * o.harris.width)); };
    drive(Items(o.grid.rows + 1, add_band), o.harris.n_threads, pause_);
  }
}

/// Frame t between the centres of two rows of cells: votes are summed over its rows, then over columns.
void OrientationMap::add(Index band, Index t, float* votes) {
  const OrientationOptions& o = options_;
  const HarrisOptions& h = o.harris;
  const Grid& g = o.grid;
  const Index begin = first_of(band - 1, h.height, g.rows), end = first_of(band, h.height, g.rows);
  const Index values = kParts * o.bins, last = engine_.frames_in() - 1, stride = engine_.smoothed_stride();
  std::fill_n(votes, 2 * values * h.width, 0.0f);
  const float* const frame = engine_.smoothed(0, t);
  kernels::OrientationJob job{};
  job.width = job.stride = h.width;
  job.time_unit = static_cast<float>(0.5 * h.scales[0].tau / h.scales[0].sigma);
  job.bins = o.bins;
  job.cosines = cosines_.data();
  job.sines = sines_.data();
  job.next = next_;
  job.votes = votes;
  for (Index y = begin; y < end; ++y) {
    job.before = engine_.smoothed(0, std::max<Index>(t - 1, 0)) + y * stride;
    job.after = engine_.smoothed(0, std::min(t + 1, last)) + y * stride;
    job.here = frame + y * stride;
    job.above = frame + std::max<Index>(y - 1, 0) * stride;
    job.below = frame + std::min(y + 1, h.height - 1) * stride;
    job.tensor = rows(t, y);
    job.lower = place(y, h.height, g.rows).share;
    job.upper = 1.0f - job.lower;
    kernels::video_table().orientations(job);
  }
  for (Index side = 0; side < 2; ++side) {
    double* const cells = sums_.data() + ((g.segment_of(t) * (g.rows + 1) + band) * 2 + side) * g.columns * values;
    const float* const from = votes + side * values * h.width;
    for (Index column = -1; column < g.columns; ++column) {
      const Index* const x = column_begins_.data() + column + 1;
      for (Index v = 0; v < values; ++v) {
        double left = 0.0, right = 0.0;
        for (Index i = x[0]; i < x[1]; ++i) {
          const double vote = from[v * h.width + i], share = shares_[static_cast<std::size_t>(i)];
          left += vote;
          right += share * vote;
        }
        if (column >= 0) cells[column * values + v] += left - right;
        if (column + 1 < g.columns) cells[(column + 1) * values + v] += right;
      }
    }
  }
}

std::vector<double> OrientationMap::sums() const {
  const Grid& g = options_.grid;
  const Index row = g.columns * kParts * options_.bins;
  std::vector<double> result;
  for (Index segment = 0; segment < g.segments; ++segment)
    for (Index y = 0; y < g.rows; ++y) {
      // Band b lies between the centres of rows b - 1 and b.
      const double* const above = sums_.data() + ((segment * (g.rows + 1) + y) * 2 + 1) * row;
      const double* const below = sums_.data() + ((segment * (g.rows + 1) + y + 1) * 2) * row;
      for (Index i = 0; i < row; ++i) result.push_back(above[i] + below[i]);
    }
  return result;
}

}  // namespace stcorner::video
