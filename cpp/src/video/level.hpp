#pragma once
#include <vector>

#include "buffer.hpp"
#include "stcorner/video/harris.hpp"

namespace stcorner::video {

/// What smooths along each axis, and the tiles it does so in.
struct HarrisEngine::Window {
  int radius_y = 0, radius_x = 0, time_radius = 0;
  std::vector<float> taps_y, taps_x, time_taps;
  std::ptrdiff_t tile_width = 0, tile_height = 0;
  std::ptrdiff_t across(std::ptrdiff_t width) const noexcept { return ceil_div(width, tile_width); }
  std::ptrdiff_t tiles(std::ptrdiff_t height, std::ptrdiff_t width) const noexcept {
    return across(width) * ceil_div(height, tile_height);
  }
};

struct HarrisEngine::Level {
  Window inner, outer;  // of differentiation and integration
  FrameRing frames;     // smoothed frames L
  std::ptrdiff_t made = 0;
};

}  // namespace stcorner::video
