#include "stcorner/video/buffer.hpp"

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#ifdef __linux__
#include <sys/mman.h>
#endif
#ifdef _WIN32
#include <malloc.h>
#endif

namespace stcorner {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kLargePage = std::size_t{1} << 21;

float* allocate(std::size_t bytes) {
#ifdef _WIN32
  void* p = _aligned_malloc(bytes, kLine);
#else
  const std::size_t alignment = bytes >= kLargePage ? kLargePage : kLine;
  void* p = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
#endif
  if (p == nullptr) throw std::bad_alloc();
#ifdef __linux__
  if (bytes >= kLargePage) madvise(p, bytes, MADV_HUGEPAGE);  // advice only: failure changes nothing
#endif
  std::memset(p, 0, bytes);
  return static_cast<float*>(p);
}

}  // namespace

FloatBuffer::FloatBuffer(std::ptrdiff_t size)
    : data_(allocate(static_cast<std::size_t>(size > 0 ? size : 1) * sizeof(float))), size_(size) {}

void FloatBuffer::Free::operator()(float* p) const noexcept {
#ifdef _WIN32
  _aligned_free(p);
#else
  std::free(p);
#endif
}

FrameRing::FrameRing(std::ptrdiff_t height, std::ptrdiff_t width, std::ptrdiff_t depth)
    : depth_(depth), stride_((width + 15) / 16 * 16 + kPad) {
  constexpr std::ptrdiff_t kPage = 1024, kSkew = 80;  // floats: 4 KiB and five cache lines
  plane_ = ((height * stride_ + kPad) / kPage + 1) * kPage + kSkew;
  buffer_ = FloatBuffer(depth * plane_ + kPad);
}

FloatBuffer ScratchPool::take(std::ptrdiff_t size) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (std::size_t i = 0; i < free_.size(); ++i)
      if (free_[i].size() >= size) {
        FloatBuffer found = std::move(free_[i]);
        free_.erase(free_.begin() + static_cast<std::ptrdiff_t>(i));
        return found;
      }
  }
  return FloatBuffer(size);
}

void ScratchPool::give(FloatBuffer buffer) {
  const std::lock_guard<std::mutex> lock(mutex_);
  free_.push_back(std::move(buffer));
}

}  // namespace stcorner
