#pragma once
// The engine's memory: aligned floats, rings of frames, and what it keeps for each scale.
#include <memory>
#include <vector>

#include "stcorner/video/harris.hpp"

namespace stcorner::video {

/// Bytes of a pixel as it comes.
constexpr Index pixel_size(PixelType type) noexcept {
  constexpr Index kSizes[] = {1, 2, 4, 8};
  return kSizes[static_cast<int>(type)];
}

/// Zeroed floats on a cache line, large ones on large pages where the system has them.
class FloatBuffer {
 public:
  FloatBuffer() = default;
  explicit FloatBuffer(Index size);
  float* data() const noexcept { return data_.get(); }
  Index size() const noexcept { return size_; }

 private:
  struct Free {
    void operator()(float* p) const noexcept;
  };
  std::unique_ptr<float[], Free> data_;
  Index size_ = 0;
};

/// A ring of frames: frame t lives in slot t % depth. Rows are padded on both sides, planes are offset so
/// that the frames of a time window fall on different cache sets.
class FrameRing {
 public:
  FrameRing() = default;
  FrameRing(Index height, Index width, Index depth);
  /// First pixel of frame t.
  float* frame(Index t) const noexcept { return buffer_.data() + t % depth_ * plane_ + kPad; }
  Index stride() const noexcept { return stride_; }
  Index depth() const noexcept { return depth_; }

 private:
  static constexpr Index kPad = 16;
  Index depth_ = 1, stride_ = 0, plane_ = 0;
  FloatBuffer buffer_;
};

/// A ring of frames as they came: frame t lives in slot t % depth. 64-bit floats are kept as 32-bit ones.
class RawRing {
 public:
  RawRing() = default;
  RawRing(Index pixels, Index depth);
  const void* frame(Index t) const noexcept;
  Index depth() const noexcept { return depth_; }
  /// What the frame is kept as.
  PixelType type(Index t) const noexcept { return types_[t % depth_]; }
  /// Memory for frame t; frames of a wider type than those so far move the others.
  void* put(Index t, PixelType type);

 private:
  Index pixels_ = 0, depth_ = 1, slot_ = 0;  // floats of a slot
  std::vector<PixelType> types_;
  FloatBuffer buffer_;
};

/// Memory of this thread, at least so many floats, until it asks again.
float* scratch(Index size);

/// What smooths along each axis, and the tiles it does so in.
struct HarrisEngine::Window {
  int radius_y = 0, radius_x = 0, time_radius = 0;
  std::vector<float> taps_y, taps_x, time_taps;
  Index tile_width = 0, tile_height = 0;
  Index across(Index width) const noexcept { return ceil_div(width, tile_width); }
  Index tiles(Index height, Index width) const noexcept { return across(width) * ceil_div(height, tile_height); }
  void place(Index index, kernels::Tile& tile) const noexcept;
};

struct HarrisEngine::Level {
  Window inner, outer;  // of differentiation and integration
  FrameRing frames;     // smoothed frames L
  Index made = 0;
};

}  // namespace stcorner::video
