#pragma once
#include <cstddef>

#include "table.hpp"

namespace stcorner::kernels {

/// Kernels of the video room: raw pointers only, noexcept, no allocation.
struct VideoTable {
  const char* isa;
};

}  // namespace stcorner::kernels

STC_KERNEL_TABLE(VideoTable, video_table)
