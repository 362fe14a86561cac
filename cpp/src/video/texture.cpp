#include "stcorner/video/texture.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "buffer.hpp"
#include "kernels/video.hpp"
#include "stcorner/parallel.hpp"

namespace stcorner::video {

using Index = std::ptrdiff_t;

TextureMap::TextureMap(TextureOptions options)
    : HarrisConsumer(options.harris, kernels::kTimeBlock), options_(std::move(options)) {
  const Grid& g = options_.grid;
  g.check(options_.harris);
  const auto parts = options_.harris.scales.size() * static_cast<std::size_t>(g.segments * g.rows * g.columns);
  counts_.assign(parts * (options_.edges.size() + 1), 0);
}

void TextureMap::done(Index t, Index n) {
  const auto& table = kernels::video_table();
  const Grid& g = options_.grid;
  const HarrisOptions& h = options_.harris;
  const std::vector<float>& edges = options_.edges;
  const Index scales = static_cast<Index>(h.scales.size()), n_edges = static_cast<Index>(edges.size());
  const auto count_row = [&](Index item) {
    const Index scale = item / g.rows, row = item % g.rows, bins = n_edges + 1;
    const FrameRing& ring = results(scale);
    const Index y0 = row * h.height / g.rows, y1 = (row + 1) * h.height / g.rows;
    std::vector<std::int32_t> at_least(static_cast<std::size_t>(n_edges * h.width));  // of each column of pixels
    for (Index i = t; i < std::min(t + n, g.n_frames); ++i) {
      table.count_at_least(ring.frame(i) + y0 * ring.stride(), ring.stride(), y1 - y0, h.width, edges.data(),
                           static_cast<int>(n_edges), at_least.data());
      for (Index column = 0; column < g.columns; ++column) {
        const Index x0 = column * h.width / g.columns, x1 = (column + 1) * h.width / g.columns;
        const Index part = ((scale * g.segments + g.segment_of(i)) * g.rows + row) * g.columns + column;
        std::int64_t* const counts = counts_.data() + part * bins;
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
  };
  drive(Items(scales * g.rows, count_row), h.n_threads, pause_);
}

}  // namespace stcorner::video
