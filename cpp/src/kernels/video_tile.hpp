#pragma once
// What smooths a tile in space: rows come into a ring of rows, one ring per plane, which fits the second-level cache;
// every kRows rows the y pass, a register transposition and the x pass follow.
#include "video_filter.hpp"
#include "video_parts.hpp"

namespace stcorner::kernels::STC_ISA {

struct TileLayout {
  Index begin, end;        // columns of the ring: whole vectors that cover tile and halo
  Index ring_rows, plane;  // rows of a ring, floats between rings
  Index own, offsets, pointers, lanes, sums, sums_plane, total;
};

/// `planes` rings, `own` floats for the maker of rows, `channels` planes of transposed results.
STC_INLINE TileLayout tile_layout(const Tile& tile, Index planes, Index own, Index channels) noexcept {
  TileLayout l{};
  const Index side = tile.radius_x, n = tile.x1 - tile.x0, n_rows = kRows + 2 * tile.radius_y;
  l.begin = tile.x0 - side < 0 ? 0 : (tile.x0 - side) / kLanes * kLanes;
  l.end = round_up(tile.x1 + side < tile.width ? tile.x1 + side : tile.width, kLanes);
  l.ring_rows = n_rows;
  l.plane = l.ring_rows * (l.end - l.begin) + kSkew;
  l.own = round_up(planes * l.plane, 16);
  l.offsets = l.own + round_up(own, 16);
  l.pointers = l.offsets + round_up(2 * n_rows, 16);
  l.lanes = l.pointers + round_up(2 * kFrames * n_rows, 16);
  l.sums = l.lanes + (n + 4 * side + 3 * kLanes + kBlock) * kLanes;
  l.sums_plane = (round_up(n, kLanes) + kBlock) * kLanes;
  l.total = l.sums + channels * l.sums_plane;
  return l;
}

constexpr ColumnsToLanes kColumns[] = STC_RADII(columns_to_lanes);
constexpr AlongLanes kAlong[] = STC_RADII(along_lanes);

/// `make(y, row)` writes row y of the frame into the rings, at `row` floats from their beginnings; channel c of frame n
/// is ring c kTimeBlock + n. `done(first, n_frames, y)` then finds rows y .. y + kRows of frames first .. first +
/// n_frames, smoothed and transposed, at `sums`, lane f kRows + i for row y + i of frame first + f.
template <class Make, class Done>
STC_INLINE void sweep(const Tile& tile, const TileLayout& l, float* scratch, int channels, Make make,
                      Done done) noexcept {
  const int r = tile.radius_y, n_rows = kRows + 2 * r, side = tile.radius_x;
  const int down = radius_entry(r), along = radius_entry(side);
  const Index ring_width = l.end - l.begin;
  Index* offsets = reinterpret_cast<Index*>(scratch + l.offsets);
  const float** rows = reinterpret_cast<const float**>(scratch + l.pointers);
  float* lanes = scratch + l.lanes;
  const Index origin = l.begin < tile.x0 - side ? l.begin : tile.x0 - side;  // column of lanes[0]

  Index made = tile.y0 - r < 0 ? 0 : tile.y0 - r;  // rows of the frame that are in the rings
  for (Index y = tile.y0; y < tile.y1; y += kRows) {
    const Index until = y + kRows + r < tile.height ? y + kRows + r : tile.height;
    for (; made < until; ++made) make(made, made % l.ring_rows * ring_width);
    for (int i = 0; i < n_rows; ++i) {
      Index at = border_index(y + i - r, tile.height, tile.reflect);
      if (at >= until || at < until - l.ring_rows) at = until - 1;  // only for rows past y1
      offsets[i] = at % l.ring_rows * ring_width;
    }
    for (int first = 0; first < tile.n_out; first += kFrames) {
      const int n_frames = tile.n_out - first < kFrames ? tile.n_out - first : kFrames;
      for (int c = 0; c < channels; ++c) {
        const float* const* parts[kFrames];
        for (int f = 0; f < kFrames; ++f) {
          const float* plane = scratch + (c * kTimeBlock + first + (f < n_frames ? f : 0)) * l.plane;
          const float** list = rows + f * n_rows;
          for (int i = 0; i < n_rows; ++i) list[i] = plane + offsets[i];
          parts[f] = list;
        }
        kColumns[down](r, parts, ring_width, tile.taps_y, lanes + (l.begin - origin) * kLanes);
        extend_lanes(lanes, tile.x0 - side, tile.x1 + side, tile.width, tile.reflect, origin);
        kAlong[along](side, lanes + (tile.x0 - side - origin) * kLanes, tile.x1 - tile.x0, tile.taps_x,
                      scratch + l.sums + c * l.sums_plane);
      }
      done(first, n_frames, y);
    }
  }
}

/// Transposed plane back to rows: lane f kRows + i is row y + i of out[f].
STC_INLINE void write_rows(const Tile& tile, const float* lanes, float* const* out, int n_frames, Index y) noexcept {
  const Index n_rows = tile.y1 - y < kRows ? tile.y1 - y : kRows;
  for (Index x = tile.x0; x < tile.x1; x += kLanes) {
    F32 block[kLanes];
    STC_UNROLL
    for (int i = 0; i < kLanes; ++i) block[i] = load(lanes + (x - tile.x0 + i) * kLanes);
    transpose(block);
    const Index n = tile.x1 - x < kLanes ? tile.x1 - x : kLanes;
    float rows[kLanes * kLanes];
    if (n < kLanes)
      for (int i = 0; i < kLanes; ++i) store(rows + i * kLanes, block[i]);
    for (int f = 0; f < n_frames; ++f)
      for (int i = 0; i < n_rows; ++i) {
        float* to = out[f] + (y + i) * tile.out_stride + x;
        if (n == kLanes) {
          store(to, block[f * kRows + i]);
        } else {
          for (Index j = 0; j < n; ++j) to[j] = rows[(f * kRows + i) * kLanes + j];
        }
      }
  }
}

}  // namespace stcorner::kernels::STC_ISA
