#include "stcorner/video/descriptors.hpp"

#include <algorithm>
#include <cmath>

#include "stcorner/parallel.hpp"

namespace stcorner::video {
namespace {

using Index = std::ptrdiff_t;
constexpr double kPi = 3.14159265358979323846;

struct Gradients {
  double ty, tx, yy, yx, xx;
};

/// Share a vote between the two bins whose centres lie around `turn` (0 to 1 is the whole circle).
void vote(double turn, double weight, int n_bins, double* histogram) {
  const double position = (turn - std::floor(turn)) * n_bins;
  const int low = static_cast<int>(position) % n_bins;
  const double share = position - std::floor(position);
  histogram[low] += weight * (1.0 - share);
  histogram[(low + 1) % n_bins] += weight * share;
}

void vote_gradient(const Gradients& g, double* histogram) {
  const double energy = g.xx + g.yy;
  if (!(energy > 0.0)) return;
  // The angle of the tensor's first axis is half of atan2(2 yx, xx - yy); modulo pi it is a whole turn.
  vote(std::atan2(2.0 * g.yx, g.xx - g.yy) / (2.0 * kPi), std::sqrt(energy), kHogBins, histogram);
}

void vote_flow(const Gradients& g, double still, double* histogram) {
  // A hundredth of the trace on the diagonal: flow along an edge, which cannot be seen, becomes zero.
  const double ridge = 0.01 * (g.xx + g.yy), a = g.xx + ridge, d = g.yy + ridge, b = g.yx;
  const double det = a * d - b * b;
  double u = 0.0, v = 0.0;
  if (det > 0.0) {
    u = (b * g.ty - d * g.tx) / det;
    v = (b * g.tx - a * g.ty) / det;
  }
  if (std::hypot(u, v) < still)
    histogram[kHofBins - 1] += 1.0;
  else
    vote(std::atan2(v, u) / (2.0 * kPi), 1.0, kHofBins - 1, histogram);
}

void normalise(const double* histogram, int n, float* out) {
  double energy = 0.0;
  for (int i = 0; i < n; ++i) energy += histogram[i] * histogram[i];
  const double scale = energy > 0.0 ? 1.0 / std::sqrt(energy) : 0.0;
  for (int i = 0; i < n; ++i) out[i] = static_cast<float>(histogram[i] * scale);
}

struct Span {
  Index begin, end;
};

/// Voxels of an axis of n that lie within the half size of the centre.
Span covered(double centre, double half, Index n) {
  const double low = std::clamp(std::ceil(centre - half), 0.0, static_cast<double>(n));
  const double high = std::clamp(std::floor(centre + half) + 1.0, low, static_cast<double>(n));
  return {static_cast<Index>(low), static_cast<Index>(high)};
}

int cell(Index at, double centre, double half, int n_cells) {
  const double position = (static_cast<double>(at) - (centre - half)) / (2.0 * half) * n_cells;
  return std::clamp(static_cast<int>(position), 0, n_cells - 1);
}

}  // namespace

void describe_points(const float* tensor, Index n_frames, Index height, Index width, Index first,
                     const Neighbourhood* points, Index n_points, double still, float* out, int n_threads) {
  const Index plane = n_frames * height * width;
  parallel_for(n_points, n_threads, [&](Index item) {
    const Neighbourhood& p = points[item];
    double hog[kHogLength] = {}, hof[kHofLength] = {};
    const double centre = p.t - static_cast<double>(first);
    const Span ts = covered(centre, p.half_t, n_frames), ys = covered(p.y, p.half_y, height);
    const Span xs = covered(p.x, p.half_x, width);
    for (Index t = ts.begin; t < ts.end; ++t)
      for (Index y = ys.begin; y < ys.end; ++y) {
        const int row = (cell(t, centre, p.half_t, kCellsT) * kCellsY + cell(y, p.y, p.half_y, kCellsY)) * kCellsX;
        for (Index x = xs.begin; x < xs.end; ++x) {
          const float* at = tensor + (t * height + y) * width + x;
          const Gradients g{at[plane], at[2 * plane], at[3 * plane], at[4 * plane], at[5 * plane]};
          const int c = row + cell(x, p.x, p.half_x, kCellsX);
          vote_gradient(g, hog + c * kHogBins);
          vote_flow(g, still, hof + c * kHofBins);
        }
      }
    float* to = out + item * (kHogLength + kHofLength);
    normalise(hog, kHogLength, to);
    normalise(hof, kHofLength, to + kHogLength);
  });
}

}  // namespace stcorner::video
