#pragma once
#include <cstddef>
#include <cstdint>

#include "stcorner/parallel.hpp"

namespace stcorner::fusion {

/// Z' L Z (depth, depth) with L the Laplacian of a graph in compressed rows: the outer products of the differences
/// along all edges, summed. Z is (n, depth), C order. Throws std::invalid_argument unless the rows of the graph ascend
/// from 0 and end in its n rows. The result does not depend on the number of threads.
void scatter(const std::int64_t* indptr, const std::int32_t* indices, std::ptrdiff_t n, const double* Z,
             std::ptrdiff_t depth, double* out, int n_threads, Pause pause = nullptr);

/// Solve A w = value B w for symmetric A and B (n, n): values (n) ascending, and vectors in the rows of (n, n), of unit
/// length in B. Throws std::invalid_argument unless all is finite and B positive definite.
void solve_symmetric(const double* A, const double* B, std::ptrdiff_t n, double* values, double* vectors);

}  // namespace stcorner::fusion
