#pragma once
#include <cstddef>
#include <vector>

#include "stcorner/video/consumer.hpp"

namespace stcorner::video {

/// Cells of a point's neighbourhood and bins of its histograms (Laptev et al. 2008).
constexpr int kCellsX = 3, kCellsY = 3, kCellsT = 2, kHogBins = 4, kHofBins = 5;
constexpr int kCells = kCellsT * kCellsY * kCellsX;
constexpr int kHogLength = kCells * kHogBins, kHofLength = kCells * kHofBins;

/// Neighbourhood of a point: centre and half sizes, in frames and pixels.
struct Neighbourhood {
  double t, y, x, half_t, half_y, half_x;
};

struct DescriberOptions {
  HarrisOptions harris;                // one scale
  std::vector<Neighbourhood> points;
  double still = 0.2;                  // pixels a frame
};

/// Histograms of gradient orientation and of optical flow around points, summed while the tensor streams by.
///
/// HOG: orientation of the gradient modulo pi, weighted by its magnitude. HOF: direction of the flow (Lucas-Kanade),
/// and one bin for slower than `still`. Votes are shared by the two nearest directions. Voxels outside the video have
/// no vote. Every voxel votes once, and a running sum of the votes along its row gives those of any stretch of it by
/// two values; a point adds up the rows of its cells frame by frame, so no more than a block of frames is kept.
class StipDescriber : public TensorConsumer {
 public:
  /// Throws std::invalid_argument where a point is not finite or a half size not positive.
  explicit StipDescriber(DescriberOptions options);
  std::ptrdiff_t n_points() const noexcept { return static_cast<std::ptrdiff_t>(options_.points.size()); }
  /// kHogLength + kHofLength values a point, each part of Euclidean length 1 (or 0): cells in the order t, y, x, then
  /// bins.
  void describe(float* out, Pause pause = nullptr) const;

 private:
  void done(std::ptrdiff_t t, std::ptrdiff_t n) override;
  float* votes(std::ptrdiff_t t, std::ptrdiff_t y) noexcept;
  void add(std::ptrdiff_t point, std::ptrdiff_t t, std::ptrdiff_t n);

  DescriberOptions options_;
  std::ptrdiff_t row_ = 0;             // floats of a row of votes
  std::vector<float> votes_;           // of a block of frames
  std::vector<std::ptrdiff_t> waiting_, active_;  // points by their first frame, last one next; points under way
  std::vector<float> sums_;            // (point, cell, vote)
};

}  // namespace stcorner::video
