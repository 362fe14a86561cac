#pragma once
#include <cstddef>
#include <vector>

#include "stcorner/video/harris.hpp"

namespace stcorner::video {

struct OrientationOptions {
  HarrisOptions harris;            // one scale
  std::ptrdiff_t rows = 8, columns = 8, segments = 3;
  std::ptrdiff_t n_frames = 0;     // length of the clip; segments are equal parts of it
  int bins = 8;                    // directions
};

/// Histograms of gradients' and the tensor's orientations over cells, summed while the tensor streams by.
///
/// A pixel's vote is shared by the two nearest rows and the two nearest columns of cells; beyond the outermost centres
/// the share of the cell that is not there is lost. Only sums are kept, so memory does not depend on the length of the
/// clip, and they are added in the order of frames, so neither blocks nor threads change a bit.
class OrientationMap : private HarrisSink {
 public:
  static constexpr int kParts = 5;  // gradients: steady, brighter, darker; tensor: axis, motion

  /// Throws std::invalid_argument unless every cell holds at least one voxel.
  explicit OrientationMap(OrientationOptions options);
  void push(const void* frames, PixelType type, std::ptrdiff_t n, bool drain, Pause pause = nullptr) {
    engine_.push(frames, type, n, drain, *this, pause);
  }
  void finish(Pause pause = nullptr) { engine_.finish(*this, pause); }
  const HarrisOptions& options() const noexcept { return engine_.options(); }
  /// Sums of shape (segment, row, column, part, bin), in gray values.
  std::vector<double> sums() const;

 private:
  float* plane(std::ptrdiff_t scale, std::ptrdiff_t t, std::ptrdiff_t channel) override;
  std::ptrdiff_t stride() const override { return tensor_.front().stride(); }
  void done(std::ptrdiff_t t, std::ptrdiff_t n) override;
  void add(std::ptrdiff_t band, std::ptrdiff_t t, float* scratch);

  OrientationOptions options_;
  HarrisEngine engine_;
  std::vector<FrameRing> tensor_;
  std::vector<float> cosines_, sines_;
  float next_ = 0.0f;
  ScratchPool scratch_;
  std::vector<std::ptrdiff_t> column_begins_;  // first pixel between each column of cells and the next, then the width
  std::vector<float> shares_;  // of each pixel's right cell
  std::vector<double> sums_;  // (segment, band, upper or lower cell, column, part, bin)
};

}  // namespace stcorner::video
