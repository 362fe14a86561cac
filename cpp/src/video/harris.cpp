#include "stcorner/video/harris.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "kernels/video.hpp"
#include "stcorner/parallel.hpp"
#include "stcorner/video/gaussian.hpp"

namespace stcorner {
namespace {

using kernels::border_index;
using kernels::kTimeBlock;
using Index = std::ptrdiff_t;

std::vector<float> to_float(const std::vector<double>& values, double factor = 1.0) {
  std::vector<float> result(values.size());
  std::transform(values.begin(), values.end(), result.begin(),
                 [factor](double v) { return static_cast<float>(v * factor); });
  return result;
}

Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }

void require(bool condition, const char* message) {
  if (!condition) throw std::invalid_argument(message);
}

Index pixel_size(PixelType type) {
  switch (type) {
    case PixelType::u8: return 1;
    case PixelType::u16: return 2;
    case PixelType::f32: return 4;
    case PixelType::f64: return 8;
  }
  return 0;
}

/// Scratch of one work item, back in the pool at the end of the scope.
class Borrowed {
 public:
  Borrowed(ScratchPool& pool, Index size) : pool_(pool), buffer_(pool.take(size)) {}
  ~Borrowed() { pool_.give(std::move(buffer_)); }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  float* data() const noexcept { return buffer_.data(); }

 private:
  ScratchPool& pool_;
  FloatBuffer buffer_;
};

}  // namespace

HarrisEngine::HarrisEngine(HarrisOptions options) : options_(std::move(options)) {
  const HarrisOptions& o = options_;
  require(o.height > 0 && o.width > 0, "frames must have at least one pixel");
  require(!o.scales.empty(), "scales must not be empty");
  require(o.s > 0.0 && std::isfinite(o.s), "s must be finite and > 0");
  require(o.k >= 0.0 && std::isfinite(o.k), "k must be finite and >= 0");
  require(o.tile_width % 16 == 0 && o.tile_width >= 0, "tile_width must be a multiple of 16");
  require(o.tile_height % 8 == 0 && o.tile_height >= 0, "tile_height must be a multiple of 8");

  int longest = 1;
  for (const HarrisScale& scale : o.scales) {
    Level level;
    const auto same = [&](const HarrisScale& other) { return other.sigma == scale.sigma; };
    const auto first = std::find_if(o.scales.begin(), o.scales.end(), same);
    const auto index = static_cast<std::size_t>(first - o.scales.begin());
    if (&*first == &scale) {
      Space space;
      space.taps = to_float(gaussian_taps(scale.sigma));
      space.radius = gaussian_radius(scale.sigma);
      level.space = spaces_.size();
      spaces_.push_back(std::move(space));
    } else {
      level.space = levels_[index].space;
    }
    level.inner_time_taps = to_float(gaussian_taps(scale.tau));
    level.inner_time_radius = gaussian_radius(scale.tau);
    const double widen = std::sqrt(o.s);
    level.space_taps = to_float(gaussian_taps(scale.sigma * widen));
    level.space_radius = gaussian_radius(scale.sigma * widen);
    level.time_radius = gaussian_radius(scale.tau * widen);
    // Central differences halve, normalised gradients carry sigma and tau: both go into the taps.
    const double t = 0.5 * (o.scale_normalize ? scale.tau : 1.0), x = 0.5 * (o.scale_normalize ? scale.sigma : 1.0);
    const std::vector<double> taps = gaussian_taps(scale.tau * widen);
    for (const double factor : {t * t, t * x, t * x, x * x, x * x, x * x}) {
      const std::vector<float> scaled = to_float(taps, factor);
      level.time_taps.insert(level.time_taps.end(), scaled.begin(), scaled.end());
    }
    latency_ = std::max<Index>(latency_, level.inner_time_radius + level.time_radius + 1);
    longest = std::max(longest, level.inner_time_radius);
    choose_tiles(level);
    levels_.push_back(std::move(level));
  }
  for (Space& space : spaces_) space.frames = FrameRing(o.height, o.width, 2 * longest + kTimeBlock + 1);
  for (Level& level : levels_) {
    const Index depth = latency_ + 2 * kTimeBlock + level.time_radius + 12 - level.inner_time_radius;
    level.frames = FrameRing(o.height, o.width, std::max<Index>(depth, kTimeBlock + 12));
  }
}

