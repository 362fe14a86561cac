#pragma once
#include "stcorner/fusion/table.hpp"
#include "stcorner/parallel.hpp"

namespace stcorner::fusion {

/// The k nearest rows of every row under a rule, into lists (n, k): nearest first, ties by row, -1 where there are
/// fewer; and their squared distances (n, k), infinity there, unless null. The result depends on neither the number
/// of threads nor the instruction set. Throws std::invalid_argument unless 1 <= k <= n, and for rows of `near` longer
/// than 1 or of NaN.
void nearest_neighbors(const Table& table, Rule rule, std::ptrdiff_t k, std::int32_t* rows, double* distances,
                       int n_threads, Pause pause = nullptr);

}  // namespace stcorner::fusion
