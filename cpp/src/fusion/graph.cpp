// The graph of the neighbours, and what is reckoned with it.
#include <algorithm>
#include <stdexcept>
#include <vector>

#include "linear/linear.hpp"
#include "stcorner/fusion.hpp"

namespace stcorner::fusion {
namespace {

/// The job of `function` for [0, n), by one thread, so many at a time.
template <class Function>
void one_by_one(Index n, Index length, Pause pause, Function function) {
  const auto some = [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) function(i);
  };
  drive(pieces(n, length, some), {1, pause});
}

constexpr Index kEdges = 1 << 18, kRows = 1 << 8;  // milliseconds each

void check_graph(const std::int64_t* indptr, const std::int32_t* indices, Index n) {
  bool sound = indptr[0] == 0;
  for (Index i = 0; i < n; ++i) sound = sound && indptr[i] <= indptr[i + 1];
  for (std::int64_t e = 0; sound && e < indptr[n]; ++e) sound = indices[e] >= 0 && indices[e] < n;
  if (!sound) throw std::invalid_argument("the graph's rows must ascend from 0 and end in rows of Z");
}

}  // namespace

Adjacency adjacency(Index n, const Edges& edges, Pause pause) {
  if (n < 0) throw std::invalid_argument("n must be >= 0");
  const auto size = static_cast<std::size_t>(n);
  std::vector<std::int64_t> start(size + 1, 0);
  one_by_one(edges.count, kEdges, pause, [&](Index e) {
    const std::int32_t from = edges.begin(e), to = edges.to[e];
    if (to < 0) return;
    if (from < 0 || from >= n || to >= n || from == to)
      throw std::invalid_argument("edges must join two different rows");
    ++start[static_cast<std::size_t>(from) + 1];
    ++start[static_cast<std::size_t>(to) + 1];
  });
  for (std::size_t i = 0; i < size; ++i) start[i + 1] += start[i];
  std::vector<std::int32_t> ends(start[size]);
  std::vector<std::int64_t> next(start.begin(), start.end() - 1);
  one_by_one(edges.count, kEdges, pause, [&](Index e) {
    const std::int32_t from = edges.begin(e), to = edges.to[e];
    if (to < 0) return;
    ends[next[from]++] = to;
    ends[next[to]++] = from;
  });
  Adjacency graph;
  graph.indptr.assign(size + 1, 0);
  auto out = ends.begin();  // rows only get shorter: they move down in place
  one_by_one(n, kRows, pause, [&](Index row) {
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

void scatter(const std::int64_t* indptr, const std::int32_t* indices, Index n, const double* Z, Index depth,
             double* out, Team team) {
  check_graph(indptr, indices, n);
  const auto add = kernels::linear_table().add_scatter;
  // Each of a fixed number of partial sums takes its rows in order, a piece of them at a time: one drive for the k-th
  // pieces of all. So the additions have one order, whatever the threads do, and Ctrl-C need not wait for a sum's end.
  constexpr Index kSums = 8, kPiece = 256;
  const Index share = std::max(kPiece, ceil_div(n, kSums)), n_sums = ceil_div(std::max<Index>(n, 1), share);
  std::vector<double> sums(n_sums * depth * depth, 0.0);
  const double work =
      static_cast<double>(kPiece * n_sums) * static_cast<double>(depth) *
      (static_cast<double>(depth) + 0.5 * static_cast<double>(indptr[n]) / static_cast<double>(std::max<Index>(n, 1)));
  for (Index done = 0; done < share; done += kPiece) {
    const auto one_piece = [&](Index s) {
      const Index begin = std::min(n, s * share + done), end = std::min({n, begin + kPiece, (s + 1) * share});
      if (begin < end) add(indptr, indices, begin, end, Z, depth, sums.data() + s * depth * depth);
    };
    drive(Items(n_sums, one_piece), team.worth(0.2 * work));
  }
  std::copy_n(sums.data(), depth * depth, out);
  for (Index s = 1; s < n_sums; ++s)
    for (Index k = 0; k < depth * depth; ++k) out[k] += sums[s * depth * depth + k];
}

void solve_symmetric(const double* A, const double* B, Index n, double* values, double* vectors) {
  if (n > 0 && !kernels::linear_table().solve(A, B, n, values, vectors))
    throw std::invalid_argument("scatters must be finite, and the second positive definite");
}

}  // namespace stcorner::fusion
