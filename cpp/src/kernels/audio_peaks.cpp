#include "audio_impl.hpp"

namespace stcorner::kernels::STC_ISA {

/// Value between lags: the kernel of the nearest fraction, whose taps reach from lag floor(position) - 15 to + 16.
STC_INLINE float interpolate(const PeakJob& job, const float* values, Index steps) noexcept {
  const Index lag = steps / kSincSteps;
  const float* const taps = job.sinc + (steps - lag * kSincSteps) * kSincTaps;
  const float* const from = values + lag - (kSincTaps / 2 - 1);
  F32 sum = broadcast(0.0F);
  for (int k = 0; k < kSincTaps; k += static_cast<int>(F32::size)) sum = fma(load(taps + k), load(from + k), sum);
  return add_lanes(0.0F, sum);
}

/// Top of the parabola through (-1, a), (0, b), (1, c): its place, and its height in `height`.
STC_INLINE float parabola(float a, float b, float c, float* height) noexcept {
  const float bend = a - 2.0F * b + c;
  float offset = bend < 0.0F ? 0.5F * (a - c) / bend : 0.0F;
  offset = offset < -1.0F ? -1.0F : offset > 1.0F ? 1.0F : offset;
  *height = b - 0.25F * (a - c) * offset;
  return offset;
}

int find_peaks(const PeakJob& job, const float* acf, float* row, float* lags, float* strengths) noexcept {
  // Below this the quotient overflows (the ringing of digital silence after a resampler): no period is in it.
  if (!(acf[0] > 1e-30F)) return 0;
  constexpr Index kMargin = kSincTaps / 2;
  float* const values = row + kMargin;
  const float norm = 1.0F / acf[0];
  for (Index lag = 0; lag < job.n_lags; ++lag) values[lag] = acf[lag] * norm * job.scale[lag];
  for (Index lag = 1; lag <= kMargin; ++lag) values[-lag] = values[lag];

  float scores[kMaxCandidates];
  Index places[kMaxCandidates];
  int n = 0;
  const F32 least = broadcast(job.least_strength);
  for (Index begin = job.first_lag; begin <= job.last_lag; begin += F32::size) {
    // `row` has room for a vector past the last lag.
    const F32 here = load(values + begin);
    unsigned tops =
        greater_mask(here, max(least, load(values + begin - 1))) & ~greater_mask(load(values + begin + 1), here);
    if (job.last_lag - begin < F32::size - 1) tops &= (1u << (job.last_lag - begin + 1)) - 1u;
    for (Index lag = begin; tops != 0; ++lag, tops >>= 1) {
      if ((tops & 1u) == 0) continue;
      float height;
      parabola(values[lag - 1], values[lag], values[lag + 1], &height);
      const float score = height - job.cost[lag];
      if (n == job.max_candidates && !(score > scores[n - 1])) continue;
      int at = n < job.max_candidates ? n++ : n - 1;
      for (; at > 0 && scores[at - 1] < score; --at) {
        scores[at] = scores[at - 1];
        places[at] = places[at - 1];
      }
      scores[at] = score;
      places[at] = lag;
    }
  }

  // The parabola through three samples of a sharp peak errs by a tenth of a lag; through three values of
  // the interpolated function, a quarter of a lag apart, it does not.
  constexpr Index kStep = kSincSteps / 4;
  for (int i = 0; i < n; ++i) {
    const Index lag = places[i];
    float height;
    const float rough = parabola(values[lag - 1], values[lag], values[lag + 1], &height);
    const Index centre = lag * kSincSteps + static_cast<Index>(rough * kSincSteps + kSincSteps) - kSincSteps;
    const float fine = parabola(interpolate(job, values, centre - kStep), interpolate(job, values, centre),
                                interpolate(job, values, centre + kStep), &height);
    lags[i] = (static_cast<float>(centre) + fine * static_cast<float>(kStep)) * (1.0F / kSincSteps);
    // The division by the window's autocorrelation can overshoot; so strong a peak is a bad estimate.
    strengths[i] = height > 1.0F ? 1.0F / height : height;
  }
  return n;
}

}  // namespace stcorner::kernels::STC_ISA
