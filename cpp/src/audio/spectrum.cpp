#include "stcorner/audio.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "plan.hpp"

namespace stcorner::audio {
namespace {

constexpr Index kItem = 256;  // frames per work item; even, so that pairs of frames stay together

using Bands = std::vector<kernels::Band>;

void check(Logarithm logarithm) {
  if (!(logarithm.least >= std::numeric_limits<float>::min()))
    throw std::invalid_argument("the least value of a logarithm must be a normal number");
}

Bands bands_of(const float* basis, Index n_bands, Index n_bins) {
  Bands bands;
  for (Index b = 0; b < n_bands; ++b) {
    const float* const weights = basis + b * n_bins;
    Index first = 0, end = n_bins;
    while (first < end && weights[first] == 0.0F) ++first;
    while (end > first && weights[end - 1] == 0.0F) --end;
    bands.push_back({first, end - first, weights + first});
  }
  return bands;
}

/// All frames, batch by batch: `run(plan, job, scratch, first)` is called for each.
template <class Run>
void each_batch(const Frames& frames, Index n_fft, Team team, Index more, const Run& run) {
  constexpr Index kMost = Index{1} << 60;
  if (n_fft < 2 || !is_smooth(n_fft)) throw std::invalid_argument("n_fft must be a product of 2, 3 and 5");
  if (frames.length < 1 || frames.length > n_fft) throw std::invalid_argument("frames must have 1 to n_fft samples");
  for (Index i = 0; i < frames.n_frames; ++i)
    if (frames.starts[i] < -kMost || frames.starts[i] > kMost)
      throw std::invalid_argument("frames must begin within 2^60 samples");
  const Plan<float> plan(n_fft);
  const Index lanes = kernels::audio_table().lanes32;
  const auto frames_of = [&](Index begin, Index end) {
    const Scratch<float> scratch((4 * n_fft + more) * lanes);
    for (Index first = begin; first < end; first += 2 * lanes)
      run(plan.get(),
          kernels::FrameJob<float>{frames.signal, frames.n, frames.starts + first, std::min(2 * lanes, end - first),
                                   frames.length, frames.window, false, 0, 0},
          scratch.data(), first);
  };
  const double work = static_cast<double>(frames.n_frames) * static_cast<double>(n_fft);
  drive(pieces(frames.n_frames, kItem, frames_of), team.worth(work));
}

}  // namespace

void power_spectra(const Frames& frames, Index n_fft, float* out, Team team) {
  const auto kernel = kernels::audio_table().power_spectra;
  each_batch(frames, n_fft, team, 0, [&](const auto& plan, const auto& job, float* scratch, Index first) {
    kernel(plan, job, scratch, out + first * (n_fft / 2 + 1));
  });
}

void resample_frames(const Frames& frames, Index n_fft, Index n_bins, Index n_back, Index length, float* out,
                     Team team) {
  if (n_back < 2 || n_back > n_fft || !(is_smooth(n_back) || (n_back % 11 == 0 && is_smooth(n_back / 11))))
    throw std::invalid_argument("n_back must be at most n_fft and a product of 2, 3, 5 and one 11 at most");
  if (length < 0 || length > n_back || n_bins < 1 || n_bins > n_back / 2)
    throw std::invalid_argument("length must be <= n_back and 1 <= n_bins <= n_back / 2");
  const Plan<float> back(n_back);
  const auto kernel = kernels::audio_table().resample_frames;
  each_batch(frames, n_fft, team, 0, [&](const auto& plan, const auto& job, float* scratch, Index first) {
    kernel(plan, back.get(), job, n_bins, length, scratch, out + first * length);
  });
}

void band_spectra(const Frames& frames, Index n_fft, const float* basis, Index n_bands, Logarithm logarithm,
                  Cosines cosines, float* out, Team team) {
  check(logarithm);
  const Bands bands = bands_of(basis, n_bands, n_fft / 2 + 1);
  const kernels::BandJob sums{bands.data(), n_bands, logarithm.least, logarithm.scale};
  const Bands rows = bands_of(cosines.basis, cosines.n_rows, n_bands);
  const kernels::AudioTable& table = kernels::audio_table();
  each_batch(frames, n_fft, team, 4 * n_bands, [&](const auto& plan, const auto& job, float* scratch, Index first) {
    if (rows.empty()) return table.band_spectra(plan, job, sums, scratch, out + first * n_bands);
    float* const levels = scratch + (4 * n_fft + 2 * n_bands) * table.lanes32;
    table.band_spectra(plan, job, sums, scratch, levels);
    table.project(levels, job.n_frames, n_bands, rows.data(), cosines.n_rows, out + first * cosines.n_rows);
  });
}

void logarithms(const float* x, Index n, Logarithm logarithm, float* out, Team team) {
  check(logarithm);
  const auto kernel = kernels::audio_table().logarithms;
  const auto part = [&](Index begin, Index end) {
    kernel(x + begin, end - begin, logarithm.least, logarithm.scale, out + begin);
  };
  constexpr Index kValues = 1 << 16;
  drive(pieces(n, kValues, part), team.worth(0.3 * static_cast<double>(n)));
}

void project(const float* rows, Index n_rows, const float* basis, Index n_bands, Index n_bins, float* out, Team team) {
  const Bands bands = bands_of(basis, n_bands, n_bins);
  const auto kernel = kernels::audio_table().project;
  const auto rows_of = [&](Index begin, Index end) {
    kernel(rows + begin * n_bins, end - begin, n_bins, bands.data(), n_bands, out + begin * n_bands);
  };
  const double work = 0.5 * static_cast<double>(n_rows) * static_cast<double>(n_bins);
  drive(pieces(n_rows, kItem, rows_of), team.worth(work));
}

void describe_spectra(const float* power, Index n_rows, const float* bases, const float* slopes, const float* ear,
                      const float* lifted, double* out) {
  constexpr Index kBins = 257, kBands = 26, kTilted = 49, kTwo = 64, kFive = 160;  // 2 and 5 kHz
  constexpr float kFloor = 1e-14F, kLoudness = 0.33F, kDecibel = 4.3429448F;
  constexpr float kSteps = 20.7943504F;  // cepstra are of 16-bit samples: the logarithm of 32767 squared
  const kernels::AudioTable& table = kernels::audio_table();
  const Bands sums = bands_of(bases, kBands + 2, kBins), tilts = bands_of(slopes, 2, kTilted);
  const Bands cosines = bands_of(lifted, 4, kBands);
  float before[kFive + 8] = {}, levels[kBands + 2], decibels[kTilted], found[10];
  for (Index row = 0; row < n_rows; ++row) {
    const float* const x = power + row * kBins;
    table.project(x, 1, 0, sums.data(), kBands + 2, levels);
    table.logarithms(levels, kBands + 2, kFloor, 1.0F, levels);
    found[0] = 0.0F;
    for (Index b = 0; b < kBands; ++b) found[0] += std::exp(kLoudness * (levels[2 + b] + ear[b]));
    found[1] = kDecibel * (levels[1] - levels[0]);

    // Eight by turns, so that the additions need not wait for one another.
    float low[8] = {}, high[8] = {}, flux[8] = {};
    for (Index i = 0; i <= kFive; i += 8)
      for (Index k = 0; k < 8; ++k) {
        const float magnitude = std::sqrt(x[i + k]), change = magnitude - before[i + k];
        before[i + k] = magnitude;
        if (i < kFive) flux[k] += change * change;
        if (i < kTwo) low[k] = std::max(low[k], x[i + k]);
        if (i >= kTwo && i < kFive) high[k] = std::max(high[k], x[i + k]);
        if (i == kFive && k == 0) flux[0] += change * change, high[0] = std::max(high[0], x[kFive]);
      }
    low[0] = std::max(low[0], x[kTwo]);
    float peaks[2] = {*std::max_element(low, low + 8), *std::max_element(high, high + 8)};
    table.logarithms(peaks, 2, kFloor, kDecibel, peaks);
    found[2] = peaks[0] - peaks[1];
    for (int k = 1; k < 8; ++k) flux[0] += flux[k];
    found[5] = row ? std::sqrt(flux[0] / static_cast<float>(kFive)) : 0.0F;

    table.logarithms(x, kTilted, kFloor, kDecibel, decibels);
    table.project(decibels, 1, 0, tilts.data(), 2, found + 3);
    for (Index b = 2; b < kBands + 2; ++b) levels[b] = std::max(levels[b] + kSteps, 0.0F);
    table.project(levels + 2, 1, 0, cosines.data(), 4, found + 6);
    for (Index k = 0; k < 10; ++k) out[k * n_rows + row] = static_cast<double>(found[k]);
  }
}

}  // namespace stcorner::audio
