#pragma once
#include <cstddef>

#include "table.hpp"

namespace stcorner::kernels {

/// Kernels of the fusion room: raw pointers only, noexcept, no allocation.
struct FusionTable {
  const char* isa;
};

}  // namespace stcorner::kernels

STC_KERNEL_TABLE(FusionTable, fusion_table)
