#include "stcorner/video/harris.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "engine.hpp"
#include "kernels/video.hpp"

namespace stcorner::video {
namespace {

using kernels::kTimeBlock;
constexpr Index kLongestSide = Index{1} << 20;

std::vector<float> to_float(const std::vector<double>& values, double factor = 1.0) {
  std::vector<float> result(values.size());
  std::transform(values.begin(), values.end(), result.begin(),
                 [factor](double v) { return static_cast<float>(v * factor); });
  return result;
}

void require(bool condition, const char* message) {
  if (!condition) throw std::invalid_argument(message);
}

}  // namespace

int gaussian_radius(double sd) {
  if (!(sd > 0.0 && sd <= 1e6)) throw std::invalid_argument("standard deviation must be > 0 and <= 1e6");
  // The small number keeps 4 * sqrt(2)^2 from being rounded up to 9.
  return std::max(1, static_cast<int>(std::ceil(4.0 * sd - 1e-9)));
}

std::vector<double> gaussian_taps(double sd) {
  const int radius = gaussian_radius(sd);
  std::vector<double> taps(static_cast<std::size_t>(radius) + 1);
  double sum = 0.0;
  for (int i = 0; i <= radius; ++i) {
    const double value = std::exp(-0.5 * i * i / (sd * sd));
    taps[i] = value;
    sum += i == 0 ? value : 2.0 * value;
  }
  for (double& tap : taps) tap /= sum;
  return taps;
}

HarrisEngine::HarrisEngine(HarrisOptions options) : options_(std::move(options)) {
  const HarrisOptions& o = options_;
  require(o.height > 0 && o.width > 0, "frames must have at least one pixel");
  // Sizes in bytes of all that is kept then fit 64 bits with room to spare, and so does the search for tiles.
  require(o.height <= kLongestSide && o.width <= kLongestSide, "frames must have at most 2^20 pixels a side");
  require(!o.scales.empty(), "scales must not be empty");
  require(o.s > 0.0 && std::isfinite(o.s), "s must be finite and > 0");
  require(o.k >= 0.0 && std::isfinite(o.k), "k must be finite and >= 0");
  require(o.eps >= 0.0, "eps must be >= 0");
  require(o.tile_width % 16 == 0 && o.tile_width >= 0, "tile_width must be a multiple of 16");
  require(o.tile_height % 8 == 0 && o.tile_height >= 0, "tile_height must be a multiple of 8");

  for (const HarrisScale& scale : o.scales) {
    Level level;
    const double along = scale.sigma_x > 0.0 ? scale.sigma_x : scale.sigma, widen = std::sqrt(o.s);
    level.inner = window(scale.sigma, along, scale.tau);
    level.outer = window(scale.sigma * widen, along * widen, scale.tau * widen);
    // Central differences halve, normalised gradients carry sigma and tau: both go into the taps.
    const auto weight = [&](double sd) { return 0.5 * (o.scale_normalize ? sd : 1.0); };
    const double t = weight(scale.tau), y = weight(scale.sigma), x = weight(along);
    const std::vector<double> taps = gaussian_taps(scale.tau * widen);
    level.outer.time_taps.clear();
    for (const double factor : {t * t, t * y, t * x, y * y, y * x, x * x}) {
      const std::vector<float> scaled = to_float(taps, factor);
      level.outer.time_taps.insert(level.outer.time_taps.end(), scaled.begin(), scaled.end());
    }
    latency_ = std::max<Index>(latency_, level.inner.time_radius + level.outer.time_radius + 1);
    choose_tiles(level.inner, kTimeBlock);
    choose_tiles(level.outer, 6 * kTimeBlock);
    levels_.push_back(std::move(level));
  }
  Index depth = 0;
  for (Level& level : levels_) {
    // From the oldest frame that the block of responses under way reads to the newest.
    level.frames = FrameRing(o.height, o.width, kTimeBlock + 2 * (level.outer.time_radius + 1));
    // A scale of short windows waits for the longest ones, then a block is smoothed.
    depth = std::max(depth, latency_ - 1 + level.inner.time_radius - level.outer.time_radius + kTimeBlock);
  }
  raw_ = std::make_unique<RawRing>(o.height * o.width, depth);
}

HarrisEngine::~HarrisEngine() = default;

HarrisEngine::Window HarrisEngine::window(double sd_y, double sd_x, double sd_t) {
  return {gaussian_radius(sd_y),         gaussian_radius(sd_x),         gaussian_radius(sd_t),
          to_float(gaussian_taps(sd_y)), to_float(gaussian_taps(sd_x)), to_float(gaussian_taps(sd_t))};
}

/// Tiles as wide as their rings of rows, one a plane, fit into the second-level cache; enough of them for the team.
void HarrisEngine::choose_tiles(Window& window, Index planes) const {
  const Index width = ceil_div(options_.width, 16) * 16, height = ceil_div(options_.height, 8) * 8;
  const Index r = window.radius_y, halo = ceil_div(window.radius_x, 16) * 16;
  const int threads = effective_threads(options_.n_threads, width * height);
  constexpr double kCache = 250e3;  // floats
  double best = std::numeric_limits<double>::infinity();
  for (Index nx = 1; nx <= width / 16; ++nx) {
    const Index w = ceil_div(width / 16, nx) * 16, across = ceil_div(width, w);
    const Index extended = std::min(width, w + (across > 1 ? (across > 2 ? 2 : 1) * halo : 0));
    // What does not fit comes from a cache that is shared with others, then from memory.
    const double excess = static_cast<double>(planes * (8 + 2 * r) * extended) / kCache;
    const double slower = 1.0 + 0.2 * std::max(0.0, std::log2(excess));
    for (Index ny = 1; ny <= std::min<Index>(4 * threads, height / 8); ++ny) {
      const Index h = ceil_div(height / 8, ny) * 8, down = ceil_div(height, h);
      const Index rows = std::min(height, h + (down > 1 ? (down > 2 ? 2 : 1) * r : 0));
      // Relative costs of one pixel: time pass with halo on both axes, y pass with halo in x, x pass.
      const double item = static_cast<double>(extended) * (1.4 * static_cast<double>(rows) + static_cast<double>(h)) +
                          1.3 * static_cast<double>(w * h);
      const double rounds = static_cast<double>(ceil_div(across * down, threads));
      const double cost = item * rounds * slower;
      if (cost < best * 0.999) best = cost, window.tile_width = w, window.tile_height = h;
    }
  }
  if (options_.tile_width > 0) window.tile_width = options_.tile_width;
  if (options_.tile_height > 0) window.tile_height = options_.tile_height;
}

const float* HarrisEngine::smoothed(Index scale, Index t) const { return levels_[scale].frames.frame(t); }

Index HarrisEngine::smoothed_stride() const noexcept { return levels_.front().frames.stride(); }

void describe_tensor(const float* tensor, Index n, TensorOutput output, float* out, Team team) {
  constexpr Index kPiece = 4096;
  const auto some = [&](Index begin, Index end) {
    kernels::EigenJob job{};
    for (Index c = 0; c < 6; ++c) job.planes[c] = tensor + c * n + begin;
    for (Index c = 0; c < tensor_planes(output); ++c) job.out[c] = out + c * n + begin;
    job.n = end - begin;
    job.output = output;
    kernels::video_table().eigen(job);
  };
  drive(pieces(n, kPiece, some), team);
}

}  // namespace stcorner::video
