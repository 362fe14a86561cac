#include <algorithm>
#include <limits>

#include "agreement.hpp"

namespace stcorner::test {
namespace {

using kernels::FusionTable;

constexpr Index kDepth = 37;
constexpr std::int32_t kStages[] = {8, 16, kDepth};
constexpr Index kStageCount = 3;

/// Rows of random coordinates as one panel of a table's width.
struct Block {
  std::vector<double> rows;
  std::vector<float> values, half_norms, limits;

  Block(Numbers& numbers, Index width, Index present) : rows(static_cast<std::size_t>(width * kDepth)) {
    values.assign(static_cast<std::size_t>(width * kDepth), 0.0f);
    half_norms.assign(static_cast<std::size_t>(width * kStageCount), std::numeric_limits<float>::infinity());
    limits.assign(static_cast<std::size_t>(width), 0.0f);
    for (Index r = 0; r < present; ++r) {
      double sum = 0.0;
      Index stage = 0;
      for (Index k = 0; k < kDepth; ++k) {
        const float value = 0.15f * numbers.next();
        values[static_cast<std::size_t>(k * width + r)] = value;
        rows[static_cast<std::size_t>(r * kDepth + k)] = static_cast<double>(value);
        sum += static_cast<double>(value) * static_cast<double>(value);
        if (k + 1 == kStages[stage])
          half_norms[static_cast<std::size_t>(stage++ * width + r)] = static_cast<float>(0.5 * sum);
      }
      limits[static_cast<std::size_t>(r)] = 0.25f + 0.05f * numbers.next();
    }
  }
  kernels::Panel panel() const { return {values.data(), half_norms.data(), limits.data()}; }
};

double half_distance(const Block& a, Index i, const Block& b, Index j) {
  double sum = 0.0;
  for (Index k = 0; k < kDepth; ++k) {
    const double difference =
        a.rows[static_cast<std::size_t>(i * kDepth + k)] - b.rows[static_cast<std::size_t>(j * kDepth + k)];
    sum += difference * difference;
  }
  return 0.5 * sum;
}

void compare_scan(const FusionTable& table) {
  Report report(table.isa, "scan");
  Numbers numbers;
  const Index width = table.panel_width;
  for (Index present = 1; present <= width; ++present) {
    const Block a(numbers, width, present), b(numbers, width, width);
    std::vector<kernels::Hit> hits(static_cast<std::size_t>(width * width));
    const Index n = table.scan(a.panel(), b.panel(), kStages, kStageCount, hits.data());
    std::vector<double> bound(static_cast<std::size_t>(width * width), -1.0);
    for (Index h = 0; h < n; ++h) {
      const kernels::Hit& hit = hits[static_cast<std::size_t>(h)];
      bound[static_cast<std::size_t>(hit.row * width + hit.column)] = static_cast<double>(hit.bound);
    }
    for (Index i = 0; i < width; ++i)
      for (Index j = 0; j < width; ++j) {
        const double found = bound[static_cast<std::size_t>(i * width + j)];
        if (i >= present) {
          report.require(found < 0.0, "a row that only fills the panel");
          continue;
        }
        const double wanted = half_distance(a, i, b, j);
        const auto limit =
            static_cast<double>(std::max(a.limits[static_cast<std::size_t>(i)], b.limits[static_cast<std::size_t>(j)]));
        if (std::fabs(wanted - limit) > 1e-5)
          report.require((found >= 0.0) == (wanted < limit), "a pair within its limit");
        if (found >= 0.0) report.close(&found, &wanted, 1, "bound");
      }
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
  compare_distances(table);
}

}  // namespace stcorner::test
