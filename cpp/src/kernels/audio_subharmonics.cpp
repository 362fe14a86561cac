#include <cmath>

#include "audio_impl.hpp"

// Subharmonic sums of many frames at once, one frame per vector lane: every step runs along the bins with the same
// operations in each lane. Bin k of a buffer is the vector at k L.
namespace stcorner::kernels::STC_ISA {
namespace {

constexpr Index kLanes = F32::size;

/// 1 where a bin is a peak, 0 elsewhere.
STC_INLINE F32 is_peak(const float* x, Index k) noexcept {
  const F32 here = load(x + k * kLanes), left = load(x + (k - 1) * kLanes), right = load(x + (k + 1) * kLanes);
  const F32::Lanes none = {}, one = none + 1.0F;
  return {((here.v > left.v) & (here.v >= right.v)) ? one : none};
}

}  // namespace

void subharmonics(const SubharmonicPlan& plan, const float* power, Index n_frames, float* scratch,
                  float* out) noexcept {
  const Index n = plan.n;
  float* const x = scratch;
  float* const y = scratch + n * kLanes;
  rows_to_lanes(n, n, kLanes, x, [&](Index frame, Index begin) noexcept {
    return load_part(power + frame * n + begin, frame < n_frames ? n - begin : 0);
  });
  for (Index i = 0; i < n * kLanes; ++i) x[i] = std::sqrt(x[i]);

  // Only what lies within two bins of a peak counts, smoothed over three.
  F32 peaks[5] = {};
  for (Index k = -2; k < n; ++k) {
    for (int i = 0; i < 4; ++i) peaks[i] = peaks[i + 1];
    peaks[4] = k + 2 > 0 && k + 2 < n - 1 ? is_peak(x, k + 2) : broadcast(0.0F);
    if (k < 0) continue;
    const F32 any = max(max(max(peaks[0], peaks[1]), max(peaks[2], peaks[3])), peaks[4]);
    store(y + k * kLanes, load(x + k * kLanes) * any);
  }
  store(x, load(y));
  store(x + (n - 1) * kLanes, load(y + (n - 1) * kLanes));
  for (Index k = 1; k < n - 1; ++k) {
    const F32 sides = load(y + (k - 1) * kLanes) + load(y + (k + 1) * kLanes);
    store(x + k * kLanes, fma(sides, broadcast(0.25F), load(y + k * kLanes) * broadcast(0.5F)));
  }

  // Bends of the natural cubic spline through these values.
  store(y, broadcast(0.0F));
  for (Index k = 1; k < n - 1; ++k) {
    const float* const row = plan.spline + 5 * k;
    F32 bend = load(x + (k - 1) * kLanes) * broadcast(row[0]);
    bend = fma(load(x + k * kLanes), broadcast(row[1]), bend);
    bend = fma(load(x + (k + 1) * kLanes), broadcast(row[2]), bend);
    store(y + k * kLanes, fma(load(y + (k - 1) * kLanes), broadcast(row[3]), bend));
  }
  store(y + (n - 1) * kLanes, broadcast(0.0F));
  for (Index k = n - 2; k > 0; --k)
    store(y + k * kLanes, fma(load(y + (k + 1) * kLanes), broadcast(plan.spline[5 * k + 4]), load(y + k * kLanes)));

  float* const z = scratch + 2 * n * kLanes;
  for (Index i = 0; i < n; ++i) {
    const float* const w = plan.weights + 4 * i;
    const float* const at = x + plan.knots[i] * kLanes;
    const float* const bend = y + plan.knots[i] * kLanes;
    F32 value = load(at) * broadcast(w[0]);
    value = fma(load(at + kLanes), broadcast(w[1]), value);
    value = fma(load(bend), broadcast(w[2]), value);
    store(z + i * kLanes, fma(load(bend + kLanes), broadcast(w[3]), value));
  }

  int number = plan.n_harmonics;
  for (Index i = 0; i < n; ++i) {
    while (i + plan.shifts[number - 1] >= n) --number;
    F32 sum = broadcast(0.0F);
    for (int h = 0; h < number; ++h) sum = fma(load(z + (i + plan.shifts[h]) * kLanes), broadcast(plan.shares[h]), sum);
    store(x + i * kLanes, sum);
  }
  lanes_to_rows(x, kLanes, n, n_frames, out, n, [](Index, F32 row) noexcept { return row; });
}

int list_peaks(const float* row, Index n, std::int32_t* places, float* sum) noexcept {
  int count = 0;
  F32 total = broadcast(0.0F);
  Index i = 1;
  for (; i + kLanes < n; i += kLanes) {
    const F32 here = load(row + i);
    total = total + here;
    unsigned peaks = greater_mask(here, load(row + i - 1)) & ~greater_mask(load(row + i + 1), here);
    for (; peaks; peaks &= peaks - 1) places[count++] = static_cast<std::int32_t>(i) + __builtin_ctz(peaks);
  }
  *sum = add_lanes(row[0], total);
  for (; i < n; ++i) {
    *sum += row[i];
    if (i + 1 < n && row[i] > row[i - 1] && row[i] >= row[i + 1]) places[count++] = static_cast<std::int32_t>(i);
  }
  return count;
}

void correlate_powers(const float* power, Index n, const double* cosines, Index n_lags, double* out) noexcept {
  // Clenshaw's recurrence for sums of cosines, several vectors of lags at once, so that they do not wait for
  // themselves.
  constexpr int kAtOnce = 4;
  constexpr Index kStep = kAtOnce * F64::size;
  for (Index first = 0; first < n_lags; first += kStep) {
    F64 c[kAtOnce], one[kAtOnce], two[kAtOnce] = {};
    for (int u = 0; u < kAtOnce; ++u) {
      c[u] = load(cosines + first + u * F64::size);
      one[u] = broadcast(0.5 * static_cast<double>(power[n - 1]));  // the last bin has no mirror image
    }
    for (Index k = n - 2; k > 0; --k) {
      const F64 p = broadcast(static_cast<double>(power[k]));
      for (int u = 0; u < kAtOnce; ++u) {
        const F64 next = fma(c[u] + c[u], one[u], p - two[u]);
        two[u] = one[u];
        one[u] = next;
      }
    }
    for (int u = 0; u < kAtOnce; ++u)
      store(out + first + u * F64::size, fma(c[u], one[u], broadcast(0.5 * static_cast<double>(power[0])) - two[u]));
  }
}

}  // namespace stcorner::kernels::STC_ISA
