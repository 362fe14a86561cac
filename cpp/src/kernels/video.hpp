#pragma once
#include <cstdint>

#include "stcorner/video/harris.hpp"
#include "table.hpp"

namespace stcorner::kernels {

using video::tensor_planes;
using video::TensorOutput;
using Pixel = video::PixelType;

/// Frames that one call of the tensor kernel may produce; the time blocks of the engine are as long.
constexpr int kTimeBlock = 8;

/// Part of n_out frames, at most kTimeBlock, and what smooths it in space.
struct Tile {
  Index height, width;
  Index x0, x1, y0, y1;  // x0 is a multiple of 16
  int n_out, radius_y, radius_x;
  const float* taps_y;            // centre first, radius_y + 1 values
  const float* taps_x;
  bool reflect;                   // else nearest
  Index out_stride;
};

/// Smoothed frames, from frames as they came. Windows in time hold n_out + 2 time_radius entries.
struct InnerJob {
  Tile tile;
  const void* const* frames;      // C-contiguous
  const Pixel* pixels;            // type of each
  int time_radius;
  const float* time_taps;
  float* const* out;              // row 0 of each frame, with a column of border on both sides
  float* scratch;                 // inner_scratch() floats
};

/// Tensor and response of a tile.
struct OuterJob {
  Tile tile;
  const float* const* previous;   // row 0 of the frames before, at and after each entry of the window
  const float* const* current;
  const float* const* next;
  int time_radius;
  const float* time_taps;         // 6 sets (tt, ty, tx, yy, yx, xx) of time_radius + 1: gradient scales folded in
  Index stride;
  float k, eps;
  bool normalize;                 // det / (trace + eps)^3 - k (trace / (trace + eps))^3 instead of det - k trace^3
  bool tensor;                    // write the six planes instead of the response
  float* const* out;              // n_out frames, or 6 n_out planes (channel-major) for `tensor`
  float* scratch;                 // outer_scratch() floats
};

/// A row of the tensor's planes.
struct TensorRows {
  const float *ty, *tx, *yy, *yx, *xx;
};

/// Votes of one row for directions, added to two histograms a pixel. There are five parts of `bins` directions:
/// gradients in space that stay, grow brighter and grow darker, first axes of the tensor in space (angle doubled),
/// and motion.
struct OrientationJob {
  const float* before;            // the row of the smoothed frames before and after, with a column of border
  const float* after;
  const float* above;
  const float* here;
  const float* below;
  TensorRows tensor;
  Index width;
  float time_unit;                // of the difference over two frames, against pixels
  int bins;
  const float* cosines;           // of the directions, over the sum that a vector's votes would have without
  const float* sines;
  float next;                     // cosine between neighbouring directions, likewise
  float upper, lower;             // weight of the row in the two histograms
  float* votes;                   // upper, then lower: (part, bin) rows of `stride` floats
  Index stride;
};

/// Directions that a voxel votes for: four of its gradient, four of its flow.
constexpr int kVotes = 8;
/// The running sums of votes start anew every so many pixels, so that they stay as exact as the votes.
constexpr Index kVoteSegment = 64;

/// Floats of a row of running sums: before each pixel and after the last, then the whole of each segment.
constexpr Index votes_length(Index width) noexcept { return (width + 1 + width / kVoteSegment + 1) * kVotes; }

/// Votes of a row.
struct VotesJob {
  TensorRows tensor;
  Index width;
  float still;                    // slower flow has no vote
  float* out;                     // votes_length(width) floats
};

struct EigenJob {
  const float* planes[6];         // tt, ty, tx, yy, yx, xx
  Index n;
  TensorOutput output;            // not the tensor itself
  float* out[12];
};

/// Kernels of the video room: raw pointers only, noexcept, no allocation. Scratch is aligned to 64 bytes.
struct VideoTable {
  const char* isa;
  Index (*inner_scratch)(const InnerJob&) noexcept;
  void (*inner)(const InnerJob&) noexcept;
  /// Copies n values, float64 as float32; false where one is not finite or beyond 1e5.
  bool (*take)(const void* in, Pixel pixel, Index n, void* out) noexcept;
  Index (*outer_scratch)(const OuterJob&) noexcept;
  void (*outer)(const OuterJob&) noexcept;
  /// Columns x in [x0, x1) of the middle row that exceed `threshold` and are maxima of their 26
  /// neighbours; equal neighbours count as smaller when they come later in memory order. The nine row
  /// pointers are those of rows y-1, y, y+1 of the planes before, at and after. Returns how many, and
  /// raises `largest` to the greatest value met.
  Index (*maxima)(const float* const* rows, Index x0, Index x1, float threshold, Index* found, float* largest) noexcept;
  /// counts[e * width + x] = how many of the n_rows values of column x are at least edges[e]. Rows are `stride` floats
  /// apart and may be read up to a multiple of 32 columns.
  void (*count_at_least)(const float* values, Index stride, Index n_rows, Index width, const float* edges, int n_edges,
                         std::int32_t* counts) noexcept;
  void (*orientations)(const OrientationJob&) noexcept;
  void (*votes)(const VotesJob&) noexcept;
  /// Adds to three cells of kVotes sums those of the columns between four bounds, over n_rows rows of votes.
  void (*add_votes)(const float* rows, Index n_rows, Index width, const Index* bounds, float* cells) noexcept;
  void (*eigen)(const EigenJob&) noexcept;
};

/// Index of the pixel that stands for index i of an axis of length n: border pixels are repeated
/// (nearest) or mirrored about the edge of the outermost pixel (reflect: d c b a | a b c d).
static inline Index border_index(Index i, Index n, bool reflect) noexcept {
  if (i >= 0 && i < n) return i;
  if (!reflect) return i < 0 ? 0 : n - 1;
  const Index period = 2 * n;
  i %= period;
  if (i < 0) i += period;
  return i < n ? i : period - 1 - i;
}

}  // namespace stcorner::kernels

STC_KERNEL_TABLE(VideoTable, video_table)
