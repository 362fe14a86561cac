#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "panels.hpp"

namespace stcorner::fusion {
namespace {

/// A row that may be among the nearest, and an upper bound of its distance (in the units of Panels) in the upper half:
/// as numbers they sort by the bound, then by the row.
using Candidate = std::uint64_t;

std::int32_t upper_of(Candidate candidate) noexcept { return static_cast<std::int32_t>(candidate >> 32); }
std::int32_t row_of(Candidate candidate) noexcept { return static_cast<std::int32_t>(candidate & 0xffffffffu); }

/// Up to this many neighbours a list is kept sorted, which keeps its limit sharp; longer lists are
/// thinned out when they are full.
constexpr Index kSorted = 32;

/// Room beside the k best: more means rarer thinning, but memory for every row.
Index reservoir(Index k) { return k + (k <= kSorted ? 16 : std::min(k, std::max<Index>(64, k / 4))); }

/// A block's limits, side by side as the kernel wants them, and the largest of each panel.
struct Limits {
  Index first = 0, width = 0;
  std::vector<std::int32_t> values, largest;

  void load(const Panels& panels, const std::vector<std::atomic<std::int32_t>>& limits, Index block) {
    first = panels.block_begin(block);
    width = panels.width();
    const Index n_panels = panels.block_end(block) - first;
    values.resize(n_panels * width);
    largest.resize(n_panels);
    const std::int32_t* const rows = panels.rows(first);
    for (Index r = 0; r < n_panels * width; ++r)
      values[r] = rows[r] < 0 ? 0 : limits[rows[r]].load(std::memory_order_relaxed);
    for (Index p = 0; p < n_panels; ++p) update(first + p);
  }

  std::int32_t* of(Index panel) noexcept { return values.data() + (panel - first) * width; }
  std::int32_t top(Index panel) const noexcept { return largest[panel - first]; }
  std::int32_t top() const noexcept { return *std::max_element(largest.begin(), largest.end()); }
  void update(Index panel) noexcept { largest[panel - first] = *std::max_element(of(panel), of(panel) + width); }
};

/// Each unordered pair is looked at once and offered to both rows. Every row keeps the candidates that its k-th
/// smallest upper bound cannot exclude; the last word is spoken in float64, by (distance, row).
class NeighborSearch {
 public:
  NeighborSearch(const Table& table, Rule rule, Index k, Team team);

  Index n_items() const noexcept { return static_cast<Index>(plan_.size()); }
  void run(Index item);
  /// Write the lists of rows [begin, end).
  void write(Index begin, Index end, std::int32_t* rows, double* distances) const;

 private:
  void compare(const BlockPair& pair);
  std::int32_t offer(std::int32_t row, std::int32_t other, std::int32_t bound);
  std::int32_t insert(std::int32_t row, Candidate candidate, std::int32_t limit);
  std::int32_t compact(std::int32_t row, std::int32_t limit);
  std::int32_t thin_out(std::int32_t row, std::int32_t limit);
  bool useful(std::int32_t row, Candidate candidate, std::int32_t limit) const noexcept;
  Candidate* candidates(std::int32_t row) noexcept { return candidates_.data() + row * capacity_; }
  Index decide(const Candidate* candidates, Index count, std::int32_t row, std::int32_t limit,
               std::vector<std::pair<double, std::int32_t>>& decided) const;

