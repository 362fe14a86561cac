#pragma once
#include <algorithm>
#include <cmath>
#include <memory>
#include <new>
#include <stdexcept>
#include <vector>

#include "kernels/audio.hpp"
#include "stcorner/audio.hpp"

namespace stcorner::audio {

constexpr double kPi = 3.14159265358979323846;

/// Whether `n` is a product of 2, 3 and 5.
inline bool is_smooth(Index n) {
  for (const Index prime : {2, 3, 5})
    while (n > 1 && n % prime == 0) n /= prime;
  return n == 1;
}

/// Radix of the next stage of a transform of `n` > 1, a product of 2, 3, 5 and 11: large ones first, for fewer
/// passes over the buffers.
inline int next_radix(Index n) {
  for (const int radix : {8, 4, 2, 5, 3})
    if (n % radix == 0) return radix;
  return 11;
}

/// The even product of 2, 3 and 5, at least `n`, whose transform costs least (measured per element).
inline Index good_length(Index n) {
  Index best = 0;
  double least = 0.0;
  for (Index size = n < 4 ? 4 : n + n % 2; size <= n + n / 4 + 8; size += 2) {
    if (!is_smooth(size)) continue;
    double cost = 0.0;
    for (Index rest = size; rest > 1; rest /= next_radix(rest))
      cost += static_cast<double>(size) * (next_radix(rest) >= 5 ? 1.25 : 1.0);
    if (best == 0 || cost < least) best = size, least = cost;
  }
  return best;
}

/// Throws std::invalid_argument unless the frames' places, and what is reckoned with them, fit 64 bits.
void check(const Framing& framing);

/// Throws std::invalid_argument for f0 (cycles a sample, unvoiced where not positive) whose period is less than a
/// sample, or takes minutes to be found.
template <class T>
void check_f0(const T* f0, Index n) {
  const auto is_odd = [](T each) { return each > T(0) && (each < T(5e-5) || each > T(1)); };
  if (std::any_of(f0, f0 + n, is_odd)) throw std::invalid_argument("f0 must be 5e-5 to 1 a sample where voiced");
}

/// Longer transforms would have more stages than a plan has room for; no memory holds their frames either.
constexpr Index kLongestTransform = Index{1} << 30;

/// Owns the twiddle factors of a transform of `n` points, a product of 2, 3, 5 and 11.
template <class T>
class Plan {
 public:
  explicit Plan(Index n) {
    if (n > kLongestTransform) throw std::invalid_argument("a transform must have at most 2^30 points");
    plan_.n = n;
    Index rest = n;
    for (; rest > 1; rest /= plan_.radices[plan_.n_stages - 1]) plan_.radices[plan_.n_stages++] = next_radix(rest);
    rest = n;
    for (int stage = 0; stage < plan_.n_stages; ++stage) {
      const int radix = plan_.radices[stage];
      const Index m = rest / radix;
      for (Index p = 0; p < m; ++p)
        for (int j = 1; j < radix; ++j) {
          const double angle = 2.0 * kPi * static_cast<double>(j * p) / static_cast<double>(rest);
          twiddles_.push_back(static_cast<T>(std::cos(angle)));
          twiddles_.push_back(static_cast<T>(-std::sin(angle)));
        }
      rest = m;
    }
    plan_.twiddles = twiddles_.data();
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  const kernels::FftPlan<T>& get() const noexcept { return plan_; }

 private:
  kernels::FftPlan<T> plan_{};
  std::vector<T> twiddles_;
};

/// Owns what an autocorrelation by transforms of the even length `n` needs.
template <class T>
class EvenPlan {
 public:
  explicit EvenPlan(Index n) : whole_(n), half_(n / 2) {
    for (Index j = 0; 4 * j <= n; ++j) {
      const double angle = 2.0 * kPi * static_cast<double>(j) / static_cast<double>(n);
      turns_.push_back(static_cast<T>(std::cos(angle)));
      turns_.push_back(static_cast<T>(std::sin(angle)));
    }
    plan_ = {whole_.get(), half_.get(), turns_.data()};
  }

  const kernels::AcfPlan<T>& get() const noexcept { return plan_; }

 private:
  Plan<T> whole_, half_;
  std::vector<T> turns_;
  kernels::AcfPlan<T> plan_{};
};

/// Autocorrelation of a window, lags 0 .. n_lags - 1, as a share of lag 0.
inline std::vector<double> window_autocorrelation(const double* window, Index n, Index n_lags) {
  std::vector<double> result(n_lags);
  for (Index lag = 0; lag < n_lags; ++lag) {
    double sums[8] = {};  // eight, so that the additions need not wait for one another
    Index i = 0;
    for (; i + lag + 8 <= n; i += 8)
      for (Index k = 0; k < 8; ++k) sums[k] += window[i + k] * window[i + k + lag];
    for (; i + lag < n; ++i) sums[0] += window[i] * window[i + lag];
    for (const double sum : sums) result[lag] += sum;
  }
  for (Index lag = n_lags - 1; lag >= 0; --lag) result[lag] /= result[0];
  return result;
}

/// Uninitialised memory aligned for the widest vectors.
template <class T>
class Scratch {
 public:
  explicit Scratch(Index n) : data_(static_cast<T*>(::operator new(n * sizeof(T), kAlignment))) {}
  T* data() const noexcept { return data_.get(); }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(T* p) const noexcept { ::operator delete(p, kAlignment); }
  };
  std::unique_ptr<T[], Free> data_;
};

}  // namespace stcorner::audio
