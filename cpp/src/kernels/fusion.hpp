#pragma once
#include <cstdint>

#include "table.hpp"

namespace stcorner::kernels {

/// One panel of rows in 16-bit integers, transposed by pairs: `values[(k * width + r) * 2 + c]` is
/// coordinate 2 k + c of row r. After `stage_ends[s]` pairs the squared length so far, halved and lowered
/// by what rounding may hide, is `halves[s * width + r]` (`kNowhere` for rows that only fill the panel).
/// `limits[r]`: pairs at this halved squared distance or beyond are of no use to row r.
///
/// All lengths are at most `kLongest` and a little rounding, so nothing overflows: products are below
/// 2^29, halved squared distances below `kUnlimited`, and sums of halves and limits within 32 bits.
struct Panel {
  const std::int16_t* values;
  const std::int32_t* halves;
  const std::int32_t* limits;
};

constexpr double kLongest = 16384.0;
constexpr std::int32_t kUnlimited = 3 << 28;
constexpr std::int32_t kNowhere = (1 << 30) - 1;

/// Row of the first panel, row of the second, and a lower bound of their halved squared distance.
struct Hit {
  std::int32_t bound, row, column;
};

/// Kernels of the fusion room: raw pointers only, noexcept, no allocation.
struct FusionTable {
  const char* isa;
  Index panel_width;  ///< rows per panel
  /// Write every pair of rows of two panels that is below the limit of either row, and return how
  /// many there are (at most panel_width squared). A tile stops at the first stage at which no pair
  /// can come within its limits any more.
  Index (*scan)(const Panel& a, const Panel& b, const std::int32_t* stage_ends, Index n_stages, Hit* hits) noexcept;
  /// out = x * factor, rounded to integers; |x| * factor must be within 16 bits.
  void (*quantise)(const float* x, Index n, float factor, std::int16_t* out) noexcept;
  /// Squared distance of two rows of n coordinates, summed in float64 in eight interleaved sums without
  /// fused operations: the same bits for every instruction set of a processor family, and for (b, a).
  double (*distance_float)(const float* a, const float* b, Index n) noexcept;
  double (*distance_double)(const double* a, const double* b, Index n) noexcept;
};

}  // namespace stcorner::kernels

STC_KERNEL_TABLE(FusionTable, fusion_table)
