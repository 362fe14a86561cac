#include "video_parts.hpp"

namespace stcorner::kernels::STC_ISA {
namespace {

/// Whether v at column x beats its 26 neighbours; rows[4] is its own row.
bool is_maximum(const float* const* rows, std::ptrdiff_t x, float v) noexcept {
  for (int i = 0; i < 9; ++i)
    for (std::ptrdiff_t j = x - 1; j <= x + 1; ++j) {
      if (i == 4 && j == x) continue;
      const bool earlier = i < 4 || (i == 4 && j < x);
      const float other = rows[i][j];
      if (earlier ? other >= v : other > v) return false;
    }
  return true;
}

}  // namespace

std::ptrdiff_t maxima(const float* const* rows, std::ptrdiff_t x0, std::ptrdiff_t x1, float threshold,
                      std::ptrdiff_t* found, float* largest) noexcept {
  std::ptrdiff_t n = 0, x = x0;
  const float* row = rows[4];
  const F32 level = broadcast(threshold);
  F32 top = broadcast(*largest);
  // The threshold and the two neighbours of the same row rule out nearly all voxels, vector by vector.
  for (; x + F32::size <= x1; x += F32::size) {
    const F32 v = load(row + x);
    top = max(top, v);
    unsigned over = greater_mask(v, level);
    if (over == 0) continue;
    over &= greater_mask(v, load(row + x - 1));
    over &= ~greater_mask(load(row + x + 1), v);
    for (int lane = 0; over != 0; ++lane, over >>= 1)
      if ((over & 1u) && is_maximum(rows, x + lane, row[x + lane])) found[n++] = x + lane;
  }
  float lanes[F32::size];
  store(lanes, top);
  for (const float lane : lanes) *largest = lane > *largest ? lane : *largest;
  for (; x < x1; ++x) {
    *largest = row[x] > *largest ? row[x] : *largest;
    if (row[x] > threshold && is_maximum(rows, x, row[x])) found[n++] = x;
  }
  return n;
}

void histogram(const float* values, std::ptrdiff_t n, const float* edges, int n_bins, std::int64_t* counts) noexcept {
  constexpr std::ptrdiff_t kChunk = 256;
  int bins[kChunk];
  for (std::ptrdiff_t start = 0; start < n; start += kChunk) {
    const std::ptrdiff_t m = n - start < kChunk ? n - start : kChunk;
    for (std::ptrdiff_t i = 0; i < m; ++i) bins[i] = 0;
    for (int b = 0; b + 1 < n_bins; ++b) {
      const float edge = edges[b];
      for (std::ptrdiff_t i = 0; i < m; ++i) bins[i] += values[start + i] >= edge ? 1 : 0;
    }
    for (std::ptrdiff_t i = 0; i < m; ++i) ++counts[bins[i]];
  }
}

}  // namespace stcorner::kernels::STC_ISA
