#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "stcorner/parallel.hpp"

namespace stcorner::kernels {
struct Tile;
}

namespace stcorner::video {

class RawRing;

enum class PixelType { u8, u16, f32, f64 };

struct HarrisScale {
  double sigma, tau;      // standard deviations in pixels and frames
  double sigma_x = 0.0;   // along x; 0: sigma too
};

struct HarrisOptions {
  std::ptrdiff_t height = 0, width = 0;
  std::vector<HarrisScale> scales;
  double s = 2.0;                // integration variance over differentiation variance
  double k = 0.005;
  bool scale_normalize = true;   // gradients times sigma and tau
  bool normalize = false;        // response over (trace + eps)^3
  double eps = 1e-12;
  bool reflect = true;           // border; else the outermost pixel is repeated
  bool tensor = false;           // the six tensor planes instead of the response
  int n_threads = 0;
  std::ptrdiff_t tile_width = 0, tile_height = 0;  // 0: chosen from the frame and the caches
};

/// Where the engine puts its results.
class HarrisSink {
 public:
  virtual ~HarrisSink() = default;
  /// Memory for frame t of a scale: row 0, rows `stride()` floats apart. `channel` is 0 for a response
  /// and 0..5 (tt, ty, tx, yy, yx, xx) for a tensor.
  virtual float* plane(std::ptrdiff_t scale, std::ptrdiff_t t, std::ptrdiff_t channel) = 0;
  virtual std::ptrdiff_t stride() const = 0;
  /// Frames [t, t + n) of all scales are complete.
  virtual void done(std::ptrdiff_t t, std::ptrdiff_t n) = 0;
};

/// Streaming space-time Harris detector (Laptev 2005): frames go in, the response of every scale comes
/// out `latency()` frames later, then the rest at the end. Only rings of frames are kept, so memory does
/// not depend on the length of the stream. Neither the number of threads, nor the tile size, nor how the
/// frames are cut into blocks changes a bit of the result.
class HarrisEngine {
 public:
  /// Throws std::invalid_argument where an option is out of its range.
  explicit HarrisEngine(HarrisOptions options);
  ~HarrisEngine();

  const HarrisOptions& options() const noexcept { return options_; }
  /// Frames that must follow a frame before its response is final.
  std::ptrdiff_t latency() const noexcept { return latency_; }
  std::ptrdiff_t frames_in() const noexcept { return taken_; }
  std::ptrdiff_t frames_out() const noexcept { return done_; }

  /// Take n frames, C-contiguous (n, height, width). With `drain` every response that became final is
  /// delivered; without it some may wait for the next call, so that blocks are full.
  /// Throws std::invalid_argument if a value is not finite.
  /// An exception of `pause` leaves the stream unfit for more.
  void push(const void* frames, PixelType type, std::ptrdiff_t n, bool drain, HarrisSink& sink, Pause pause = nullptr);
  /// The stream has ended: deliver all that is left.
  void finish(HarrisSink& sink, Pause pause = nullptr);

  /// Smoothed frame t of a scale, while it is among the last ones (t >= frames_out() - 10); for t + 1 as well.
  const float* smoothed(std::ptrdiff_t scale, std::ptrdiff_t t) const;
  std::ptrdiff_t smoothed_stride() const noexcept;

 private:
  struct Window;
  struct Level;  // one scale
  struct SmoothTask;
  struct ResponseTask;

  static Window window(double sd_y, double sd_x, double sd_t);

  std::ptrdiff_t room() const;
  void take(const void* frames, PixelType type, std::ptrdiff_t n, Pause pause);
  bool step(bool drain, HarrisSink& sink, Pause pause);
  bool smooth(bool drain, Pause pause);
  bool respond(bool drain, HarrisSink& sink, Pause pause);
  SmoothTask smooth_task(Level& level, std::ptrdiff_t n) const;
  ResponseTask response_task(const Level& level, std::ptrdiff_t scale, std::ptrdiff_t n, HarrisSink& sink) const;
  template <class Task>
  void drive_tiles(const std::vector<Task>& tasks, Pause pause);
  kernels::Tile tile_of(const Window& window, std::ptrdiff_t tile, std::ptrdiff_t n) const;
  void run(const SmoothTask& task, std::ptrdiff_t tile);
  void run(const ResponseTask& task, std::ptrdiff_t tile);
  void choose_tiles(Window& window, std::ptrdiff_t planes) const;
  std::ptrdiff_t length() const noexcept;

  HarrisOptions options_;
  std::unique_ptr<RawRing> raw_;
  std::vector<Level> levels_;
  std::ptrdiff_t latency_ = 0, taken_ = 0, done_ = 0;
  bool closed_ = false;
};

}  // namespace stcorner::video
