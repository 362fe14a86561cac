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

void run(kernels::InnerJob& job) {
  const auto& table = kernels::video_table();
  job.scratch = scratch(table.inner_scratch(job));
  table.inner(job);
}

void run(kernels::OuterJob& job) {
  const auto& table = kernels::video_table();
  job.scratch = scratch(table.outer_scratch(job));
  table.outer(job);
}

}  // namespace

/// Frames [t, t + n) of a scale to smooth.
struct HarrisEngine::SmoothTask {
  const Window* window;
  kernels::InnerJob job;  // of each tile, but for its place
  std::vector<const void*> in;
  std::vector<PixelType> types;
  std::vector<float*> out;
};

/// Frames [t, t + n) of a scale to respond to.
struct HarrisEngine::ResponseTask {
  const Window* window;
  kernels::OuterJob job;
  std::vector<const float*> previous, current, next;
  std::vector<float*> out;
};

Index HarrisEngine::length() const noexcept { return closed_ ? taken_ : std::numeric_limits<Index>::max() / 4; }

void HarrisEngine::push(const void* frames, PixelType type, Index n, bool drain, HarrisSink& sink, Pause pause) {
  if (closed_) throw std::invalid_argument("the stream has ended");
  team_ = {options_.n_threads, pause};
  const Index frame_bytes = options_.height * options_.width * pixel_size(type);
  for (Index i = 0, some = 0; i < n; i += some) {
    some = std::min({Index{kTimeBlock}, n - i, room()});
    take(static_cast<const char*>(frames) + i * frame_bytes, type, some);
    while (step(false, sink)) {
    }
  }
  while (drain && step(true, sink)) {
  }
}

void HarrisEngine::finish(HarrisSink& sink, Pause pause) {
  team_ = {options_.n_threads, pause};
  closed_ = true;
  const auto smooth = [this](const Level& level) { return level.made == taken_; };
  while (step(true, sink))  // once all is smooth the last results may have the memory
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
void HarrisEngine::take(const void* frames, PixelType type, Index n) {
  const Index pixels = options_.height * options_.width, bytes = pixel_size(type), kept = std::min<Index>(bytes, 4);
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
  drive(Items(n * each, copy), team_);
  if (bad_frame.load() < n)
    throw std::invalid_argument("video must be finite and of magnitude <= 1e5, got other values in frame " +
                                std::to_string(taken_ + bad_frame.load()));
  taken_ += n;
}

/// Smooth a block of frames of each scale, then respond to one, as far as the frames so far allow; whether there was
/// anything to do. Whole blocks only, unless all is to be drained.
bool HarrisEngine::step(bool drain, HarrisSink& sink) {
  const bool smoothed = smooth(drain);
  return respond(drain, sink) || smoothed;
}

/// The tiles of all tasks, scale after scale.
template <class Task>
void HarrisEngine::drive_tiles(const std::vector<Task>& tasks) {
  const auto tiles = [&](const Task& task) { return task.window->tiles(options_.height, options_.width); };
  Index all = 0;
  for (const Task& task : tasks) all += tiles(task);
  const auto run_tile = [&](Index tile) {
    auto task = tasks.begin();
    for (; tile >= tiles(*task); ++task) tile -= tiles(*task);
    auto job = task->job;
    task->window->place(tile, job.tile);
    run(job);
  };
  drive(Items(all, run_tile), team_);
}

bool HarrisEngine::smooth(bool drain) {
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
  drive_tiles(tasks);
  for (std::size_t i = 0; i < tasks.size(); ++i) levels[i]->made += tasks[i].job.tile.n_out;
  return !tasks.empty();
}

bool HarrisEngine::respond(bool drain, HarrisSink& sink) {
  Index ready = std::numeric_limits<Index>::max();
  for (const Level& level : levels_)  // the last frames need no successor
    ready = std::min(ready, closed_ && level.made == taken_ ? taken_ : level.made - level.outer.time_radius - 1);
  const Index n = std::min<Index>(kTimeBlock, ready - done_);
  if (n < (drain ? 1 : kTimeBlock)) return false;
  std::vector<ResponseTask> tasks;
  for (const Level& level : levels_) tasks.push_back(response_task(level, static_cast<Index>(tasks.size()), n, sink));
  drive_tiles(tasks);
  done_ += n;
  sink.done(done_ - n, n);
  return true;
}

HarrisEngine::SmoothTask HarrisEngine::smooth_task(Level& level, Index n) const {
  SmoothTask task{&level.inner, {}, {}, {}, {}};
  const Index r = level.inner.time_radius;
  for (Index i = level.made - r; i < level.made + n + r; ++i) {
    const Index at = border_index(i, length(), options_.reflect);
    task.in.push_back(raw_->frame(at));
    task.types.push_back(raw_->type(at));
  }
  for (Index i = level.made; i < level.made + n; ++i) task.out.push_back(level.frames.frame(i));
  kernels::InnerJob& job = task.job;
  job.tile = tile_of(level.inner, n, level.frames.stride());
  job.frames = task.in.data();
  job.pixels = task.types.data();
  job.time_radius = level.inner.time_radius;
  job.time_taps = level.inner.time_taps.data();
  job.out = task.out.data();
  return task;
}

HarrisEngine::ResponseTask HarrisEngine::response_task(const Level& level, Index scale, Index n,
                                                       HarrisSink& sink) const {
  ResponseTask task{&level.outer, {}, {}, {}, {}, {}};
  const Index last = length() - 1, r = level.outer.time_radius;
  for (Index i = done_ - r; i < done_ + n + r; ++i) {
    const Index at = border_index(i, length(), options_.reflect);
    task.previous.push_back(level.frames.frame(std::max<Index>(at - 1, 0)));
    task.current.push_back(level.frames.frame(at));
    task.next.push_back(level.frames.frame(std::min(at + 1, last)));
  }
  for (Index c = 0; c < (options_.tensor ? 6 : 1); ++c)
    for (Index i = 0; i < n; ++i) task.out.push_back(sink.plane(scale, done_ + i, c));
  kernels::OuterJob& job = task.job;
  job.tile = tile_of(level.outer, n, sink.stride());
  job.previous = task.previous.data();
  job.current = task.current.data();
  job.next = task.next.data();
  job.time_radius = level.outer.time_radius;
  job.time_taps = level.outer.time_taps.data();
  job.stride = level.frames.stride();
  job.k = static_cast<float>(options_.k);
  // Never 0, by which a still region would be divided.
  using Float = std::numeric_limits<float>;
  job.eps = static_cast<float>(std::clamp<double>(options_.eps, Float::min(), Float::max()));
  job.normalize = options_.normalize;
  job.tensor = options_.tensor;
  job.out = task.out.data();
  return task;
}

/// What is the same for all tiles.
kernels::Tile HarrisEngine::tile_of(const Window& window, Index n, Index out_stride) const {
  kernels::Tile tile{};
  tile.height = options_.height;
  tile.width = options_.width;
  tile.n_out = static_cast<int>(n);
  tile.radius_y = window.radius_y;
  tile.radius_x = window.radius_x;
  tile.taps_y = window.taps_y.data();
  tile.taps_x = window.taps_x.data();
  tile.reflect = options_.reflect;
  tile.out_stride = out_stride;
  return tile;
}

void HarrisEngine::Window::place(Index index, kernels::Tile& tile) const noexcept {
  tile.x0 = index % across(tile.width) * tile_width;
  tile.x1 = std::min(tile.x0 + tile_width, tile.width);
  tile.y0 = index / across(tile.width) * tile_height;
  tile.y1 = std::min(tile.y0 + tile_height, tile.height);
}

}  // namespace stcorner::video
