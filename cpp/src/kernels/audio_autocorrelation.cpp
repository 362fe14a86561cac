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
STC_INLINE T magnitude(T x) noexcept {
  return x < T(0) ? T(0) - x : x;
}

/// Largest |x[i] - mean|, times weights[i] if there are any; the compiler may not reorder the comparisons by
/// itself.
template <class T>
STC_INLINE T largest_deviation(const T* x, std::ptrdiff_t n, T mean, const T* weights = nullptr) noexcept {
  using V = typename LanesOf<T>::type;
  const V centre = broadcast(mean);
  V lanes = broadcast(T(0));
  std::ptrdiff_t i = 0;
  for (; i + V::size <= n; i += V::size) {
    V deviation = load(x + i) - centre;
    if (weights) deviation = deviation * load(weights + i);
    lanes = max(lanes, max(deviation, V{} - deviation));
  }
  T parts[V::size];
  store(parts, lanes);
  T largest = T(0);
  for (const T part : parts) largest = part > largest ? part : largest;
  for (; i < n; ++i) {
    const T size = magnitude((x[i] - mean) * (weights ? weights[i] : T(1)));
    largest = size > largest ? size : largest;
  }
  return largest;
}

/// Where a frame lies within an element of the work buffers. Neighbours share a lane, so that their
/// pairing follows from the frame's number alone, not from the vectors' width.
template <class T>
STC_INLINE std::ptrdiff_t slot_of(std::ptrdiff_t frame) noexcept {
  return (frame % 2) * LanesOf<T>::type::size + frame / 2;
}

/// What is needed to write one frame: its present samples [first, last) at x, less `mean`, times `gain`.
template <class T>
struct Cut {
  const T* x;
  std::ptrdiff_t first, last;
  T mean, gain;
};

/// Measure a frame. It will be divided by its largest magnitude, so that a faint frame does not drown in the
/// rounding of a loud partner; `size` is that magnitude (0 for silence).
template <class T>
STC_INLINE Cut<T> measure(const FrameJob<T>& job, std::ptrdiff_t frame, T* size, T* level) noexcept {
  const std::ptrdiff_t start = job.starts[frame];
  const std::ptrdiff_t first = start < 0 ? (-start < job.frame_length ? -start : job.frame_length) : 0;
  const std::ptrdiff_t left = job.n - start;
  const std::ptrdiff_t wanted = left < job.frame_length ? left : job.frame_length;
  const std::ptrdiff_t last = wanted > first ? wanted : first;
  const T* const x = job.signal + start;
  const T mean = job.remove_mean ? mean_of(x + first, last - first) : T(0);
  const T largest = largest_deviation(x + first, last - first, mean);
  const T gain = largest > T(1e-30) ? T(1) / largest : T(0);
  const std::ptrdiff_t from = job.level_begin > first ? job.level_begin : first;
  const std::ptrdiff_t to = job.level_end < last ? job.level_end : last;
  *level = from < to ? largest_deviation(x + from, to - from, mean, job.window + from) : T(0);
  *size = gain > T(0) ? largest : T(0);
  return {x, first, last, mean, gain};
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

// Frames are rows, lanes are columns: the way between is walked in blocks of this many elements, which fit
// into the first cache.
constexpr std::ptrdiff_t kBlock = 64;

/// Load all frames of a job into the work buffer `a`, empty slots as zeros; `scales` are the squares of
/// what the frames were divided by.
template <class T>
STC_INLINE void load_frames(const FrameJob<T>& job, std::ptrdiff_t n, T* a, T* scales, T* levels) noexcept {
  constexpr std::ptrdiff_t kElement = 2 * LanesOf<T>::type::size;
  Cut<T> cuts[kElement];
  for (std::ptrdiff_t frame = 0; frame < kElement; ++frame) {
    cuts[frame] = {nullptr, 0, 0, T(0), T(0)};
    if (frame >= job.n_frames) continue;
    T size;
    cuts[frame] = measure(job, frame, &size, levels + frame);
    scales[frame] = size * size;
  }
  // Past the frames all lanes are zero.
  const std::ptrdiff_t filled = job.frame_length;
  for (std::ptrdiff_t at = filled * kElement; at < n * kElement; at += LanesOf<T>::type::size)
    store(a + at, broadcast(T(0)));
  for (std::ptrdiff_t begin = 0; begin < filled; begin += kBlock) {
    const std::ptrdiff_t end = begin + kBlock < filled ? begin + kBlock : filled;
    for (std::ptrdiff_t frame = 0; frame < kElement; ++frame) {
      const Cut<T> cut = cuts[frame];
      T* const slot = a + slot_of<T>(frame);
      const std::ptrdiff_t last = cut.last < end ? cut.last : end;
      std::ptrdiff_t i = begin;
      for (; i < end && i < cut.first; ++i) slot[i * kElement] = T(0);
      for (; i < last; ++i) slot[i * kElement] = (cut.x[i] - cut.mean) * cut.gain * job.window[i];
      for (; i < end; ++i) slot[i * kElement] = T(0);
    }
  }
}

/// The first `width` elements of every frame, times its scale, into rows.
template <class T>
STC_INLINE void unload_frames(const T* from, std::ptrdiff_t n_frames, std::ptrdiff_t width, const T* scales,
                              T* out) noexcept {
  constexpr std::ptrdiff_t kElement = 2 * LanesOf<T>::type::size;
  for (std::ptrdiff_t begin = 0; begin < width; begin += kBlock) {
    const std::ptrdiff_t end = begin + kBlock < width ? begin + kBlock : width;
    for (std::ptrdiff_t frame = 0; frame < n_frames; ++frame) {
      const T* const slot = from + slot_of<T>(frame);
      for (std::ptrdiff_t i = begin; i < end; ++i) out[frame * width + i] = slot[i * kElement] * scales[frame];
    }
  }
}

template <class T>
STC_INLINE void autocorrelate(const FftPlan<T>& plan, const FrameJob<T>& job, const T* weights, std::ptrdiff_t n_lags,
                              T* scratch, T* out, T* levels) noexcept {
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
  unload_frames(result, job.n_frames, n_lags, scales, out);
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
  unload_frames(power, job.n_frames, plan.n / 2 + 1, scales, out);
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
