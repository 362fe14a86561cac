// What consumers of the engine's results share, and those that sum over the cells of a grid.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "engine.hpp"
#include "kernels/video.hpp"
#include "stcorner/video/consumers.hpp"

namespace stcorner::video {
namespace {

HarrisOptions with_tensor(HarrisOptions options) {
  if (options.scales.size() != 1) throw std::invalid_argument("a tensor is of one scale");
  options.tensor = true;
  return options;
}

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

HarrisConsumer::HarrisConsumer(HarrisOptions options, Index depth) : engine_(std::move(options)) {
  const HarrisOptions& o = engine_.options();
  for (std::size_t i = 0; i < (o.tensor ? 6 : o.scales.size()); ++i) results_.emplace_back(o.height, o.width, depth);
}

HarrisConsumer::~HarrisConsumer() = default;

void HarrisConsumer::push(const void* frames, PixelType type, Index n, bool drain, Pause pause) {
  engine_.push(frames, type, n, drain, *this, pause);
}

void HarrisConsumer::finish(Pause pause) {
  engine_.finish(*this, pause);
  ended();
}

const FrameRing& HarrisConsumer::results(Index plane) const noexcept { return results_[plane]; }

float* HarrisConsumer::plane(Index scale, Index t, Index channel) {
  return results(options().tensor ? channel : scale).frame(t);
}

Index HarrisConsumer::stride() const { return results_.front().stride(); }

TensorConsumer::TensorConsumer(HarrisOptions options)
    : HarrisConsumer(with_tensor(std::move(options)), kernels::kTimeBlock) {}

kernels::TensorRows TensorConsumer::rows(Index t, Index y) const noexcept {
  const auto row = [&](Index channel) { return results(channel).frame(t) + y * results(channel).stride(); };
  return {row(1), row(2), row(3), row(4), row(5)};
}

TextureMap::TextureMap(HarrisOptions harris, Grid grid, std::vector<float> edges)
    : HarrisConsumer(std::move(harris), kernels::kTimeBlock), grid_(grid), edges_(std::move(edges)) {
  grid_.check(options());
  const auto parts = options().scales.size() * static_cast<std::size_t>(grid_.segments * grid_.rows * grid_.columns);
  counts_.assign(parts * (edges_.size() + 1), 0);
}

void TextureMap::done(Index t, Index n) {
  const auto& table = kernels::video_table();
  const Grid& g = grid_;
  const HarrisOptions& h = options();
  const Index scales = static_cast<Index>(h.scales.size()), n_edges = static_cast<Index>(edges_.size());
  const auto count_row = [&](Index item) {
    const Index scale = item / g.rows, row = item % g.rows, bins = n_edges + 1;
    const FrameRing& ring = results(scale);
    const Index y0 = row * h.height / g.rows, y1 = (row + 1) * h.height / g.rows;
    std::vector<std::int32_t> at_least(n_edges * h.width);  // of each column of pixels
    for (Index i = t; i < std::min(t + n, g.n_frames); ++i) {
      table.count_at_least(ring.frame(i) + y0 * ring.stride(), ring.stride(), y1 - y0, h.width, edges_.data(),
                           static_cast<int>(n_edges), at_least.data());
      for (Index column = 0; column < g.columns; ++column) {
        const Index x0 = column * h.width / g.columns, x1 = (column + 1) * h.width / g.columns;
        const Index part = ((scale * g.segments + g.segment_of(i)) * g.rows + row) * g.columns + column;
        std::int64_t* const counts = counts_.data() + part * bins;
        std::int64_t before = (y1 - y0) * (x1 - x0);
        for (Index edge = 0; edge < n_edges; ++edge) {
          const std::int32_t* const of_row = at_least.data() + edge * h.width;
          const std::int64_t above = std::accumulate(of_row + x0, of_row + x1, std::int32_t{0});
          counts[edge] += before - above;
          before = above;
        }
        counts[n_edges] += before;
      }
    }
  };
  drive(Items(scales * g.rows, count_row), engine_.team());
}

OrientationMap::OrientationMap(HarrisOptions harris, Grid grid, int bins)
    : TensorConsumer(std::move(harris)), grid_(grid), bins_(bins) {
  const HarrisOptions& h = options();
  const Grid& g = grid_;
  g.check(h);
  if (bins < 3) throw std::invalid_argument("bins must be >= 3");
  // Votes of a vector half way between two directions then sum to its length, of one along a direction as well.
  const double next = std::cos(2.0 * kPi / bins_), unit = 1.0 / (1.0 - next);
  next_ = static_cast<float>(next * unit);
  for (int bin = 0; bin < bins_; ++bin) {
    cosines_.push_back(static_cast<float>(std::cos(2.0 * kPi * bin / bins_) * unit));
    sines_.push_back(static_cast<float>(std::sin(2.0 * kPi * bin / bins_) * unit));
  }
  for (Index column = -1; column <= g.columns; ++column) column_begins_.push_back(first_of(column, h.width, g.columns));
  for (Index x = 0; x < h.width; ++x) shares_.push_back(place(x, h.width, g.columns).share);
  sums_.assign(g.segments * (g.rows + 1) * 2 * g.columns * kParts * bins_, 0.0);
}

void OrientationMap::done(Index t, Index n) {
  for (Index i = t; i < std::min(t + n, grid_.n_frames); ++i) {
    const auto add_band = [&](Index band) { add(band, i, scratch(2 * kParts * bins_ * options().width)); };
    drive(Items(grid_.rows + 1, add_band), engine_.team());
  }
}

/// Frame t between the centres of two rows of cells: votes are summed over its rows, then over columns.
void OrientationMap::add(Index band, Index t, float* votes) {
  const HarrisOptions& h = options();
  const Grid& g = grid_;
  const Index begin = first_of(band - 1, h.height, g.rows), end = first_of(band, h.height, g.rows);
  const Index values = kParts * bins_, last = engine_.frames_in() - 1, stride = engine_.smoothed_stride();
  std::fill_n(votes, 2 * values * h.width, 0.0f);
  const float* const frame = engine_.smoothed(0, t);
  kernels::OrientationJob job{};
  job.width = job.stride = h.width;
  job.time_unit = static_cast<float>(0.5 * h.scales[0].tau / h.scales[0].sigma);
  job.bins = bins_;
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
          const double vote = from[v * h.width + i], share = shares_[i];
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
  const Grid& g = grid_;
  const Index row = g.columns * kParts * bins_;
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
