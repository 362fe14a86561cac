#include "stcorner/fusion/linear.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "linear/linear.hpp"

namespace stcorner::fusion {
namespace {

using Index = std::ptrdiff_t;

void check_graph(const std::int64_t* indptr, const std::int32_t* indices, Index n) {
  bool sound = indptr[0] == 0;
  for (Index i = 0; i < n; ++i) sound = sound && indptr[i] <= indptr[i + 1];
  for (std::int64_t e = 0; sound && e < indptr[n]; ++e) sound = indices[e] >= 0 && indices[e] < n;
  if (!sound) throw std::invalid_argument("the graph's rows must ascend from 0 and end in rows of Z");
}

}  // namespace

void scatter(const std::int64_t* indptr, const std::int32_t* indices, Index n, const double* Z, Index depth,
             double* out, int n_threads, Pause pause) {
  check_graph(indptr, indices, n);
  const auto add = kernels::linear_table().add_scatter;
  // Each of a fixed number of partial sums takes its rows in order, a piece of them at a time: one drive for the k-th
  // pieces of all. So the additions have one order, whatever the threads do, and Ctrl-C need not wait for a sum's end.
  constexpr Index kSums = 8, kPiece = 256;
  const Index share = std::max(kPiece, ceil_div(n, kSums)), n_sums = ceil_div(std::max<Index>(n, 1), share);
  std::vector<double> sums(static_cast<std::size_t>(n_sums * depth * depth), 0.0);
  const double work =
      static_cast<double>(kPiece * n_sums) * static_cast<double>(depth) *
      (static_cast<double>(depth) + 0.5 * static_cast<double>(indptr[n]) / static_cast<double>(std::max<Index>(n, 1)));
  for (Index done = 0; done < share; done += kPiece) {
    const auto one_piece = [&](Index s) {
      const Index begin = std::min(n, s * share + done), end = std::min({n, begin + kPiece, (s + 1) * share});
      if (begin < end) add(indptr, indices, begin, end, Z, depth, sums.data() + s * depth * depth);
    };
    drive(Items(n_sums, one_piece), threads_worth(n_threads, 0.2 * work), pause);
  }
  std::copy_n(sums.data(), depth * depth, out);
  for (Index s = 1; s < n_sums; ++s)
    for (Index k = 0; k < depth * depth; ++k) out[k] += sums[static_cast<std::size_t>(s * depth * depth + k)];
}

void solve_symmetric(const double* A, const double* B, Index n, double* values, double* vectors) {
  if (n > 0 && !kernels::linear_table().solve(A, B, n, values, vectors))
    throw std::invalid_argument("scatters must be finite, and the second positive definite");
}

}  // namespace stcorner::fusion
