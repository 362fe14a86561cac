#include "stcorner/fusion/panels.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "kernels/fusion.hpp"
#include "stcorner/parallel.hpp"

namespace stcorner::fusion {
namespace {

using Index = std::ptrdiff_t;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr Index kBlockRows = 256;

// Products underflow to steps of 2^-149; with lengths of at most 1 this covers any sum of them.
constexpr double kTiny = 1e-38;

/// Relative error of a halved squared distance by the kernels, in units of both halved norms: the
/// rounding of the rows to float32, of a float32 sum of `depth` products, and of the comparison.
double relative_error(Index depth) { return (static_cast<double>(depth) + 16.0) * 0x1p-24; }

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
  const Index n_panels = (count + width - 1) / width;
  std::int32_t* middle = begin + (n_panels / 2) * width;
  std::nth_element(begin, middle, end, [&](std::int32_t i, std::int32_t j) {
    const float a = table.near[i * table.depth + axis], b = table.near[j * table.depth + axis];
    return a != b ? a < b : i < j;
  });
  sort_tree(table, n_axes, width, begin, middle);
  sort_tree(table, n_axes, width, middle, end);
}

/// Halved squared distance between two boxes, each kBox lows, kBox highs, and the slack of its rows.
float between(const float* a, const float* b) noexcept {
  float sum = 0.0F;
  for (Index k = 0; k < Panels::kBox; ++k) {
    const float gap = std::max(0.0F, std::max(a[k] - b[Panels::kBox + k], b[k] - a[Panels::kBox + k]));
    sum += gap * gap;
  }
  return 0.5F * sum - (a[2 * Panels::kBox] + b[2 * Panels::kBox]);
}

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

Panels::Panels(const Table& table, std::int32_t first_stage, int n_threads)
    : kernel_(&kernels::fusion_table()), width_(kernel_->panel_width), depth_(table.depth) {
  if (table.n < 1 || table.depth < 1) throw std::invalid_argument("X must not be empty");
  for (std::int32_t end = first_stage; end < depth_; end *= 2) stage_ends_.push_back(end);
  stage_ends_.push_back(static_cast<std::int32_t>(depth_));
  sort_rows(table, n_threads);
  const Index n_panels = static_cast<Index>(labels_.size());
  values_.resize(static_cast<std::size_t>(n_panels * depth_ * width_));
  half_norms_.resize(static_cast<std::size_t>(n_panels) * stage_ends_.size() * static_cast<std::size_t>(width_),
                     kInfinity);
  slack_.resize(static_cast<std::size_t>(table.n));
  parallel_for(n_panels, n_threads, [&](Index panel) { fill(table, panel); });
  measure(table);
}

void Panels::sort_rows(const Table& table, int n_threads) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(table.n));
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
  parallel_for(static_cast<Index>(segments.size()), n_threads, [&](Index s) {
    const auto& segment = segments[static_cast<std::size_t>(s)];
    sort_tree(table, n_axes, width_, segment.first, segment.second);
  });
  for (const auto& [begin, end] : segments) {
    const Index n_panels = (end - begin + width_ - 1) / width_;
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

void Panels::fill(const Table& table, Index panel) {
  const Index n_stages = static_cast<Index>(stage_ends_.size());
  const double error = relative_error(depth_);
  float* values = values_.data() + panel * depth_ * width_;
  float* halves = half_norms_.data() + panel * n_stages * width_;
  for (Index r = 0; r < width_; ++r) {
    const std::int32_t row = rows(panel)[r];
    if (row < 0) continue;  // zeros at infinite length are never near
    const float* x = table.near + row * depth_;
    double norm = 0.0;
    Index k = 0;
    for (Index s = 0; s < n_stages; ++s) {
      for (; k < stage_ends_[static_cast<std::size_t>(s)]; ++k) {
        values[k * width_ + r] = x[k];
        norm += static_cast<double>(x[k]) * static_cast<double>(x[k]);
      }
      // Lowered by the error, a kernel's distance is a lower bound.
      halves[s * width_ + r] = static_cast<float>(0.5 * norm * (1.0 - error) - kTiny);
    }
    slack_[static_cast<std::size_t>(row)] = static_cast<float>(norm * error + 4.0 * kTiny);
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
          box[static_cast<std::size_t>(k)] = std::min(box[static_cast<std::size_t>(k)], value);
          box[static_cast<std::size_t>(kBox + k)] = std::max(box[static_cast<std::size_t>(kBox + k)], value);
        }
        box[2 * kBox] = std::max(box[2 * kBox], slack(row));
      }
    boxes.insert(boxes.end(), box.begin(), box.end());
  };
  for (Index p = 0; p < n_panels; ++p) enclose(boxes_, p, p + 1);
  for (Index b = 0; b < n_blocks(); ++b) enclose(block_boxes_, block_begin(b), block_end(b));
}

float Panels::box_bound(Index p, Index q) const noexcept {
  return between(boxes_.data() + p * kBoxSize, boxes_.data() + q * kBoxSize);
}

std::vector<BlockPair> Panels::plan(const Table& table, Rule rule) const {
  std::vector<BlockPair> pairs;
  for (Index a = 0; a < n_blocks(); ++a)
    for (Index b = a; b < n_blocks(); ++b) {
      const auto p = static_cast<std::size_t>(block_begin(a)), q = static_cast<std::size_t>(block_begin(b));
      if ((labels_[p] == labels_[q]) != (rule == Rule::same_label)) continue;
      if (table.sides != nullptr && sides_[p] == sides_[q]) continue;
      pairs.push_back({static_cast<std::int32_t>(a), static_cast<std::int32_t>(b),
                       between(block_boxes_.data() + a * kBoxSize, block_boxes_.data() + b * kBoxSize)});
    }
  std::stable_sort(pairs.begin(), pairs.end(), [](const BlockPair& x, const BlockPair& y) {
    return x.bound != y.bound ? x.bound < y.bound : x.second - x.first < y.second - y.first;
  });
  return pairs;
}

Index Panels::scan(Index p, Index q, const float* limits_p, const float* limits_q, kernels::Hit* hits) const noexcept {
  const Index n_stages = static_cast<Index>(stage_ends_.size());
  const auto panel = [&](Index i, const float* limits) {
    return kernels::Panel{values_.data() + i * depth_ * width_, half_norms_.data() + i * n_stages * width_, limits};
  };
  return kernel_->scan(panel(p, limits_p), panel(q, limits_q), stage_ends_.data(), n_stages, hits);
}

float kth_upper(std::vector<float>& upper, Index k) noexcept {
  if (static_cast<Index>(upper.size()) < k) return kInfinity;
  const auto kth = upper.begin() + (k - 1);
  std::nth_element(upper.begin(), kth, upper.end());
  return as_limit(static_cast<double>(*kth));
}

float as_limit(double halved) noexcept { return static_cast<float>(halved * (1.0 + 1e-6) + kTiny); }

}  // namespace stcorner::fusion
