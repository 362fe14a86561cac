#include <algorithm>

#include "agreement.hpp"

namespace stcorner::test {
namespace {

using kernels::FusionTable;

constexpr Index kDepth = 37;
constexpr Index kPairs = (kDepth + 1) / 2;
constexpr std::int32_t kStages[] = {4, 8, kPairs};
constexpr Index kStageCount = 3;

/// Rows of random integers, as long as they may be, as one panel of a table's width.
struct Block {
  std::vector<std::int64_t> rows;
  std::vector<std::int16_t> values;
  std::vector<std::int32_t> halves, limits;

  Block(Numbers& numbers, Index width, Index present) : rows(static_cast<std::size_t>(width * kDepth)) {
    values.assign(static_cast<std::size_t>(2 * width * kPairs), 0);
    halves.assign(static_cast<std::size_t>(width * kStageCount), kernels::kNowhere);
    limits.assign(static_cast<std::size_t>(width), 0);
    const auto longest = static_cast<float>(kernels::kLongest / std::sqrt(double{kDepth}));
    for (Index r = 0; r < present; ++r) {
      std::int64_t sum = 0;
      Index stage = 0;
      for (Index k = 0; k < kDepth; ++k) {
        const auto value = static_cast<std::int16_t>(longest * numbers.next());
        values[static_cast<std::size_t>(2 * (k / 2 * width + r) + k % 2)] = value;
        rows[static_cast<std::size_t>(r * kDepth + k)] = value;
        sum += std::int64_t{value} * value;
        if (k + 1 == std::min<Index>(kDepth, 2 * kStages[stage]))
          halves[static_cast<std::size_t>(stage++ * width + r)] = static_cast<std::int32_t>(sum / 2);
      }
      limits[static_cast<std::size_t>(r)] =
          r % 7 == 6 ? kernels::kUnlimited : static_cast<std::int32_t>(1e8f + 4e7f * numbers.next());
    }
  }
  kernels::Panel panel() const { return {values.data(), halves.data(), limits.data()}; }
};

/// Both halves less the product.
std::int64_t bound_of(const Block& a, Index i, const Block& b, Index j) {
  std::int64_t product = 0, halves[2] = {0, 0};
  for (Index k = 0; k < kDepth; ++k) {
    const std::int64_t x = a.rows[static_cast<std::size_t>(i * kDepth + k)];
    const std::int64_t y = b.rows[static_cast<std::size_t>(j * kDepth + k)];
    product += x * y;
    halves[0] += x * x;
    halves[1] += y * y;
  }
  return halves[0] / 2 + halves[1] / 2 - product;
}

void compare_scan(const FusionTable& table) {
  Report report(table.isa, "scan");
  Numbers numbers;
  const Index width = table.panel_width;
  for (Index present = 1; present <= width; ++present) {
    const Block a(numbers, width, present), b(numbers, width, width);
    std::vector<kernels::Hit> hits(static_cast<std::size_t>(width * width));
    const Index n = table.scan(a.panel(), b.panel(), kStages, kStageCount, hits.data());
    std::vector<std::int64_t> found(static_cast<std::size_t>(width * width), kernels::kUnlimited);
    for (Index h = 0; h < n; ++h) {
      const kernels::Hit& hit = hits[static_cast<std::size_t>(h)];
      found[static_cast<std::size_t>(hit.row * width + hit.column)] = hit.bound;
    }
    for (Index i = 0; i < width; ++i)
      for (Index j = 0; j < width; ++j) {
        const std::int64_t bound = i < present ? bound_of(a, i, b, j) : kernels::kUnlimited;
        const std::int32_t limit =
            std::max(a.limits[static_cast<std::size_t>(i)], b.limits[static_cast<std::size_t>(j)]);
        const std::int64_t wanted = bound < limit ? bound : kernels::kUnlimited;
        report.require(found[static_cast<std::size_t>(i * width + j)] == wanted, "a pair below its limit");
      }
  }
}

void compare_quantise(const FusionTable& table) {
  Report report(table.isa, "quantise");
  Numbers numbers;
  for (const Index n : kSizes) {
    const std::vector<float> x = numbers.many(n);
    std::vector<std::int16_t> out(static_cast<std::size_t>(n));
    table.quantise(x.data(), n, 16384.0f, out.data());
    for (std::size_t k = 0; k < x.size(); ++k)
      report.require(std::fabs(x[k] * 16384.0f - static_cast<float>(out[k])) <= 0.51f, "farther than half a unit");
  }
}

void compare_distances(const FusionTable& table) {
  const FusionTable& scalar = kernels::scalar::fusion_table();
  Report report(table.isa, "distances");
  Numbers numbers;
  for (const Index n : kSizes) {
    const std::vector<float> a = numbers.many(n), b = numbers.many(n);
    const double near = table.distance_float(a.data(), b.data(), n);
    report.require(near == scalar.distance_float(a.data(), b.data(), n), "float32: other bits");
    report.require(near == table.distance_float(b.data(), a.data(), n), "float32: not symmetric");
    const std::vector<double> c = numbers.many<double>(n), d = numbers.many<double>(n);
    const double far = table.distance_double(c.data(), d.data(), n);
    report.require(far == scalar.distance_double(c.data(), d.data(), n), "float64: other bits");
    report.require(far == table.distance_double(d.data(), c.data(), n), "float64: not symmetric");
  }
}

}  // namespace

void compare(const FusionTable& table) {
  compare_scan(table);
  compare_quantise(table);
  compare_distances(table);
}

}  // namespace stcorner::test
