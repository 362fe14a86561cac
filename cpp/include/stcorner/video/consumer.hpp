#pragma once
#include <cstddef>
#include <stdexcept>
#include <utility>
#include <vector>

#include "stcorner/video/harris.hpp"

namespace stcorner::kernels {
struct TensorRows;
}

namespace stcorner::video {

class FrameRing;

/// What reads the engine's results while they stream by, and keeps none of them longer than a ring of frames.
class HarrisConsumer : private HarrisSink {
 public:
  ~HarrisConsumer() override;
  void push(const void* frames, PixelType type, std::ptrdiff_t n, bool drain, Pause pause = nullptr);
  void finish(Pause pause = nullptr);
  const HarrisOptions& options() const noexcept { return engine_.options(); }

 protected:
  /// Rings of `depth` frames, at least a block of the engine's.
  HarrisConsumer(HarrisOptions options, std::ptrdiff_t depth);

  /// Results of a scale, or channel of the tensor.
  const FrameRing& results(std::ptrdiff_t plane) const noexcept;
  HarrisEngine engine_;
  Pause pause_ = nullptr;  // of the call under way

 private:
  float* plane(std::ptrdiff_t scale, std::ptrdiff_t t, std::ptrdiff_t channel) override;
  std::ptrdiff_t stride() const override;

  std::vector<FrameRing> results_;
};

/// The same of one scale's tensor.
class TensorConsumer : public HarrisConsumer {
 protected:
  explicit TensorConsumer(HarrisOptions options);
  kernels::TensorRows rows(std::ptrdiff_t t, std::ptrdiff_t y) const noexcept;
};

/// Parts of a clip, each with a histogram of its own.
struct Grid {
  std::ptrdiff_t rows, columns, segments;
  std::ptrdiff_t n_frames = 0;     // length of the clip; segments are equal parts of it

  /// Throws std::invalid_argument unless every part holds a voxel.
  void check(const HarrisOptions& options) const {
    if (rows < 1 || columns < 1 || segments < 1 || rows > options.height || columns > options.width ||
        segments > n_frames)
      throw std::invalid_argument("grid and segments must leave at least one voxel in every part");
  }
  /// Frame t is in segment g where g n_frames / segments <= t.
  std::ptrdiff_t segment_of(std::ptrdiff_t t) const noexcept { return ((t + 1) * segments - 1) / n_frames; }
};

}  // namespace stcorner::video
