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

/// What reads the engine's results while they stream by, and keeps none of them longer than a ring of frames.
class HarrisConsumer : private HarrisSink {
 public:
  void push(const void* frames, PixelType type, std::ptrdiff_t n, bool drain, Pause pause = nullptr) {
    engine_.push(frames, type, n, drain, *this, pause);
  }
  void finish(Pause pause = nullptr) { engine_.finish(*this, pause); }
  const HarrisOptions& options() const noexcept { return engine_.options(); }

 protected:
  /// Rings of `depth` frames, at least a block of the engine's.
  HarrisConsumer(HarrisOptions options, std::ptrdiff_t depth);

  /// Results of a scale, or channel of the tensor.
  const FrameRing& results(std::ptrdiff_t plane) const noexcept { return results_[static_cast<std::size_t>(plane)]; }
  HarrisEngine engine_;

 private:
  float* plane(std::ptrdiff_t scale, std::ptrdiff_t t, std::ptrdiff_t channel) override {
    return results(options().tensor ? channel : scale).frame(t);
  }
  std::ptrdiff_t stride() const override { return results_.front().stride(); }

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
