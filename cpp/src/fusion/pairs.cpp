#include <algorithm>
#include <atomic>
#include <mutex>
#include <stdexcept>
#include <tuple>

#include "panels.hpp"

namespace stcorner::fusion {
namespace {

std::size_t n_labels(const Table& table) {
  return static_cast<std::size_t>(*std::max_element(table.labels, table.labels + table.n)) + 1;
}

bool nearer(const RowPair& a, const RowPair& b) noexcept {
  return std::tie(a.distance, a.first, a.second) < std::tie(b.distance, b.first, b.second);
}

class PairSearch {
 public:
  PairSearch(const Table& table, Index k, bool per_label, Team team);

  Index n_items() const noexcept { return static_cast<Index>(plan_.size()); }
  void run(Index item);
  /// The lists, whose candidates are given up.
  std::vector<std::vector<RowPair>> finish(Team team);

 private:
  struct List {
    std::mutex lock;
    std::vector<RowPair> pairs;
    std::atomic<std::int32_t> limit;
  };

  void compare(const BlockPair& pair);
  void offer(List& list, const RowPair& pair);
  void compact(List& list);
  std::int32_t limit_of(const std::vector<RowPair>& pairs) const;
  void decide(std::vector<RowPair>& pairs, std::int32_t limit, Team team) const;
  List& list_of(std::int32_t label) noexcept { return lists_[per_label_ ? static_cast<std::size_t>(label) : 0]; }

  Table table_;
  Panels panels_;
  std::vector<BlockPair> plan_;
  Index k_, capacity_;
  bool per_label_;
  std::vector<List> lists_;
};

PairSearch::PairSearch(const Table& table, Index k, bool per_label, Team team)
    : table_(table),
      panels_(table, Rule::other_label, 8, team),
      plan_(panels_.plan()),
      k_(k),
      capacity_(k + std::max<Index>(k, 4096)),
      per_label_(per_label),
      lists_(per_label ? n_labels(table) : 1) {
  for (List& list : lists_) list.limit.store(Panels::no_limit(), std::memory_order_relaxed);
}

void PairSearch::run(Index item) {
  thread_local std::vector<BlockPair> pairs;
  panels_.expand(plan_[item], pairs);
  for (const BlockPair& pair : pairs) compare(pair);
}

void PairSearch::compare(const BlockPair& pair) {
  thread_local std::vector<kernels::Hit> hits;
  thread_local std::vector<std::int32_t> limits_a, limits_b;
  const auto width = static_cast<std::size_t>(panels_.width());
  hits.resize(width * width);
  const Index first_a = panels_.block_begin(pair.first), first_b = panels_.block_begin(pair.second);
  List& list_a = list_of(panels_.label(first_a));
  List& list_b = list_of(panels_.label(first_b));
  std::int32_t limit_a = 0, limit_b = 0;
  const auto load = [&] {
    limit_a = list_a.limit.load(std::memory_order_relaxed);
    limit_b = list_b.limit.load(std::memory_order_relaxed);
    limits_a.assign(width, limit_a);
    limits_b.assign(width, limit_b);
  };
  load();
  if (pair.bound >= std::max(limit_a, limit_b)) return;

  for (Index p = first_a; p < panels_.block_end(pair.first); ++p)
    for (Index q = first_b; q < panels_.block_end(pair.second); ++q) {
      if (panels_.box_bound(p, q) >= std::max(limit_a, limit_b)) continue;
      const Index count = panels_.scan(p, q, limits_a.data(), limits_b.data(), hits.data());
      if (count == 0) continue;
      for (Index h = 0; h < count; ++h) {
        const kernels::Hit& hit = hits[h];
        const std::int32_t i = panels_.rows(p)[hit.row], j = panels_.rows(q)[hit.column];
        if (same_group(table_, i, j)) continue;
        const RowPair found{0.0, std::min(i, j), std::max(i, j), hit.bound};
        offer(list_a, found);
        if (&list_a != &list_b) offer(list_b, found);
      }
      load();
    }
}

void PairSearch::offer(List& list, const RowPair& pair) {
  if (pair.bound >= list.limit.load(std::memory_order_relaxed)) return;
  const std::lock_guard<std::mutex> guard(list.lock);
  if (static_cast<Index>(list.pairs.size()) >= capacity_) compact(list);
  if (pair.bound < list.limit.load(std::memory_order_relaxed)) list.pairs.push_back(pair);
}

std::int32_t PairSearch::limit_of(const std::vector<RowPair>& pairs) const {
  std::vector<std::int32_t> upper(pairs.size());
  std::transform(pairs.begin(), pairs.end(), upper.begin(),
                 [&](const RowPair& pair) { return panels_.upper(pair.bound, pair.first, pair.second); });
  return kth_limit(upper, k_);
}

void PairSearch::compact(List& list) {
  std::int32_t limit = std::min(list.limit.load(std::memory_order_relaxed), limit_of(list.pairs));
  const auto end =
      std::remove_if(list.pairs.begin(), list.pairs.end(), [&](const RowPair& pair) { return pair.bound >= limit; });
  list.pairs.erase(end, list.pairs.end());
  if (static_cast<Index>(list.pairs.size()) > k_ + (capacity_ - k_) / 2) {
    // Ties within rounding (duplicates, say): only exact distances can thin them out.
    decide(list.pairs, limit, {1});
    // None is left only where the caller's rows change meanwhile.
    if (!list.pairs.empty()) limit = std::min(limit, panels_.limit_above(list.pairs.back().distance));
  }
  list.limit.store(limit, std::memory_order_relaxed);
}

void PairSearch::decide(std::vector<RowPair>& pairs, std::int32_t limit, Team team) const {
  pairs.erase(std::remove_if(pairs.begin(), pairs.end(), [&](const RowPair& pair) { return pair.bound >= limit; }),
              pairs.end());
  const Index count = static_cast<Index>(pairs.size());
  const auto measure = [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      RowPair& pair = pairs[i];
      pair.distance = exact_distance(table_, pair.first, pair.second);
    }
  };
  const double work = static_cast<double>(count) * static_cast<double>(table_.exact_depth);
  drive(pieces(count, 1024, measure), team.worth(work));
  const Index kept = std::min(k_, count);
  std::partial_sort(pairs.begin(), pairs.begin() + kept, pairs.end(), nearer);
  pairs.resize(kept);
}

std::vector<std::vector<RowPair>> PairSearch::finish(Team team) {
  std::vector<std::vector<RowPair>> result;
  for (List& list : lists_) {
    result.push_back(std::move(list.pairs));
    decide(result.back(), limit_of(result.back()), team);
  }
  return result;
}

}  // namespace

std::vector<std::vector<RowPair>> nearest_pairs(const Table& table, Index k, bool per_label, Team team) {
  if (k < 1) throw std::invalid_argument("n_pairs must be >= 1");
  PairSearch search(table, k, per_label, team);
  drive(search, team_for(table, 0.02 * static_cast<double>(table.n), team));
  return search.finish(team);
}

}  // namespace stcorner::fusion
