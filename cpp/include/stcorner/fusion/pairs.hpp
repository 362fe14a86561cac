#pragma once
#include <vector>

#include "stcorner/fusion/table.hpp"
#include "stcorner/parallel.hpp"

namespace stcorner::fusion {

/// Two rows, the smaller number first, and their squared distance; until that is known, a lower bound of it.
struct RowPair {
  double distance;
  std::int32_t first, second;
  std::int32_t bound;
};

/// The k nearest pairs of rows of different labels: a list for each label (one row in it, one outside), or one over
/// all. Nearest first, ties by (first, second); as exact and as independent of threads as `nearest_neighbors`.
/// Throws std::invalid_argument unless k >= 1.
std::vector<std::vector<RowPair>> nearest_pairs(const Table& table, std::ptrdiff_t k, bool per_label, int n_threads,
                                                Pause pause = nullptr);

}  // namespace stcorner::fusion
