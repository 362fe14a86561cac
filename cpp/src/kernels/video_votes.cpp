// Votes for directions: of the pixels of a row, into histograms or as running sums. Loops over pixels are plain: the
// compiler makes vectors of them.
#include <cmath>

#include "video_parts.hpp"

namespace stcorner::kernels::STC_ISA {
namespace {

constexpr Index kChunk = 64;  // pixels whose gradients are held at a time

/// A vector goes to the two directions around it: its part along each, less what a vector of the same length has
/// along a direction one bin away.
STC_INLINE float part_along(float x, float y, float length, float cosine, float sine, float next) noexcept {
  const float part = x * cosine + y * sine - next * length;
  return part > 0.0f ? part : 0.0f;
}

struct Target {
  float* STC_RESTRICT upper;
  float* STC_RESTRICT lower;
};

STC_INLINE Target target(const OrientationJob& job, int part, int bin, Index x) noexcept {
  float* upper = job.votes + (part * job.bins + bin) * job.stride + x;
  return {upper, upper + 5 * job.bins * job.stride};
}

void vote_gradients(const OrientationJob& job, Index begin, Index n) noexcept {
  float gx[kChunk], gy[kChunk], length[kChunk], level[kChunk], up[kChunk], down[kChunk];
  for (Index i = 0; i < n; ++i) {
    const Index x = begin + i;
    gx[i] = 0.5f * (job.here[x + 1] - job.here[x - 1]);
    gy[i] = 0.5f * (job.below[x] - job.above[x]);
    const float gt = job.time_unit * (job.after[x] - job.before[x]);
    const float size = gt < 0.0f ? -gt : gt;
    length[i] = std::sqrt(gx[i] * gx[i] + gy[i] * gy[i]);
    // From 0 where nothing changes to 1 where a gradient is as steep in time as in space.
    const float steep = 2.0f * size / (length[i] + size + 1e-30f);
    const float share = steep < 1.0f ? steep : 1.0f;
    level[i] = 1.0f - share;
    up[i] = gt > 0.0f ? share : 0.0f;
    down[i] = gt > 0.0f ? 0.0f : share;
  }
  for (int bin = 0; bin < job.bins; ++bin) {
    const float cosine = job.cosines[bin], sine = job.sines[bin];
    const Target a = target(job, 0, bin, begin), b = target(job, 1, bin, begin), c = target(job, 2, bin, begin);
    for (Index i = 0; i < n; ++i) {
      const float vote = part_along(gx[i], gy[i], length[i], cosine, sine, job.next);
      const float upper = job.upper * vote, lower = job.lower * vote;
      a.upper[i] += upper * level[i];
      a.lower[i] += lower * level[i];
      b.upper[i] += upper * up[i];
      b.lower[i] += lower * up[i];
      c.upper[i] += upper * down[i];
      c.lower[i] += lower * down[i];
    }
  }
}

/// Directions of vectors in squared gray values, whose votes are in gray values.
void vote_pairs(const OrientationJob& job, int part, const float* STC_RESTRICT first, const float* STC_RESTRICT second,
                Index begin, Index n) noexcept {
  float length[kChunk], upper[kChunk], lower[kChunk];
  for (Index i = 0; i < n; ++i) {
    length[i] = std::sqrt(first[i] * first[i] + second[i] * second[i]);
    const float unit = 1.0f / std::sqrt(length[i] + 1e-30f);
    upper[i] = job.upper * unit;
    lower[i] = job.lower * unit;
  }
  for (int bin = 0; bin < job.bins; ++bin) {
    const float cosine = job.cosines[bin], sine = job.sines[bin];
    const Target to = target(job, part, bin, begin);
    for (Index i = 0; i < n; ++i) {
      const float vote = part_along(first[i], second[i], length[i], cosine, sine, job.next);
      to.upper[i] += upper[i] * vote;
      to.lower[i] += lower[i] * vote;
    }
  }
}

constexpr Index kVoteChunk = 32;  // pixels whose votes are held at a time

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

/// Shares of the two of four directions around a turn, times a weight; plane b at out + b * kVoteChunk.
STC_INLINE void share(float turn, float weight, float* out) noexcept {
  const float at = turn * 4.0f;
  for (int b = 0; b < 4; ++b) {
    float away = std::fabs(at - static_cast<float>(b));
    away = away > 2.0f ? 4.0f - away : away;
    const float part = 1.0f - away;
    out[b * kVoteChunk] = part > 0.0f ? part * weight : 0.0f;
  }
}

}  // namespace

void orientations(const OrientationJob& job) noexcept {
  float first[kChunk], second[kChunk];
  in_chunks(job.width, kChunk, [&](Index begin, Index n) {
    vote_gradients(job, begin, n);
    for (Index i = 0; i < n; ++i) {  // the first axis in space, its angle doubled
      first[i] = job.tensor.xx[begin + i] - job.tensor.yy[begin + i];
      second[i] = 2.0f * job.tensor.yx[begin + i];
    }
    vote_pairs(job, 3, first, second, begin, n);
    for (Index i = 0; i < n; ++i) {  // against the product of a slope in space and one in time: where it goes
      first[i] = -job.tensor.tx[begin + i];
      second[i] = -job.tensor.ty[begin + i];
    }
    vote_pairs(job, 4, first, second, begin, n);
  });
}

void votes(const VotesJob& job) noexcept {
  static_assert(kVoteSegment % kVoteChunk == 0, "a running sum starts anew between two chunks");
  float planes[kVotes * kVoteChunk];
  float sum[kVotes] = {};
  float* out = job.out;
  float* totals = job.out + (job.width + 1) * kVotes;
  in_chunks(job.width, kVoteChunk, [&](Index begin, Index n) {
    for (Index i = 0; i < n; ++i) {
      const Index x = begin + i;
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
      share(turn_of(v, u), moves ? 1.0f : 0.0f, planes + 4 * kVoteChunk + i);
    }
    if (begin % kVoteSegment == 0 && begin > 0) {
      for (int v = 0; v < kVotes; ++v) totals[v] = sum[v], sum[v] = 0.0f;
      totals += kVotes;
    }
    for (Index i = 0; i < n; ++i, out += kVotes)
      for (int v = 0; v < kVotes; ++v) {
        out[v] = sum[v];
        sum[v] += planes[v * kVoteChunk + i];
      }
  });
  const bool full = job.width % kVoteSegment == 0;
  for (int v = 0; v < kVotes; ++v) {
    totals[v] = sum[v];
    out[v] = full ? 0.0f : sum[v];
  }
}

void add_votes(const float* rows, Index n_rows, Index width, const Index* bounds, float* cells) noexcept {
  float sums[3 * kVotes] = {};
  const Index length = votes_length(width);
  for (Index y = 0; y < n_rows; ++y, rows += length) {
    const float* totals = rows + (width + 1) * kVotes;
    Index segment = bounds[0] / kVoteSegment;
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
