// Structure tensor and Harris response of a tile. Gradients, their products and the smoothing along time
// are made row by row into a ring of rows (one ring per tensor element and frame, all in the second-level
// cache); every kRows rows the y pass, a register transposition, the x pass and the response follow.
#include "video_filter.hpp"
#include "video_parts.hpp"

namespace stcorner::kernels::STC_ISA {
namespace {

constexpr int kChannels = 6;
constexpr int kFirst[kChannels] = {0, 0, 0, 1, 1, 2};  // gradients (t, y, x) whose product each channel is
constexpr int kSecond[kChannels] = {0, 1, 2, 1, 2, 2};

struct OuterLayout {
  std::ptrdiff_t begin, end;     // columns smoothed along time: whole vectors that cover tile and halo
  std::ptrdiff_t ring_rows, plane;  // rows of a ring, floats between rings
  std::ptrdiff_t gradients, offsets, pointers, lanes, mu, mu_plane, total;
};

OuterLayout layout(const OuterJob& job) noexcept {
  OuterLayout l{};
  const std::ptrdiff_t r = job.radius_x, n = job.x1 - job.x0, n_rows = kRows + 2 * job.radius_y;
  l.begin = job.x0 - r < 0 ? 0 : (job.x0 - r) / kLanes * kLanes;
  l.end = round_up(job.x1 + r < job.width ? job.x1 + r : job.width, kLanes);
  l.ring_rows = n_rows;
  l.plane = l.ring_rows * (l.end - l.begin) + kSkew;
  l.gradients = round_up(kChannels * kTimeBlock * l.plane, 16);
  l.offsets = l.gradients + 3 * (kTimeBlock + 2 * job.time_radius) * kLanes;
  l.pointers = l.offsets + round_up(2 * n_rows, 16);
  l.lanes = l.pointers + round_up(2 * kFrames * n_rows, 16);
  l.mu = l.lanes + (n + 4 * r + 3 * kLanes + kBlock) * kLanes;
  l.mu_plane = (round_up(n, kLanes) + kBlock) * kLanes;
  l.total = l.mu + kChannels * l.mu_plane;
  return l;
}

/// One row: gradients of the whole window, then the six products smoothed along time into slot `slot`.
template <int R, int N>
STC_INLINE void tensor_vector(const OuterJob& job, const float* gradients, int first, float* out,
                              std::ptrdiff_t plane) noexcept {
  const int n_taps = Radius<R>{job.time_radius}.get() + 1;
  STC_UNROLL
  for (int c = 0; c < kChannels; ++c) {
    const std::ptrdiff_t window = kTimeBlock + 2 * (n_taps - 1);
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
void tensor_row(const OuterJob& job, const OuterLayout& l, std::ptrdiff_t y, float* ring) noexcept {
  const std::ptrdiff_t at = y * job.stride;
  const std::ptrdiff_t above = (y > 0 ? y - 1 : 0) * job.stride;
  const std::ptrdiff_t below = (y + 1 < job.height ? y + 1 : y) * job.stride;
  const std::ptrdiff_t ahead = (y + 3 < job.height ? y + 3 : y) * job.stride;
  const int r = Radius<R>{job.time_radius}.get(), window = job.n_out + 2 * r;
  float* gradients = job.scratch + l.gradients;
  float* gt = gradients;
  float* gy = gt + (kTimeBlock + 2 * r) * kLanes;
  float* gx = gy + (kTimeBlock + 2 * r) * kLanes;
  for (std::ptrdiff_t x = l.begin; x < l.end; x += kLanes) {
    for (int i = 0; i < window; ++i) {
      const float* here = job.current[i] + x;
      store(gt + i * kLanes, load(job.next[i] + at + x) - load(job.previous[i] + at + x));
      store(gy + i * kLanes, load(here + below) - load(here + above));
      store(gx + i * kLanes, load(here + at + 1) - load(here + at - 1));
      prefetch(here + ahead);
    }
    float* out = ring + x - l.begin;
    int n = 0;
    for (; n + kBlock <= job.n_out; n += kBlock) tensor_vector<R, kBlock>(job, gradients, n, out, l.plane);
    if (2 * (job.n_out - n) > kBlock) {  // surplus frames are made from stale gradients and not used
      tensor_vector<R, kBlock>(job, gradients, n, out, l.plane);
      n = job.n_out;
    }
    for (; n < job.n_out; ++n) tensor_vector<R, 1>(job, gradients, n, out, l.plane);
  }
}

using TensorRow = void (*)(const OuterJob&, const OuterLayout&, std::ptrdiff_t, float*) noexcept;
constexpr TensorRow kTensorRow[] = STC_RADII(tensor_row);
constexpr ColumnsToLanes kColumns[] = STC_RADII(columns_to_lanes);
constexpr AlongLanes kAlong[] = STC_RADII(along_lanes);

/// det(mu) - k trace(mu)^3, or the same of mu / (trace + eps), for n vectors; into the first plane.
STC_INLINE void respond(const OuterJob& job, float* mu, std::ptrdiff_t plane, std::ptrdiff_t n) noexcept {
  const F32 k = broadcast(job.k), eps = broadcast(job.eps), one = broadcast(1.0f);
  for (std::ptrdiff_t x = 0; x < n; ++x) {
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

/// Transposed plane back to rows: lane f * kRows + r is row y + r of out[f].
STC_INLINE void write_rows(const OuterJob& job, const float* lanes, float* const* out, int n_frames,
                           std::ptrdiff_t y) noexcept {
  const std::ptrdiff_t n_rows = job.y1 - y < kRows ? job.y1 - y : kRows;
  for (std::ptrdiff_t x = job.x0; x < job.x1; x += kLanes) {
    F32 block[kLanes];
    STC_UNROLL
    for (int i = 0; i < kLanes; ++i) block[i] = load(lanes + (x - job.x0 + i) * kLanes);
    transpose(block);
    const std::ptrdiff_t n = job.x1 - x < kLanes ? job.x1 - x : kLanes;
    float rows[kLanes * kLanes];
    if (n < kLanes)
      for (int i = 0; i < kLanes; ++i) store(rows + i * kLanes, block[i]);
    for (int f = 0; f < n_frames; ++f)
      for (int i = 0; i < n_rows; ++i) {
        float* to = out[f] + (y + i) * job.out_stride + x;
        if (n == kLanes) {
          store(to, block[f * kRows + i]);
        } else {
          for (std::ptrdiff_t j = 0; j < n; ++j) to[j] = rows[(f * kRows + i) * kLanes + j];
        }
      }
  }
}

}  // namespace

std::ptrdiff_t outer_scratch(const OuterJob& job) noexcept { return layout(job).total; }

void outer(const OuterJob& job) noexcept {
  const OuterLayout l = layout(job);
  const int r = job.radius_y, n_rows = kRows + 2 * r, side = job.radius_x;
  const int down = radius_entry(r), along = radius_entry(side), time_entry = radius_entry(job.time_radius);
  const std::ptrdiff_t ring_width = l.end - l.begin;
  float* ring = job.scratch;
  std::ptrdiff_t* offsets = reinterpret_cast<std::ptrdiff_t*>(job.scratch + l.offsets);
  const float** rows = reinterpret_cast<const float**>(job.scratch + l.pointers);
  float* lanes = job.scratch + l.lanes;
  float* mu = job.scratch + l.mu;
  const std::ptrdiff_t origin = l.begin < job.x0 - side ? l.begin : job.x0 - side;  // column of lanes[0]

  std::ptrdiff_t made = job.y0 - r < 0 ? 0 : job.y0 - r;  // rows of the frame that are in the ring
  for (std::ptrdiff_t y = job.y0; y < job.y1; y += kRows) {
    const std::ptrdiff_t until = y + kRows + r < job.height ? y + kRows + r : job.height;
    for (; made < until; ++made) kTensorRow[time_entry](job, l, made, ring + made % l.ring_rows * ring_width);
    for (int i = 0; i < n_rows; ++i) {
      std::ptrdiff_t at = border_index(y + i - r, job.height, job.reflect);
      if (at >= until || at < until - l.ring_rows) at = until - 1;  // only for rows past y1
      offsets[i] = at % l.ring_rows * ring_width;
    }
    for (int frame = 0; frame < job.n_out; frame += kFrames) {
      const int n_frames = job.n_out - frame < kFrames ? job.n_out - frame : kFrames;
      for (int c = 0; c < kChannels; ++c) {
        const float* const* parts[kFrames];
        for (int f = 0; f < kFrames; ++f) {
          const float* plane = ring + (c * kTimeBlock + frame + (f < n_frames ? f : 0)) * l.plane;
          const float** list = rows + f * n_rows;
          for (int i = 0; i < n_rows; ++i) list[i] = plane + offsets[i];
          parts[f] = list;
        }
        kColumns[down](r, parts, ring_width, job.taps_y, lanes + (l.begin - origin) * kLanes);
        extend_lanes(lanes, job.x0 - side, job.x1 + side, job.width, job.reflect, origin);
        kAlong[along](side, lanes + (job.x0 - side - origin) * kLanes, job.x1 - job.x0, job.taps_x,
                      mu + c * l.mu_plane);
      }
      if (job.tensor) {
        for (int c = 0; c < kChannels; ++c)
          write_rows(job, mu + c * l.mu_plane, job.out + c * job.n_out + frame, n_frames, y);
      } else {
        respond(job, mu, l.mu_plane, job.x1 - job.x0);
        write_rows(job, mu, job.out + frame, n_frames, y);
      }
    }
  }
}

}  // namespace stcorner::kernels::STC_ISA
