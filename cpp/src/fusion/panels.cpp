#include "panels.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "kernels/fusion.hpp"

namespace stcorner::fusion {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr Index kBlockRows = 256;
constexpr Index kLeastPlan = 4096;  // pairs of areas

/// Rows this many times longer than nine in ten are drawn in.
constexpr double kLongerThanMost = 8.0;

/// Squared length of rows of `near`, with what rounding may add.
constexpr double kLongestNear = 1.001;

/// Squared length of x[0, n).
double squared_length(const float* x, Index n) noexcept {
  double sums[4] = {0.0, 0.0, 0.0, 0.0};
  Index k = 0;
  for (; k + 4 <= n; k += 4)
    for (Index l = 0; l < 4; ++l) sums[l] += static_cast<double>(x[k + l]) * static_cast<double>(x[k + l]);
  for (; k < n; ++k) sums[0] += static_cast<double>(x[k]) * static_cast<double>(x[k]);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/// Order rows[begin, end) as a k-d tree whose leaves are panels: halves at a multiple of the width,
/// across the leading coordinate of largest extent.
void sort_tree(const Table& table, Index n_axes, Index width, std::int32_t* begin, std::int32_t* end) {
  const Index count = end - begin;
  if (count <= width) {
    std::sort(begin, end);
    return;
  }
  Index axis = 0;
  float widest = -1.0F;
  for (Index k = 0; k < n_axes; ++k) {
    float low = kInfinity, high = -kInfinity;
    for (const std::int32_t* row = begin; row != end; ++row) {
      const float value = table.near[*row * table.depth + k];
      low = std::min(low, value);
      high = std::max(high, value);
    }
    if (high - low > widest) {
      widest = high - low;
      axis = k;
    }
  }
  const Index n_panels = ceil_div(count, width);
  std::int32_t* middle = begin + (n_panels / 2) * width;
  std::nth_element(begin, middle, end, [&](std::int32_t i, std::int32_t j) {
    const float a = table.near[i * table.depth + axis], b = table.near[j * table.depth + axis];
    return a != b ? a < b : i < j;
  });
  sort_tree(table, n_axes, width, begin, middle);
  sort_tree(table, n_axes, width, middle, end);
}

bool more_promising(const BlockPair& x, const BlockPair& y) noexcept {
  const auto key = [](const BlockPair& pair) {
    return std::make_tuple(pair.bound, pair.second - pair.first, pair.first);
  };
  return key(x) < key(y);
}

// Lows, highs, and what rounding to float32 may hide of a halved squared distance of its rows.
constexpr Index kBoxSize = 2 * Panels::kBox + 1;

}  // namespace

double exact_distance(const Table& table, std::int32_t i, std::int32_t j) noexcept {
  const kernels::FusionTable& kernel = kernels::fusion_table();
  const Index d = table.exact_depth;
  if (table.exact_is_double) {
    const auto* x = static_cast<const double*>(table.exact);
    return kernel.distance_double(x + i * d, x + j * d, d);
  }
  const auto* x = static_cast<const float*>(table.exact);
  return kernel.distance_float(x + i * d, x + j * d, d);
}

Panels::Panels(const Table& table, Rule rule, std::int32_t first_stage, Team team)
    : kernel_(&kernels::fusion_table()),
      rule_(rule),
      has_sides_(table.sides != nullptr),
      width_(kernel_->panel_width),
      depth_(table.depth),
      n_pairs_((table.depth + 1) / 2),
      scale_(table.scale),
      // Half a unit per coordinate, and what float32 leaves open of where that is.
      reach_(0.51 * std::sqrt(static_cast<double>(table.depth)) + 0.01) {
  if (table.n < 1 || table.depth < 1) throw std::invalid_argument("X must not be empty");
  if (table.n > std::numeric_limits<std::int32_t>::max()) throw std::invalid_argument("X must have below 2^31 rows");
  for (std::int32_t end = first_stage / 2; end < n_pairs_; end *= 2) stage_ends_.push_back(end);
  stage_ends_.push_back(static_cast<std::int32_t>(n_pairs_));
  choose_unit(table, team);
  sort_rows(table, team);
  const auto n_places = labels_.size() * static_cast<std::size_t>(width_);
  values_.resize(n_places * static_cast<std::size_t>(2 * n_pairs_));
  halves_.resize(n_places * stage_ends_.size(), kernels::kNowhere);
  slack_.resize(table.n);
  drive(Items(static_cast<Index>(labels_.size()), [&](Index panel) { fill(table, panel); }),
        team_for(table, 2.0, team));
  measure(table);
}

void Panels::sort_rows(const Table& table, Team team) {
  std::vector<std::int32_t> order(table.n);
  std::iota(order.begin(), order.end(), 0);
  const auto side = [&](std::int32_t i) { return table.sides ? table.sides[i] : 0; };
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t i, std::int32_t j) {
    return table.labels[i] != table.labels[j] ? table.labels[i] < table.labels[j] : side(i) < side(j);
  });
  const Index per_block = std::max<Index>(1, kBlockRows / width_);
  const Index n_axes = std::min(kBox, depth_);
  std::vector<std::pair<std::int32_t*, std::int32_t*>> segments;
  for (auto begin = order.begin(); begin != order.end();) {
    const auto end = std::find_if(begin, order.end(), [&](std::int32_t i) {
      return table.labels[i] != table.labels[*begin] || side(i) != side(*begin);
    });
    segments.emplace_back(&*begin, &*begin + (end - begin));
    begin = end;
  }
  const auto sort = [&](Index s) {
    const auto& segment = segments[s];
    sort_tree(table, n_axes, width_, segment.first, segment.second);
  };
  drive(Items(static_cast<Index>(segments.size()), sort), team_for(table, 2.0, team));
  for (const auto& [begin, end] : segments) {
    const Index n_panels = ceil_div(end - begin, width_);
    for (Index p = 0; p < n_panels; ++p) {
      if (p % per_block == 0) blocks_.push_back(static_cast<Index>(labels_.size()));
      labels_.push_back(table.labels[*begin]);
      sides_.push_back(side(*begin));
    }
    rows_.insert(rows_.end(), begin, end);
    rows_.resize(labels_.size() * static_cast<std::size_t>(width_), -1);
  }
  blocks_.push_back(static_cast<Index>(labels_.size()));
}

