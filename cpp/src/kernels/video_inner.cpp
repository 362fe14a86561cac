// Frames smoothed in time, straight from the frames as they came, then in space, tile by tile.
#include <cstring>

#include "video_tile.hpp"

namespace stcorner::kernels::STC_ISA {
namespace {

constexpr Index kChunk = 128;  // columns whose window stays in the first-level cache

template <class T>
void convert_row(const void* in, Index at, Index n, float* out) noexcept {
  const T* from = static_cast<const T*>(in) + at;
  for (Index x = 0; x < n; ++x) out[x] = static_cast<float>(from[x]);
}

void convert(Pixel pixel, const void* in, Index at, Index n, float* out) noexcept {
  switch (pixel) {
    case Pixel::u8: return convert_row<std::uint8_t>(in, at, n, out);
    case Pixel::u16: return convert_row<std::uint16_t>(in, at, n, out);
    case Pixel::f32: return convert_row<float>(in, at, n, out);
    case Pixel::f64: return convert_row<double>(in, at, n, out);
  }
}

/// Row y of all frames to come, smoothed in time, into their rings.
template <int R>
void time_row(const InnerJob& job, const TileLayout& l, Index y, float* ring) noexcept {
  const Tile& tile = job.tile;
  const int r = Radius<R>{job.time_radius}.get(), window = tile.n_out + 2 * r;
  float* values = job.scratch + l.own;
  for (Index begin = l.begin; begin < l.end; begin += kChunk) {
    const Index n = l.end - begin < kChunk ? l.end - begin : kChunk;
    const Index inside = tile.width - begin < n ? tile.width - begin : n;
    for (int i = 0; i < window; ++i) {
      float* row = values + i * kChunk;
      convert(job.pixels[i], job.frames[i], y * tile.width + begin, inside, row);
      for (Index x = inside; x < n; ++x) row[x] = 0.0f;
    }
    for (Index x = 0; x < n; x += kLanes) {
      float* out = ring + begin - l.begin + x;
      int first = 0;
      while (first < tile.n_out) {
        const float* from = values + first * kChunk + x;
        const auto at = [&](int i) { return load(from + i * kChunk); };
        if (2 * (tile.n_out - first) > kBlock) {  // surplus frames are made from stale values and not used
          F32 acc[kBlock];
          fold<R, kBlock>(Radius<R>{r}, job.time_taps, at, acc);
          STC_UNROLL
          for (int i = 0; i < kBlock; ++i) store(out + (first + i) * l.plane, acc[i]);
          first += kBlock;
        } else {
          F32 acc[1];
          fold<R, 1>(Radius<R>{r}, job.time_taps, at, acc);
          store(out + first * l.plane, acc[0]);
          ++first;
        }
      }
    }
  }
}

using TimeRow = void (*)(const InnerJob&, const TileLayout&, Index, float*) noexcept;
constexpr TimeRow kTimeRow[] = STC_RADII(time_row);

TileLayout layout(const InnerJob& job) noexcept {
  return tile_layout(job.tile, kTimeBlock, (kTimeBlock + 2 * job.time_radius) * kChunk, 1);
}

/// The response holds sixth powers: beyond 1e5 they leave float32. Without their sign, the bits of floats order as
/// the floats do, NaN and infinity last; integer tests vectorise where float ones may not.
bool all_in_range(const float* row, Index n) noexcept {
  constexpr std::uint32_t kLargest = 0x47c35000u;  // 1e5
  std::uint32_t found = 0;
  for (Index x = 0; x < n; ++x) {
    std::uint32_t bits;
    std::memcpy(&bits, row + x, sizeof bits);
    found |= (bits & 0x7fffffffu) > kLargest ? 1u : 0u;
  }
  return found == 0;
}

}  // namespace

bool take(const void* in, Pixel pixel, Index n, void* out) noexcept {
  const auto size = static_cast<std::size_t>(n);
  if (pixel == Pixel::u8 || pixel == Pixel::u16) {
    std::memcpy(out, in, pixel == Pixel::u8 ? size : 2 * size);
    return true;
  }
  float* row = static_cast<float*>(out);
  convert(pixel, in, 0, n, row);
  return all_in_range(row, n);
}

Index inner_scratch(const InnerJob& job) noexcept { return layout(job).total; }

void inner(const InnerJob& job) noexcept {
  const TileLayout l = layout(job);
  const Tile& tile = job.tile;
  const TimeRow make_row = kTimeRow[radius_entry(job.time_radius)];
  sweep(
      tile, l, job.scratch, 1, [&](Index y, Index row) { make_row(job, l, y, job.scratch + row); },
      [&](int first, int n_frames, Index y) {
        write_rows(tile, job.scratch + l.sums, job.out + first, n_frames, y);
        const Index end = tile.y1 - y < kRows ? tile.y1 : y + kRows;
        for (int f = 0; f < n_frames; ++f)  // central differences at the edge take the outermost pixel twice
          for (Index i = y; i < end; ++i) {
            float* row = job.out[first + f] + i * tile.out_stride;
            if (tile.x0 == 0) row[-1] = row[0];
            if (tile.x1 == tile.width) row[tile.width] = row[tile.width - 1];
          }
      });
}

}  // namespace stcorner::kernels::STC_ISA
