#pragma once
#include <cstddef>
#include <cstdint>

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
};

/// Which pairs of rows a search compares.
enum class Rule { same_label, other_label };

}  // namespace stcorner::fusion