/// Tiles are as wide as the rings of rows fit into the second-level cache; enough of them for the team.
void HarrisEngine::choose_tiles(Level& level) const {
  const Index width = (options_.width + 15) / 16 * 16, height = (options_.height + 7) / 8 * 8;
  const Index r = level.space_radius, halo = (r + 15) / 16 * 16;
  const int threads = effective_threads(options_.n_threads, width * height);
  constexpr double kCache = 230e3;  // floats
  double best = std::numeric_limits<double>::infinity();
  for (Index nx = 1; nx <= width / 16; ++nx) {
    const Index w = ceil_div(width / 16, nx) * 16, across = ceil_div(width, w);
    const Index extended = std::min(width, w + (across > 1 ? (across > 2 ? 2 : 1) * halo : 0));
    const bool fits = 48.0 * static_cast<double>((8 + 2 * r) * extended) <= kCache;
    for (Index ny = 1; ny <= std::min<Index>(4 * threads, height / 8); ++ny) {
      const Index h = ceil_div(height / 8, ny) * 8, down = ceil_div(height, h);
      const Index rows = std::min(height, h + (down > 1 ? (down > 2 ? 2 : 1) * r : 0));
      // Relative costs of one pixel: time pass with halo on both axes, y pass with halo in x, x pass.
      const double item = static_cast<double>(extended) * (1.4 * static_cast<double>(rows) + static_cast<double>(h)) +
                          1.3 * static_cast<double>(w * h);
      const double rounds = static_cast<double>(ceil_div(across * down, threads));
      const double cost = item * rounds * (fits ? 1.0 : 1.15);
      if (cost < best * 0.999) best = cost, level.tile_width = w, level.tile_height = h;
    }
  }
  if (options_.tile_width > 0) level.tile_width = options_.tile_width;
  if (options_.tile_height > 0) level.tile_height = options_.tile_height;
}

Index HarrisEngine::length() const noexcept {
  return closed_ ? smoothed_ : std::numeric_limits<Index>::max() / 4;
}

const float* HarrisEngine::smoothed(Index scale, Index t) const {
  return levels_[static_cast<std::size_t>(scale)].frames.frame(t);
}

Index HarrisEngine::smoothed_stride() const noexcept { return levels_.front().frames.stride(); }

void HarrisEngine::push(const void* frames, PixelType type, Index n, bool drain, HarrisSink& sink) {
  require(!closed_, "the stream has ended");
  const Index frame_bytes = options_.height * options_.width * pixel_size(type);
  for (Index i = 0; i < n; i += kTimeBlock) {
    const Index block = std::min<Index>(kTimeBlock, n - i);
    smooth_space(static_cast<const char*>(frames) + i * frame_bytes, type, block);
    advance(drain && i + block == n, sink);
  }
}

void HarrisEngine::finish(HarrisSink& sink) {
  if (closed_) return;
  closed_ = true;
  if (smoothed_ > 0) advance(true, sink);
}

void HarrisEngine::smooth_space(const void* frames, PixelType type, Index n) {
  constexpr Index kBand = 64;
  const auto& table = kernels::video_table();
  const Index bands = ceil_div(options_.height, kBand), spaces = static_cast<Index>(spaces_.size());
  const Index frame_bytes = options_.height * options_.width * pixel_size(type);
  std::atomic<Index> bad_frame{-1};
  parallel_for(n * bands * spaces, options_.n_threads, [&](Index item) {
    Space& space = spaces_[static_cast<std::size_t>(item / bands % spaces)];
    const Index i = item / (bands * spaces), y = item % bands * kBand;
    int bad = 0;
    kernels::InnerJob job{};
    job.frame = static_cast<const char*>(frames) + i * frame_bytes;
    job.pixel = static_cast<kernels::Pixel>(type);
    job.height = options_.height;
    job.width = options_.width;
    job.y0 = y;
    job.y1 = std::min(y + kBand, options_.height);
    job.radius = space.radius;
    job.taps = space.taps.data();
    job.reflect = options_.reflect;
    job.out = space.frames.frame(smoothed_ + i);
    job.out_stride = space.frames.stride();
    job.bad = &bad;
    const Borrowed scratch(scratch_, table.inner_scratch(job));
    job.scratch = scratch.data();
    table.inner(job);
    if (bad) bad_frame.store(i, std::memory_order_relaxed);
  });
  if (bad_frame.load() >= 0)
    throw std::invalid_argument("video must be finite, got NaN or infinite values in frame " +
                                std::to_string(smoothed_ + bad_frame.load()));
  smoothed_ += n;
}

