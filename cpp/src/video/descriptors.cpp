#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "kernels/video.hpp"
#include "stcorner/video/consumers.hpp"

namespace stcorner::video {
namespace {

using kernels::kVotes;
constexpr Index kBand = 16;  // rows of a frame in one item

/// First voxel of each cell of an axis of n and, after the last cell, the first beyond: those within the half size of
/// the centre, cut at the video's border.
template <int n_cells>
std::array<Index, n_cells + 1> bounds(double centre, double half, Index n) {
  const double far = static_cast<double>(n);
  const Index begin = static_cast<Index>(std::clamp(std::ceil(centre - half), 0.0, far));
  const Index end = static_cast<Index>(std::clamp(std::floor(centre + half) + 1.0, static_cast<double>(begin), far));
  const auto cell = [&](Index at) {
    const double position = (static_cast<double>(at) - (centre - half)) / (2.0 * half) * n_cells;
    return std::clamp(static_cast<int>(position), 0, n_cells - 1);
  };
  std::array<Index, n_cells + 1> result;
  result[0] = begin;
  result[n_cells] = end;
  for (int c = 1; c < n_cells; ++c) {
    Index at = std::clamp(static_cast<Index>(centre - half + 2.0 * half * c / n_cells), begin, end);
    while (at > begin && cell(at - 1) >= c) --at;
    while (at < end && cell(at) < c) ++at;
    result[c] = at;
  }
  return result;
}

void normalise(const float* histogram, int n, float* out) {
  double energy = 0.0;
  for (int i = 0; i < n; ++i) energy += static_cast<double>(histogram[i]) * histogram[i];
  const double scale = energy > 0.0 ? 1.0 / std::sqrt(energy) : 0.0;
  for (int i = 0; i < n; ++i) out[i] = static_cast<float>(histogram[i] * scale);
}

}  // namespace

StipDescriber::StipDescriber(HarrisOptions harris, std::vector<Neighbourhood> points, double still)
    : TensorConsumer(std::move(harris)), points_(std::move(points)), still_(still) {
  const HarrisOptions& h = options();
  constexpr double kFar = 1e15;  // beyond it a voxel's index is no exact double
  for (const Neighbourhood& p : points_) {
    for (const double value : {p.t, p.y, p.x})
      if (!(std::fabs(value) < kFar)) throw std::invalid_argument("points must be finite");
    for (const double half : {p.half_t, p.half_y, p.half_x})
      if (!(half > 0.0 && half < kFar)) throw std::invalid_argument("half sizes must be finite and > 0");
  }
  row_ = kernels::votes_length(h.width);
  votes_.resize(kernels::kTimeBlock * h.height * row_);
  sums_.assign(points_.size() * kCells * kVotes, 0.0f);
  waiting_.resize(points_.size());
  std::iota(waiting_.begin(), waiting_.end(), Index{0});
  const auto first = [&](Index i) {
    const Neighbourhood& p = points_[i];
    return p.t - p.half_t;
  };
  std::stable_sort(waiting_.begin(), waiting_.end(), [&](Index a, Index b) { return first(a) > first(b); });
}

float* StipDescriber::votes(Index t, Index y) noexcept {
  return votes_.data() + (t % kernels::kTimeBlock * options().height + y) * row_;
}

void StipDescriber::done(Index t, Index n) {
  const HarrisOptions& h = options();
  const auto point = [&](Index i) -> const Neighbourhood& { return points_[i]; };
  while (!waiting_.empty() && point(waiting_.back()).t - point(waiting_.back()).half_t < static_cast<double>(t + n)) {
    active_.push_back(waiting_.back());
    waiting_.pop_back();
  }
  if (active_.empty()) return;
  const Index bands = ceil_div(h.height, kBand);
  const auto vote = [&](Index item) {
    const Index frame = t + item / bands, y0 = item % bands * kBand;
    for (Index y = y0; y < std::min(y0 + kBand, h.height); ++y)
      kernels::video_table().votes({rows(frame, y), h.width, static_cast<float>(still_), votes(frame, y)});
  };
  drive(Items(n * bands, vote), engine_.team());
  const auto add_point = [&](Index item) { add(active_[item], t, n); };
  drive(Items(static_cast<Index>(active_.size()), add_point), engine_.team());
  const auto ended = [&](Index i) { return point(i).t + point(i).half_t < static_cast<double>(t + n); };
  active_.erase(std::remove_if(active_.begin(), active_.end(), ended), active_.end());
}

/// Frames [t, t + n) of a point.
void StipDescriber::add(Index point, Index t, Index n) {
  const HarrisOptions& h = options();
  const Neighbourhood& p = points_[point];
  const auto ts = bounds<kCellsT>(p.t, p.half_t, t + n);
  const auto ys = bounds<kCellsY>(p.y, p.half_y, h.height);
  const auto xs = bounds<kCellsX>(p.x, p.half_x, h.width);
  float* const sums = sums_.data() + point * kCells * kVotes;
  for (std::size_t i = 0; i < kCellsT; ++i)
    for (Index frame = std::max(t, ts[i]); frame < ts[i + 1]; ++frame)
      for (std::size_t j = 0; j < kCellsY; ++j)
        kernels::video_table().add_votes(votes(frame, ys[j]), ys[j + 1] - ys[j], h.width, xs.data(),
                                         sums + (i * kCellsY + j) * kCellsX * kVotes);
}

void StipDescriber::describe(float* out, Pause pause) const {
  const HarrisOptions& h = options();
  const auto write = [&](Index point) {
    const auto i = static_cast<std::size_t>(point);
    const Neighbourhood& p = points_[i];
    const auto ts = bounds<kCellsT>(p.t, p.half_t, engine_.frames_out());
    const auto ys = bounds<kCellsY>(p.y, p.half_y, h.height);
    const auto xs = bounds<kCellsX>(p.x, p.half_x, h.width);
    float hog[kHogLength], hof[kHofLength];
    for (std::size_t c = 0; c < kCells; ++c) {
      const float* const votes = sums_.data() + (i * kCells + c) * kVotes;
      const std::size_t a = c / (kCellsY * kCellsX), b = c / kCellsX % kCellsY, d = c % kCellsX;
      const Index voxels = (ts[a + 1] - ts[a]) * (ys[b + 1] - ys[b]) * (xs[d + 1] - xs[d]);
      std::copy_n(votes, kHogBins, hog + c * kHogBins);
      std::copy_n(votes + kHogBins, kHofBins - 1, hof + c * kHofBins);
      // Every voxel has one vote of flow: who is in no direction stands still.
      const float moving = std::accumulate(votes + kHogBins, votes + kVotes, 0.0f);
      hof[c * kHofBins + kHofBins - 1] = std::max(0.0f, static_cast<float>(voxels) - moving);
    }
    normalise(hog, kHogLength, out + i * (kHogLength + kHofLength));
    normalise(hof, kHofLength, out + i * (kHogLength + kHofLength) + kHogLength);
  };
  drive(Items(n_points(), write), {1, pause});
}

}  // namespace stcorner::video
