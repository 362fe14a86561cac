#include "stcorner/fusion/centre.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "stcorner/parallel.hpp"

namespace stcorner::fusion {
namespace {

using Index = std::ptrdiff_t;

/// Rows are summed in this many chunks at most, one after the other.
constexpr Index kChunks = 64, kLeastRows = 128;

/// Sums of columns, and their ranges.
template <class T>
struct Columns {
  std::vector<double> sum;
  std::vector<T> low, high;

  void take(const T* X, Index n, Index depth) {
    sum.assign(static_cast<std::size_t>(depth), 0.0);
    low.assign(X, X + depth);
    high = low;
    double* const s = sum.data();
    T *const l = low.data(), *const h = high.data();
    for (const T* x = X; x != X + n * depth; x += depth)
      for (Index k = 0; k < depth; ++k) {
        s[k] += static_cast<double>(x[k]);
        l[k] = x[k] < l[k] ? x[k] : l[k];
        h[k] = x[k] > h[k] ? x[k] : h[k];
      }
  }
};

}  // namespace

template <class T>
double centre(const T* X, Index n, Index depth, float* out, int n_threads) {
  const Index rows = std::max(kLeastRows, (n + kChunks - 1) / kChunks), n_chunks = (n + rows - 1) / rows;
  std::vector<Columns<T>> parts(static_cast<std::size_t>(n_chunks));
  parallel_for(n_chunks, n_threads, [&](Index chunk) {
    const Index begin = chunk * rows;
    parts[static_cast<std::size_t>(chunk)].take(X + begin * depth, std::min(rows, n - begin), depth);
  });
  std::vector<double> mean(static_cast<std::size_t>(depth));
  double longest = 0.0;  // no row is longer than the box around all of them
  for (std::size_t k = 0; k < mean.size(); ++k) {
    double sum = 0.0, low = std::numeric_limits<double>::infinity(), high = -low;
    for (const Columns<T>& part : parts) {
      sum += part.sum[k];
      low = std::min(low, static_cast<double>(part.low[k]));
      high = std::max(high, static_cast<double>(part.high[k]));
    }
    mean[k] = sum / static_cast<double>(n);
    const double widest = std::max(high - mean[k], mean[k] - low);
    longest += widest * widest;
  }
  if (!std::isfinite(longest)) return std::numeric_limits<double>::quiet_NaN();
  int exponent = 0;
  std::frexp(std::sqrt(longest), &exponent);
  const double scale = longest == 0.0 ? 1.0 : std::ldexp(1.0, -exponent);
  parallel_for(n_chunks, n_threads, [&](Index chunk) {
    const double* const m = mean.data();
    for (Index i = chunk * rows; i < std::min(n, (chunk + 1) * rows); ++i)
      for (Index k = 0; k < depth; ++k)
        out[i * depth + k] = static_cast<float>((static_cast<double>(X[i * depth + k]) - m[k]) * scale);
  });
  return scale;
}

template double centre(const float*, Index, Index, float*, int);
template double centre(const double*, Index, Index, float*, int);

}  // namespace stcorner::fusion
