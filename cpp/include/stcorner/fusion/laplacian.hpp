#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace stcorner::fusion {

/// Symmetric 0/1 graph in compressed rows: the ends of row i are indices[indptr[i] .. indptr[i + 1]), ascending.
struct Adjacency {
  std::vector<std::int64_t> indptr;
  std::vector<std::int32_t> indices;
};

/// Graph of `n_edges` edges (from[e], to[e]) over n rows; repeated edges, also turned ones, count once.
/// Edges with to[e] < 0 are skipped. Throws std::invalid_argument for a row number beyond n and for a loop.
Adjacency adjacency(std::ptrdiff_t n, const std::int32_t* from, const std::int32_t* to, std::ptrdiff_t n_edges);

/// out = L Z with L the Laplacian of the graph: out_i is the sum of z_i - z_j over the ends j of i. Taken
/// edge by edge in float64, nothing is lost where the ends are close and far from the origin. Z and out
/// are (n, depth), C order, and do not overlap. Throws std::invalid_argument for ends beyond n.
void laplacian_product(const std::int64_t* indptr, const std::int32_t* indices, std::ptrdiff_t n, const double* Z,
                       std::ptrdiff_t depth, double* out, int n_threads);

}  // namespace stcorner::fusion
