#pragma once
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "stcorner/video/harris.hpp"

namespace stcorner::kernels {
struct TensorRows;
}

namespace stcorner::video {

class FrameRing;

/// What reads the engine's results while they stream by, and keeps none of them longer than a ring of frames.
class HarrisConsumer : private HarrisSink {
 public:
  ~HarrisConsumer() override;
  void push(const void* frames, PixelType type, Index n, bool drain, Pause pause = nullptr);
  void finish(Pause pause = nullptr);
  const HarrisOptions& options() const noexcept { return engine_.options(); }
  std::atomic<bool>& at_work() noexcept { return engine_.at_work(); }

 protected:
  /// Rings of `depth` frames, at least a block of the engine's.
  HarrisConsumer(HarrisOptions options, Index depth);

  /// Results of a scale, or channel of the tensor.
  const FrameRing& results(Index plane) const noexcept;
  HarrisEngine engine_;

 private:
  float* plane(Index scale, Index t, Index channel) override;
  Index stride() const override;
  virtual void ended() {}  // all results are done

  std::vector<FrameRing> results_;
};

/// The same of one scale's tensor.
class TensorConsumer : public HarrisConsumer {
 protected:
  explicit TensorConsumer(HarrisOptions options);
  kernels::TensorRows rows(Index t, Index y) const noexcept;
};

/// Parts of a clip, each with a histogram of its own.
struct Grid {
  Index rows, columns, segments;
  Index n_frames = 0;     // length of the clip; segments are equal parts of it

  /// Throws std::invalid_argument unless every part holds a voxel.
  void check(const HarrisOptions& options) const {
    if (rows < 1 || columns < 1 || segments < 1 || rows > options.height || columns > options.width ||
        segments > n_frames)
      throw std::invalid_argument("grid and segments must leave at least one voxel in every part");
  }
  /// Frame t is in segment g where g n_frames / segments <= t.
  Index segment_of(Index t) const noexcept { return ((t + 1) * segments - 1) / n_frames; }
};

struct InterestPoint {
  Index t, y, x;
  Index scale;
  float response;
  float offset[3];  // sub-voxel correction along t, y, x, each within half a voxel
};

struct DetectorOptions {
  double threshold_abs = 0.0;
  double threshold_rel = 0.0;      // times the largest response of the scale
  bool exclude_border = true;      // no points on the outermost voxels of frame and clip
  bool scale_selection = false;    // keep maxima of the normalised Laplacian over the neighbouring scales
  Index n_taus = 1;       // scales are ordered sigma by sigma
  Index row_begin = 0, row_end = 0;  // rows that are searched; 0, 0: all
};

/// Local maxima of the response over the 26 neighbours, found while the response streams by.
class StipDetector : public HarrisConsumer {
 public:
  StipDetector(HarrisOptions harris, DetectorOptions options);

  Index latency() const noexcept { return engine_.latency() + 1; }
  /// Largest response of a scale so far, on the rows that are searched.
  float largest(Index scale) const { return largest_[scale]; }
  /// Points whose frame is final, in the order t, scale, y, x; a second call returns the newer ones.
  /// While the stream runs the threshold is relative to the largest response so far.
  std::vector<InterestPoint> take();

 private:
  struct Found {
    std::vector<InterestPoint> points;
    float largest;
  };

  void done(Index t, Index n) override;
  void ended() override;
  void search(Index t, Index n, bool last);
  void search_frame(Index t, Index scale, Index end, Found& found) const;
  bool is_best_scale(const InterestPoint& point) const;
  float threshold(Index scale) const;
  void drop_weak(std::vector<InterestPoint>& points) const;

