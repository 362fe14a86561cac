#pragma once
#include <cstdint>

#include "kernels/table.hpp"

namespace stcorner::kernels {

/// What Eigen does for the fusion room. Compiled once per instruction set, as the kernels are, each time with a
/// namespace of its own for Eigen; unlike them it allocates, and may throw std::bad_alloc.
struct LinearTable {
  /// sums += Z' L Z for rows [begin, end) of the Laplacian L of a graph in compressed rows. Z is (n, depth), C order;
  /// sums is (depth, depth). Differences are taken edge by edge: nothing is lost where the ends are close and far from
  /// the origin.
  void (*add_scatter)(const std::int64_t* indptr, const std::int32_t* indices, Index begin, Index end, const double* Z,
                      Index depth, double* sums);
  /// Solve A w = value B w for symmetric A and B (n, n): values (n) ascending, vectors in the rows of (n, n), of unit
  /// length in B. False unless B is positive definite.
  bool (*solve)(const double* A, const double* B, Index n, double* values, double* vectors);
};

}  // namespace stcorner::kernels

STC_KERNEL_TABLE(LinearTable, linear_table)
