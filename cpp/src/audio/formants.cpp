#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "plan.hpp"

namespace stcorner::audio {
namespace {

constexpr Index kItem = 16;

constexpr int kMostOrder = kernels::kMostRoots;

/// From the coefficients of order m - 1 to those of order m.
void reflect(double* a, int m, double reflection) {
  double before[kMostOrder + 1];
  std::copy_n(a, m, before);
  before[m] = 0.0;
  for (int i = 1; i <= m; ++i) a[i] = before[i] + reflection * before[m - i];
}

/// Prediction coefficients a[1 .. order] of x (a[0] = 1), by Burg's recursion; false for silence.
bool burg(const double* x, Index n, int order, double* a) {
  std::vector<double> forward(x, x + n), backward = forward;
  std::fill_n(a, order + 1, 0.0);
  a[0] = 1.0;
  for (int m = 1; m <= order; ++m) {
    double* const f = forward.data() + m;  // f[k] goes with b[k], the backward error one sample earlier
    double* const b = backward.data() + m - 1;
    double product[4] = {}, power[4] = {};
    const Index count = n - m;
    Index k = 0;
    for (; k + 4 <= count; k += 4)
      for (Index j = 0; j < 4; ++j) {
        product[j] += f[k + j] * b[k + j];
        power[j] += f[k + j] * f[k + j] + b[k + j] * b[k + j];
      }
    for (; k < count; ++k) {
      product[0] += f[k] * b[k];
      power[0] += f[k] * f[k] + b[k] * b[k];
    }
    const double total = (power[0] + power[1]) + (power[2] + power[3]);
    if (!(total > 1e-290)) return m > 1;
    const double reflection = -2.0 * ((product[0] + product[1]) + (product[2] + product[3])) / total;
    reflect(a, m, reflection);
    // From the end on: b[k] becomes the backward error at the place of f[k].
    for (k = count - 1; k >= 0; --k) {
      const double ahead = f[k], behind = b[k];
      f[k] = ahead + reflection * behind;
      b[k + 1] = behind + reflection * ahead;
    }
  }
  return true;
}

/// The first `count` roots of a polynomial between the margins, lowest first, as frequencies and bandwidths; the rest
/// stays.
template <class T>
void pick(const double* a, int n, double margin, Index count, T* frequencies, T* bandwidths) {
  std::pair<double, double> found[kernels::kMostRoots];
  double re[kernels::kMostRoots], im[kernels::kMostRoots];
  kernels::audio_table().find_roots(a, n, re, im);
  Index number = 0;
  for (int k = 0; k < n; ++k) {
    const double frequency = std::atan2(im[k], re[k]) / (2.0 * kPi), size = std::hypot(re[k], im[k]);
    if (im[k] > 0.0 && frequency > margin && frequency < 0.5 - margin && size > 0.0)
      found[number++] = {frequency, std::abs(std::log(size)) / kPi};
  }
  std::sort(found, found + number);
  for (Index k = 0; k < std::min(number, count); ++k) {
    frequencies[k] = static_cast<T>(found[k].first);
    bandwidths[k] = static_cast<T>(found[k].second);
  }
}

/// Coefficients a[1 .. order] of the inverse filter that belongs to an autocorrelation; false for silence.
bool levinson(const float* acf, int order, double* a) {
  double error = acf[0] * (1.0 + 1e-9);
  if (!(error > 1e-290)) return false;
  std::fill_n(a, order + 1, 0.0);
  a[0] = 1.0;
  for (int m = 1; m <= order; ++m) {
    double sum = acf[m];
    for (int i = 1; i < m; ++i) sum += a[i] * acf[m - i];
    const double reflection = -sum / error;
    reflect(a, m, reflection);
    error *= 1.0 - reflection * reflection;
    if (!(error > 0.0)) return false;
  }
  return true;
}

/// What both do: `coefficients(x, a)` of each row, then `pick`; what is not found is `missing`.
template <class T, class Coefficients>
void poles_of_rows(const T* rows, Index n_rows, Index length, int order, double margin, Index count, T missing,
                   T* frequencies, T* bandwidths, Team team, Coefficients coefficients) {
  if (order < 2 || order > kMostOrder || order >= length)
    throw std::invalid_argument("order must be >= 2, <= 64 and < the length of a frame");
  std::fill_n(frequencies, n_rows * count, missing);
  std::fill_n(bandwidths, n_rows * count, missing);
  const auto rows_of = [&](Index begin, Index end) {
    double a[kMostOrder + 1];
    for (Index row = begin; row < end; ++row)
      if (coefficients(rows + row * length, a))
        pick(a, order, margin, count, frequencies + row * count, bandwidths + row * count);
  };
  drive(pieces(n_rows, kItem, rows_of), team);
}

}  // namespace

void swapped_poles(const float* rows, Index n_rows, Index length, int order, double margin, Index count,
                   float* frequencies, float* bandwidths, Team team) {
  const auto coefficients = [&](const float* x, double* a) {
    kernels::Band lags[kMostOrder + 1];
    float acf[kMostOrder + 1];
    for (Index lag = 0; lag <= order; ++lag) lags[lag] = {lag, length - lag, x};
    kernels::audio_table().project(x, 1, 0, lags, order + 1, acf);
    if (!levinson(acf, order, a)) return false;
    for (int k = 1; k <= order; ++k) a[k] = -a[k];
    return true;
  };
  poles_of_rows(rows, n_rows, length, order, margin, count, 0.0F, frequencies, bandwidths,
                team.worth(1e4 * static_cast<double>(n_rows)), coefficients);
}

void burg_formants(const double* rows, Index n_rows, Index length, int order, double margin, Index n_formants,
                   double* frequencies, double* bandwidths, Team team) {
  const auto coefficients = [&](const double* x, double* a) { return burg(x, length, order, a); };
  const double work = static_cast<double>(n_rows) * order * (2.0 * static_cast<double>(length) + 1000.0);
  poles_of_rows(rows, n_rows, length, order, margin, n_formants, std::numeric_limits<double>::quiet_NaN(), frequencies,
                bandwidths, team.worth(work), coefficients);
}

}  // namespace stcorner::audio
