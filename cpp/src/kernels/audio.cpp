#include "audio_impl.hpp"

#define STC_STRING_(x) #x
#define STC_STRING(x) STC_STRING_(x)

namespace stcorner::kernels::STC_ISA {

const AudioTable& audio_table() noexcept {
  static constexpr AudioTable kTable{STC_STRING(STC_ISA), F32::size,     F64::size, changes_and_energy, autocorrelate32,
                                     autocorrelate64,     power_spectra, project,   find_peaks,         decimate};
  return kTable;
}

// Partial sums stay in float32 lanes for at most this many samples, then move to float64.
constexpr std::ptrdiff_t kRun = 512;

void changes_and_energy(const float* x, std::ptrdiff_t begin, std::ptrdiff_t end, float threshold,
                        std::int64_t* changes, double* energy) noexcept {
  const float limit = -threshold;
  std::int64_t count = 0;
  double sum = 0.0;
  for (std::ptrdiff_t at = begin; at < end; at += kRun) {
    const std::ptrdiff_t stop = at + kRun < end ? at + kRun : end;
    if (changes) {
      std::int32_t run = 0;
      for (std::ptrdiff_t i = at < 1 ? 1 : at; i < stop; ++i) run += (x[i] < limit) != (x[i - 1] < limit);
      count += run;
    }
    if (energy) {
      F32 lanes = broadcast(0.0F);
      std::ptrdiff_t i = at;
      for (; i + F32::size <= stop; i += F32::size) {
        const F32 v = load(x + i);
        lanes = fma(v, v, lanes);
      }
      float parts[F32::size];
      store(parts, lanes);
      double run = 0.0;
      for (const float part : parts) run += static_cast<double>(part);
      for (; i < stop; ++i) run += static_cast<double>(x[i]) * static_cast<double>(x[i]);
      sum += run;
    }
  }
  if (changes) *changes = count;
  if (energy) *energy = sum;
}

void project(const float* row, const Band* bands, std::ptrdiff_t n_bands, float* out) noexcept {
  for (std::ptrdiff_t b = 0; b < n_bands; ++b) {
    const float* const x = row + bands[b].first;
    const float* const w = bands[b].weights;
    const std::ptrdiff_t n = bands[b].count;
    float sum = 0.0F;
    std::ptrdiff_t i = 0;
    if (n >= F32::size) {
      F32 lanes = broadcast(0.0F);
      for (; i + F32::size <= n; i += F32::size) lanes = fma(load(x + i), load(w + i), lanes);
      float parts[F32::size];
      store(parts, lanes);
      for (const float part : parts) sum += part;
    }
    for (; i < n; ++i) sum += x[i] * w[i];
    out[b] = sum;
  }
}

void decimate(const float* const* phases, int factor, const float* taps, int n_taps, float* out,
              std::ptrdiff_t n_out) noexcept {
  // Four vectors of outputs share each tap, so that the adds do not wait for one another.
  constexpr std::ptrdiff_t kStep = 4 * F32::size;
  std::ptrdiff_t i = 0;
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
    const std::ptrdiff_t count = n_out - i < F32::size ? n_out - i : F32::size;
    float part[F32::size] = {};
    F32 sum = broadcast(0.0F);
    for (int k = 0; k < n_taps; ++k) {
      const float* const from = phases[k % factor] + i + k / factor;
      for (std::ptrdiff_t u = 0; u < count; ++u) part[u] = from[u];
      sum = fma(broadcast(taps[k]), load(part), sum);
    }
    store(part, sum);
    for (std::ptrdiff_t u = 0; u < count; ++u) out[i + u] = part[u];
  }
}

}  // namespace stcorner::kernels::STC_ISA
