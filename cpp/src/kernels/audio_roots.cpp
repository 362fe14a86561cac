#include <algorithm>
#include <cmath>

#include "audio_impl.hpp"

namespace stcorner::kernels::STC_ISA {

void find_roots(const double* a, int n, double* re, double* im) noexcept {
  constexpr int kMostRounds = 60;
  constexpr auto kLanes = static_cast<int>(F64::size);
  const F64 tiny = broadcast(1e-300);
  const double step = 2.0 * 3.14159265358979323846 / n, turn_re = std::cos(step), turn_im = std::sin(step);
  re[0] = 0.9 * std::cos(0.25 * step), im[0] = 0.9 * std::sin(0.25 * step);
  for (int k = 1; k < kMostRoots && k < n + kLanes; ++k) {  // what is beyond n only fills vectors
    re[k] = re[k - 1] * turn_re - im[k - 1] * turn_im;
    im[k] = re[k - 1] * turn_im + im[k - 1] * turn_re;
  }
  double step_re[kMostRoots], step_im[kMostRoots];
  for (int round = 0; round < kMostRounds; ++round) {
    for (int at = 0; at < n; at += kLanes) {
      const F64 x = load(re + at), y = load(im + at);
      F64 p_re = broadcast(1.0), p_im = broadcast(0.0), d_re = broadcast(0.0), d_im = broadcast(0.0);
      for (int i = 1; i <= n; ++i) {
        const F64 e_re = fma(d_re, x, p_re - d_im * y), e_im = fma(d_re, y, fma(d_im, x, p_im));
        d_re = e_re, d_im = e_im;
        const F64 q_re = fma(p_re, x, broadcast(a[i]) - p_im * y), q_im = fma(p_re, y, p_im * x);
        p_re = q_re, p_im = q_im;
      }
      F64 s_re = broadcast(0.0), s_im = broadcast(0.0);  // sum of 1 / (root - other); to itself it adds 0
      for (int j = 0; j < n; ++j) {
        const F64 u = x - broadcast(re[j]), v = y - broadcast(im[j]);
        const F64 inverse = broadcast(1.0) / max(fma(u, u, v * v), tiny);
        s_re = fma(u, inverse, s_re);
        s_im = fma(v, broadcast(0.0) - inverse, s_im);
      }
      // Newton's step p / d over 1 - p / d * s, both times d.
      const F64 t_re = d_re - (p_re * s_re - p_im * s_im), t_im = d_im - (p_re * s_im + p_im * s_re);
      const F64 inverse = broadcast(1.0) / max(fma(t_re, t_re, t_im * t_im), tiny);
      store(step_re + at, fma(p_re, t_re, p_im * t_im) * inverse);
      store(step_im + at, fma(p_im, t_re, broadcast(0.0) - p_re * t_im) * inverse);
    }
    double largest = 0.0;
    for (int k = 0; k < n; ++k) {
      re[k] -= step_re[k];
      im[k] -= step_im[k];
      largest = std::max(largest, std::abs(step_re[k]) + std::abs(step_im[k]));
    }
    if (largest < 1e-8) return;  // the steps shrink with their third power
  }
}

}  // namespace stcorner::kernels::STC_ISA