  Table table_;
  Panels panels_;
  std::vector<BlockPair> plan_;
  Index k_, capacity_;
  bool sorted_;                                    ///< lists are kept sorted by upper bound
  std::vector<Candidate> candidates_;              ///< (n, capacity)
  std::vector<std::int32_t> counts_;               ///< (n)
  std::vector<std::atomic<std::int32_t>> limits_;  ///< (n), only ever lowered; read without the lock
  std::vector<std::mutex> locks_;                  ///< one per block
};

NeighborSearch::NeighborSearch(const Table& table, Rule rule, Index k, Team team)
    : table_(table),
      panels_(table, rule, 32, team),  // a row's nearest are seldom told apart earlier
      plan_(panels_.plan()),
      k_(k),
      capacity_(reservoir(k)),
      sorted_(k <= kSorted),
      counts_(table.n, 0),
      limits_(table.n),
      locks_(panels_.n_blocks()) {
  candidates_.resize(table.n * capacity_);
  for (auto& limit : limits_) limit.store(Panels::no_limit(), std::memory_order_relaxed);
}

void NeighborSearch::run(Index item) {
  thread_local std::vector<BlockPair> pairs;
  panels_.expand(plan_[item], pairs);
  for (const BlockPair& pair : pairs) compare(pair);
}

void NeighborSearch::compare(const BlockPair& pair) {
  thread_local Limits limits_a, limits_b;
  thread_local std::vector<kernels::Hit> hits;
  hits.resize(panels_.width() * panels_.width());
  const bool diagonal = pair.first == pair.second;
  limits_a.load(panels_, limits_, pair.first);
  if (!diagonal) limits_b.load(panels_, limits_, pair.second);
  Limits &a = limits_a, &b = diagonal ? limits_a : limits_b;
  if (pair.bound >= std::max(a.top(), b.top())) return;

  for (Index p = panels_.block_begin(pair.first); p < panels_.block_end(pair.first); ++p)
    for (Index q = diagonal ? p : panels_.block_begin(pair.second); q < panels_.block_end(pair.second); ++q) {
      if (panels_.box_bound(p, q) >= std::max(a.top(p), b.top(q))) continue;
      std::int32_t *const at_p = a.of(p), *const at_q = b.of(q);
      const Index count = panels_.scan(p, q, at_p, at_q, hits.data());
      if (count == 0) continue;
      const std::unique_lock<std::mutex> lock_a(locks_[pair.first]);
      std::unique_lock<std::mutex> lock_b;  // always taken after the lower block's: no deadlock
      if (!diagonal) lock_b = std::unique_lock<std::mutex>(locks_[pair.second]);
      for (Index h = 0; h < count; ++h) {
        const kernels::Hit& hit = hits[h];
        if (p == q && hit.row >= hit.column) continue;
        const std::int32_t i = panels_.rows(p)[hit.row], j = panels_.rows(q)[hit.column];
        if (same_group(table_, i, j)) continue;
        if (hit.bound < at_p[hit.row]) at_p[hit.row] = offer(i, j, hit.bound);
        if (hit.bound < at_q[hit.column]) at_q[hit.column] = offer(j, i, hit.bound);
      }
      a.update(p);
      b.update(q);
    }
}

/// Take up a candidate of a row unless it is beyond its limit; returns the limit after that.
std::int32_t NeighborSearch::offer(std::int32_t row, std::int32_t other, std::int32_t bound) {
  const auto at = static_cast<std::size_t>(row);
  std::int32_t limit = limits_[at].load(std::memory_order_relaxed);
  if (bound >= limit) return limit;
  const Candidate candidate =
      static_cast<Candidate>(panels_.upper(bound, row, other)) << 32 | static_cast<std::uint32_t>(other);
  if (sorted_) {
    limit = insert(row, candidate, limit);
  } else {
    candidates(row)[counts_[at]++] = candidate;
    if (counts_[at] == capacity_) limit = compact(row, limit);
  }
  limits_[at].store(limit, std::memory_order_relaxed);
  return limit;
}

std::int32_t NeighborSearch::insert(std::int32_t row, Candidate candidate, std::int32_t limit) {
  Candidate* const begin = candidates(row);
  std::int32_t& count = counts_[row];
  // Carried to the end whatever it is: no branch to guess, unlike in a search for the place.
  for (Candidate* c = begin; c != begin + count; ++c) {
    const Candidate nearer = std::min(*c, candidate);
    candidate = std::max(*c, candidate);
    *c = nearer;
  }
  begin[count++] = candidate;
  if (count < k_) return limit;
  limit = std::min(limit, Panels::limit_above(upper_of(begin[k_ - 1])));
  while (count > k_ && !useful(row, begin[count - 1], limit)) --count;
  return count == capacity_ ? thin_out(row, limit) : limit;
}

std::int32_t NeighborSearch::compact(std::int32_t row, std::int32_t limit) {
  thread_local std::vector<std::int32_t> upper;
  std::int32_t& count = counts_[row];
  Candidate* const begin = candidates(row);
  upper.resize(count);
  std::transform(begin, begin + count, upper.begin(), upper_of);
  limit = std::min(limit, kth_limit(upper, k_));
  count = static_cast<std::int32_t>(
      std::remove_if(begin, begin + count, [&](Candidate c) { return !useful(row, c, limit); }) - begin);
  return count > k_ + (capacity_ - k_) / 2 ? thin_out(row, limit) : limit;
}

/// Bounds that tie within rounding (duplicates, say) can fill a list: exact distances thin it out.
std::int32_t NeighborSearch::thin_out(std::int32_t row, std::int32_t limit) {
  std::int32_t& count = counts_[row];
  Candidate* const begin = candidates(row);
  std::vector<std::pair<double, std::int32_t>> decided;
  decide(begin, count, row, limit, decided);
  std::vector<std::int32_t> kept;
  kept.reserve(decided.size());
  for (const auto& each : decided) kept.push_back(each.second);
  std::sort(kept.begin(), kept.end());
  count = static_cast<std::int32_t>(
      std::remove_if(begin, begin + count,
                     [&](Candidate c) { return !std::binary_search(kept.begin(), kept.end(), row_of(c)); }) -
      begin);
  // None is left only where the caller's rows change meanwhile.
  return decided.empty() ? limit : std::min(limit, panels_.limit_above(decided.back().first));
}

bool NeighborSearch::useful(std::int32_t row, Candidate candidate, std::int32_t limit) const noexcept {
  return panels_.lower(upper_of(candidate), row, row_of(candidate)) < limit;
}

Index NeighborSearch::decide(const Candidate* candidates, Index count, std::int32_t row, std::int32_t limit,
                             std::vector<std::pair<double, std::int32_t>>& decided) const {
  decided.clear();
  for (const Candidate* c = candidates; c != candidates + count; ++c)
    if (useful(row, *c, limit)) decided.emplace_back(exact_distance(table_, row, row_of(*c)), row_of(*c));
  const Index kept = std::min(k_, static_cast<Index>(decided.size()));
  std::partial_sort(decided.begin(), decided.begin() + kept, decided.end());
  decided.resize(kept);
  return kept;
}

void NeighborSearch::write(Index first, Index last, std::int32_t* rows, double* distances) const {
  std::vector<std::int32_t> upper;
  std::vector<std::pair<double, std::int32_t>> decided;
  for (Index i = first; i < last; ++i) {
    const Candidate* const begin = candidates_.data() + i * capacity_;
    const Index count = counts_[i];
    upper.resize(count);
    std::transform(begin, begin + count, upper.begin(), upper_of);
    const Index kept = decide(begin, count, static_cast<std::int32_t>(i), kth_limit(upper, k_), decided);
    for (Index place = 0; place < k_; ++place) {
      const bool there = place < kept;
      rows[i * k_ + place] = there ? decided[place].second : -1;
      if (distances == nullptr) continue;
      distances[i * k_ + place] = there ? decided[place].first : std::numeric_limits<double>::infinity();
    }
  }
}

}  // namespace

void nearest_neighbors(const Table& table, Rule rule, Index k, std::int32_t* rows, double* distances, Team team) {
  if (k < 1 || k > table.n) throw std::invalid_argument("k must be >= 1 and <= the number of rows");
  NeighborSearch search(table, rule, k, team);
  drive(search, team_for(table, 0.02 * static_cast<double>(table.n), team));
  const auto write = [&](Index begin, Index end) { search.write(begin, end, rows, distances); };
  drive(pieces(table.n, 16, write), team_for(table, static_cast<double>(k), team));
}

}  // namespace stcorner::fusion