void HarrisEngine::smooth_time(Level& level, Index t, Index n) {
  const auto& table = kernels::video_table();
  const FrameRing& source = spaces_[level.space].frames;
  const int r = level.inner_time_radius;
  std::vector<const float*> in;
  std::vector<float*> out;
  for (Index i = t - r; i < t + n + r; ++i) in.push_back(source.frame(border_index(i, length(), options_.reflect)));
  for (Index i = t; i < t + n; ++i) out.push_back(level.frames.frame(i));
  const Index band = std::max<Index>(8, options_.height / (4 * effective_threads(options_.n_threads, options_.height)));
  parallel_for(ceil_div(options_.height, band), options_.n_threads, [&](Index item) {
    kernels::TimeJob job{};
    job.frames = in.data();
    job.out = out.data();
    job.n_out = static_cast<int>(n);
    job.radius = r;
    job.taps = level.inner_time_taps.data();
    job.width = options_.width;
    job.y0 = item * band;
    job.y1 = std::min(job.y0 + band, options_.height);
    job.stride = source.stride();
    table.time(job);
  });
}

void HarrisEngine::advance(bool drain, HarrisSink& sink) {
  for (Level& level : levels_) {
    const Index ready = closed_ ? smoothed_ : smoothed_ - level.inner_time_radius;
    while (level.made < ready) {
      const Index n = std::min<Index>(kTimeBlock, ready - level.made);
      smooth_time(level, level.made, n);
      level.made += n;
    }
  }
  const Index ready = closed_ ? smoothed_ : smoothed_ - latency_;
  while (ready - done_ >= (drain ? 1 : kTimeBlock)) {
    const Index n = std::min<Index>(kTimeBlock, ready - done_);
    respond(done_, n, sink);
    done_ += n;
    sink.done(done_ - n, n);
  }
}

void HarrisEngine::respond(Index t, Index n, HarrisSink& sink) {
  const auto& table = kernels::video_table();
  const Index channels = options_.tensor ? 6 : 1, last = length() - 1;
  struct Window {
    std::vector<const float*> previous, current, next;
    std::vector<float*> out;
    Index across, first_item;
  };
  std::vector<Window> windows(levels_.size());
  Index items = 0;
  for (std::size_t s = 0; s < levels_.size(); ++s) {
    const Level& level = levels_[s];
    Window& w = windows[s];
    for (Index i = t - level.time_radius; i < t + n + level.time_radius; ++i) {
      const Index at = border_index(i, length(), options_.reflect);
      w.previous.push_back(level.frames.frame(std::max<Index>(at - 1, 0)));
      w.current.push_back(level.frames.frame(at));
      w.next.push_back(level.frames.frame(std::min(at + 1, last)));
    }
    for (Index c = 0; c < channels; ++c)
      for (Index i = 0; i < n; ++i) w.out.push_back(sink.plane(static_cast<Index>(s), t + i, c));
    w.across = ceil_div(options_.width, level.tile_width);
    w.first_item = items;
    items += w.across * ceil_div(options_.height, level.tile_height);
  }
  parallel_for(items, options_.n_threads, [&](Index item) {
    std::size_t s = levels_.size() - 1;
    while (windows[s].first_item > item) --s;
    const Level& level = levels_[s];
    const Window& w = windows[s];
    const Index tile = item - w.first_item;
    kernels::OuterJob job{};
    job.previous = w.previous.data();
    job.current = w.current.data();
    job.next = w.next.data();
    job.n_out = static_cast<int>(n);
    job.time_radius = level.time_radius;
    job.space_radius = level.space_radius;
    job.time_taps = level.time_taps.data();
    job.space_taps = level.space_taps.data();
    job.reflect = options_.reflect;
    job.height = options_.height;
    job.width = options_.width;
    job.stride = level.frames.stride();
    job.x0 = tile % w.across * level.tile_width;
    job.x1 = std::min(job.x0 + level.tile_width, options_.width);
    job.y0 = tile / w.across * level.tile_height;
    job.y1 = std::min(job.y0 + level.tile_height, options_.height);
    job.k = static_cast<float>(options_.k);
    job.eps = static_cast<float>(options_.eps);
    job.normalize = options_.normalize;
    job.tensor = options_.tensor;
    job.out = w.out.data();
    job.out_stride = sink.stride();
    const Borrowed scratch(scratch_, table.outer_scratch(job));
    job.scratch = scratch.data();
    table.outer(job);
  });
}

}  // namespace stcorner
