#pragma once
#include <atomic>
#include <mutex>

#include "stcorner/fusion/panels.hpp"

namespace stcorner::fusion {

/// Two rows, the smaller number first, a lower bound of their distance (in the units of Panels), and in
/// the end the squared distance itself.
struct RowPair {
  double distance;
  std::int32_t first, second;
  std::int32_t bound;
};

/// The k nearest pairs of rows of different labels, for each label (one row in it, one outside) or over
/// all. As exact and as independent of threads as NeighborSearch; ties go by (first, second).
class PairSearch {
 public:
  /// Throws std::invalid_argument unless k >= 1.
  PairSearch(const Table& table, std::ptrdiff_t k, bool per_label, int n_threads);

  std::ptrdiff_t n_items() const noexcept { return static_cast<std::ptrdiff_t>(plan_.size()); }
  void run(std::ptrdiff_t begin, std::ptrdiff_t end, int n_threads);
  std::ptrdiff_t n_lists() const noexcept { return static_cast<std::ptrdiff_t>(lists_.size()); }
  /// The list of a label (or that of all), nearest first. Its candidates are given up.
  std::vector<RowPair> finish(std::ptrdiff_t list, int n_threads);

 private:
  struct List {
    std::mutex lock;
    std::vector<RowPair> pairs;
    std::atomic<std::int32_t> limit;
  };

  void process(const BlockPair& pair);
  void offer(List& list, const RowPair& pair);
  void compact(List& list);
  std::int32_t limit_of(const std::vector<RowPair>& pairs) const;
  void decide(std::vector<RowPair>& pairs, std::int32_t limit, int n_threads) const;
  List& list_of(std::int32_t label) noexcept { return lists_[per_label_ ? static_cast<std::size_t>(label) : 0]; }

  Table table_;
  Panels panels_;
  std::vector<BlockPair> plan_;
  std::ptrdiff_t k_, capacity_;
  bool per_label_;
  std::vector<List> lists_;
};

}  // namespace stcorner::fusion
