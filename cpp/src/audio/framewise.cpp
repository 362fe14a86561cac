#include "stcorner/audio.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "plan.hpp"

namespace stcorner::audio {
namespace {

constexpr Index kChunk = 1024;  // frames per work item of the sums

/// Sums between all places where a frame starts or ends: a frame is then a run of whole segments.
struct Segments {
  std::vector<std::int64_t> changes;
  std::vector<double> energy;
};

Segments sum_segments(const float* signal, Index n, Index start, Index hop, Index remainder, Index n_segments,
                      float threshold, bool want_zcr, bool want_rms) {
  const auto kernel = kernels::audio_table().changes_and_energy;
  Segments sums{std::vector<std::int64_t>(want_zcr ? n_segments : 0), std::vector<double>(want_rms ? n_segments : 0)};
  for (Index i = 0; i < n_segments; ++i) {
    const Index base = start + i / 2 * hop;
    const Index begin = std::clamp<Index>(base + (i % 2 ? remainder : 0), 0, n);
    const Index end = std::clamp<Index>(base + (i % 2 ? hop : remainder), begin, n);
    if (begin == end) continue;
    kernel(signal, begin, end, threshold, want_zcr ? &sums.changes[i] : nullptr, want_rms ? &sums.energy[i] : nullptr);
  }
  return sums;
}

}  // namespace

void check(const Framing& framing) {
  constexpr Index kMost = Index{1} << 60;
  if (framing.frame_length < 1) throw std::invalid_argument("frame_length must be >= 1");
  if (framing.hop_length < 1) throw std::invalid_argument("hop_length must be >= 1");
  if (framing.n_frames < 0) throw std::invalid_argument("n_frames must be >= 0");
  if (framing.frame_length > kMost || framing.hop_length > kMost / std::max<Index>(1, framing.n_frames) ||
      framing.first_start < -kMost || framing.first_start > kMost)
    throw std::invalid_argument("frames must begin and end within 2^60 samples");
}

void zcr_rms(const float* signal, Index n, const Framing& framing, float threshold, double* zcr, float* rms,
             Team team) {
  check(framing);
  const Index hop = framing.hop_length, length = framing.frame_length;
  const Index whole = length / hop, per_frame = 2 * whole + (length % hop ? 1 : 0);
  const auto divisor = static_cast<double>(length);
  const auto frames_of = [&](Index first, Index last) {
    const Index count = last - first, start = framing.first_start + first * hop;
    const Segments sums = sum_segments(signal, n, start, hop, length % hop, 2 * (count + whole), threshold, zcr, rms);
    for (Index i = 0; i < count; ++i) {
      if (zcr) {
        std::int64_t total = 0;
        for (Index k = 0; k < per_frame; ++k) total += sums.changes[2 * i + k];
        // The change into the frame's first sample belongs to the neighbour on its left.
        const Index from = start + i * hop;
        if (from >= 1 && from < n) total -= (signal[from] < -threshold) != (signal[from - 1] < -threshold);
        zcr[first + i] = static_cast<double>(total) / divisor;
      }
      if (rms) {
        double total = 0.0;
        for (Index k = 0; k < per_frame; ++k) total += sums.energy[2 * i + k];
        rms[first + i] = static_cast<float>(std::sqrt(total / divisor));
      }
    }
  };
  const double work = static_cast<double>(framing.n_frames) * static_cast<double>(hop + 50);
  drive(pieces(framing.n_frames, kChunk, frames_of), team.worth(work));
}

void autocorrelate(const double* signal, Index n, const Framing& framing, const double* window, Index n_lags,
                   bool unbiased, double* out, Team team) {
  check(framing);
  if (n_lags < 1 || n_lags > framing.frame_length) throw std::invalid_argument("max_lag must be < frame_length");
  const kernels::AudioTable& table = kernels::audio_table();
  const EvenPlan<double> plan(good_length(framing.frame_length + n_lags));
  const Index batch = 2 * table.lanes64, size = plan.get().whole.n;
  std::vector<double> scale(n_lags, 1.0 / static_cast<double>(size));
  if (unbiased) {
    const auto own = window_autocorrelation(window, framing.frame_length, n_lags);
    for (std::size_t lag = 0; lag < scale.size(); ++lag) scale[lag] /= own[lag];
  }
  const auto frames_of = [&](Index first, Index last) {
    const Scratch<double> scratch(4 * size * table.lanes64);
    const Index count = last - first;
    std::vector<Index> starts(count);
    std::vector<double> levels(batch);
    for (Index i = 0; i < count; ++i) starts[i] = framing.first_start + (first + i) * framing.hop_length;
    double* const rows = out + first * n_lags;
    table.autocorrelate64(plan.get(), {signal, n, starts.data(), count, framing.frame_length, window, false, 0, 0},
                          nullptr, n_lags, scratch.data(), rows, levels.data());
    for (Index i = 0; i < count; ++i)
      for (Index lag = 0; lag < n_lags; ++lag) rows[i * n_lags + lag] *= scale[lag];
  };
  const double work = 4.0 * static_cast<double>(framing.n_frames) * static_cast<double>(size);
  drive(pieces(framing.n_frames, batch, frames_of), team.worth(work));
}

}  // namespace stcorner::audio
