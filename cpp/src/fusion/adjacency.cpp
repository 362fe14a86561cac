#include "stcorner/fusion/adjacency.hpp"

#include <algorithm>
#include <stdexcept>

namespace stcorner::fusion {

namespace {

/// The job of `function` for [0, n), by one thread, so many at a time.
template <class Function>
void one_by_one(std::ptrdiff_t n, std::ptrdiff_t length, Pause pause, Function function) {
  const auto some = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t i = begin; i < end; ++i) function(i);
  };
  drive(pieces(n, length, some), 1, pause);
}

constexpr std::ptrdiff_t kEdges = 1 << 18, kRows = 1 << 8;  // milliseconds each

}  // namespace

Adjacency adjacency(std::ptrdiff_t n, const Edges& edges, Pause pause) {
  if (n < 0) throw std::invalid_argument("n must be >= 0");
  const auto size = static_cast<std::size_t>(n);
  std::vector<std::int64_t> start(size + 1, 0);
  one_by_one(edges.count, kEdges, pause, [&](std::ptrdiff_t e) {
    const std::int32_t from = edges.begin(e), to = edges.to[e];
    if (to < 0) return;
    if (from < 0 || from >= n || to >= n || from == to)
      throw std::invalid_argument("edges must join two different rows");
    ++start[static_cast<std::size_t>(from) + 1];
    ++start[static_cast<std::size_t>(to) + 1];
  });
  for (std::size_t i = 0; i < size; ++i) start[i + 1] += start[i];
  std::vector<std::int32_t> ends(static_cast<std::size_t>(start[size]));
  std::vector<std::int64_t> next(start.begin(), start.end() - 1);
  one_by_one(edges.count, kEdges, pause, [&](std::ptrdiff_t e) {
    const std::int32_t from = edges.begin(e), to = edges.to[e];
    if (to < 0) return;
    ends[static_cast<std::size_t>(next[static_cast<std::size_t>(from)]++)] = to;
    ends[static_cast<std::size_t>(next[static_cast<std::size_t>(to)]++)] = from;
  });
  Adjacency graph;
  graph.indptr.assign(size + 1, 0);
  auto out = ends.begin();  // rows only get shorter: they move down in place
  one_by_one(n, kRows, pause, [&](std::ptrdiff_t row) {
    const auto i = static_cast<std::size_t>(row);
    const auto begin = ends.begin() + start[i], end = ends.begin() + start[i + 1];
    std::sort(begin, end);
    out = std::move(begin, std::unique(begin, end), out);
    graph.indptr[i + 1] = out - ends.begin();
  });
  ends.erase(out, ends.end());
  graph.indices = std::move(ends);
  return graph;
}

}  // namespace stcorner::fusion
