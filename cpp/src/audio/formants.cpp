#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <stdexcept>
#include <vector>

#include "stcorner/audio/voice.hpp"
#include "stcorner/parallel.hpp"

namespace stcorner::audio {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr std::ptrdiff_t kItem = 16;
constexpr int kMostRounds = 60;

using Complex = std::complex<double>;

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

/// All roots of z^n + a[1] z^(n-1) + ... + a[n] at once, by the iteration of Aberth and Ehrlich.
void find_roots(const double* a, int n, Complex* roots) {
  for (int k = 0; k < n; ++k) roots[k] = std::polar(0.9, 2.0 * kPi * (k + 0.25) / n);
  for (int round = 0; round < kMostRounds; ++round) {
    double largest = 0.0;
    for (int k = 0; k < n; ++k) {
      const double re = roots[k].real(), im = roots[k].imag();
      double p_re = 1.0, p_im = 0.0, d_re = 0.0, d_im = 0.0;
      for (int i = 1; i <= n; ++i) {
        const double e_re = d_re * re - d_im * im + p_re, e_im = d_re * im + d_im * re + p_im;
        d_re = e_re, d_im = e_im;
        const double q_re = p_re * re - p_im * im + a[i], q_im = p_re * im + p_im * re;
        p_re = q_re, p_im = q_im;
      }
      double s_re = 0.0, s_im = 0.0;  // sum of 1 / (root - other)
      for (int j = 0; j < n; ++j) {
        const double x = re - roots[j].real(), y = im - roots[j].imag(), square = x * x + y * y;
        if (j != k && square > 0.0) s_re += x / square, s_im -= y / square;
      }
      // Newton's step p / d over 1 - p / d * s, both times d.
      const double t_re = d_re - (p_re * s_re - p_im * s_im), t_im = d_im - (p_re * s_im + p_im * s_re);
      const double square = t_re * t_re + t_im * t_im;
      if (!(square > 1e-300)) continue;
      const double step_re = (p_re * t_re + p_im * t_im) / square, step_im = (p_im * t_re - p_re * t_im) / square;
      roots[k] = {re - step_re, im - step_im};
      largest = std::max(largest, std::abs(step_re) + std::abs(step_im));
    }
    if (largest < 1e-12) return;
  }
}

}  // namespace

void burg_formants(const double* rows, std::ptrdiff_t n_rows, std::ptrdiff_t length, int order, double margin,
                   std::ptrdiff_t n_formants, double* frequencies, double* bandwidths, int n_threads, void (*pause)()) {
  if (order < 2 || order > 64 || order >= length)
    throw std::invalid_argument("order must be >= 2, <= 64 and < the length of a frame");
  const auto rows_of = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    std::vector<double> forward, backward;
    double a[65];
    Complex roots[64];
    std::pair<double, double> found[64];
    for (std::ptrdiff_t row = begin; row < end; ++row) {
      double* const f = frequencies + row * n_formants;
      double* const b = bandwidths + row * n_formants;
      std::fill_n(f, n_formants, std::numeric_limits<double>::quiet_NaN());
      std::fill_n(b, n_formants, std::numeric_limits<double>::quiet_NaN());
      if (!burg(rows + row * length, length, order, forward, backward, a)) continue;
      find_roots(a, order, roots);
      std::ptrdiff_t count = 0;
      for (int k = 0; k < order; ++k) {
        const double frequency = std::arg(roots[k]) / (2.0 * kPi), size = std::abs(roots[k]);
        if (roots[k].imag() > 0.0 && frequency > margin && frequency < 0.5 - margin && size > 0.0)
          found[count++] = {frequency, std::abs(std::log(size)) / kPi};
      }
      std::sort(found, found + count);
      for (std::ptrdiff_t k = 0; k < std::min(count, n_formants); ++k) f[k] = found[k].first, b[k] = found[k].second;
    }
  };
  const double work = static_cast<double>(n_rows) * order * (2.0 * static_cast<double>(length) + 1000.0);
  drive(pieces(n_rows, kItem, rows_of), threads_worth(n_threads, work), pause);
}

}  // namespace stcorner::audio
