#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "stcorner/fusion.hpp"

namespace stcorner::fusion {
namespace {

/// Rows are summed in this many chunks at most, one after the other.
constexpr Index kChunks = 64, kLeastRows = 128;

/// Sums of columns, and their ranges.
template <class T>
struct Columns {
  std::vector<double> sum;
  std::vector<T> low, high;

  void take(const T* X, Index n, Index depth) {
    sum.assign(depth, 0.0);
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
double centre(const T* X, Index n, Index depth, float* out, Team team) {
  const Index rows = std::max(kLeastRows, ceil_div(n, kChunks)), n_chunks = ceil_div(n, rows);
  std::vector<Columns<T>> parts(n_chunks);
  const Team some = team.worth(static_cast<double>(n * depth));
  const auto sum_rows = [&](Index begin, Index end) {
    parts[begin / rows].take(X + begin * depth, end - begin, depth);
  };
  drive(pieces(n, rows, sum_rows), some);
  std::vector<double> mean(depth);
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
  const auto write_rows = [&](Index begin, Index end) {
    const double* const m = mean.data();
    for (Index i = begin; i < end; ++i)
      for (Index k = 0; k < depth; ++k)
        out[i * depth + k] = static_cast<float>((static_cast<double>(X[i * depth + k]) - m[k]) * scale);
  };
  drive(pieces(n, rows, write_rows), some);
  return scale;
}

template double centre(const float*, Index, Index, float*, Team);
template double centre(const double*, Index, Index, float*, Team);

}  // namespace stcorner::fusion