  DetectorOptions options_;
  std::vector<float> lowest_;  // a row of -infinity, for neighbours outside
  std::vector<float> largest_;
  std::vector<InterestPoint> points_;
  Index searched_ = 0, pruned_at_ = 4096;
};

/// Maxima over the 26 neighbours of a response of shape (t, y, x), C-contiguous, above `threshold`; not
/// on the outermost voxels. In memory order.
std::vector<InterestPoint> local_maxima(const float* response, Index n_frames, Index height, Index width,
                                        float threshold, Team team);

/// Which of n points, strongest first, stay when each kept point removes all later ones within
/// `min_distance` on all three axes. `coordinates` are (t, y, x) triples.
std::vector<std::uint8_t> suppress_neighbours(const std::int64_t* coordinates, Index n, std::int64_t min_distance,
                                              Pause pause = nullptr);

/// Histograms of the response over a grid of blocks, counted while the response streams by.
class TextureMap : public HarrisConsumer {
 public:
  /// Bins between inner edges, which ascend. Throws std::invalid_argument unless every part holds at least one voxel.
  TextureMap(HarrisOptions harris, Grid grid, std::vector<float> edges);
  /// Counts of shape (scale, segment, row, column, bin).
  const std::vector<std::int64_t>& counts() const noexcept { return counts_; }

 private:
  void done(Index t, Index n) override;

  Grid grid_;
  std::vector<float> edges_;
  std::vector<std::int64_t> counts_;
};

/// Histograms of gradients' and the tensor's orientations over cells, summed while the tensor streams by.
///
/// A pixel's vote is shared by the two nearest rows and the two nearest columns of cells; beyond the outermost centres
/// the share of the cell that is not there is lost. Only sums are kept, so memory does not depend on the length of the
/// clip, and they are added in the order of frames, so neither blocks nor threads change a bit.
class OrientationMap : public TensorConsumer {
 public:
  static constexpr int kParts = 5;  // gradients: steady, brighter, darker; tensor: axis, motion

  /// Throws std::invalid_argument unless every cell holds at least one voxel and there are 3 directions.
  OrientationMap(HarrisOptions harris, Grid grid, int bins);
  /// Sums of shape (segment, row, column, part, bin), in gray values.
  std::vector<double> sums() const;

 private:
  void done(Index t, Index n) override;
  void add(Index band, Index t, float* scratch);

  Grid grid_;
  int bins_;  // directions
  std::vector<float> cosines_, sines_;
  float next_ = 0.0f;
  std::vector<Index> column_begins_;  // first pixel between each column of cells and the next, then the width
  std::vector<float> shares_;  // of each pixel's right cell
  std::vector<double> sums_;  // (segment, band, upper or lower cell, column, part, bin)
};

/// Cells of a point's neighbourhood and bins of its histograms (Laptev et al. 2008).
constexpr int kCellsX = 3, kCellsY = 3, kCellsT = 2, kHogBins = 4, kHofBins = 5;
constexpr int kCells = kCellsT * kCellsY * kCellsX;
constexpr int kHogLength = kCells * kHogBins, kHofLength = kCells * kHofBins;

/// Neighbourhood of a point: centre and half sizes, in frames and pixels.
struct Neighbourhood {
  double t, y, x, half_t, half_y, half_x;
};

/// Histograms of gradient orientation and of optical flow around points, summed while the tensor streams by.
///
/// HOG: orientation of the gradient modulo pi, weighted by its magnitude. HOF: direction of the flow (Lucas-Kanade),
/// and one bin for slower than `still` pixels a frame. Votes are shared by the two nearest directions. Voxels outside
/// the video have no vote. Every voxel votes once, and a running sum of the votes along its row gives those of any
/// stretch of it by two values; a point adds up the rows of its cells frame by frame, so no more than a block of frames
/// is kept.
class StipDescriber : public TensorConsumer {
 public:
  /// Throws std::invalid_argument where a point is not finite or a half size not positive.
  StipDescriber(HarrisOptions harris, std::vector<Neighbourhood> points, double still);
  Index n_points() const noexcept { return static_cast<Index>(points_.size()); }
  /// kHogLength + kHofLength values a point, each part of Euclidean length 1 (or 0): cells in the order t, y, x, then
  /// bins.
  void describe(float* out, Pause pause = nullptr) const;

 private:
  void done(Index t, Index n) override;
  float* votes(Index t, Index y) noexcept;
  void add(Index point, Index t, Index n);

  std::vector<Neighbourhood> points_;
  double still_;
  Index row_ = 0;             // floats of a row of votes
  std::vector<float> votes_;           // of a block of frames
  std::vector<Index> waiting_, active_;  // points by their first frame, last one next; points under way
  std::vector<float> sums_;            // (point, cell, vote)
};

}  // namespace stcorner::video
