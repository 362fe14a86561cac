// Votes for directions, one row of a frame at a time. Loops over pixels are plain: the compiler makes vectors of them.
#include <cmath>

#include "video_parts.hpp"

namespace stcorner::kernels::STC_ISA {
namespace {

constexpr std::ptrdiff_t kChunk = 64;  // pixels whose gradients are held at a time

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

STC_INLINE Target target(const OrientationJob& job, int part, int bin, std::ptrdiff_t x) noexcept {
  float* upper = job.votes + (part * job.bins + bin) * job.stride + x;
  return {upper, upper + 5 * job.bins * job.stride};
}

void vote_gradients(const OrientationJob& job, std::ptrdiff_t begin, std::ptrdiff_t n) noexcept {
  float gx[kChunk], gy[kChunk], length[kChunk], level[kChunk], up[kChunk], down[kChunk];
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    const std::ptrdiff_t x = begin + i;
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
    for (std::ptrdiff_t i = 0; i < n; ++i) {
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
                std::ptrdiff_t begin, std::ptrdiff_t n) noexcept {
  float length[kChunk], upper[kChunk], lower[kChunk];
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    length[i] = std::sqrt(first[i] * first[i] + second[i] * second[i]);
    const float unit = 1.0f / std::sqrt(length[i] + 1e-30f);
    upper[i] = job.upper * unit;
    lower[i] = job.lower * unit;
  }
  for (int bin = 0; bin < job.bins; ++bin) {
    const float cosine = job.cosines[bin], sine = job.sines[bin];
    const Target to = target(job, part, bin, begin);
    for (std::ptrdiff_t i = 0; i < n; ++i) {
      const float vote = part_along(first[i], second[i], length[i], cosine, sine, job.next);
      to.upper[i] += upper[i] * vote;
      to.lower[i] += lower[i] * vote;
    }
  }
}

}  // namespace

void orientations(const OrientationJob& job) noexcept {
  float first[kChunk], second[kChunk];
  in_chunks(job.width, kChunk, [&](std::ptrdiff_t begin, std::ptrdiff_t n) {
    vote_gradients(job, begin, n);
    for (std::ptrdiff_t i = 0; i < n; ++i) {  // the first axis in space, its angle doubled
      first[i] = job.tensor.xx[begin + i] - job.tensor.yy[begin + i];
      second[i] = 2.0f * job.tensor.yx[begin + i];
    }
    vote_pairs(job, 3, first, second, begin, n);
    for (std::ptrdiff_t i = 0; i < n; ++i) {  // against the product of a slope in space and one in time: where it goes
      first[i] = -job.tensor.tx[begin + i];
      second[i] = -job.tensor.ty[begin + i];
    }
    vote_pairs(job, 4, first, second, begin, n);
  });
}

}  // namespace stcorner::kernels::STC_ISA
