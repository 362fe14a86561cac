#pragma once
#include <cstddef>
#include <vector>

#include "stcorner/video/consumer.hpp"

namespace stcorner::video {

struct OrientationOptions {
  HarrisOptions harris;  // one scale
  Grid grid;
  int bins = 8;  // directions
};

/// Histograms of gradients' and the tensor's orientations over cells, summed while the tensor streams by.
///
/// A pixel's vote is shared by the two nearest rows and the two nearest columns of cells; beyond the outermost centres
/// the share of the cell that is not there is lost. Only sums are kept, so memory does not depend on the length of the
/// clip, and they are added in the order of frames, so neither blocks nor threads change a bit.
class OrientationMap : public TensorConsumer {
 public:
  static constexpr int kParts = 5;  // gradients: steady, brighter, darker; tensor: axis, motion

  /// Throws std::invalid_argument unless every cell holds at least one voxel.
  explicit OrientationMap(OrientationOptions options);
  /// Sums of shape (segment, row, column, part, bin), in gray values.
  std::vector<double> sums() const;

 private:
  void done(std::ptrdiff_t t, std::ptrdiff_t n) override;
  void add(std::ptrdiff_t band, std::ptrdiff_t t, float* scratch);

  OrientationOptions options_;
  std::vector<float> cosines_, sines_;
  float next_ = 0.0f;
  std::vector<std::ptrdiff_t> column_begins_;  // first pixel between each column of cells and the next, then the width
  std::vector<float> shares_;  // of each pixel's right cell
  std::vector<double> sums_;  // (segment, band, upper or lower cell, column, part, bin)
};

}  // namespace stcorner::video
