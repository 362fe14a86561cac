// Votes of every voxel for the directions of its gradient and its flow, as running sums along the row.
#include <cmath>

#include "video_parts.hpp"

namespace stcorner::kernels::STC_ISA {
namespace {

constexpr std::ptrdiff_t kChunk = 32;

/// atan2(y, x) over 2 pi, in [0, 1], to 3e-8.
STC_INLINE float turn_of(float y, float x) noexcept {
  const float ax = std::fabs(x), ay = std::fabs(y);
  const float small = ax < ay ? ax : ay, large = ax < ay ? ay : ax;
  const float a = small / (large + 1e-37f), z = a * a;
  float p = a * polynomial(z, -0.0006453023524955f, 0.0034795901738107f, -0.0088987117633224f, 0.0153460251167417f,
                           -0.0221362672746182f, 0.0317459441721439f, -0.0530461221933365f, 0.1591548323631287f);
  p = ay > ax ? 0.25f - p : p;
  p = x < 0.0f ? 0.5f - p : p;
  return y < 0.0f ? 1.0f - p : p;
}

/// Shares of the two of four directions around a turn, times a weight; plane b at out + b * kChunk.
STC_INLINE void share(float turn, float weight, float* out) noexcept {
  const float at = turn * 4.0f;
  for (int b = 0; b < 4; ++b) {
    float away = std::fabs(at - static_cast<float>(b));
    away = away > 2.0f ? 4.0f - away : away;
    const float part = 1.0f - away;
    out[b * kChunk] = part > 0.0f ? part * weight : 0.0f;
  }
}

}  // namespace

void votes(const VotesJob& job) noexcept {
  static_assert(kVoteSegment % kChunk == 0, "a running sum starts anew between two chunks");
  float planes[kVotes * kChunk];
  float sum[kVotes] = {};
  float* out = job.out;
  float* totals = job.out + (job.width + 1) * kVotes;
  in_chunks(job.width, kChunk, [&](std::ptrdiff_t begin, std::ptrdiff_t n) {
    for (std::ptrdiff_t i = 0; i < n; ++i) {
      const std::ptrdiff_t x = begin + i;
      const float xx = job.tensor.xx[x], yy = job.tensor.yy[x], yx = job.tensor.yx[x], energy = xx + yy;
      // The angle of the tensor's first axis is half of this one; modulo pi it is a whole turn.
      share(turn_of(2.0f * yx, xx - yy), std::sqrt(energy > 0.0f ? energy : 0.0f), planes + i);
      // Over the trace, so that nothing leaves float32; a hundredth of it on the diagonal: flow along an edge, which
      // cannot be seen, becomes zero.
      const float unit = energy > 0.0f ? 1.0f / energy : 0.0f;
      const float a = xx * unit + 0.01f, d = yy * unit + 0.01f, b = yx * unit;
      const float tx = job.tensor.tx[x] * unit, ty = job.tensor.ty[x] * unit, det = a * d - b * b;
      const float u = (b * ty - d * tx) / det, v = (b * tx - a * ty) / det;
      const bool moves = det > 0.0f && u * u + v * v >= job.still * job.still;
      share(turn_of(v, u), moves ? 1.0f : 0.0f, planes + 4 * kChunk + i);
    }
    if (begin % kVoteSegment == 0 && begin > 0) {
      for (int v = 0; v < kVotes; ++v) totals[v] = sum[v], sum[v] = 0.0f;
      totals += kVotes;
    }
    for (std::ptrdiff_t i = 0; i < n; ++i, out += kVotes)
      for (int v = 0; v < kVotes; ++v) {
        out[v] = sum[v];
        sum[v] += planes[v * kChunk + i];
      }
  });
  const bool full = job.width % kVoteSegment == 0;
  for (int v = 0; v < kVotes; ++v) {
    totals[v] = sum[v];
    out[v] = full ? 0.0f : sum[v];
  }
}

void add_votes(const float* rows, std::ptrdiff_t n_rows, std::ptrdiff_t width, const std::ptrdiff_t* bounds,
               float* cells) noexcept {
  float sums[3 * kVotes] = {};
  const std::ptrdiff_t length = votes_length(width);
  for (std::ptrdiff_t y = 0; y < n_rows; ++y, rows += length) {
    const float* totals = rows + (width + 1) * kVotes;
    std::ptrdiff_t segment = bounds[0] / kVoteSegment;
    float carry[kVotes] = {}, before[kVotes];
    for (int v = 0; v < kVotes; ++v) before[v] = rows[bounds[0] * kVotes + v];
    for (int c = 0; c < 3; ++c) {
      for (; segment < bounds[c + 1] / kVoteSegment; ++segment)
        for (int v = 0; v < kVotes; ++v) carry[v] += totals[segment * kVotes + v];
      for (int v = 0; v < kVotes; ++v) {
        const float until = carry[v] + rows[bounds[c + 1] * kVotes + v];
        sums[c * kVotes + v] += until - before[v];
        before[v] = until;
      }
    }
  }
  for (int i = 0; i < 3 * kVotes; ++i) cells[i] += sums[i];
}

}  // namespace stcorner::kernels::STC_ISA
