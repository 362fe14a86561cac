#pragma once
#include <cstddef>

#include "table.hpp"

namespace stcorner::kernels {

/// Kernels of the audio room: raw pointers only, noexcept, no allocation.
struct AudioTable {
  const char* isa;
};

}  // namespace stcorner::kernels

STC_KERNEL_TABLE(AudioTable, audio_table)
