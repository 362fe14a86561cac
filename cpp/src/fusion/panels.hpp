#pragma once
#include <algorithm>
#include <vector>

#include "kernels/fusion.hpp"
#include "stcorner/fusion.hpp"

namespace stcorner::fusion {

/// Squared distance of two rows, summed in float64 in one fixed order: the same bits for (i, j) and (j, i)
/// and on every instruction set.
double exact_distance(const Table& table, std::int32_t i, std::int32_t j) noexcept;

inline bool same_group(const Table& table, std::int32_t i, std::int32_t j) noexcept {
  return table.groups != nullptr && table.groups[i] == table.groups[j];
}

/// The team for so many nanoseconds a value of the table.
inline Team team_for(const Table& table, double nanoseconds, Team team) noexcept {
  return team.worth(nanoseconds * static_cast<double>(table.n) * static_cast<double>(table.depth));
}

/// Two blocks of panels, or two areas of blocks, and a lower bound of the halved squared distance between their rows.
struct BlockPair {
  std::int32_t first, second;
  std::int32_t bound;
};

/// The rows, sorted so that neighbours stand together (a k-d tree within each label), cut into panels
/// of one label each, with boxes around panels and around blocks of panels.
///
/// Panels hold rows as 16-bit integers, which halves the work of products in float32. All distances
/// here are halved, squared, and in units of these integers. Rounding moves no row by more than `reach`,
/// and rows far longer than most are drawn in to a ball (no two rows come to lie farther apart by that),
/// so that they do not take the others' digits: bounds from below hold for all.
class Panels {
 public:
  static constexpr Index kBox = 8;  ///< leading coordinates that boxes bound

  /// Throws std::invalid_argument for rows of `near` longer than 1, of NaN, or more of them than int32 counts.
  /// Tiles are first looked at after `first_stage` coordinates (even), then each time that number doubles.
  Panels(const Table& table, Rule rule, std::int32_t first_stage, Team team);

  Index width() const noexcept { return width_; }
  Index n_blocks() const noexcept { return static_cast<Index>(blocks_.size()) - 1; }
  Index block_begin(Index block) const noexcept { return blocks_[block]; }
  Index block_end(Index block) const noexcept { return blocks_[static_cast<std::size_t>(block) + 1]; }
  /// Row of the table at a place of a panel, -1 where the panel is only filled up.
  const std::int32_t* rows(Index panel) const noexcept { return rows_.data() + panel * width_; }
  std::int32_t label(Index panel) const noexcept { return labels_[panel]; }
  /// Upper bound of a distance by a lower one; no_limit where nothing is known.
  std::int32_t upper(std::int32_t bound, std::int32_t i, std::int32_t j) const noexcept {
    const std::int64_t sum = std::int64_t{bound} + slack_[i] + slack_[j];
    return static_cast<std::int32_t>(std::min<std::int64_t>(std::max<std::int64_t>(sum, 0), no_limit()));
  }
  /// The lower bound again, or less.
  std::int64_t lower(std::int32_t upper, std::int32_t i, std::int32_t j) const noexcept {
    return std::int64_t{upper} - slack_[i] - slack_[j];
  }
  /// Every limit and every distance of the bounds is at most this.
  static constexpr std::int32_t no_limit() noexcept { return kernels::kUnlimited; }
  /// What no pair at `upper`, or at an exact squared distance in the units of the data, or nearer reaches.
  static std::int32_t limit_above(std::int32_t upper) noexcept { return std::min(upper, no_limit() - 1) + 1; }
  std::int32_t limit_above(double squared) const noexcept;
  /// Lower bound of the distance between the rows of two panels.
  std::int32_t box_bound(Index p, Index q) const noexcept;

  /// Pairs of areas that may hold pairs under the rule, most promising first. Areas are blocks, or so many of them
  /// that there are no more pairs of areas than rows.
  std::vector<BlockPair> plan() const;
  /// The pairs of blocks of one of them that do hold pairs, most promising first.
  void expand(const BlockPair& areas, std::vector<BlockPair>& blocks) const;

  /// Scan two panels; see FusionTable::scan.
  Index scan(Index p, Index q, const std::int32_t* limits_p, const std::int32_t* limits_q,
             kernels::Hit* hits) const noexcept;

 private:
  void choose_unit(const Table& table, Team team);
  void sort_rows(const Table& table, Team team);
  void fill(const Table& table, Index panel);
  void measure(const Table& table);
  std::int32_t between(const float* a, const float* b) const noexcept;
  Index n_areas() const noexcept { return ceil_div(n_blocks(), area_); }
  Index first_of(Index area) const noexcept { return area * area_; }
  Index last_of(Index area) const noexcept { return std::min(n_blocks(), (area + 1) * area_) - 1; }
  BlockPair paired(const std::vector<float>& boxes, Index a, Index b) const noexcept;

  const kernels::FusionTable* kernel_;
  Rule rule_;
  bool has_sides_;
  Index width_, depth_, n_pairs_;
  double scale_;       ///< of the table
  double unit_ = 1.0;  ///< integers per unit of `near`
  double reach_;       ///< farthest that rounding moves a row, in integers
  std::vector<std::int32_t> stage_ends_;  ///< in pairs of coordinates
  std::vector<std::int32_t> rows_, labels_, sides_;
  std::vector<Index> blocks_;  ///< first panel of each block, and the end
  Index area_ = 1;             ///< blocks in an area
  std::vector<double> norms_;           ///< squared lengths in `near`
  std::vector<std::int16_t> values_;
  std::vector<std::int32_t> halves_, slack_;
  std::vector<float> boxes_, block_boxes_, area_boxes_;
};

/// What the k nearest of the candidates are sure to be below, by their upper bounds (scratch).
/// Panels::no_limit where there are fewer than k.
std::int32_t kth_limit(std::vector<std::int32_t>& upper, Index k) noexcept;

}  // namespace stcorner::fusion
