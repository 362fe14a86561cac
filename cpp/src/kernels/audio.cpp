#include "audio_impl.hpp"

namespace stcorner::kernels::STC_ISA {

const AudioTable& audio_table() noexcept {
  static constexpr AudioTable kTable{
      STC_STRING(STC_ISA), F32::size,     F64::size,       changes_and_energy, autocorrelate32,
      autocorrelate64,     power_spectra, resample_frames, band_spectra,       project,
      logarithms,          find_roots,    find_peaks,      subharmonics,       list_peaks,
      correlate_powers,    decimate};
  return kTable;
}

// Partial sums stay in float32 lanes for at most this many samples, then move to float64.
constexpr Index kRun = 512;

void changes_and_energy(const float* x, Index begin, Index end, float threshold, std::int64_t* changes,
                        double* energy) noexcept {
  const float limit = -threshold;
  std::int64_t count = 0;
  double sum = 0.0;
  for (Index at = begin; at < end; at += kRun) {
    const Index stop = at + kRun < end ? at + kRun : end;
    if (changes) {
      std::int32_t run = 0;
      for (Index i = at < 1 ? 1 : at; i < stop; ++i) run += (x[i] < limit) != (x[i - 1] < limit);
      count += run;
    }
    if (energy) {
      F32 lanes = broadcast(0.0F);
      Index i = at;
      for (; i + F32::size <= stop; i += F32::size) {
        const F32 v = load(x + i);
        lanes = fma(v, v, lanes);
      }
      double run = add_lanes(0.0, lanes);
      for (; i < stop; ++i) run += static_cast<double>(x[i]) * static_cast<double>(x[i]);
      sum += run;
    }
  }
  if (changes) *changes = count;
  if (energy) *energy = sum;
}

namespace {

typedef float Four __attribute__((vector_size(16)));  // NOLINT(modernize-use-using): gcc wants it so

STC_INLINE Four load_four(const float* p) noexcept {
  Four a;
  __builtin_memcpy(&a, p, sizeof a);
  return a;
}

STC_INLINE Four fma_four(Four a, Four b, Four c) noexcept {
#if STC_VECTOR_BYTES && defined(__FMA__)
  return (Four)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)c);
#elif STC_VECTOR_BYTES && defined(__aarch64__)
  return (Four)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
}

/// What of a band is left from `i` on, and the sum of the four.
STC_INLINE float finish(const float* x, const Band& band, Index i, Four sum) noexcept {
  for (; i + 4 <= band.count; i += 4) sum = fma_four(load_four(x + i), load_four(band.weights + i), sum);
  if (i < band.count) {
    Four w = {}, rest = {};
    for (Index k = 0; i + k < band.count; ++k) w[k] = band.weights[i + k], rest[k] = x[i + k];
    sum = fma_four(rest, w, sum);
  }
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/// Sums in one band of `kRows` rows, in the order of band_spectra: four by turns, then these.
template <int kRows>
STC_INLINE void sum_band(const float* rows, Index stride, const Band& band, float* out, Index n_bands) noexcept {
  const float* const x = rows + band.first;
  Four sums[kRows] = {};
  Index i = 0;
  for (; i + 4 <= band.count; i += 4) {
    const Four w = load_four(band.weights + i);
    for (int r = 0; r < kRows; ++r) sums[r] = fma_four(load_four(x + r * stride + i), w, sums[r]);
  }
  for (int r = 0; r < kRows; ++r) out[r * n_bands] = finish(x + r * stride, band, i, sums[r]);
}

/// Sums in `kBands` bands of one row: several, so that the adds do not wait for one another.
template <int kBands>
STC_INLINE void sum_row(const float* row, const Band* bands, float* out) noexcept {
  Four sums[kBands] = {};
  Index least = bands[0].count, i = 0;
  for (int b = 1; b < kBands; ++b) least = bands[b].count < least ? bands[b].count : least;
  for (; i + 4 <= least; i += 4)
    for (int b = 0; b < kBands; ++b)
      sums[b] = fma_four(load_four(row + bands[b].first + i), load_four(bands[b].weights + i), sums[b]);
  for (int b = 0; b < kBands; ++b) out[b] = finish(row + bands[b].first, bands[b], i, sums[b]);
}

}  // namespace

void project(const float* rows, Index n_rows, Index stride, const Band* bands, Index n_bands, float* out) noexcept {
  constexpr int kTile = 4;  // rows that share the weights
  Index row = 0;
  for (; row + kTile <= n_rows; row += kTile)
    for (Index b = 0; b < n_bands; ++b)
      sum_band<kTile>(rows + row * stride, stride, bands[b], out + row * n_bands + b, n_bands);
  for (; row < n_rows; ++row) {
    Index b = 0;
    for (; b + 4 <= n_bands; b += 4) sum_row<4>(rows + row * stride, bands + b, out + row * n_bands + b);
    for (; b < n_bands; ++b) sum_row<1>(rows + row * stride, bands + b, out + row * n_bands + b);
  }
}

void logarithms(const float* x, Index n, float least, float scale, float* out) noexcept {
  const auto log_of = [&](F32 v) noexcept { return natural_log(max(v, broadcast(least))) * broadcast(scale); };
  Index i = 0;
  for (; i + F32::size <= n; i += F32::size) store(out + i, log_of(load(x + i)));
  if (i < n) store_part(out + i, log_of(load_part(x + i, n - i)), n - i);
}

void decimate(const float* const* phases, int factor, const float* taps, int n_taps, float* out, Index n_out) noexcept {
  // Four vectors of outputs share each tap, so that the adds do not wait for one another.
  constexpr Index kStep = 4 * F32::size;
  Index i = 0;
  for (; i + kStep <= n_out; i += kStep) {
    F32 sum[4] = {broadcast(0.0F), broadcast(0.0F), broadcast(0.0F), broadcast(0.0F)};
    for (int k = 0, phase = 0, shift = 0; k < n_taps; ++k) {
      const F32 tap = broadcast(taps[k]);
      const float* const from = phases[phase] + i + shift;
      for (int u = 0; u < 4; ++u) sum[u] = fma(tap, load(from + u * F32::size), sum[u]);
      if (++phase == factor) phase = 0, ++shift;
    }
    for (int u = 0; u < 4; ++u) store(out + i + u * F32::size, sum[u]);
  }
  // The rest goes through vectors too: a scalar loop may round otherwise, and where the signal ends must not change
  // the outputs before.
  for (; i < n_out; i += F32::size) {
    F32 sum = broadcast(0.0F);
    for (int k = 0; k < n_taps; ++k)
      sum = fma(broadcast(taps[k]), load_part(phases[k % factor] + i + k / factor, n_out - i), sum);
    store_part(out + i, sum, n_out - i);
  }
}

}  // namespace stcorner::kernels::STC_ISA
