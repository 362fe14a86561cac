#include <cmath>

#include "audio_fft.hpp"

// Two frames share a lane as real and imaginary part, so one complex transform serves both. Their power spectra
// are real and even, so that a second transform of half the length brings both autocorrelations back.
// Neighbours share a lane, so that their pairing follows from the frame's number alone, not from the vectors' width.
namespace stcorner::kernels::STC_ISA {

template <class T>
STC_INLINE T mean_of(const T* x, Index n) noexcept {
  using V = Vector<T>;
  V sum = broadcast(T(0));
  Index i = 0;
  for (; i + V::size <= n; i += V::size) sum = sum + load(x + i);
  double total = add_lanes(0.0, sum);
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
STC_INLINE T largest_deviation(const T* x, Index n, T mean, const T* weights = nullptr) noexcept {
  using V = Vector<T>;
  const V centre = broadcast(mean);
  V lanes = broadcast(T(0));
  Index i = 0;
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

/// What is needed to write one frame: its present samples [first, last) at x, less `mean`, times `gain`.
template <class T>
struct Cut {
  const T* x;
  Index first, last;
  T mean, gain;
};

/// Measure a frame. It will be divided by its largest magnitude, so that a faint frame does not drown in the
/// rounding of a loud partner; `size` is that magnitude (0 for silence).
template <class T>
STC_INLINE Cut<T> measure(const FrameJob<T>& job, Index frame, T* size, T* level) noexcept {
  const Index start = job.starts[frame];
  const Index first = start < 0 ? (-start < job.frame_length ? -start : job.frame_length) : 0;
  const Index left = job.n - start;
  const Index wanted = left < job.frame_length ? left : job.frame_length;
  const Index last = wanted > first ? wanted : first;
  const T* const x = job.signal + start;
  const T mean = job.remove_mean ? mean_of(x + first, last - first) : T(0);
  const T largest = largest_deviation(x + first, last - first, mean);
  const T gain = largest > T(1e-30) ? T(1) / largest : T(0);
  const Index from = job.level_begin > first ? job.level_begin : first;
  const Index to = job.level_end < last ? job.level_end : last;
  *level = from < to ? largest_deviation(x + from, to - from, mean, job.window + from) : T(0);
  *size = gain > T(0) ? largest : T(0);
  return {x, first, last, mean, gain};
}

/// Samples [begin, begin + lanes) of a frame as the transform gets them; past its end they are zero.
template <class T>
STC_INLINE Vector<T> piece(const Cut<T>& cut, const T* window, Index begin) noexcept {
  using V = Vector<T>;
  if (begin >= cut.first && begin + V::size <= cut.last)
    return (load(cut.x + begin) - broadcast(cut.mean)) * broadcast(cut.gain) * load(window + begin);
  T parts[V::size];
  for (Index k = 0, i = begin; k < V::size; ++k, ++i)
    parts[k] = i >= cut.first && i < cut.last ? (cut.x[i] - cut.mean) * cut.gain * window[i] : T(0);
  return load(parts);
}

/// Load all frames of a job into the work buffer `a`, empty slots as zeros; `scales` are the squares of
/// what the frames were divided by. Frames are rows, lanes are columns.
template <class T>
STC_INLINE void load_frames(const FrameJob<T>& job, Index n, T* a, T* scales, T* levels) noexcept {
  using V = Vector<T>;
  constexpr Index kElement = 2 * V::size;
  Cut<T> cuts[kElement];
  for (Index frame = 0; frame < kElement; ++frame) {
    cuts[frame] = {nullptr, 0, 0, T(0), T(0)};
    if (frame >= job.n_frames) continue;
    T size;
    cuts[frame] = measure(job, frame, &size, levels + frame);
    scales[frame] = size * size;
  }
  for (Index half = 0; half < 2; ++half)
    rows_to_lanes(job.frame_length, n, kElement, a + half * V::size,
                  [&](Index lane, Index begin) noexcept { return piece(cuts[2 * lane + half], job.window, begin); });
  const Index filled = (job.frame_length + V::size - 1) / V::size * V::size;
  for (Index at = filled * kElement; at < n * kElement; at += V::size) store(a + at, broadcast(T(0)));
}

/// The first `width` elements of every frame, times its scale, into rows.
template <class T>
STC_INLINE void unload_frames(const T* from, Index n_frames, Index width, const T* scales, T* out) noexcept {
  using V = Vector<T>;
  for (Index half = 0; half < 2; ++half)
    lanes_to_rows(from + half * V::size, 2 * V::size, width, (n_frames + 1 - half) / 2, out + half * width, 2 * width,
                  [&](Index lane, V row) noexcept { return row * broadcast(scales[2 * lane + half]); });
}

template <class T>
struct Buffers {
  T *used, *free;
};

/// The joint spectra of the frames of each lane, and the half of `scratch` that does not hold them.
template <class T>
STC_INLINE Buffers<T> spectra_of(const FftPlan<T>& plan, const FrameJob<T>& job, T* scratch, T* scales,
                                 T* levels) noexcept {
  T* const other = scratch + plan.n * 2 * Vector<T>::size;
  load_frames(job, plan.n, scratch, scales, levels);
  T* const spectrum = fft(plan, scratch, other);
  return {spectrum, spectrum == scratch ? other : scratch};
}

template <class V>
struct Pair {
  V first, second;
};

/// Four times the power of both frames of each lane in bin k <= n / 2 of their joint spectrum.
template <class T>
STC_INLINE auto power_of(const T* z, Index n, Index k) noexcept {
  using V = Vector<T>;
  constexpr Index kElement = 2 * V::size;
  const T* const low = z + k * kElement;
  const T* const high = z + (k == 0 ? 0 : n - k) * kElement;
  const V a_re = load(low) + load(high), a_im = load(low + V::size) - load(high + V::size);
  const V b_re = load(low + V::size) + load(high + V::size), b_im = load(high) - load(low);
  return Pair<V>{fma(a_re, a_re, a_im * a_im), fma(b_re, b_re, b_im * b_im)};
}

/// Fold the 2 m power spectrum of both frames of each lane into m values whose transform has, in its real parts
/// the even lags, in its imaginary parts the steps between the odd ones; the result is lag 1.
/// (Press et al., Numerical Recipes, section on the cosine transform.)
template <class T>
STC_INLINE auto fold(const T* z, T* out, Index m, const T* turns, const T* weights) noexcept {
  using V = Vector<T>;
  constexpr Index kElement = 2 * V::size;
  Pair<V> odd{broadcast(T(0)), broadcast(T(0))};
  for (Index j = 0; 2 * j <= m; ++j) {
    const Pair<V> a = power_of(z, 2 * m, j), b = power_of(z, 2 * m, m - j);
    // Each sum below counts a bin of the lower half and its mirror image: 2 / 4.
    const V low = broadcast(weights ? T(0.5) * weights[j] : T(0.5));
    const V high = broadcast(weights ? T(0.5) * weights[m - j] : T(0.5));
    const V cosine = broadcast(turns[2 * j]), sine = broadcast(turns[2 * j + 1]), half = broadcast(T(0.5));
    const V x1 = a.first * low, y1 = b.first * high, x2 = a.second * low, y2 = b.second * high;
    const V d1 = x1 - y1, d2 = x2 - y2, s1 = (x1 + y1) * half, s2 = (x2 + y2) * half;
    T* const to = out + j * kElement;
    store(to, s1 - sine * d1);
    store(to + V::size, s2 - sine * d2);
    if (j > 0) {
      T* const mirror = out + (m - j) * kElement;
      store(mirror, s1 + sine * d1);
      store(mirror + V::size, s2 + sine * d2);
    }
    const V part = j > 0 ? cosine : half;
    odd.first = fma(part, d1, odd.first);
    odd.second = fma(part, d2, odd.second);
  }
  return odd;
}

/// Undo the folding after the transform: lags 0 .. n_lags - 1 of both frames of each lane.
template <class T, class V>
STC_INLINE void unfold(const T* y, T* out, Index m, Index n_lags, Pair<V> odd) noexcept {
  constexpr Index kElement = 2 * V::size;
  const V half = broadcast(T(0.5));
  for (Index k = 0; 2 * k < n_lags; ++k) {
    const T* const low = y + k * kElement;
    const T* const high = y + (k == 0 ? 0 : m - k) * kElement;
    const V re = load(low), im = load(low + V::size), re_high = load(high), im_high = load(high + V::size);
    T* const to = out + 2 * k * kElement;
    store(to, (re + re_high) * half);
    store(to + V::size, (im + im_high) * half);
    odd.first = odd.first - (im - im_high) * half;
    odd.second = odd.second - (re_high - re) * half;
    if (2 * k + 1 == n_lags) break;
    store(to + kElement, odd.first);
    store(to + kElement + V::size, odd.second);
  }
}

template <class T>
STC_INLINE void autocorrelate(const AcfPlan<T>& plan, const FrameJob<T>& job, const T* weights, Index n_lags,
                              T* scratch, T* out, T* levels) noexcept {
  constexpr Index kElement = 2 * Vector<T>::size;
  const Index half = plan.half.n;
  T scales[kElement];
  const auto [spectrum, folded] = spectra_of(plan.whole, job, scratch, scales, levels);
  const auto odd = fold(spectrum, folded, half, plan.turns, weights);
  T* const result = fft(plan.half, folded, spectrum);
  T* const lags = result == folded ? spectrum : folded;
  unfold(result, lags, half, n_lags, odd);
  unload_frames(lags, job.n_frames, n_lags, scales, out);
}

/// Four times the powers of both frames of each lane, times factors, into `power`.
STC_INLINE void powers_of(const float* spectrum, Index n, F32 first, F32 second, float* power) noexcept {
  for (Index k = 0; k <= n / 2; ++k) {
    const Pair<F32> both = power_of(spectrum, n, k);
    store(power + k * 2 * F32::size, both.first * first);
    store(power + (2 * k + 1) * F32::size, both.second * second);
  }
}

void power_spectra(const FftPlan<float>& plan, const FrameJob<float>& job, float* scratch, float* out) noexcept {
  float scales[2 * F32::size], levels[2 * F32::size];
  const auto [spectrum, power] = spectra_of(plan, job, scratch, scales, levels);
  powers_of(spectrum, plan.n, broadcast(0.25F), broadcast(0.25F), power);
  unload_frames(power, job.n_frames, plan.n / 2 + 1, scales, out);
}

void resample_frames(const FftPlan<float>& there, const FftPlan<float>& back, const FrameJob<float>& job, Index n_bins,
                     Index length, float* scratch, float* out) noexcept {
  constexpr Index kElement = 2 * F32::size;
  float scales[kElement], levels[kElement];
  const auto [spectrum, kept] = spectra_of(there, job, scratch, scales, levels);
  // Mirrored, so that the transform goes back. Frequency 0 counts twice: the sum over a bin and its mirror image.
  for (Index k = 0; k < back.n; ++k) {
    const Index bin = k < n_bins ? (k ? there.n - k : 0) : back.n - k;
    const F32 share = broadcast(k == 0 ? 2.0F : k < n_bins || bin < n_bins ? 1.0F : 0.0F);
    for (Index part = 0; part < kElement; part += F32::size)
      store(kept + k * kElement + part, load(spectrum + bin * kElement + part) * share);
  }
  for (Index i = 0; i < job.n_frames; ++i) scales[i] = std::sqrt(scales[i]) / static_cast<float>(there.n);
  unload_frames(fft(back, kept, spectrum), job.n_frames, length, scales, out);
}

void band_spectra(const FftPlan<float>& plan, const FrameJob<float>& job, const BandJob& bands, float* scratch,
                  float* out) noexcept {
  constexpr Index kElement = 2 * F32::size;
  float scales[kElement] = {}, levels[kElement], ones[kElement], ordered[kElement];
  const auto [spectrum, power] = spectra_of(plan, job, scratch, scales, levels);
  for (Index i = 0; i < kElement; ++i) {
    ones[i] = 1.0F;
    ordered[i % 2 * F32::size + i / 2] = i < job.n_frames ? 0.25F * scales[i] : 0.0F;
  }
  powers_of(spectrum, plan.n, load(ordered), load(ordered + F32::size), power);
  float* const sums = scratch + 2 * plan.n * kElement;
  const F32 least = broadcast(bands.least), scale = broadcast(bands.scale);
  for (Index band = 0; band < bands.n_bands; ++band) {
    const Band& each = bands.bands[band];
    const float* const from = power + each.first * kElement;
    F32 ones_of[4] = {}, twos_of[4] = {};  // sums by turns, as `project` adds them
    const auto add = [&](Index bin, int turn) noexcept {
      const F32 weight = broadcast(each.weights[bin]);
      ones_of[turn] = fma(load(from + bin * kElement), weight, ones_of[turn]);
      twos_of[turn] = fma(load(from + bin * kElement + F32::size), weight, twos_of[turn]);
    };
    Index bin = 0;
    for (; bin + 4 <= each.count; bin += 4)
      for (int turn = 0; turn < 4; ++turn) add(bin + turn, turn);
    if (bin < each.count) add(bin, 0);
    if (bin + 1 < each.count) add(bin + 1, 1);
    if (bin + 2 < each.count) add(bin + 2, 2);
    F32 one = (ones_of[0] + ones_of[1]) + (ones_of[2] + ones_of[3]);
    F32 two = (twos_of[0] + twos_of[1]) + (twos_of[2] + twos_of[3]);
    if (bands.scale != 0.0F) {
      one = natural_log(max(one, least)) * scale;
      two = natural_log(max(two, least)) * scale;
    }
    store(sums + band * kElement, one);
    store(sums + band * kElement + F32::size, two);
  }
  unload_frames(sums, job.n_frames, bands.n_bands, ones, out);
}

void autocorrelate32(const AcfPlan<float>& plan, const FrameJob<float>& job, const float* weights, Index n_lags,
                     float* scratch, float* out, float* levels) noexcept {
  autocorrelate(plan, job, weights, n_lags, scratch, out, levels);
}

void autocorrelate64(const AcfPlan<double>& plan, const FrameJob<double>& job, const double* weights, Index n_lags,
                     double* scratch, double* out, double* levels) noexcept {
  autocorrelate(plan, job, weights, n_lags, scratch, out, levels);
}

}  // namespace stcorner::kernels::STC_ISA
