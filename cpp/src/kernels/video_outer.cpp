// Structure tensor and Harris response of a tile. Gradients, their products and the smoothing along time are made row
// by row; space follows as for every tile.
#include "video_tile.hpp"

namespace stcorner::kernels::STC_ISA {
namespace {

constexpr int kChannels = 6;
constexpr int kFirst[kChannels] = {0, 0, 0, 1, 1, 2};  // gradients (t, y, x) whose product each channel is
constexpr int kSecond[kChannels] = {0, 1, 2, 1, 2, 2};

TileLayout layout(const OuterJob& job) noexcept {
  return tile_layout(job.tile, kChannels * kTimeBlock, 3 * (kTimeBlock + 2 * job.time_radius) * kLanes, kChannels);
}

/// One row: gradients of the whole window, then the six products smoothed along time into slot `slot`.
template <int R, int N>
STC_INLINE void tensor_vector(const OuterJob& job, const float* gradients, int first, float* out,
                              Index plane) noexcept {
  const int n_taps = Radius<R>{job.time_radius}.get() + 1;
  STC_UNROLL
  for (int c = 0; c < kChannels; ++c) {
    const Index window = kTimeBlock + 2 * (n_taps - 1);
    const float* a = gradients + (kFirst[c] * window + first) * kLanes;
    const float* b = gradients + (kSecond[c] * window + first) * kLanes;
    F32 acc[N];
    if (kFirst[c] == kSecond[c])
      fold<R, N>(
          Radius<R>{job.time_radius}, job.time_taps + c * n_taps,
          [&](int i) {
            const F32 g = load(a + i * kLanes);
            return g * g;
          },
          acc);
    else
      fold<R, N>(
          Radius<R>{job.time_radius}, job.time_taps + c * n_taps,
          [&](int i) { return load(a + i * kLanes) * load(b + i * kLanes); }, acc);
    STC_UNROLL
    for (int n = 0; n < N; ++n) store(out + (c * kTimeBlock + first + n) * plane, acc[n]);
  }
}

template <int R>
void tensor_row(const OuterJob& job, const TileLayout& l, Index y, float* ring) noexcept {
  const Index at = y * job.stride;
  const Index above = (y > 0 ? y - 1 : 0) * job.stride;
  const Index below = (y + 1 < job.tile.height ? y + 1 : y) * job.stride;
  const Index ahead = (y + 3 < job.tile.height ? y + 3 : y) * job.stride;
  const int r = Radius<R>{job.time_radius}.get(), window = job.tile.n_out + 2 * r;
  float* gradients = job.scratch + l.own;
  float* gt = gradients;
  float* gy = gt + (kTimeBlock + 2 * r) * kLanes;
  float* gx = gy + (kTimeBlock + 2 * r) * kLanes;
  const int planes = job.tensor ? kChannels * job.tile.n_out : job.tile.n_out;
  for (Index x = l.begin; x < l.end; x += kLanes) {
    // Large frames lie in memory, where the processor foresees neither this walk through them nor that of the results.
    if (y >= job.tile.y0 && y < job.tile.y1 && x >= job.tile.x0 && x < job.tile.x1)
      for (int i = 0; i < planes; ++i) prefetch(job.out[i] + y * job.tile.out_stride + x);
    prefetch(job.previous[0] + ahead + x);
    prefetch(job.next[window - 1] + ahead + x);
    for (int i = 0; i < window; ++i) {
      const float* here = job.current[i] + x;
      store(gt + i * kLanes, load(job.next[i] + at + x) - load(job.previous[i] + at + x));
      store(gy + i * kLanes, load(here + below) - load(here + above));
      store(gx + i * kLanes, load(here + at + 1) - load(here + at - 1));
      prefetch(here + ahead);
    }
    float* out = ring + x - l.begin;
    int n = 0;
    for (; n + kBlock <= job.tile.n_out; n += kBlock) tensor_vector<R, kBlock>(job, gradients, n, out, l.plane);
    if (2 * (job.tile.n_out - n) > kBlock) {  // surplus frames are made from stale gradients and not used
      tensor_vector<R, kBlock>(job, gradients, n, out, l.plane);
      n = job.tile.n_out;
    }
    for (; n < job.tile.n_out; ++n) tensor_vector<R, 1>(job, gradients, n, out, l.plane);
  }
}

using TensorRow = void (*)(const OuterJob&, const TileLayout&, Index, float*) noexcept;
constexpr TensorRow kTensorRow[] = STC_RADII(tensor_row);

/// det(mu) - k trace(mu)^3, or the same of mu / (trace + eps), for n vectors; into the first plane.
STC_INLINE void respond(const OuterJob& job, float* mu, Index plane, Index n) noexcept {
  const F32 k = broadcast(job.k), eps = broadcast(job.eps), one = broadcast(1.0f);
  for (Index x = 0; x < n; ++x) {
    float* at = mu + x * kLanes;
    F32 tt = load(at), ty = load(at + plane), tx = load(at + 2 * plane);
    F32 yy = load(at + 3 * plane), yx = load(at + 4 * plane), xx = load(at + 5 * plane);
    F32 trace = tt + yy + xx;
    if (job.normalize) {
      const F32 scale = one / (trace + eps);
      tt = tt * scale, ty = ty * scale, tx = tx * scale;
      yy = yy * scale, yx = yx * scale, xx = xx * scale;
      trace = trace * scale;
    }
    const F32 det = tt * (yy * xx - yx * yx) - ty * (ty * xx - yx * tx) + tx * (ty * yx - yy * tx);
    store(at, det - k * trace * trace * trace);
  }
}

}  // namespace

Index outer_scratch(const OuterJob& job) noexcept { return layout(job).total; }

void outer(const OuterJob& job) noexcept {
  const TileLayout l = layout(job);
  const Tile& tile = job.tile;
  const TensorRow make_row = kTensorRow[radius_entry(job.time_radius)];
  float* const mu = job.scratch + l.sums;
  sweep(
      tile, l, job.scratch, kChannels, [&](Index y, Index row) { make_row(job, l, y, job.scratch + row); },
      [&](int first, int n_frames, Index y) {
        if (job.tensor) {
          for (int c = 0; c < kChannels; ++c)
            write_rows(tile, mu + c * l.sums_plane, job.out + c * tile.n_out + first, n_frames, y);
        } else {
          respond(job, mu, l.sums_plane, tile.x1 - tile.x0);
          write_rows(tile, mu, job.out + first, n_frames, y);
        }
      });
}

}  // namespace stcorner::kernels::STC_ISA
