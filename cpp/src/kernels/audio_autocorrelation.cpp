#include "audio_fft.hpp"

// Two frames share a lane as real and imaginary part, so one complex transform serves both, and a second
// forward transform of their (real, even) power spectra brings both autocorrelations back.
namespace stcorner::kernels::STC_ISA {

template <class T>
STC_INLINE T mean_of(const T* x, std::ptrdiff_t n) noexcept {
  using V = typename LanesOf<T>::type;
  V sum = broadcast(T(0));
  std::ptrdiff_t i = 0;
  for (; i + V::size <= n; i += V::size) sum = sum + load(x + i);
  T parts[V::size];
  store(parts, sum);
  double total = 0.0;
  for (const T part : parts) total += static_cast<double>(part);
  for (; i < n; ++i) total += static_cast<double>(x[i]);
  return n > 0 ? static_cast<T>(total / static_cast<double>(n)) : T(0);
}

template <class T>
STC_INLINE T magnitude(T x) noexcept { return x < T(0) ? T(0) - x : x; }

/// Largest |x[i] - mean|; the compiler may not reorder the comparisons by itself.
template <class T>
STC_INLINE T largest_deviation(const T* x, std::ptrdiff_t n, T mean) noexcept {
  using V = typename LanesOf<T>::type;
  const V centre = broadcast(mean);
  V lanes = broadcast(T(0));
  std::ptrdiff_t i = 0;
  for (; i + V::size <= n; i += V::size) {
    const V deviation = load(x + i) - centre;
    lanes = max(lanes, max(deviation, V{} - deviation));
  }
  T parts[V::size];
  store(parts, lanes);
  T largest = T(0);
  for (const T part : parts) largest = part > largest ? part : largest;
  for (; i < n; ++i) largest = magnitude(x[i] - mean) > largest ? magnitude(x[i] - mean) : largest;
  return largest;
}

/// Where a frame lies within an element of the work buffers. Neighbours share a lane, so that their
/// pairing follows from the frame's number alone, not from the vectors' width.
template <class T>
STC_INLINE std::ptrdiff_t slot_of(std::ptrdiff_t frame) noexcept {
  return (frame % 2) * LanesOf<T>::type::size + frame / 2;
}

/// Write one frame into its slot, zero up to the transform's length, and return the magnitude by which it
/// was divided (0 for silence): a faint frame must not drown in the rounding of a loud partner.
template <class T>
STC_INLINE T load_frame(const FrameJob<T>& job, std::ptrdiff_t frame, std::ptrdiff_t n, T* slot, T* level) noexcept {
  constexpr std::ptrdiff_t kElement = 2 * LanesOf<T>::type::size;
  const std::ptrdiff_t start = job.starts[frame];
  const std::ptrdiff_t first = start < 0 ? (-start < job.frame_length ? -start : job.frame_length) : 0;
  const std::ptrdiff_t left = job.n - start;
  const std::ptrdiff_t wanted = left < job.frame_length ? left : job.frame_length;
  const std::ptrdiff_t last = wanted > first ? wanted : first;
  const T* const x = job.signal + start;
  const T mean = job.remove_mean ? mean_of(x + first, last - first) : T(0);
  const T largest = largest_deviation(x + first, last - first, mean);
  const T gain = largest > T(1e-30) ? T(1) / largest : T(0);
  for (std::ptrdiff_t i = 0; i < first; ++i) slot[i * kElement] = T(0);
  for (std::ptrdiff_t i = first; i < last; ++i) slot[i * kElement] = (x[i] - mean) * gain * job.window[i];
  for (std::ptrdiff_t i = last; i < n; ++i) slot[i * kElement] = T(0);
  T middle[2] = {T(0), T(0)};
  for (std::ptrdiff_t i = job.level_begin; i < job.level_end; ++i) {
    const T size = magnitude(slot[i * kElement]);
    middle[i % 2] = size > middle[i % 2] ? size : middle[i % 2];
  }
  *level = (middle[0] > middle[1] ? middle[0] : middle[1]) * largest;
  return gain > T(0) ? largest : T(0);
}

/// Replace the joint spectrum of two frames per lane by their two power spectra, in `out`.
template <class T>
STC_INLINE void powers(const T* z, T* out, std::ptrdiff_t n, const T* weights) noexcept {
  using V = typename LanesOf<T>::type;
  constexpr std::ptrdiff_t kElement = 2 * V::size;
  for (std::ptrdiff_t k = 0; k <= n / 2; ++k) {
    const T* const low = z + k * kElement;
    const T* const high = z + (k == 0 ? 0 : n - k) * kElement;
    const V a_re = load(low) + load(high), a_im = load(low + V::size) - load(high + V::size);
    const V b_re = load(low + V::size) + load(high + V::size), b_im = load(high) - load(low);
    const V weight = broadcast(weights ? T(0.25) * weights[k] : T(0.25));
    const V first = fma(a_re, a_re, a_im * a_im) * weight;
    const V second = fma(b_re, b_re, b_im * b_im) * weight;
    for (const std::ptrdiff_t at : {k, k == 0 ? 0 : n - k}) {
      store(out + at * kElement, first);
      store(out + at * kElement + V::size, second);
    }
  }
}

/// Load all frames of a job into the work buffer `a`, empty slots as zeros; `scales` are the squares of
/// what the frames were divided by.
template <class T>
STC_INLINE void load_frames(const FrameJob<T>& job, std::ptrdiff_t n, T* a, T* scales, T* levels) noexcept {
  constexpr std::ptrdiff_t kElement = 2 * LanesOf<T>::type::size;
  for (std::ptrdiff_t frame = 0; frame < kElement; ++frame) {
    T* const slot = a + slot_of<T>(frame);
    if (frame < job.n_frames) {
      const T size = load_frame(job, frame, n, slot, levels + frame);
      scales[frame] = size * size;
    } else {
      for (std::ptrdiff_t i = 0; i < n; ++i) slot[i * kElement] = T(0);
    }
  }
}

template <class T>
STC_INLINE void autocorrelate(const FftPlan<T>& plan, const FrameJob<T>& job, const T* weights,
                              std::ptrdiff_t n_lags, T* scratch, T* out, T* levels) noexcept {
  constexpr std::ptrdiff_t kLanes = LanesOf<T>::type::size;
  constexpr std::ptrdiff_t kElement = 2 * kLanes;
  T* const a = scratch;
  T* const b = scratch + plan.n * kElement;
  T scales[kElement];
  load_frames(job, plan.n, a, scales, levels);
  T* const spectrum = fft(plan, a, b);
  T* const power = spectrum == a ? b : a;
  powers(spectrum, power, plan.n, weights);
  const T* const result = fft(plan, power, spectrum);
  for (std::ptrdiff_t frame = 0; frame < job.n_frames; ++frame) {
    const T* const from = result + slot_of<T>(frame);
    for (std::ptrdiff_t lag = 0; lag < n_lags; ++lag) out[frame * n_lags + lag] = from[lag * kElement] * scales[frame];
  }
}

void power_spectra(const FftPlan<float>& plan, const FrameJob<float>& job, float* scratch, float* out) noexcept {
  constexpr std::ptrdiff_t kElement = 2 * F32::size;
  float* const a = scratch;
  float* const b = scratch + plan.n * kElement;
  float scales[kElement], levels[kElement];
  load_frames(job, plan.n, a, scales, levels);
  float* const spectrum = fft(plan, a, b);
  float* const power = spectrum == a ? b : a;
  powers<float>(spectrum, power, plan.n, nullptr);
  const std::ptrdiff_t bins = plan.n / 2 + 1;
  for (std::ptrdiff_t frame = 0; frame < job.n_frames; ++frame) {
    const float* const from = power + slot_of<float>(frame);
    for (std::ptrdiff_t k = 0; k < bins; ++k) out[frame * bins + k] = from[k * kElement] * scales[frame];
  }
}

void autocorrelate32(const FftPlan<float>& plan, const FrameJob<float>& job, const float* weights,
                     std::ptrdiff_t n_lags, float* scratch, float* out, float* levels) noexcept {
  autocorrelate(plan, job, weights, n_lags, scratch, out, levels);
}

void autocorrelate64(const FftPlan<double>& plan, const FrameJob<double>& job, const double* weights,
                     std::ptrdiff_t n_lags, double* scratch, double* out, double* levels) noexcept {
  autocorrelate(plan, job, weights, n_lags, scratch, out, levels);
}

}  // namespace stcorner::kernels::STC_ISA
