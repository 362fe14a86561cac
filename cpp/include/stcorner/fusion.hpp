#pragma once
#include <cstdint>
#include <vector>

#include "stcorner/parallel.hpp"

namespace stcorner::fusion {

/// What a search looks at. `near` holds the rows as float32 (n, depth), C order, centred, turned by any
/// rotation (leading principal directions first make the bounds sharp) and scaled to lengths of at most 1;
/// it only finds candidates. `exact` holds them as given, float32 or float64 (n, exact_depth): distances
/// are decided there, in float64. `scale` is the factor between the two.
/// `labels` (n); `groups` and `sides` (n) or null: pairs of the same group or side do not count.
/// All memory is the caller's.
struct Table {
  const float* near = nullptr;
  Index n = 0, depth = 0;
  const void* exact = nullptr;
  bool exact_is_double = false;
  Index exact_depth = 0;
  double scale = 1.0;
  const std::int32_t* labels = nullptr;
  const std::int32_t* groups = nullptr;
  const std::int32_t* sides = nullptr;
};

/// Which pairs of rows a search compares.
enum class Rule { same_label, other_label };

/// Rows X (n, depth), C order, minus their mean, times a power of two that leaves no row longer than 1:
/// written to out (n, depth). Returns that factor, or NaN, with out unwritten, where squared lengths
/// leave the range of float64. The result does not depend on the number of threads.
template <class T>
double centre(const T* X, Index n, Index depth, float* out, Team team);

/// The k nearest rows of every row under a rule, into lists (n, k): nearest first, ties by row, -1 where there are
/// fewer; and their squared distances (n, k), infinity there, unless null. The result depends on neither the number
/// of threads nor the instruction set. Throws std::invalid_argument unless 1 <= k <= n, and for rows of `near` longer
/// than 1 or of NaN.
void nearest_neighbors(const Table& table, Rule rule, Index k, std::int32_t* rows, double* distances, Team team);

/// Two rows, the smaller number first, and their squared distance; until that is known, a lower bound of it.
struct RowPair {
  double distance;
  std::int32_t first, second;
  std::int32_t bound;
};

/// The k nearest pairs of rows of different labels: a list for each label (one row in it, one outside), or one over
/// all. Nearest first, ties by (first, second); as exact and as independent of threads as `nearest_neighbors`.
/// Throws std::invalid_argument unless k >= 1.
std::vector<std::vector<RowPair>> nearest_pairs(const Table& table, Index k, bool per_label, Team team);

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
  Index count, per_row;

  std::int32_t begin(Index e) const noexcept {
    return from != nullptr ? from[e] : static_cast<std::int32_t>(e / per_row);
  }
};

/// Graph over n rows; repeated edges, also turned ones, count once. Throws std::invalid_argument for a row
/// number beyond n and for a loop.
Adjacency adjacency(Index n, const Edges& edges, Pause pause = nullptr);

/// Z' L Z (depth, depth) with L the Laplacian of a graph in compressed rows: the outer products of the differences
/// along all edges, summed. Z is (n, depth), C order. Throws std::invalid_argument unless the rows of the graph ascend
/// from 0 and end in its n rows. The result does not depend on the number of threads.
void scatter(const std::int64_t* indptr, const std::int32_t* indices, Index n, const double* Z, Index depth,
             double* out, Team team);

/// Solve A w = value B w for symmetric A and B (n, n): values (n) ascending, and vectors in the rows of (n, n), of unit
/// length in B. Throws std::invalid_argument unless all is finite and B positive definite.
void solve_symmetric(const double* A, const double* B, Index n, double* values, double* vectors);

}  // namespace stcorner::fusion
