#include "stcorner/audio/spectrum.hpp"

#include <algorithm>
#include <stdexcept>

#include "plan.hpp"

namespace stcorner::audio {
namespace {

constexpr std::ptrdiff_t kItem = 256;  // frames per work item; even, so that pairs of frames stay together

using Bands = std::vector<kernels::Band>;

Bands bands_of(const float* basis, std::ptrdiff_t n_bands, std::ptrdiff_t n_bins) {
  Bands bands;
  for (std::ptrdiff_t b = 0; b < n_bands; ++b) {
    const float* const weights = basis + b * n_bins;
    std::ptrdiff_t first = 0, end = n_bins;
    while (first < end && weights[first] == 0.0F) ++first;
    while (end > first && weights[end - 1] == 0.0F) --end;
    bands.push_back({first, end - first, weights + first});
  }
  return bands;
}

/// Spectra of all frames, batch by batch: `rows(first)` says where those of a batch go, and
/// `done(rows, first, count)` is told when they are there.
template <class Rows, class Done>
void each_batch(const float* signal, std::ptrdiff_t n, const Framing& framing, const float* window,
                std::ptrdiff_t n_fft, int n_threads, Pause pause, const Rows& rows, const Done& done) {
  if (n_fft < 2 || !is_smooth(n_fft)) throw std::invalid_argument("n_fft must be a product of 2, 3 and 5");
  check(framing);
  if (framing.frame_length > n_fft) throw std::invalid_argument("frame_length must be <= n_fft");
  const kernels::AudioTable& table = kernels::audio_table();
  const Plan<float> plan(n_fft);
  const std::ptrdiff_t batch = 2 * table.lanes32;
  const auto frames_of = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    const Scratch<float> scratch(4 * n_fft * table.lanes32), own(batch * (n_fft / 2 + 1));
    std::vector<std::ptrdiff_t> starts(static_cast<std::size_t>(batch));
    for (std::ptrdiff_t first = begin; first < end; first += batch) {
      const std::ptrdiff_t count = std::min(batch, end - first);
      for (std::ptrdiff_t i = 0; i < count; ++i)
        starts[static_cast<std::size_t>(i)] = framing.first_start + (first + i) * framing.hop_length;
      float* const to = rows(first, own.data());
      table.power_spectra(plan.get(), {signal, n, starts.data(), count, framing.frame_length, window, false, 0, 0},
                          scratch.data(), to);
      done(to, first, count);
    }
  };
  const double work = static_cast<double>(framing.n_frames) * static_cast<double>(n_fft);
  drive(pieces(framing.n_frames, kItem, frames_of), threads_worth(n_threads, work), pause);
}

}  // namespace

void power_spectra(const float* signal, std::ptrdiff_t n, const Framing& framing, const float* window,
                   std::ptrdiff_t n_fft, float* out, int n_threads, Pause pause) {
  const std::ptrdiff_t bins = n_fft / 2 + 1;
  each_batch(
      signal, n, framing, window, n_fft, n_threads, pause,
      [&](std::ptrdiff_t first, float*) { return out + first * bins; },
      [](const float*, std::ptrdiff_t, std::ptrdiff_t) {});
}

void band_spectra(const float* signal, std::ptrdiff_t n, const Framing& framing, const float* window,
                  std::ptrdiff_t n_fft, const float* basis, std::ptrdiff_t n_bands, float* out, int n_threads,
                  Pause pause) {
  const std::ptrdiff_t bins = n_fft / 2 + 1;
  const Bands bands = bands_of(basis, n_bands, bins);
  const auto kernel = kernels::audio_table().project;
  each_batch(
      signal, n, framing, window, n_fft, n_threads, pause, [](std::ptrdiff_t, float* own) { return own; },
      [&](const float* rows, std::ptrdiff_t first, std::ptrdiff_t count) {
        for (std::ptrdiff_t i = 0; i < count; ++i)
          kernel(rows + i * bins, bands.data(), n_bands, out + (first + i) * n_bands);
      });
}

void project(const float* rows, std::ptrdiff_t n_rows, const float* basis, std::ptrdiff_t n_bands,
             std::ptrdiff_t n_bins, float* out, int n_threads, Pause pause) {
  const Bands bands = bands_of(basis, n_bands, n_bins);
  const auto kernel = kernels::audio_table().project;
  const auto rows_of = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t row = begin; row < end; ++row)
      kernel(rows + row * n_bins, bands.data(), n_bands, out + row * n_bands);
  };
  const double work = 0.5 * static_cast<double>(n_rows) * static_cast<double>(n_bins);
  drive(pieces(n_rows, kItem, rows_of), threads_worth(n_threads, work), pause);
}

}  // namespace stcorner::audio
