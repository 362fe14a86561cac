// How the engine runs: every step is one parallel region that smooths the newest block of frames in space,
// the block before it in time, and makes tensor and response of the block before that.
#include <algorithm>
#include <atomic>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "kernels/video.hpp"
#include "stcorner/parallel.hpp"
#include "stcorner/video/harris.hpp"

namespace stcorner::video {
namespace {

using kernels::border_index;
using kernels::kTimeBlock;
using Index = std::ptrdiff_t;

constexpr Index kBand = 64;  // rows of a frame in one item of smoothing

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

/// New frames of one step.
struct HarrisEngine::Input {
  const char* frames;
  PixelType type;
  Index n;
};

/// Frames [t, t + n) of a scale to smooth in time.
struct HarrisEngine::TimeTask {
  Level* level;
  Index t, n;
  std::vector<const float*> in;
  std::vector<float*> out;
};

/// Frames [t, t + n) of a scale to respond to.
struct HarrisEngine::ResponseTask {
  const Level* level;
  Index n, across, tiles;
  std::vector<const float*> previous, current, next;
  std::vector<float*> out;
};

Index HarrisEngine::length() const noexcept { return closed_ ? smoothed_ : std::numeric_limits<Index>::max() / 4; }

void HarrisEngine::push(const void* frames, PixelType type, Index n, bool drain, HarrisSink& sink, Pause pause) {
  if (closed_) throw std::invalid_argument("the stream has ended");
  const Index frame_bytes = options_.height * options_.width * pixel_size(type);
  for (Index i = 0; i < n; i += kTimeBlock) {
    const Input input{static_cast<const char*>(frames) + i * frame_bytes, type, std::min<Index>(kTimeBlock, n - i)};
    step(&input, false, sink, pause);
  }
  while (drain && step(nullptr, true, sink, pause)) {
  }
}

void HarrisEngine::finish(HarrisSink& sink, Pause pause) {
  closed_ = true;
  while (step(nullptr, true, sink, pause)) {
  }
}

/// Do all that the frames so far allow, one block a stage; whether there was anything to do.
bool HarrisEngine::step(const Input* input, bool drain, HarrisSink& sink, Pause pause) {
  std::vector<TimeTask> times;
  for (Level& level : levels_) {
    const Index ready = closed_ ? smoothed_ : smoothed_ - level.inner_time_radius;
    if (ready > level.made) times.push_back(time_task(level, std::min<Index>(kTimeBlock, ready - level.made)));
  }
  Index ready = closed_ ? smoothed_ : smoothed_ - latency_;
  for (const Level& level : levels_)  // the last frames need no successor
    ready = std::min(ready, closed_ && level.made == smoothed_ ? smoothed_ : level.made - level.time_radius - 1);
  const Index n_out = std::min<Index>(kTimeBlock, ready - done_);
  std::vector<ResponseTask> responses;
  if (n_out >= (drain ? 1 : kTimeBlock))
    for (std::size_t s = 0; s < levels_.size(); ++s)
      responses.push_back(response_task(levels_[s], static_cast<Index>(s), n_out, sink));
  if (!input && times.empty() && responses.empty()) return false;

  const Index bands = ceil_div(options_.height, kBand), spaces = static_cast<Index>(spaces_.size());
  const Index n_space = input ? input->n * bands * spaces : 0;
  const Index n_time = static_cast<Index>(times.size()) * bands;
  Index n_response = 0;
  for (const ResponseTask& task : responses) n_response += task.tiles;
  std::atomic<Index> bad_frame{kTimeBlock};  // the first of them, whichever thread came first
  // Long items first, so that the threads end together.
  const auto work = [&](Index item) {
    if (item < n_response) {
      std::size_t s = 0;
      for (; item >= responses[s].tiles; ++s) item -= responses[s].tiles;
      return run(responses[s], item, sink.stride());
    }
    item -= n_response;
    if (item < n_space) {
      const Index frame = item / (bands * spaces);
      Space& space = spaces_[static_cast<std::size_t>(item / bands % spaces)];
      if (!run(*input, space, frame, item % bands * kBand)) return;
      Index first = bad_frame.load();
      while (frame < first && !bad_frame.compare_exchange_weak(first, frame)) {
      }
      return;
    }
    item -= n_space;
    run(times[static_cast<std::size_t>(item / bands)], item % bands * kBand);
  };
  drive(Items(n_response + n_space + n_time, work), options_.n_threads, pause);
  if (bad_frame.load() < kTimeBlock)
    throw std::invalid_argument("video must be finite and of magnitude <= 1e5, got other values in frame " +
                                std::to_string(smoothed_ + bad_frame.load()));
  if (input) smoothed_ += input->n;
  for (const TimeTask& task : times) task.level->made += task.n;
  if (!responses.empty()) {
    done_ += n_out;
    sink.done(done_ - n_out, n_out);
  }
  return true;
}

HarrisEngine::TimeTask HarrisEngine::time_task(Level& level, Index n) const {
  TimeTask task{&level, level.made, n, {}, {}};
  const FrameRing& source = spaces_[level.space].frames;
  const int r = level.inner_time_radius;
  for (Index i = task.t - r; i < task.t + n + r; ++i)
    task.in.push_back(source.frame(border_index(i, length(), options_.reflect)));
  for (Index i = task.t; i < task.t + n; ++i) task.out.push_back(level.frames.frame(i));
  return task;
}

HarrisEngine::ResponseTask HarrisEngine::response_task(const Level& level, Index scale, Index n,
                                                       HarrisSink& sink) const {
  ResponseTask task{&level, n, ceil_div(options_.width, level.tile_width), 0, {}, {}, {}, {}};
  task.tiles = task.across * ceil_div(options_.height, level.tile_height);
  const Index last = length() - 1;
  for (Index i = done_ - level.time_radius; i < done_ + n + level.time_radius; ++i) {
    const Index at = border_index(i, length(), options_.reflect);
    task.previous.push_back(level.frames.frame(std::max<Index>(at - 1, 0)));
    task.current.push_back(level.frames.frame(at));
    task.next.push_back(level.frames.frame(std::min(at + 1, last)));
  }
  for (Index c = 0; c < (options_.tensor ? 6 : 1); ++c)
    for (Index i = 0; i < n; ++i) task.out.push_back(sink.plane(scale, done_ + i, c));
  return task;
}

/// Smooth 64 rows of a new frame in space; whether a value was not finite.
bool HarrisEngine::run(const Input& input, Space& space, Index frame, Index y) {
  const auto& table = kernels::video_table();
  int bad = 0;
  kernels::InnerJob job{};
  job.frame = input.frames + frame * options_.height * options_.width * pixel_size(input.type);
  job.pixel = static_cast<kernels::Pixel>(input.type);
  job.height = options_.height;
  job.width = options_.width;
  job.y0 = y;
  job.y1 = std::min(y + kBand, options_.height);
  job.radius_y = space.radius_y;
  job.radius_x = space.radius_x;
  job.taps_y = space.taps_y.data();
  job.taps_x = space.taps_x.data();
  job.reflect = options_.reflect;
  job.out = space.frames.frame(smoothed_ + frame);
  job.out_stride = space.frames.stride();
  job.bad = &bad;
  const Borrowed scratch(scratch_, table.inner_scratch(job));
  job.scratch = scratch.data();
  table.inner(job);
  return bad != 0;
}

void HarrisEngine::run(const TimeTask& task, Index y) const {
  kernels::TimeJob job{};
  job.frames = task.in.data();
  job.out = task.out.data();
  job.n_out = static_cast<int>(task.n);
  job.radius = task.level->inner_time_radius;
  job.taps = task.level->inner_time_taps.data();
  job.width = options_.width;
  job.y0 = y;
  job.y1 = std::min(y + kBand, options_.height);
  job.stride = task.level->frames.stride();
  kernels::video_table().time(job);
}

void HarrisEngine::run(const ResponseTask& task, Index tile, Index out_stride) {
  const auto& table = kernels::video_table();
  const Level& level = *task.level;
  kernels::OuterJob job{};
  job.previous = task.previous.data();
  job.current = task.current.data();
  job.next = task.next.data();
  job.n_out = static_cast<int>(task.n);
  job.time_radius = level.time_radius;
  job.radius_y = level.radius_y;
  job.radius_x = level.radius_x;
  job.time_taps = level.time_taps.data();
  job.taps_y = level.taps_y.data();
  job.taps_x = level.taps_x.data();
  job.reflect = options_.reflect;
  job.height = options_.height;
  job.width = options_.width;
  job.stride = level.frames.stride();
  job.x0 = tile % task.across * level.tile_width;
  job.x1 = std::min(job.x0 + level.tile_width, options_.width);
  job.y0 = tile / task.across * level.tile_height;
  job.y1 = std::min(job.y0 + level.tile_height, options_.height);
  job.k = static_cast<float>(options_.k);
  // Never 0, by which a still region would be divided.
  using Float = std::numeric_limits<float>;
  job.eps = static_cast<float>(std::clamp<double>(options_.eps, Float::min(), Float::max()));
  job.normalize = options_.normalize;
  job.tensor = options_.tensor;
  job.out = task.out.data();
  job.out_stride = out_stride;
  const Borrowed scratch(scratch_, table.outer_scratch(job));
  job.scratch = scratch.data();
  table.outer(job);
}

}  // namespace stcorner::video
