#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "stcorner/parallel.hpp"
#include "stcorner/video/consumer.hpp"

namespace stcorner::video {

struct InterestPoint {
  std::ptrdiff_t t, y, x;
  std::ptrdiff_t scale;
  float response;
  float offset[3];  // sub-voxel correction along t, y, x, each within half a voxel
};

struct DetectorOptions {
  HarrisOptions harris;
  double threshold_abs = 0.0;
  double threshold_rel = 0.0;      // times the largest response of the scale
  bool exclude_border = true;      // no points on the outermost voxels of frame and clip
  bool scale_selection = false;    // keep maxima of the normalised Laplacian over the neighbouring scales
  std::ptrdiff_t n_taus = 1;       // scales are ordered sigma by sigma
  std::ptrdiff_t row_begin = 0, row_end = 0;  // rows that are searched; 0, 0: all
};

/// Local maxima of the response over the 26 neighbours, found while the response streams by.
class StipDetector : public HarrisConsumer {
 public:
  explicit StipDetector(DetectorOptions options);

  void finish(Pause pause = nullptr);
  std::ptrdiff_t latency() const noexcept { return engine_.latency() + 1; }
  /// Largest response of a scale so far, on the rows that are searched.
  float largest(std::ptrdiff_t scale) const { return largest_[static_cast<std::size_t>(scale)]; }
  /// Points whose frame is final, in the order t, scale, y, x; a second call returns the newer ones.
  /// While the stream runs the threshold is relative to the largest response so far.
  std::vector<InterestPoint> take();

 private:
  struct Found {
    std::vector<InterestPoint> points;
    float largest;
  };

  void done(std::ptrdiff_t t, std::ptrdiff_t n) override;
  void search(std::ptrdiff_t t, std::ptrdiff_t n, bool last);
  void search_frame(std::ptrdiff_t t, std::ptrdiff_t scale, std::ptrdiff_t end, Found& found) const;
  bool is_best_scale(const InterestPoint& point) const;
  float threshold(std::ptrdiff_t scale) const;
  void drop_weak(std::vector<InterestPoint>& points) const;

  DetectorOptions options_;
  std::vector<float> lowest_;  // a row of -infinity, for neighbours outside
  std::vector<float> largest_;
  std::vector<InterestPoint> points_;
  std::ptrdiff_t searched_ = 0, pruned_at_ = 4096;
};

/// Maxima over the 26 neighbours of a response of shape (t, y, x), C-contiguous, above `threshold`; not
/// on the outermost voxels. In memory order.
std::vector<InterestPoint> local_maxima(const float* response, std::ptrdiff_t n_frames, std::ptrdiff_t height,
                                        std::ptrdiff_t width, float threshold, int n_threads, Pause pause = nullptr);

/// Which of n points, strongest first, stay when each kept point removes all later ones within
/// `min_distance` on all three axes. `coordinates` are (t, y, x) triples.
std::vector<std::uint8_t> suppress_neighbours(const std::int64_t* coordinates, std::ptrdiff_t n,
                                              std::int64_t min_distance, Pause pause = nullptr);

}  // namespace stcorner::video
