#pragma once
#include <cstddef>
#include <cstdint>

#include "table.hpp"

namespace stcorner::kernels {

/// One panel of rows, transposed: `values[k * width + r]` is coordinate k of row r. After
/// `stage_ends[s]` coordinates the squared length so far, halved, is `half_norms[s * width + r]`
/// (+infinity for rows that only fill the panel). `limits[r]`: pairs at a larger halved squared
/// distance are of no use to row r.
struct Panel {
  const float* values;
  const float* half_norms;
  const float* limits;
};

/// Row of the first panel, row of the second, and a lower bound of their halved squared distance.
struct Hit {
  float bound;
  std::int32_t row, column;
};

/// Kernels of the fusion room: raw pointers only, noexcept, no allocation.
struct FusionTable {
  const char* isa;
  std::ptrdiff_t panel_width;  ///< rows per panel
  /// Write every pair of rows of two panels that is within the limit of either row, and return how
  /// many there are (at most panel_width squared). A tile stops at the first stage at which no pair
  /// can come within its limits any more.
  std::ptrdiff_t (*scan)(const Panel& a, const Panel& b, const std::int32_t* stage_ends, std::ptrdiff_t n_stages,
                         Hit* hits) noexcept;
  /// Squared distance of two rows of n coordinates, summed in float64 in eight interleaved sums without
  /// fused operations: the same bits for every instruction set of a processor family, and for (b, a).
  double (*distance_float)(const float* a, const float* b, std::ptrdiff_t n) noexcept;
  double (*distance_double)(const double* a, const double* b, std::ptrdiff_t n) noexcept;
};

}  // namespace stcorner::kernels

STC_KERNEL_TABLE(FusionTable, fusion_table)
