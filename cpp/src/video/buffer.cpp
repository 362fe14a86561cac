#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "engine.hpp"

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace stcorner::video {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kLargePage = std::size_t{1} << 21;

/// Zeroed and aligned. The pointer that calloc gave stands just before the block; large blocks come zeroed
/// from the system, so calloc touches no page of them.
float* allocate(std::size_t bytes) {
  const std::size_t alignment = bytes >= kLargePage ? kLargePage : kLine;
  void* raw = std::calloc(bytes + alignment + sizeof(void*), 1);
  if (raw == nullptr) throw std::bad_alloc();
  const auto address = reinterpret_cast<std::uintptr_t>(raw) + sizeof(void*);
  char* aligned = reinterpret_cast<char*>((address + alignment - 1) / alignment * alignment);
  std::memcpy(aligned - sizeof raw, &raw, sizeof raw);
#ifdef __linux__
  if (bytes >= kLargePage) madvise(aligned, bytes, MADV_HUGEPAGE);  // advice only: failure changes nothing
#endif
  return reinterpret_cast<float*>(aligned);
}

std::size_t bytes_of(Index size) { return static_cast<std::size_t>(size > 0 ? size : 1) * sizeof(float); }

}  // namespace

FloatBuffer::FloatBuffer(Index size) : data_(allocate(bytes_of(size))), size_(size) {}

void FloatBuffer::Free::operator()(float* p) const noexcept {
  void* raw;
  std::memcpy(&raw, reinterpret_cast<char*>(p) - sizeof raw, sizeof raw);
  std::free(raw);
}

FrameRing::FrameRing(Index height, Index width, Index depth) : depth_(depth), stride_((width + 15) / 16 * 16 + kPad) {
  constexpr Index kPage = 1024, kSkew = 80;  // floats: 4 KiB and five cache lines
  plane_ = ((height * stride_ + kPad) / kPage + 1) * kPage + kSkew;
  buffer_ = FloatBuffer(depth * plane_ + kPad);
}

RawRing::RawRing(Index pixels, Index depth) : pixels_(pixels), depth_(depth), types_(depth, PixelType::u8) {}

const void* RawRing::frame(Index t) const noexcept { return buffer_.data() + t % depth_ * slot_; }

void* RawRing::put(Index t, PixelType type) {
  const Index slot = (pixels_ * std::min<Index>(pixel_size(type), 4) + 63) / 64 * 16;
  if (slot > slot_) {
    FloatBuffer wider(depth_ * slot);
    for (Index i = 0; i < depth_ && slot_ > 0; ++i)
      std::memcpy(wider.data() + i * slot, buffer_.data() + i * slot_, static_cast<std::size_t>(slot_) * sizeof(float));
    buffer_ = std::move(wider);
    slot_ = slot;
  }
  types_[t % depth_] = type == PixelType::f64 ? PixelType::f32 : type;
  return buffer_.data() + t % depth_ * slot_;
}

float* scratch(Index size) {
  thread_local FloatBuffer buffer;
  // What one call of very wide windows needed does not stay for all later ones.
  if (buffer.size() < size || buffer.size() / 64 > size) buffer = FloatBuffer(size);
  return buffer.data();
}

}  // namespace stcorner::video
