#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "stcorner/video/consumer.hpp"

namespace stcorner::video {

struct TextureOptions {
  HarrisOptions harris;
  Grid grid;
  std::vector<float> edges;  // inner edges of the bins, ascending
};

/// Histograms of the response over a grid of blocks, counted while the response streams by.
class TextureMap : public HarrisConsumer {
 public:
  /// Throws std::invalid_argument unless every part holds at least one voxel.
  explicit TextureMap(TextureOptions options);
  /// Counts of shape (scale, segment, row, column, bin).
  const std::vector<std::int64_t>& counts() const noexcept { return counts_; }

 private:
  void done(std::ptrdiff_t t, std::ptrdiff_t n) override;

  TextureOptions options_;
  std::vector<std::int64_t> counts_;
};

}  // namespace stcorner::video