void Panels::choose_unit(const Table& table, Team team) {
  constexpr Index kChunk = 256;
  norms_.resize(table.n);
  const auto measure_rows = [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) norms_[i] = squared_length(table.near + i * depth_, depth_);
  };
  drive(pieces(table.n, kChunk, measure_rows), team_for(table, 0.5, team));
  // Longer rows, and NaN, would leave the integers, and with them what the search may rely on.
  if (!std::all_of(norms_.begin(), norms_.end(), [](double norm) { return norm <= kLongestNear; }))
    throw std::invalid_argument("X must keep its values while it is being searched, got others");
  std::vector<double> sorted = norms_;
  const auto most = sorted.begin() + static_cast<Index>(sorted.size() - 1 - sorted.size() / 10);
  std::nth_element(sorted.begin(), most, sorted.end());
  const double longest = *std::max_element(most, sorted.end());
  const double ball = *most > 0.0 ? std::min(longest, kLongerThanMost * kLongerThanMost * *most) : longest;
  // Lengths below 1e-30 are nothing beside float32's rounding of the squares.
  unit_ = ball > 1e-60 ? kernels::kLongest / std::sqrt(ball) : 1.0;
}

void Panels::fill(const Table& table, Index panel) {
  const Index n_stages = static_cast<Index>(stage_ends_.size());
  thread_local std::vector<std::int16_t> integers;
  integers.assign(2 * n_pairs_, 0);
  std::int16_t* const values = values_.data() + panel * 2 * n_pairs_ * width_;
  std::int32_t* const halves = halves_.data() + panel * n_stages * width_;
  for (Index r = 0; r < width_; ++r) {
    const std::int32_t row = rows(panel)[r];
    if (row < 0) continue;  // zeros at kNowhere are never near
    const float* const x = table.near + row * depth_;
    const double length = std::sqrt(norms_[row]) * unit_;
    const double beyond = std::max(0.0, length - kernels::kLongest);
    const double unit = beyond > 0.0 ? unit_ * (kernels::kLongest / length) : unit_;
    kernel_->quantise(x, depth_, static_cast<float>(unit), integers.data());
    for (Index k = 0; k < n_pairs_; ++k) std::copy_n(integers.data() + 2 * k, 2, values + 2 * (k * width_ + r));

    // A product of two rows is off by at most the reach times both lengths, and its square.
    double norm = 0.0, error = 0.0;
    Index done = 0;
    for (Index s = 0; s < n_stages; ++s) {
      const Index end = std::min<Index>(depth_, 2 * stage_ends_[s]);
      norm += squared_length(x + done, end - done);
      done = end;
      error = reach_ * (std::sqrt(norm) * unit + reach_) + 1.0;
      halves[s * width_ + r] = static_cast<std::int32_t>(std::floor(0.5 * norm * unit * unit - error));
    }
    const double slack = 2.0 * error + 4.0 + beyond * (2.0 * kernels::kLongest + beyond);
    slack_[row] = static_cast<std::int32_t>(std::min<double>(std::ceil(slack), kernels::kUnlimited));
  }
}

