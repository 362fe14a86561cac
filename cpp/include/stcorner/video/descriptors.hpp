#pragma once
#include <cstddef>

namespace stcorner::video {

/// Cells of a point's neighbourhood and bins of its histograms (Laptev et al. 2008).
constexpr int kCellsX = 3, kCellsY = 3, kCellsT = 2, kHogBins = 4, kHofBins = 5;
constexpr int kCells = kCellsT * kCellsY * kCellsX;
constexpr int kHogLength = kCells * kHogBins, kHofLength = kCells * kHofBins;

/// Neighbourhood of a point: centre and half sizes, in frames and pixels.
struct Neighbourhood {
  double t, y, x, half_t, half_y, half_x;
};

/// Histograms of gradient orientation and of optical flow around points.
///
/// `tensor` has shape (6, n_frames, height, width), C-contiguous: the products tt, ty, tx, yy, yx, xx of
/// unnormalised gradients, smoothed; its frame 0 is frame `first` of the video. `out` gets kHogLength +
/// kHofLength values a point, each part of Euclidean length 1 (or 0): cells in the order t, y, x, then bins.
/// HOG: orientation of the gradient modulo pi, weighted by its magnitude. HOF: direction of the flow
/// (Lucas-Kanade), and one bin for slower than `still` pixels a frame. Votes are shared by the two nearest
/// directions. Voxels outside the tensor have no vote.
void describe_points(const float* tensor, std::ptrdiff_t n_frames, std::ptrdiff_t height, std::ptrdiff_t width,
                     std::ptrdiff_t first, const Neighbourhood* points, std::ptrdiff_t n_points, double still,
                     float* out, int n_threads);

}  // namespace stcorner::video
