#pragma once
#include "arrays.hpp"
#include "stcorner/video/harris.hpp"

namespace stcorner::bindings {

struct Frames {
  const void* data;
  video::PixelType type;
  std::ptrdiff_t n;
};

/// C-contiguous frames of shape (n, height, width); the array must outlive the result.
inline Frames frames_of(const py::array& frames, std::ptrdiff_t height, std::ptrdiff_t width) {
  if (frames.ndim() != 3 || frames.shape(1) != height || frames.shape(2) != width)
    throw py::value_error("frames must have shape (n, height, width)");
  if (!(frames.flags() & py::array::c_style)) throw py::value_error("frames must be C-contiguous");
  const auto is = [&](auto value) { return py::isinstance<py::array_t<decltype(value)>>(frames); };
  const video::PixelType type = is(std::uint8_t{})    ? video::PixelType::u8
                                : is(std::uint16_t{}) ? video::PixelType::u16
                                : is(float{})         ? video::PixelType::f32
                                : is(double{})
                                    ? video::PixelType::f64
                                    : throw py::value_error("frames must be uint8, uint16, float32 or float64");
  return {frames.data(), type, frames.shape(0)};
}

}  // namespace stcorner::bindings