void Panels::measure(const Table& table) {
  const Index n_panels = static_cast<Index>(labels_.size());
  const auto enclose = [&](std::vector<float>& boxes, Index first, Index last) {
    std::array<float, static_cast<std::size_t>(kBoxSize)> box{};
    for (std::size_t k = 0; k < static_cast<std::size_t>(std::min(kBox, depth_)); ++k) {
      box[k] = kInfinity;
      box[kBox + k] = -kInfinity;
    }
    for (Index p = first; p < last; ++p)
      for (Index r = 0; r < width_; ++r) {
        const std::int32_t row = rows(p)[r];
        if (row < 0) continue;
        for (Index k = 0; k < std::min(kBox, depth_); ++k) {
          const float value = table.near[row * depth_ + k];
          box[k] = std::min(box[k], value);
          box[kBox + k] = std::max(box[kBox + k], value);
        }
        box[2 * kBox] = std::max(box[2 * kBox], static_cast<float>(norms_[row] * 0x1p-21));
      }
    boxes.insert(boxes.end(), box.begin(), box.end());
  };
  for (Index p = 0; p < n_panels; ++p) enclose(boxes_, p, p + 1);
  for (Index b = 0; b < n_blocks(); ++b) enclose(block_boxes_, block_begin(b), block_end(b));
  const Index most = std::max(kLeastPlan, table.n);
  for (; n_areas() * (n_areas() + 1) / 2 > most; ++area_) {
  }
  for (Index a = 0; a < n_areas(); ++a) enclose(area_boxes_, block_begin(first_of(a)), block_end(last_of(a)));
}

std::int32_t Panels::between(const float* a, const float* b) const noexcept {
  double sum = 0.0;
  for (Index k = 0; k < kBox; ++k) {
    const float gap = std::max(0.0F, std::max(a[k] - b[kBox + k], b[k] - a[kBox + k]));
    sum += static_cast<double>(gap) * static_cast<double>(gap);
  }
  const double halved = 0.5 * sum * (1.0 - 1e-6) - static_cast<double>(a[2 * kBox]) - static_cast<double>(b[2 * kBox]);
  // Below no_limit, so that a pair of boxes is not left out before there is a limit.
  return static_cast<std::int32_t>(std::clamp(halved * unit_ * unit_, 0.0, static_cast<double>(no_limit() - 1)));
}

std::int32_t Panels::box_bound(Index p, Index q) const noexcept {
  return between(boxes_.data() + p * kBoxSize, boxes_.data() + q * kBoxSize);
}

#include "kernels/fusion.hpp"
std::int32_t Panels::limit_above(double squared) const noexcept {
  const double factor = scale_ * unit_;
  const double halved = 0.5 * squared * factor * factor * (1.0 + 1e-9) + 2.0;
  return halved < no_limit() ? static_cast<std::int32_t>(halved) + 1 : no_limit();
}

std::vector<BlockPair> Panels::plan() const {
  std::vector<BlockPair> pairs;
  for (Index a = 0; a < n_areas(); ++a)
    for (Index b = a; b < n_areas(); ++b) {
      const auto label_of = [&](Index block) { return label(block_begin(block)); };
      const bool possible = rule_ == Rule::same_label ? label_of(last_of(a)) >= label_of(first_of(b))
                                                      : label_of(first_of(a)) != label_of(last_of(b));
      if (possible) pairs.push_back(paired(area_boxes_, a, b));
    }
  std::sort(pairs.begin(), pairs.end(), more_promising);
  return pairs;
}

void Panels::expand(const BlockPair& areas, std::vector<BlockPair>& blocks) const {
  blocks.clear();
  for (Index a = first_of(areas.first); a <= last_of(areas.first); ++a)
    for (Index b = std::max(a, first_of(areas.second)); b <= last_of(areas.second); ++b) {
      const auto p = static_cast<std::size_t>(block_begin(a)), q = static_cast<std::size_t>(block_begin(b));
      if ((labels_[p] == labels_[q]) != (rule_ == Rule::same_label)) continue;
      if (has_sides_ && sides_[p] == sides_[q]) continue;
      blocks.push_back(paired(block_boxes_, a, b));
    }
  std::sort(blocks.begin(), blocks.end(), more_promising);
}

BlockPair Panels::paired(const std::vector<float>& boxes, Index a, Index b) const noexcept {
  return {static_cast<std::int32_t>(a), static_cast<std::int32_t>(b),
          between(boxes.data() + a * kBoxSize, boxes.data() + b * kBoxSize)};
}

Index Panels::scan(Index p, Index q, const std::int32_t* limits_p, const std::int32_t* limits_q,
                   kernels::Hit* hits) const noexcept {
  const Index n_stages = static_cast<Index>(stage_ends_.size());
  const auto panel = [&](Index i, const std::int32_t* limits) {
    return kernels::Panel{values_.data() + i * 2 * n_pairs_ * width_, halves_.data() + i * n_stages * width_, limits};
  };
  return kernel_->scan(panel(p, limits_p), panel(q, limits_q), stage_ends_.data(), n_stages, hits);
}

std::int32_t kth_limit(std::vector<std::int32_t>& upper, Index k) noexcept {
  if (static_cast<Index>(upper.size()) < k) return Panels::no_limit();
  const auto kth = upper.begin() + (k - 1);
  std::nth_element(upper.begin(), kth, upper.end());
  return Panels::limit_above(*kth);
}

}  // namespace stcorner::fusion
