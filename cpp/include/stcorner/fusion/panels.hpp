#pragma once
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
  float bound;
};

/// The rows, sorted so that neighbours stand together (a k-d tree within each label), cut into panels
/// of one label each, with boxes around panels and around blocks of panels.
class Panels {
 public:
  static constexpr std::ptrdiff_t kBox = 8;  ///< leading coordinates that boxes bound

  /// Tiles are first looked at after `first_stage` coordinates, then each time that number doubles.
  Panels(const Table& table, std::int32_t first_stage, int n_threads);

  std::ptrdiff_t width() const noexcept { return width_; }
  std::ptrdiff_t n_blocks() const noexcept { return static_cast<std::ptrdiff_t>(blocks_.size()) - 1; }
  std::ptrdiff_t block_begin(std::ptrdiff_t block) const noexcept { return blocks_[static_cast<std::size_t>(block)]; }
  std::ptrdiff_t block_end(std::ptrdiff_t block) const noexcept { return blocks_[static_cast<std::size_t>(block) + 1]; }
  /// Row of the table at a place of a panel, -1 where the panel is only filled up.
  const std::int32_t* rows(std::ptrdiff_t panel) const noexcept { return rows_.data() + panel * width_; }
  std::int32_t label(std::ptrdiff_t panel) const noexcept { return labels_[static_cast<std::size_t>(panel)]; }
  /// Twice the largest error of a bound that row i takes part in, halved squared units.
  float slack(std::int32_t i) const noexcept { return slack_[static_cast<std::size_t>(i)]; }
  /// Lower bound of the halved squared distance between the rows of two panels.
  float box_bound(std::ptrdiff_t p, std::ptrdiff_t q) const noexcept;

  /// Block pairs that hold pairs under the rule, most promising first.
  std::vector<BlockPair> plan(const Table& table, Rule rule) const;

  /// Scan two panels; see FusionTable::scan.
  std::ptrdiff_t scan(std::ptrdiff_t p, std::ptrdiff_t q, const float* limits_p, const float* limits_q,
                      kernels::Hit* hits) const noexcept;

 private:
  void sort_rows(const Table& table, int n_threads);
  void fill(const Table& table, std::ptrdiff_t panel);
  void measure(const Table& table);

  const kernels::FusionTable* kernel_;
  std::ptrdiff_t width_, depth_;
  std::vector<std::int32_t> stage_ends_;
  std::vector<std::int32_t> rows_, labels_, sides_;
  std::vector<std::ptrdiff_t> blocks_;  ///< first panel of each block, and the end
  std::vector<float> values_, half_norms_, boxes_, block_boxes_, slack_;
};

/// The k-th smallest of bound + slack over the candidates: at least k of them are no farther.
/// `upper` is scratch. Returns infinity where there are fewer than k.
float kth_upper(std::vector<float>& upper, std::ptrdiff_t k) noexcept;

/// A halved squared distance in the table's units as a limit for the kernels, rounded up.
float as_limit(double halved) noexcept;

}  // namespace stcorner::fusion
