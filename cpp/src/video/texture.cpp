#include "stcorner/video/texture.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "kernels/video.hpp"
#include "stcorner/parallel.hpp"

namespace stcorner::video {

using Index = std::ptrdiff_t;

TextureMap::TextureMap(TextureOptions options) : options_(std::move(options)), engine_(options_.harris) {
  const HarrisOptions& h = options_.harris;
  const TextureOptions& o = options_;
  if (o.rows < 1 || o.columns < 1 || o.segments < 1 || o.rows > h.height || o.columns > h.width ||
      o.segments > o.n_frames)
    throw std::invalid_argument("grid and segments must leave at least one voxel in every block");
  const std::size_t scales = h.scales.size();
  for (std::size_t s = 0; s < scales; ++s) responses_.emplace_back(h.height, h.width, kernels::kTimeBlock);
  counts_.assign(scales * static_cast<std::size_t>(o.segments * o.rows * o.columns) * (o.edges.size() + 1), 0);
}

float* TextureMap::plane(Index scale, Index t, Index) { return responses_[static_cast<std::size_t>(scale)].frame(t); }

void TextureMap::done(Index t, Index n) {
  const auto& table = kernels::video_table();
  const TextureOptions& o = options_;
  const HarrisOptions& h = engine_.options();
  const Index scales = static_cast<Index>(h.scales.size()), n_edges = static_cast<Index>(o.edges.size());
  drive(Items(scales * o.rows,
              [&](Index item) {
                const Index scale = item / o.rows, row = item % o.rows, bins = n_edges + 1;
                const FrameRing& ring = responses_[static_cast<std::size_t>(scale)];
                const Index y0 = row * h.height / o.rows, y1 = (row + 1) * h.height / o.rows;
                std::vector<std::int32_t> at_least(
                    static_cast<std::size_t>(n_edges * h.width));  // of each column of pixels
                for (Index i = t; i < std::min(t + n, o.n_frames); ++i) {
                  table.count_at_least(ring.frame(i) + y0 * ring.stride(), ring.stride(), y1 - y0, h.width,
                                       o.edges.data(), static_cast<int>(n_edges), at_least.data());
                  // Frame i is in segment g where g n_frames / segments <= i.
                  const Index segment = ((i + 1) * o.segments - 1) / o.n_frames;
                  for (Index column = 0; column < o.columns; ++column) {
                    const Index x0 = column * h.width / o.columns, x1 = (column + 1) * h.width / o.columns;
                    std::int64_t* const counts =
                        counts_.data() + (((scale * o.segments + segment) * o.rows + row) * o.columns + column) * bins;
                    std::int64_t before = (y1 - y0) * (x1 - x0);
                    for (Index edge = 0; edge < n_edges; ++edge) {
                      const std::int32_t* const of_row = at_least.data() + edge * h.width;
                      const std::int64_t above = std::accumulate(of_row + x0, of_row + x1, std::int32_t{0});
                      counts[edge] += before - above;
                      before = above;
                    }
                    counts[n_edges] += before;
                  }
                }
              }),
        h.n_threads);
}

}  // namespace stcorner::video
