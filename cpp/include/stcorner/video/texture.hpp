#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "stcorner/video/harris.hpp"

namespace stcorner::video {

struct TextureOptions {
  HarrisOptions harris;
  std::ptrdiff_t rows = 6, columns = 6, segments = 3;
  std::ptrdiff_t n_frames = 0;     // length of the clip; segments are equal parts of it
  std::vector<float> edges;        // inner edges of the bins, ascending
};

/// Histograms of the response over a grid of blocks, counted while the response streams by.
class TextureMap : private HarrisSink {
 public:
  /// Throws std::invalid_argument unless every block holds at least one voxel.
  explicit TextureMap(TextureOptions options);
  void push(const void* frames, PixelType type, std::ptrdiff_t n, bool drain, Pause pause = nullptr) {
    engine_.push(frames, type, n, drain, *this, pause);
  }
  void finish(Pause pause = nullptr) { engine_.finish(*this, pause); }
  const HarrisOptions& options() const noexcept { return engine_.options(); }
  /// Counts of shape (scale, segment, row, column, bin).
  const std::vector<std::int64_t>& counts() const noexcept { return counts_; }

 private:
  float* plane(std::ptrdiff_t scale, std::ptrdiff_t t, std::ptrdiff_t channel) override;
  std::ptrdiff_t stride() const override { return responses_.front().stride(); }
  void done(std::ptrdiff_t t, std::ptrdiff_t n) override;

  TextureOptions options_;
  HarrisEngine engine_;
  std::vector<FrameRing> responses_;
  std::vector<std::int64_t> counts_;
};

}  // namespace stcorner::video
