#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "stcorner/video/harris.hpp"

namespace stcorner::video {

/// Zeroed floats on a cache line, large ones on large pages where the system has them.
class FloatBuffer {
 public:
  FloatBuffer() = default;
  explicit FloatBuffer(std::ptrdiff_t size);
  float* data() const noexcept { return data_.get(); }
  std::ptrdiff_t size() const noexcept { return size_; }

 private:
  struct Free {
    void operator()(float* p) const noexcept;
  };
  std::unique_ptr<float[], Free> data_;
  std::ptrdiff_t size_ = 0;
};

/// A ring of frames: frame t lives in slot t % depth. Rows are padded on both sides, planes are offset so
/// that the frames of a time window fall on different cache sets.
class FrameRing {
 public:
  FrameRing() = default;
  FrameRing(std::ptrdiff_t height, std::ptrdiff_t width, std::ptrdiff_t depth);
  /// First pixel of frame t.
  float* frame(std::ptrdiff_t t) const noexcept { return buffer_.data() + t % depth_ * plane_ + kPad; }
  std::ptrdiff_t stride() const noexcept { return stride_; }
  std::ptrdiff_t depth() const noexcept { return depth_; }

 private:
  static constexpr std::ptrdiff_t kPad = 16;
  std::ptrdiff_t depth_ = 1, stride_ = 0, plane_ = 0;
  FloatBuffer buffer_;
};

/// A ring of frames as they came: frame t lives in slot t % depth. 64-bit floats are kept as 32-bit ones.
class RawRing {
 public:
  RawRing() = default;
  RawRing(std::ptrdiff_t pixels, std::ptrdiff_t depth);
  const void* frame(std::ptrdiff_t t) const noexcept;
  std::ptrdiff_t depth() const noexcept { return depth_; }
  /// What the frame is kept as.
  PixelType type(std::ptrdiff_t t) const noexcept { return types_[static_cast<std::size_t>(t % depth_)]; }
  /// Memory for frame t; frames of a wider type than those so far move the others.
  void* put(std::ptrdiff_t t, PixelType type);

 private:
  std::ptrdiff_t pixels_ = 0, depth_ = 1, slot_ = 0;  // floats of a slot
  std::vector<PixelType> types_;
  FloatBuffer buffer_;
};

/// Memory of this thread, at least so many floats, until it asks again.
float* scratch(std::ptrdiff_t size);

}  // namespace stcorner::video
