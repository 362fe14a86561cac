#pragma once
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace stcorner::video {

/// Floats on a cache line, large ones on large pages where the system has them. Their values are zero or what
/// an earlier buffer of the same size left: any number, but never memory that was not written.
class FloatBuffer {
 public:
  FloatBuffer() = default;
  explicit FloatBuffer(std::ptrdiff_t size);
  float* data() const noexcept { return data_.get(); }
  std::ptrdiff_t size() const noexcept { return size_; }

 private:
  struct Free {
    std::size_t bytes;
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

/// Scratch memory that threads borrow; kept between calls.
class ScratchPool {
 public:
  FloatBuffer take(std::ptrdiff_t size);
  void give(FloatBuffer buffer) noexcept;

 private:
  std::mutex mutex_;
  std::vector<FloatBuffer> free_;
  std::size_t lent_ = 0;
};

}  // namespace stcorner::video
