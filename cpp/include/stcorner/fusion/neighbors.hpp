#pragma once
#include <atomic>
#include <mutex>

#include <utility>

#include "stcorner/fusion/panels.hpp"

namespace stcorner::fusion {

/// A row that may be among the nearest, and an upper bound of its distance (in the units of Panels) in
/// the upper half: as numbers they sort by the bound, then by the row.
using Candidate = std::uint64_t;

/// The k nearest rows of every row, under a rule. Each unordered pair is looked at once and offered to
/// both rows. Every row keeps the candidates that its k-th smallest upper bound cannot exclude; the
/// last word is spoken in float64, by (distance, row). So the result depends on neither the number
/// of threads nor the instruction set.
class NeighborSearch {
 public:
  /// Throws std::invalid_argument unless 1 <= k <= n.
  NeighborSearch(const Table& table, Rule rule, std::ptrdiff_t k, int n_threads);

  std::ptrdiff_t n_items() const noexcept { return static_cast<std::ptrdiff_t>(plan_.size()); }
  /// Work through items [begin, end) of the plan.
  void run(std::ptrdiff_t begin, std::ptrdiff_t end, int n_threads);
  /// Write lists [begin, end) of rows (n, k), nearest first, -1 where there are fewer, and of squared
  /// distances (n, k), infinity there, unless null.
  void finish(std::ptrdiff_t begin, std::ptrdiff_t end, std::int32_t* rows, double* distances, int n_threads) const;

 private:
  void process(const BlockPair& pair);
  std::int32_t offer(std::int32_t row, std::int32_t other, std::int32_t bound);
  std::int32_t insert(std::int32_t row, Candidate candidate, std::int32_t limit);
  std::int32_t compact(std::int32_t row, std::int32_t limit);
  std::int32_t thin_out(std::int32_t row, std::int32_t limit);
  bool useful(std::int32_t row, Candidate candidate, std::int32_t limit) const noexcept;
  Candidate* candidates(std::int32_t row) noexcept { return candidates_.data() + row * capacity_; }
  std::ptrdiff_t decide(const Candidate* candidates, std::ptrdiff_t count, std::int32_t row, std::int32_t limit,
                        std::vector<std::pair<double, std::int32_t>>& decided) const;

  Table table_;
  Panels panels_;
  std::vector<BlockPair> plan_;
  std::ptrdiff_t k_, capacity_;
  bool sorted_;                             ///< lists are kept sorted by upper bound
  std::vector<Candidate> candidates_;              ///< (n, capacity)
  std::vector<std::int32_t> counts_;               ///< (n)
  std::vector<std::atomic<std::int32_t>> limits_;  ///< (n), only ever lowered; read without the lock
  std::vector<std::mutex> locks_;                  ///< one per block
};

}  // namespace stcorner::fusion
