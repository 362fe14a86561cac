#include "stcorner/video/texture.hpp"

#include <algorithm>
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
  const Index scales = static_cast<Index>(h.scales.size()), bins = static_cast<Index>(o.edges.size()) + 1;
  parallel_for(scales * o.rows, h.n_threads, [&](Index item) {
    const Index scale = item / o.rows, row = item % o.rows;
    const FrameRing& ring = responses_[static_cast<std::size_t>(scale)];
    for (Index i = t; i < std::min(t + n, o.n_frames); ++i) {
      // Frame i is in segment g where g n_frames / segments <= i.
      const Index segment = ((i + 1) * o.segments - 1) / o.n_frames;
      for (Index y = row * h.height / o.rows; y < (row + 1) * h.height / o.rows; ++y)
        for (Index column = 0; column < o.columns; ++column) {
          const Index x0 = column * h.width / o.columns, x1 = (column + 1) * h.width / o.columns;
          const Index block = ((scale * o.segments + segment) * o.rows + row) * o.columns + column;
          table.histogram(ring.frame(i) + y * ring.stride() + x0, x1 - x0, o.edges.data(), static_cast<int>(bins),
                          counts_.data() + block * bins);
        }
    }
  });
}

}  // namespace stcorner::video
