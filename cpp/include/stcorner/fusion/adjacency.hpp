#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "stcorner/parallel.hpp"

namespace stcorner::fusion {

/// Symmetric 0/1 graph in compressed rows: the ends of row i are indices[indptr[i] .. indptr[i + 1]), ascending.
struct Adjacency {
  std::vector<std::int64_t> indptr;
  std::vector<std::int32_t> indices;
};

/// Edges (from[e], to[e]) of a graph; without `from`, edge e begins at row e / per_row.
/// Those with to[e] < 0 are no edges.
struct Edges {
  const std::int32_t* from;
  const std::int32_t* to;
  std::ptrdiff_t count, per_row;

  std::int32_t begin(std::ptrdiff_t e) const noexcept {
    return from != nullptr ? from[e] : static_cast<std::int32_t>(e / per_row);
  }
};

/// Graph over n rows; repeated edges, also turned ones, count once. Throws std::invalid_argument for a row
/// number beyond n and for a loop.
Adjacency adjacency(std::ptrdiff_t n, const Edges& edges, Pause pause = nullptr);

}  // namespace stcorner::fusion
