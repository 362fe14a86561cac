#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "engine.hpp"
#include "kernels/video.hpp"
#include "stcorner/video/consumers.hpp"

namespace stcorner::video {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();

/// Vertex of the parabola through three samples, at most half a step away.
float vertex(float before, float here, float after) {
  const float curvature = before - 2.0f * here + after;
  if (!(curvature < 0.0f)) return 0.0f;  // flat, or a neighbour outside the clip
  const float shift = 0.5f * (before - after) / curvature;
  return std::isfinite(shift) ? std::clamp(shift, -0.5f, 0.5f) : 0.0f;
}

/// Takes the maxima above `threshold` in the columns [begin, end) of row y, with `row(dt, y)` those of the frames
/// around t; `columns` is scratch for as many.
template <class Row, class Take>
void search_row(const Row& row, Index t, Index y, Index begin, Index end, float threshold, Index* columns,
                float* largest, Take take) {
  const float* rows[9];
  for (Index i = 0; i < 9; ++i) rows[i] = row(i / 3 - 1, y + i % 3 - 1);
  const Index count = kernels::video_table().maxima(rows, begin, end, threshold, columns, largest);
  for (Index i = 0; i < count; ++i) {
    const Index x = columns[i];
    const float here = rows[4][x];
    const float dt = vertex(rows[1][x], here, rows[7][x]), dy = vertex(rows[3][x], here, rows[5][x]);
    const float dx = vertex(rows[4][x - 1], here, rows[4][x + 1]);
    take(InterestPoint{t, y, x, 0, here, {dt, dy, dx}});
  }
}

}  // namespace

StipDetector::StipDetector(HarrisOptions harris, DetectorOptions options)
    : HarrisConsumer(std::move(harris), kernels::kTimeBlock + 2), options_(options) {
  const HarrisOptions& o = this->options();
  if (options_.row_end == 0) options_.row_end = o.height;
  if (options_.row_begin < 0 || options_.row_begin >= options_.row_end || options_.row_end > o.height)
    throw std::invalid_argument("rows to search must lie in the frame");
  lowest_.assign(static_cast<std::size_t>(o.width) + 32, kLowest);
  largest_.assign(o.scales.size(), kLowest);
  for (Index s = 0; s < static_cast<Index>(o.scales.size()); ++s)
    for (Index t = 0; t < results(s).depth(); ++t)
      for (Index y = 0; y < o.height; ++y) {
        float* row = results(s).frame(t) + y * results(s).stride();
        row[-1] = row[o.width] = kLowest;
      }
}

void StipDetector::done(Index t, Index n) {
  search(searched_, t + n - 1 - searched_, false);  // the last plane still lacks its successor
}

void StipDetector::ended() {
  if (engine_.frames_in() > searched_) search(searched_, engine_.frames_in() - searched_, true);
}

float StipDetector::threshold(Index scale) const {
  const double relative = options_.threshold_rel * std::max(0.0f, largest(scale));
  return static_cast<float>(std::max({0.0, options_.threshold_abs, relative}));
}

/// The threshold may have risen since they were found.
void StipDetector::drop_weak(std::vector<InterestPoint>& points) const {
  const auto weak = [&](const InterestPoint& p) { return p.response <= threshold(p.scale); };
  points.erase(std::remove_if(points.begin(), points.end(), weak), points.end());
}

void StipDetector::search(Index t, Index n, bool last) {
  if (n <= 0) return;
  const Index scales = static_cast<Index>(options().scales.size()), end = t + n;
  std::vector<Found> found(n * scales, Found{{}, kLowest});
  const auto search_plane = [&](Index item) {
    search_frame(t + item / scales, item % scales, last ? end : -1, found[item]);
  };
  drive(Items(n * scales, search_plane), engine_.team());
  for (std::size_t i = 0; i < found.size(); ++i) {
    float& top = largest_[i % static_cast<std::size_t>(scales)];
    top = std::max(top, found[i].largest);
    points_.insert(points_.end(), found[i].points.begin(), found[i].points.end());
  }
  searched_ = end;
  if (static_cast<Index>(points_.size()) > pruned_at_) {
    drop_weak(points_);
    pruned_at_ = std::max<Index>(4096, 2 * static_cast<Index>(points_.size()));
  }
}

/// Maxima of frame t of a scale; the clip ends with frame `end` - 1 if that is known, and goes on if it is -1.
void StipDetector::search_frame(Index t, Index scale, Index end, Found& found) const {
  const HarrisOptions& o = options();
  const FrameRing& ring = results(scale);
  const auto row = [&](Index dt, Index y) -> const float* {
    const bool outside = y < 0 || y >= o.height || t + dt < 0 || t + dt == end;
    return outside ? lowest_.data() + 16 : ring.frame(t + dt) + y * ring.stride();
  };
  const Index margin = options_.exclude_border ? 1 : 0;
  const bool border_frame = t == 0 || t + 1 == end;
  const float level = threshold(scale);
  std::vector<Index> columns(o.width);
  for (Index y = options_.row_begin; y < options_.row_end; ++y) {
    const bool skip = margin && (border_frame || y == 0 || y == o.height - 1);
    search_row(row, t, y, 0, o.width, skip ? -kLowest : level, columns.data(), &found.largest,
               [&](InterestPoint point) {
                 if (point.x < margin || point.x >= o.width - margin) return;
                 point.scale = scale;
                 if (!options_.scale_selection || is_best_scale(point)) found.points.push_back(point);
               });
  }
}

