#pragma once
#include <array>
#include <cstddef>

namespace stcorner {

/// Borrowed, strided N-dimensional array. Strides count elements, not bytes, and may be any value
/// (a broadcast axis has stride 0). The view owns nothing; the caller keeps the memory alive.
template <class T, std::size_t N>
struct View {
  T* data = nullptr;
  std::array<std::ptrdiff_t, N> shape{};
  std::array<std::ptrdiff_t, N> strides{};

  std::ptrdiff_t size() const noexcept {
    std::ptrdiff_t product = 1;
    for (const auto extent : shape) product *= extent;
    return product;
  }
  bool empty() const noexcept { return size() == 0; }
};

}  // namespace stcorner
