#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "../kernels/audio.hpp"
#include "stcorner/audio/voice.hpp"
#include "stcorner/parallel.hpp"

namespace stcorner::audio {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr std::ptrdiff_t kItem = 16;

/// Prediction coefficients a[1 .. order] of x (a[0] = 1), by Burg's recursion; false for silence.
bool burg(const double* x, std::ptrdiff_t n, int order, std::vector<double>& forward, std::vector<double>& backward,
          double* a) {
  forward.assign(x, x + n);
  backward.assign(x, x + n);
  double before[65];
  std::fill_n(a, order + 1, 0.0);
  a[0] = 1.0;
  for (int m = 1; m <= order; ++m) {
    double* const f = forward.data() + m;  // f[k] goes with b[k], the backward error one sample earlier
    double* const b = backward.data() + m - 1;
    double product[4] = {}, power[4] = {};
    const std::ptrdiff_t count = n - m;
    std::ptrdiff_t k = 0;
    for (; k + 4 <= count; k += 4)
      for (std::ptrdiff_t j = 0; j < 4; ++j) {
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
    std::copy_n(a, m, before);
    before[m] = 0.0;
    for (int i = 1; i <= m; ++i) a[i] = before[i] + reflection * before[m - i];
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
void pick(const double* a, int n, double margin, std::ptrdiff_t count, T* frequencies, T* bandwidths) {
  std::pair<double, double> found[kernels::kMostRoots];
  double re[kernels::kMostRoots], im[kernels::kMostRoots];
  kernels::audio_table().find_roots(a, n, re, im);
  std::ptrdiff_t number = 0;
  for (int k = 0; k < n; ++k) {
    const double frequency = std::atan2(im[k], re[k]) / (2.0 * kPi), size = std::hypot(re[k], im[k]);
    if (im[k] > 0.0 && frequency > margin && frequency < 0.5 - margin && size > 0.0)
      found[number++] = {frequency, std::abs(std::log(size)) / kPi};
  }
  std::sort(found, found + number);
  for (std::ptrdiff_t k = 0; k < std::min(number, count); ++k) {
    frequencies[k] = static_cast<T>(found[k].first);
    bandwidths[k] = static_cast<T>(found[k].second);
  }
}

/// Coefficients a[1 .. order] of the inverse filter that belongs to an autocorrelation; false for silence.
bool levinson(const double* acf, int order, double* a) {
  double error = acf[0] * (1.0 + 1e-9), before[65];
  if (!(error > 1e-290)) return false;
  std::fill_n(a, order + 1, 0.0);
  a[0] = 1.0;
  for (int m = 1; m <= order; ++m) {
    double sum = acf[m];
    for (int i = 1; i < m; ++i) sum += a[i] * acf[m - i];
    const double reflection = -sum / error;
    std::copy_n(a, m, before);
    before[m] = 0.0;
    for (int i = 1; i <= m; ++i) a[i] = before[i] + reflection * before[m - i];
    error *= 1.0 - reflection * reflection;
    if (!(error > 0.0)) return false;
  }
  return true;
}

}  // namespace

void swapped_poles(const float* rows, std::ptrdiff_t n_rows, std::ptrdiff_t length, int order, double margin,
                   std::ptrdiff_t count, float* frequencies, float* bandwidths, int n_threads, Pause pause) {
  if (order < 2 || order > 64 || order >= length)
    throw std::invalid_argument("order must be >= 2, <= 64 and < the length of a frame");
  const auto kernel = kernels::audio_table().project;
  std::fill_n(frequencies, n_rows * count, 0.0F);
  std::fill_n(bandwidths, n_rows * count, 0.0F);
  const auto rows_of = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    kernels::Band lags[65];
    float sums[65];
    double acf[65], a[65];
    for (std::ptrdiff_t row = begin; row < end; ++row) {
      const float* const x = rows + row * length;
      for (std::ptrdiff_t lag = 0; lag <= order; ++lag) lags[lag] = {lag, length - lag, x};
      kernel(x, 1, 0, lags, order + 1, sums);
      std::copy_n(sums, order + 1, acf);
      if (!levinson(acf, order, a)) continue;
      for (int k = 1; k <= order; ++k) a[k] = -a[k];
      pick(a, order, margin, count, frequencies + row * count, bandwidths + row * count);
    }
  };
  drive(pieces(n_rows, kItem, rows_of), threads_worth(n_threads, 1e4 * static_cast<double>(n_rows)), pause);
}

void burg_formants(const double* rows, std::ptrdiff_t n_rows, std::ptrdiff_t length, int order, double margin,
                   std::ptrdiff_t n_formants, double* frequencies, double* bandwidths, int n_threads, void (*pause)()) {
  if (order < 2 || order > 64 || order >= length)
    throw std::invalid_argument("order must be >= 2, <= 64 and < the length of a frame");
  const auto rows_of = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    std::vector<double> forward, backward;
    double a[65];
    for (std::ptrdiff_t row = begin; row < end; ++row) {
      double* const f = frequencies + row * n_formants;
      double* const b = bandwidths + row * n_formants;
      std::fill_n(f, n_formants, std::numeric_limits<double>::quiet_NaN());
      std::fill_n(b, n_formants, std::numeric_limits<double>::quiet_NaN());
      if (!burg(rows + row * length, length, order, forward, backward, a)) continue;
      pick(a, order, margin, n_formants, f, b);
    }
  };
  const double work = static_cast<double>(n_rows) * order * (2.0 * static_cast<double>(length) + 1000.0);
  drive(pieces(n_rows, kItem, rows_of), threads_worth(n_threads, work), pause);
}

}  // namespace stcorner::audio
