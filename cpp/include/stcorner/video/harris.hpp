#pragma once
#include <atomic>
#include <memory>
#include <vector>

#include "stcorner/parallel.hpp"

namespace stcorner::kernels {
struct Tile;
}

namespace stcorner::video {

class RawRing;

/// Radius of a Gaussian of standard deviation `sd` truncated at 4 standard deviations, at least 1.
int gaussian_radius(double sd);

/// Right half of the sampled Gaussian, centre first, gaussian_radius(sd) + 1 values; the whole filter
/// sums to 1. Throws std::invalid_argument unless 0 < sd <= 1e6.
std::vector<double> gaussian_taps(double sd);

enum class PixelType { u8, u16, f32, f64 };

struct HarrisScale {
  double sigma, tau;      // standard deviations in pixels and frames
  double sigma_x = 0.0;   // along x; 0: sigma too
};

struct HarrisOptions {
  Index height = 0, width = 0;
  std::vector<HarrisScale> scales;
  double s = 2.0;                // integration variance over differentiation variance
  double k = 0.005;
  bool scale_normalize = true;   // gradients times sigma and tau
  bool normalize = false;        // response over (trace + eps)^3
  double eps = 1e-12;
  bool reflect = true;           // border; else the outermost pixel is repeated
  bool tensor = false;           // the six tensor planes instead of the response
  int n_threads = 0;
  Index tile_width = 0, tile_height = 0;  // 0: chosen from the frame and the caches
};

/// Where the engine puts its results.
class HarrisSink {
 public:
  virtual ~HarrisSink() = default;
  /// Memory for frame t of a scale: row 0, rows `stride()` floats apart. `channel` is 0 for a response
  /// and 0..5 (tt, ty, tx, yy, yx, xx) for a tensor.
  virtual float* plane(Index scale, Index t, Index channel) = 0;
  virtual Index stride() const = 0;
  /// Frames [t, t + n) of all scales are complete.
  virtual void done(Index t, Index n) = 0;
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
  Index latency() const noexcept { return latency_; }
  Index frames_in() const noexcept { return taken_; }
  Index frames_out() const noexcept { return done_; }
  /// Who works on the call under way.
  Team team() const noexcept { return team_; }
  /// For callers that must refuse a call while another is under way.
  std::atomic<bool>& at_work() noexcept { return at_work_; }

  /// Take n frames, C-contiguous (n, height, width). With `drain` every response that became final is
  /// delivered; without it some may wait for the next call, so that blocks are full.
  /// Throws std::invalid_argument if a value is not finite.
  /// An exception of `pause` leaves the stream unfit for more.
  void push(const void* frames, PixelType type, Index n, bool drain, HarrisSink& sink, Pause pause = nullptr);
  /// The stream has ended: deliver all that is left.
  void finish(HarrisSink& sink, Pause pause = nullptr);

  /// Smoothed frame t of a scale, while it is among the last ones (t >= frames_out() - 10); for t + 1 as well.
  const float* smoothed(Index scale, Index t) const;
  Index smoothed_stride() const noexcept;

 private:
  struct Window;
  struct Level;  // one scale
  struct SmoothTask;
  struct ResponseTask;

  static Window window(double sd_y, double sd_x, double sd_t);

  Index room() const;
  void take(const void* frames, PixelType type, Index n);
  bool step(bool drain, HarrisSink& sink);
  bool smooth(bool drain);
  bool respond(bool drain, HarrisSink& sink);
  SmoothTask smooth_task(Level& level, Index n) const;
  ResponseTask response_task(const Level& level, Index scale, Index n, HarrisSink& sink) const;
  template <class Task>
  void drive_tiles(const std::vector<Task>& tasks);
  kernels::Tile tile_of(const Window& window, Index n, Index out_stride) const;
  void choose_tiles(Window& window, Index planes) const;
  Index length() const noexcept;

  HarrisOptions options_;
  Team team_;
  std::atomic<bool> at_work_{false};
  std::unique_ptr<RawRing> raw_;
  std::vector<Level> levels_;
  Index latency_ = 0, taken_ = 0, done_ = 0;
  bool closed_ = false;
};

/// What is made of the tensor's eigenvalues a >= b >= c >= 0.
enum class TensorOutput { tensor, eigenvalues, eigen, anisotropy };

/// Planes of an output: the tensor's six; a, b, c; these and the unit vector (t, y, x) of each; shares of linear
/// (b - c) / a, planar (a - b) / a and spherical c / a structure and the coherence, the fractional anisotropy.
constexpr int tensor_planes(TensorOutput output) noexcept {
  constexpr int kPlanes[] = {6, 3, 12, 4};
  return kPlanes[static_cast<int>(output)];
}

/// From six planes of n voxels, one after another, to those of `output`, which is not the tensor itself.
void describe_tensor(const float* tensor, Index n, TensorOutput output, float* out, Team team);

}  // namespace stcorner::video
