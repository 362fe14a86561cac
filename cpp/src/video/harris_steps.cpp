// How the engine runs: frames are kept as they came; a step smooths a block of them in time and space, tile by tile,
// then makes tensor and response of a block whose neighbours in time are smooth.
#include <algorithm>
#include <atomic>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "engine.hpp"
#include "kernels/video.hpp"

namespace stcorner::video {
namespace {

using kernels::border_index;
using kernels::kTimeBlock;
Index pixel_size(PixelType type) {
  switch (type) {
    case PixelType::u8: return 1;
    case PixelType::u16: return 2;
    case PixelType::f32: return 4;
    case PixelType::f64: return 8;
  }
  return 0;
}

}  // namespace

/// Frames [t, t + n) of a scale to smooth.
struct HarrisEngine::SmoothTask {
  const Level* level;
  const Window* window;
  Index n;
  std::vector<const void*> in;
  std::vector<PixelType> types;
  std::vector<float*> out;
};

/// Frames [t, t + n) of a scale to respond to.
struct HarrisEngine::ResponseTask {
  const Level* level;
  const Window* window;
  Index n, out_stride;
  std::vector<const float*> previous, current, next;
  std::vector<float*> out;
};

Index HarrisEngine::length() const noexcept { return closed_ ? taken_ : std::numeric_limits<Index>::max() / 4; }

void HarrisEngine::push(const void* frames, PixelType type, Index n, bool drain, HarrisSink& sink, Pause pause) {
  if (closed_) throw std::invalid_argument("the stream has ended");
  const Index frame_bytes = options_.height * options_.width * pixel_size(type);
  for (Index i = 0, some = 0; i < n; i += some) {
    some = std::min({Index{kTimeBlock}, n - i, room()});
    take(static_cast<const char*>(frames) + i * frame_bytes, type, some, pause);
    while (step(false, sink, pause)) {
    }
  }
  while (drain && step(true, sink, pause)) {
  }
}

void HarrisEngine::finish(HarrisSink& sink, Pause pause) {
  closed_ = true;
  const auto smooth = [this](const Level& level) { return level.made == taken_; };
  while (step(true, sink, pause))  // once all is smooth the last results may have the memory
    if (std::all_of(levels_.begin(), levels_.end(), smooth)) *raw_ = RawRing();
}

/// Frames that the ring takes before one that is still to be smoothed would be lost: at least one after every step.
Index HarrisEngine::room() const {
  Index oldest = taken_;
  for (const Level& level : levels_)
    oldest = std::min(oldest, std::max<Index>(level.made - level.inner.time_radius, 0));
  return raw_->depth() - (taken_ - oldest);
}

/// Keep n new frames, at most kTimeBlock.
void HarrisEngine::take(const void* frames, PixelType type, Index n, Pause pause) {
  const Index pixels = options_.height * options_.width, bytes = pixel_size(type), kept = bytes > 4 ? 4 : bytes;
  constexpr Index kPiece = Index{1} << 16;
  std::vector<char*> slots;
  for (Index i = 0; i < n; ++i) slots.push_back(static_cast<char*>(raw_->put(taken_ + i, type)));
  std::atomic<Index> bad_frame{n};  // the first of them, whichever thread came first
  const Index each = ceil_div(pixels, kPiece);
  const auto copy = [&](Index item) {
    const Index frame = item / each, begin = item % each * kPiece;
    const char* const from = static_cast<const char*>(frames) + (frame * pixels + begin) * bytes;
    char* const to = slots[frame] + begin * kept;
    if (kernels::video_table().take(from, type, std::min(kPiece, pixels - begin), to)) return;
    Index first = bad_frame.load();
    while (frame < first && !bad_frame.compare_exchange_weak(first, frame)) {
    }
  };
  drive(Items(n * each, copy), options_.n_threads, pause);
  if (bad_frame.load() < n)
    throw std::invalid_argument("video must be finite and of magnitude <= 1e5, got other values in frame " +
                                std::to_string(taken_ + bad_frame.load()));
  taken_ += n;
}

/// Smooth a block of frames of each scale, then respond to one, as far as the frames so far allow; whether there was
/// anything to do. Whole blocks only, unless all is to be drained.
bool HarrisEngine::step(bool drain, HarrisSink& sink, Pause pause) {
  const bool smoothed = smooth(drain, pause);
  return respond(drain, sink, pause) || smoothed;
}

/// The tiles of all tasks, scale after scale.
template <class Task>
void HarrisEngine::drive_tiles(const std::vector<Task>& tasks, Pause pause) {
  const auto tiles = [&](const Task& task) { return task.window->tiles(options_.height, options_.width); };
  Index all = 0;
  for (const Task& task : tasks) all += tiles(task);
  const auto run_tile = [&](Index tile) {
    auto task = tasks.begin();
    for (; tile >= tiles(*task); ++task) tile -= tiles(*task);
    run(*task, tile);
  };
  drive(Items(all, run_tile), options_.n_threads, pause);
}

bool HarrisEngine::smooth(bool drain, Pause pause) {
  std::vector<SmoothTask> tasks;
  std::vector<Level*> levels;
  for (Level& level : levels_) {
    // No further than the next block of responses reads: the ring holds no more.
    const Index reach = done_ + kTimeBlock + level.outer.time_radius + 1;
    const Index ready = (closed_ ? taken_ : taken_ - level.inner.time_radius) - level.made;
    Index n = std::min<Index>(kTimeBlock, reach - level.made);
    if (ready < n) n = drain ? ready : 0;
    if (n > 0) tasks.push_back(smooth_task(level, n)), levels.push_back(&level);
  }
  drive_tiles(tasks, pause);
  for (std::size_t i = 0; i < tasks.size(); ++i) levels[i]->made += tasks[i].n;
  return !tasks.empty();
}

bool HarrisEngine::respond(bool drain, HarrisSink& sink, Pause pause) {
  Index ready = std::numeric_limits<Index>::max();
  for (const Level& level : levels_)  // the last frames need no successor
    ready = std::min(ready, closed_ && level.made == taken_ ? taken_ : level.made - level.outer.time_radius - 1);
  const Index n = std::min<Index>(kTimeBlock, ready - done_);
  if (n < (drain ? 1 : kTimeBlock)) return false;
  std::vector<ResponseTask> tasks;
  for (const Level& level : levels_) tasks.push_back(response_task(level, static_cast<Index>(tasks.size()), n, sink));
  drive_tiles(tasks, pause);
  done_ += n;
  sink.done(done_ - n, n);
  return true;
}

HarrisEngine::SmoothTask HarrisEngine::smooth_task(Level& level, Index n) const {
  SmoothTask task{&level, &level.inner, n, {}, {}, {}};
  const Index r = level.inner.time_radius;
  for (Index i = level.made - r; i < level.made + n + r; ++i) {
    const Index at = border_index(i, length(), options_.reflect);
    task.in.push_back(raw_->frame(at));
    task.types.push_back(raw_->type(at));
  }
  for (Index i = level.made; i < level.made + n; ++i) task.out.push_back(level.frames.frame(i));
  return task;
}

HarrisEngine::ResponseTask HarrisEngine::response_task(const Level& level, Index scale, Index n,
                                                       HarrisSink& sink) const {
  ResponseTask task{&level, &level.outer, n, sink.stride(), {}, {}, {}, {}};
  const Index last = length() - 1, r = level.outer.time_radius;
  for (Index i = done_ - r; i < done_ + n + r; ++i) {
    const Index at = border_index(i, length(), options_.reflect);
    task.previous.push_back(level.frames.frame(std::max<Index>(at - 1, 0)));
    task.current.push_back(level.frames.frame(at));
    task.next.push_back(level.frames.frame(std::min(at + 1, last)));
  }
  for (Index c = 0; c < (options_.tensor ? 6 : 1); ++c)
    for (Index i = 0; i < n; ++i) task.out.push_back(sink.plane(scale, done_ + i, c));
  return task;
}

kernels::Tile HarrisEngine::tile_of(const Window& window, Index tile, Index n) const {
  kernels::Tile job{};
  job.height = options_.height;
  job.width = options_.width;
  job.x0 = tile % window.across(job.width) * window.tile_width;
  job.x1 = std::min(job.x0 + window.tile_width, job.width);
  job.y0 = tile / window.across(job.width) * window.tile_height;
  job.y1 = std::min(job.y0 + window.tile_height, job.height);
  job.n_out = static_cast<int>(n);
  job.radius_y = window.radius_y;
  job.radius_x = window.radius_x;
  job.taps_y = window.taps_y.data();
  job.taps_x = window.taps_x.data();
  job.reflect = options_.reflect;
  return job;
}

void HarrisEngine::run(const SmoothTask& task, Index tile) {
  const auto& table = kernels::video_table();
  const Window& window = *task.window;
  kernels::InnerJob job{};
  job.tile = tile_of(window, tile, task.n);
  job.tile.out_stride = task.level->frames.stride();
  job.frames = task.in.data();
  job.pixels = task.types.data();
  job.time_radius = window.time_radius;
  job.time_taps = window.time_taps.data();
  job.out = task.out.data();
  job.scratch = scratch(table.inner_scratch(job));
  table.inner(job);
}

void HarrisEngine::run(const ResponseTask& task, Index tile) {
  const auto& table = kernels::video_table();
  const Window& window = *task.window;
  kernels::OuterJob job{};
  job.tile = tile_of(window, tile, task.n);
  job.tile.out_stride = task.out_stride;
  job.previous = task.previous.data();
  job.current = task.current.data();
  job.next = task.next.data();
  job.time_radius = window.time_radius;
  job.time_taps = window.time_taps.data();
  job.stride = task.level->frames.stride();
  job.k = static_cast<float>(options_.k);
  // Never 0, by which a still region would be divided.
  using Float = std::numeric_limits<float>;
  job.eps = static_cast<float>(std::clamp<double>(options_.eps, Float::min(), Float::max()));
  job.normalize = options_.normalize;
  job.tensor = options_.tensor;
  job.out = task.out.data();
  job.scratch = scratch(table.outer_scratch(job));
  table.outer(job);
}

}  // namespace stcorner::video
