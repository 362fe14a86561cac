#pragma once
// What the files of the video kernels share; defined per instruction set.
#include "simd.hpp"
#include "video.hpp"

namespace stcorner::kernels::STC_ISA {

std::ptrdiff_t inner_scratch(const InnerJob& job) noexcept;
void inner(const InnerJob& job) noexcept;
bool take(const void* in, Pixel pixel, std::ptrdiff_t n, void* out) noexcept;
std::ptrdiff_t outer_scratch(const OuterJob& job) noexcept;
void outer(const OuterJob& job) noexcept;
std::ptrdiff_t maxima(const float* const* rows, std::ptrdiff_t x0, std::ptrdiff_t x1, float threshold,
                      std::ptrdiff_t* found, float* largest) noexcept;
void count_at_least(const float* values, std::ptrdiff_t stride, std::ptrdiff_t n_rows, std::ptrdiff_t width,
                    const float* edges, int n_edges, std::int32_t* counts) noexcept;
void eigen(const EigenJob& job) noexcept;
void orientations(const OrientationJob& job) noexcept;
void votes(const VotesJob& job) noexcept;
void add_votes(const float* rows, std::ptrdiff_t n_rows, std::ptrdiff_t width, const std::ptrdiff_t* bounds,
               float* cells) noexcept;

/// `body(begin, n)` for [0, length) in chunks of at most `size`.
template <class Body>
STC_INLINE void in_chunks(std::ptrdiff_t length, std::ptrdiff_t size, Body body) noexcept {
  for (std::ptrdiff_t begin = 0; begin < length; begin += size)
    body(begin, length - begin < size ? length - begin : size);
}

/// The polynomial of z with these coefficients, that of the highest power first.
template <class T, class... Coefficients>
STC_INLINE T polynomial(T z, T value, Coefficients... coefficients) noexcept {
  ((value = value * z + coefficients), ...);
  return value;
}

/// Fill the columns of [begin, end) that lie outside [0, width) with the columns that stand for them.
/// Transposed data: a column is one vector; column x is at lanes + (x - origin) * F32::size.
STC_INLINE void extend_lanes(float* lanes, std::ptrdiff_t begin, std::ptrdiff_t end, std::ptrdiff_t width, bool reflect,
                             std::ptrdiff_t origin) noexcept {
  const auto copy = [&](std::ptrdiff_t x) {
    store(lanes + (x - origin) * F32::size, load(lanes + (border_index(x, width, reflect) - origin) * F32::size));
  };
  for (std::ptrdiff_t x = begin; x < 0; ++x) copy(x);
  for (std::ptrdiff_t x = width; x < end; ++x) copy(x);
}

}  // namespace stcorner::kernels::STC_ISA
