#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace stcorner::kernels {
struct FusionTable;
struct Panel;
struct Hit;
}  // namespace stcorner::kernels

namespace stcorner::fusion {

/// What a search looks at. `near` holds the rows as float32 (n, depth), C order, centred, turned by any
/// rotation (leading principal directions first make the bounds sharp) and scaled to lengths of at most 1;
/// it only finds candidates. `exact` holds them as given, float32 or float64 (n, exact_depth): distances
/// are decided there, in float64. `scale` is the factor between the two.
/// `labels` (n); `groups` and `sides` (n) or null: pairs of the same group or side do not count.
/// All memory is the caller's.
struct Table {
  const float* near = nullptr;
  std::ptrdiff_t n = 0, depth = 0;
  const void* exact = nullptr;
  bool exact_is_double = false;
  std::ptrdiff_t exact_depth = 0;
  double scale = 1.0;
  const std::int32_t* labels = nullptr;
  const std::int32_t* groups = nullptr;
  const std::int32_t* sides = nullptr;

  bool same_group(std::int32_t i, std::int32_t j) const noexcept { return groups != nullptr && groups[i] == groups[j]; }
};

/// Squared distance of two rows, summed in float64 in one fixed order: the same bits for (i, j) and (j, i)
/// and on every instruction set.
double exact_distance(const Table& table, std::int32_t i, std::int32_t j) noexcept;

/// Which pairs of rows a search compares.
enum class Rule { same_label, other_label };

/// Two blocks of panels and a lower bound of the halved squared distance between rows of theirs.
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
  static constexpr std::ptrdiff_t kBox = 8;  ///< leading coordinates that boxes bound

  /// Throws std::invalid_argument for rows of `near` longer than 1, of NaN, or more of them than int32 counts.
  /// Tiles are first looked at after `first_stage` coordinates (even), then each time that number doubles.
  Panels(const Table& table, std::int32_t first_stage, int n_threads);

  std::ptrdiff_t width() const noexcept { return width_; }
  std::ptrdiff_t n_blocks() const noexcept { return static_cast<std::ptrdiff_t>(blocks_.size()) - 1; }
  std::ptrdiff_t block_begin(std::ptrdiff_t block) const noexcept { return blocks_[static_cast<std::size_t>(block)]; }
  std::ptrdiff_t block_end(std::ptrdiff_t block) const noexcept { return blocks_[static_cast<std::size_t>(block) + 1]; }
  /// Row of the table at a place of a panel, -1 where the panel is only filled up.
  const std::int32_t* rows(std::ptrdiff_t panel) const noexcept { return rows_.data() + panel * width_; }
  std::int32_t label(std::ptrdiff_t panel) const noexcept { return labels_[static_cast<std::size_t>(panel)]; }
  /// Upper bound of a distance by a lower one; no_limit where nothing is known.
  std::int32_t upper(std::int32_t bound, std::int32_t i, std::int32_t j) const noexcept {
    const std::int64_t sum =
        std::int64_t{bound} + slack_[static_cast<std::size_t>(i)] + slack_[static_cast<std::size_t>(j)];
    return static_cast<std::int32_t>(std::min<std::int64_t>(std::max<std::int64_t>(sum, 0), no_limit()));
  }
  /// The lower bound again, or less.
  std::int64_t lower(std::int32_t upper, std::int32_t i, std::int32_t j) const noexcept {
    return std::int64_t{upper} - slack_[static_cast<std::size_t>(i)] - slack_[static_cast<std::size_t>(j)];
  }
  /// Every limit and every distance of the bounds is at most this.
  static std::int32_t no_limit() noexcept;
  /// What no pair at `upper`, or at an exact squared distance in the units of the data, or nearer reaches.
  static std::int32_t limit_above(std::int32_t upper) noexcept { return std::min(upper, no_limit() - 1) + 1; }
  std::int32_t limit_above(double squared) const noexcept;
  /// Lower bound of the distance between the rows of two panels.
  std::int32_t box_bound(std::ptrdiff_t p, std::ptrdiff_t q) const noexcept;

  /// Block pairs that hold pairs under the rule, most promising first.
  std::vector<BlockPair> plan(const Table& table, Rule rule) const;

  /// Scan two panels; see FusionTable::scan.
  std::ptrdiff_t scan(std::ptrdiff_t p, std::ptrdiff_t q, const std::int32_t* limits_p, const std::int32_t* limits_q,
                      kernels::Hit* hits) const noexcept;

 private:
  void sort_rows(const Table& table, int n_threads);
  void choose_unit(const Table& table, int n_threads);
  void fill(const Table& table, std::ptrdiff_t panel);
  void measure(const Table& table);
  std::int32_t between(const float* a, const float* b) const noexcept;

  const kernels::FusionTable* kernel_;
  std::ptrdiff_t width_, depth_, n_pairs_;
  double scale_;       ///< of the table
  double unit_ = 1.0;  ///< integers per unit of `near`
  double reach_;       ///< farthest that rounding moves a row, in integers
  std::vector<std::int32_t> stage_ends_;  ///< in pairs of coordinates
  std::vector<std::int32_t> rows_, labels_, sides_;
  std::vector<std::ptrdiff_t> blocks_;  ///< first panel of each block, and the end
  std::vector<double> norms_;           ///< squared lengths in `near`
  std::vector<std::int16_t> values_;
  std::vector<std::int32_t> halves_, slack_;
  std::vector<float> boxes_, block_boxes_;
};

/// What the k nearest of the candidates are sure to be below, by their upper bounds (scratch).
/// Panels::no_limit where there are fewer than k.
std::int32_t kth_limit(std::vector<std::int32_t>& upper, std::ptrdiff_t k) noexcept;

}  // namespace stcorner::fusion
