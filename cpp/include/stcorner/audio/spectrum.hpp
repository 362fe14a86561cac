#pragma once
#include <cstddef>

#include "stcorner/audio/framewise.hpp"

namespace stcorner::audio {

/// Windowed frames of `length` samples that begin at `starts`; samples outside the signal are zero.
struct Frames {
  const float* signal;
  std::ptrdiff_t n;
  const std::ptrdiff_t* starts;
  std::ptrdiff_t n_frames;
  const float* window;
  std::ptrdiff_t length;
};

/// Power spectra into (n_frames, n_fft / 2 + 1). The transform is at least as long as the frames; its rest is zero.
/// Throws std::invalid_argument unless n_fft is a product of 2, 3 and 5.
void power_spectra(const Frames& frames, std::ptrdiff_t n_fft, float* out, int n_threads, Pause pause = nullptr);

/// Frames at another rate, n_back / n_fft of theirs: of the transform of n_fft points the lowest `n_bins` bins, the
/// first with twice its share, go back by one of n_back; the first `length` samples go into (n_frames, length). Throws
/// std::invalid_argument unless n_fft is a product of 2, 3 and 5 and n_back of these and 11.
void resample_frames(const Frames& frames, std::ptrdiff_t n_fft, std::ptrdiff_t n_bins, std::ptrdiff_t n_back,
                     std::ptrdiff_t length, float* out, int n_threads, Pause pause = nullptr);

/// `scale` times the natural logarithm of values, each at least `least`; a scale of 0 leaves them as they are.
struct Logarithm {
  float least = 1e-30F;
  float scale = 0.0F;
};

/// A basis (n_rows, n_bands) for the cosine transform of levels; none without rows.
struct Cosines {
  const float* basis = nullptr;
  std::ptrdiff_t n_rows = 0;
};

/// The same spectra, their sums by the rows of a basis (n_bands, n_fft / 2 + 1) and the logarithm of these, into
/// (n_frames, n_bands): the spectra themselves never leave the cache. The zeros that a row of the basis begins and ends
/// with are skipped. With cosines, what `project` makes of these rows, into (n_frames, n_rows), without the rows
/// themselves going through memory. Throws std::invalid_argument for a least value that is not a normal number > 0.
void band_spectra(const Frames& frames, std::ptrdiff_t n_fft, const float* basis, std::ptrdiff_t n_bands,
                  Logarithm logarithm, Cosines cosines, float* out, int n_threads, Pause pause = nullptr);

/// Logarithms of `n` values; throws as above.
void logarithms(const float* x, std::ptrdiff_t n, Logarithm logarithm, float* out, int n_threads,
                Pause pause = nullptr);

/// out[i, b] = sum_k rows[i, k] * basis[b, k]. The zeros that a row of the basis begins and ends with are
/// skipped. The sums are in an order that depends on nothing but the basis.
void project(const float* rows, std::ptrdiff_t n_rows, const float* basis, std::ptrdiff_t n_bands,
             std::ptrdiff_t n_bins, float* out, int n_threads, Pause pause = nullptr);

/// The recipe egemaps' values of power spectra (n_rows, 257) at 16 kHz, into (10, n_rows): loudness, alpha ratio,
/// Hammarberg index, two slopes, flux and four cepstral coefficients. `bases` (28, 257): below and above 1 kHz, 26 mel
/// bands; `slopes` (2, 49) of decibels; `ear` (26): logarithms of the bands' shares in loudness; `lifted` (4, 26).
void describe_spectra(const float* power, std::ptrdiff_t n_rows, const float* bases, const float* slopes,
                      const float* ear, const float* lifted, double* out);

}  // namespace stcorner::audio
