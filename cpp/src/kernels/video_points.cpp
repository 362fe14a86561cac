#include "video_parts.hpp"

namespace stcorner::kernels::STC_ISA {
namespace {

// The 26 neighbours, nearest and most telling first. Rows 0..3 and the column before on row 4 come earlier
// in memory order, where an equal value wins.
struct Neighbour {
  int row;
  Index dx;
};
constexpr Neighbour kNeighbours[] = {
    {4, -1}, {4, 1}, {3, 0}, {5, 0}, {1, 0}, {7, 0},  {3, -1}, {3, 1},  {5, -1}, {5, 1},  {1, -1}, {1, 1},  {7, -1},
    {7, 1},  {0, 0}, {2, 0}, {6, 0}, {8, 0}, {0, -1}, {0, 1},  {2, -1}, {2, 1},  {6, -1}, {6, 1},  {8, -1}, {8, 1},
};

constexpr bool is_earlier(Neighbour n) noexcept { return n.row < 4 || (n.row == 4 && n.dx < 0); }

bool is_maximum(const float* const* rows, Index x) noexcept {
  const float v = rows[4][x];
  for (const Neighbour n : kNeighbours) {
    const float other = rows[n.row][x + n.dx];
    if (is_earlier(n) ? other >= v : other > v) return false;
  }
  return true;
}

/// Which of the lanes in `over` are maxima; nearly always the first few neighbours rule all of them out.
STC_INLINE unsigned maxima_among(const float* const* rows, Index x, F32 v, unsigned over) noexcept {
  for (const Neighbour n : kNeighbours) {
    const F32 other = load(rows[n.row] + x + n.dx);
    over &= is_earlier(n) ? greater_mask(v, other) : ~greater_mask(other, v);
    if (over == 0) break;
  }
  return over;
}

}  // namespace

Index maxima(const float* const* rows, Index x0, Index x1, float threshold, Index* found, float* largest) noexcept {
  Index n = 0, x = x0;
  const float* row = rows[4];
  const F32 level = broadcast(threshold);
  F32 top = broadcast(*largest);
  for (; x + F32::size <= x1; x += F32::size) {
    const F32 v = load(row + x);
    top = max(top, v);
    unsigned over = greater_mask(v, level);
    if (over == 0) continue;
    over = maxima_among(rows, x, v, over);
    for (int lane = 0; over != 0; ++lane, over >>= 1)
      if (over & 1u) found[n++] = x + lane;
  }
  float lanes[F32::size];
  store(lanes, top);
  for (const float lane : lanes) *largest = lane > *largest ? lane : *largest;
  for (; x < x1; ++x) {
    *largest = row[x] > *largest ? row[x] : *largest;
    if (row[x] > threshold && is_maximum(rows, x)) found[n++] = x;
  }
  return n;
}

void count_at_least(const float* values, Index stride, Index n_rows, Index width, const float* edges, int n_edges,
                    std::int32_t* counts) noexcept {
  constexpr Index kChunk = 32;  // counts that stay in registers
  in_chunks(width, kChunk, [&](Index x, Index n) {
    for (int e = 0; e < n_edges; ++e) {
      const float edge = edges[e];
      std::int32_t found[kChunk] = {};
      for (Index y = 0; y < n_rows; ++y) {
        const float* row = values + y * stride + x;
        for (Index i = 0; i < kChunk; ++i) found[i] += row[i] >= edge ? 1 : 0;
      }
      for (Index i = 0; i < n; ++i) counts[e * width + x + i] = found[i];
    }
  });
}

}  // namespace stcorner::kernels::STC_ISA