/// Whether the scale-normalised Laplacian sigma^2 tau^(1/2) (L_xx + L_yy) + sigma tau^(3/2) L_tt (Laptev
/// 2005, eq. 17) is at least as large here as at the neighbouring scales.
bool StipDetector::is_best_scale(const InterestPoint& p) const {
  const HarrisOptions& o = engine_.options();
  const Index last = engine_.frames_in() - 1, stride = engine_.smoothed_stride();
  const auto laplacian = [&](Index scale) {
    const HarrisScale& at = o.scales[scale];
    const auto value = [&](Index t, Index y, Index x) {
      const Index tt = std::clamp<Index>(t, 0, last), yy = std::clamp<Index>(y, 0, o.height - 1);
      return static_cast<double>(engine_.smoothed(scale, tt)[yy * stride + std::clamp<Index>(x, 0, o.width - 1)]);
    };
    const double here = 2.0 * value(p.t, p.y, p.x);
    const double xx = value(p.t, p.y, p.x - 1) + value(p.t, p.y, p.x + 1) - here;
    const double yy = value(p.t, p.y - 1, p.x) + value(p.t, p.y + 1, p.x) - here;
    const double tt = value(p.t - 1, p.y, p.x) + value(p.t + 1, p.y, p.x) - here;
    return std::fabs(at.sigma * at.sigma * std::sqrt(at.tau) * (xx + yy) + at.sigma * at.tau * std::sqrt(at.tau) * tt);
  };
  const Index n_taus = options_.n_taus, n_sigmas = static_cast<Index>(o.scales.size()) / n_taus;
  const Index i = p.scale / n_taus, j = p.scale % n_taus;
  const double here = laplacian(p.scale);
  for (Index a = std::max<Index>(i - 1, 0); a <= std::min(i + 1, n_sigmas - 1); ++a)
    for (Index b = std::max<Index>(j - 1, 0); b <= std::min(j + 1, n_taus - 1); ++b)
      if ((a != i || b != j) && laplacian(a * n_taus + b) > here) return false;
  return true;
}

std::vector<InterestPoint> StipDetector::take() {
  std::vector<InterestPoint> result;
  result.swap(points_);
  drop_weak(result);
  return result;
}

std::vector<InterestPoint> local_maxima(const float* response, Index n_frames, Index height, Index width,
                                        float threshold, Team team) {
  if (n_frames < 3 || height < 3 || width < 3) return {};
  std::vector<std::vector<InterestPoint>> found(n_frames - 2);
  const auto search_frame = [&](Index item) {
    const Index t = item + 1;
    const auto row = [&](Index dt, Index y) { return response + ((t + dt) * height + y) * width; };
    std::vector<Index> columns(width);
    float largest = kLowest;
    for (Index y = 1; y + 1 < height; ++y)
      search_row(row, t, y, 1, width - 1, threshold, columns.data(), &largest,
                 [&](const InterestPoint& point) { found[item].push_back(point); });
  };
  drive(Items(n_frames - 2, search_frame), team);
  std::vector<InterestPoint> result;
  for (const auto& each : found) result.insert(result.end(), each.begin(), each.end());
  return result;
}

std::vector<std::uint8_t> suppress_neighbours(const std::int64_t* coordinates, Index n, std::int64_t min_distance,
                                              Pause pause) {
  // Kept points in a hash of cubes of the distance's size: only the 27 cubes around can hold a rival.
  std::unordered_map<std::uint64_t, std::vector<Index>> cells;
  const auto cell = [&](const std::int64_t* p, std::int64_t dt, std::int64_t dy, std::int64_t dx) {
    std::uint64_t key = 0;
    const std::int64_t part[3] = {p[0] / min_distance + dt, p[1] / min_distance + dy, p[2] / min_distance + dx};
    for (const std::int64_t c : part) key = key * 2097169u + static_cast<std::uint64_t>(c + 1);
    return key;
  };
  std::vector<std::uint8_t> keep(n, 0);
  const auto decide = [&](Index i) {
    const std::int64_t* p = coordinates + 3 * i;
    const auto rival = [&](Index j) {
      const std::int64_t* q = coordinates + 3 * j;
      return std::abs(p[0] - q[0]) <= min_distance && std::abs(p[1] - q[1]) <= min_distance &&
             std::abs(p[2] - q[2]) <= min_distance;
    };
    bool free = true;
    for (int c = 0; c < 27 && free; ++c) {
      const auto at = cells.find(cell(p, c / 9 - 1, c / 3 % 3 - 1, c % 3 - 1));
      free = at == cells.end() || std::none_of(at->second.begin(), at->second.end(), rival);
    }
    if (!free) return;
    keep[i] = 1;
    cells[cell(p, 0, 0, 0)].push_back(i);
  };
  drive(Items(n, decide), {1, pause});
  return keep;
}

}  // namespace stcorner::video
