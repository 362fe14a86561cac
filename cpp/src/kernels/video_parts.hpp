#pragma once
// What the files of the video kernels share; defined per instruction set.
#include "simd.hpp"
#include "video.hpp"

namespace stcorner::kernels::STC_ISA {

STC_KERNEL(VideoTable, inner_scratch);
STC_KERNEL(VideoTable, inner);
STC_KERNEL(VideoTable, take);
STC_KERNEL(VideoTable, outer_scratch);
STC_KERNEL(VideoTable, outer);
STC_KERNEL(VideoTable, maxima);
STC_KERNEL(VideoTable, count_at_least);
STC_KERNEL(VideoTable, eigen);
STC_KERNEL(VideoTable, orientations);
STC_KERNEL(VideoTable, votes);
STC_KERNEL(VideoTable, add_votes);

/// `body(begin, n)` for [0, length) in chunks of at most `size`.
template <class Body>
STC_INLINE void in_chunks(Index length, Index size, Body body) noexcept {
  for (Index begin = 0; begin < length; begin += size) body(begin, length - begin < size ? length - begin : size);
}

/// The polynomial of z with these coefficients, that of the highest power first.
template <class T, class... Coefficients>
STC_INLINE T polynomial(T z, T value, Coefficients... coefficients) noexcept {
  ((value = value * z + coefficients), ...);
  return value;
}

/// Fill the columns of [begin, end) that lie outside [0, width) with the columns that stand for them.
/// Transposed data: a column is one vector; column x is at lanes + (x - origin) * F32::size.
STC_INLINE void extend_lanes(float* lanes, Index begin, Index end, Index width, bool reflect, Index origin) noexcept {
  const auto copy = [&](Index x) {
    store(lanes + (x - origin) * F32::size, load(lanes + (border_index(x, width, reflect) - origin) * F32::size));
  };
  for (Index x = begin; x < 0; ++x) copy(x);
  for (Index x = width; x < end; ++x) copy(x);
}

}  // namespace stcorner::kernels::STC_ISA
