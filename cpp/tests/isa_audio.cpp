#include <algorithm>

#include "agreement.hpp"
#include "audio/plan.hpp"

namespace stcorner::test {
namespace {

using kernels::AudioTable;

constexpr Index kFrames = 37;  // no multiple of any number of lanes

void compare_framewise(const AudioTable& table) {
  const AudioTable& scalar = kernels::scalar::audio_table();
  Report report(table.isa, "changes_and_energy");
  Numbers numbers;
  for (const Index n : {2, 3, 7, 8, 9, 17, 33, 511, 513, 1500}) {
    const std::vector<float> x = numbers.many(n);
    std::int64_t changes[2];
    double energy[2];
    table.changes_and_energy(x.data(), 1, n, 0.1f, changes, energy);
    scalar.changes_and_energy(x.data(), 1, n, 0.1f, changes + 1, energy + 1);
    report.require(changes[0] == changes[1], "changes of " + std::to_string(n));
    report.close(energy, energy + 1, 1, "energy of " + std::to_string(n));
  }
}

/// All frames through one table: batches of as many as it takes at once.
template <class T, class Kernel>
std::vector<T> framewise(Index lanes, Index n_fft, Index frame_length, const std::vector<T>& signal, Index width,
                         const Kernel& kernel) {
  const std::vector<T> window(static_cast<std::size_t>(frame_length), T(0.75));
  std::vector<T> out(static_cast<std::size_t>(kFrames * width));
  const audio::Scratch<T> scratch(4 * n_fft * lanes);
  std::vector<Index> starts;
  for (Index i = 0; i < kFrames; ++i) starts.push_back(i * 31 - frame_length / 2);  // the first and last stick out
  for (Index first = 0; first < kFrames; first += 2 * lanes) {
    const kernels::FrameJob<T> job{signal.data(),
                                   static_cast<Index>(signal.size()),
                                   starts.data() + first,
                                   std::min(2 * lanes, kFrames - first),
                                   frame_length,
                                   window.data(),
                                   true,
                                   0,
                                   frame_length};
    kernel(job, scratch.data(), out.data() + first * width);
  }
  return out;
}

template <class T>
void compare_transforms(const AudioTable& table, const char* name) {
  const AudioTable& scalar = kernels::scalar::audio_table();
  Report report(table.isa, name);
  Numbers numbers;
  const std::vector<T> signal = numbers.many<T>(kFrames * 31);
  for (const Index n_fft : {4, 6, 10, 16, 18, 30, 64, 90, 240, 512}) {
    const audio::EvenPlan<T> plan(n_fft);
    const Index n_lags = n_fft / 2;
    const auto correlations = [&](const AudioTable& t) {
      if constexpr (sizeof(T) == sizeof(float)) {
        std::vector<T> levels(static_cast<std::size_t>(2 * t.lanes32));
        return framewise<T>(t.lanes32, n_fft, n_lags, signal, n_lags, [&](const auto& job, T* scratch, T* out) {
          t.autocorrelate32(plan.get(), job, nullptr, n_lags, scratch, out, levels.data());
        });
      } else {
        std::vector<T> levels(static_cast<std::size_t>(2 * t.lanes64));
        return framewise<T>(t.lanes64, n_fft, n_lags, signal, n_lags, [&](const auto& job, T* scratch, T* out) {
          t.autocorrelate64(plan.get(), job, nullptr, n_lags, scratch, out, levels.data());
        });
      }
    };
    report.close(correlations(table), correlations(scalar), "length " + std::to_string(n_fft));
    if constexpr (sizeof(T) == sizeof(float)) {
      const auto powers = [&](const AudioTable& t) {
        return framewise<T>(t.lanes32, n_fft, n_fft, signal, n_fft / 2 + 1, [&](const auto& job, T* scratch, T* out) {
          t.power_spectra(plan.get().whole, job, scratch, out);
        });
      };
      report.close(powers(table), powers(scalar), "spectra of " + std::to_string(n_fft));
    }
  }
}

void compare_resampling(const AudioTable& table) {
  const AudioTable& scalar = kernels::scalar::audio_table();
  Report report(table.isa, "resample_frames");
  Numbers numbers;
  const std::vector<float> signal = numbers.many(kFrames * 31);
  constexpr Index kCases[][4] = {
      {6, 4, 1, 3}, {64, 44, 22, 40}, {90, 22, 7, 22}, {240, 240, 120, 239}, {512, 352, 99, 1}};
  for (const auto& [n_fft, n_back, n_bins, length] : kCases) {
    const audio::Plan<float> there(n_fft), back(n_back);
    const auto rows = [&, bins = n_bins, width = length](const AudioTable& t) {
      return framewise<float>(t.lanes32, there.get().n, there.get().n - 1, signal, width,
                              [&](auto job, float* scratch, float* out) {
                                job.remove_mean = false;  // else bin 0 is nothing
                                t.resample_frames(there.get(), back.get(), job, bins, width, scratch, out);
                              });
    };
    report.close(rows(table), rows(scalar), "length " + std::to_string(n_fft) + " to " + std::to_string(n_back));
  }
}

void compare_sums(const AudioTable& table) {
  const AudioTable& scalar = kernels::scalar::audio_table();
  Report report(table.isa, "project and decimate");
  Numbers numbers;
  const std::vector<float> row = numbers.many(80), weights = numbers.many(64);
  for (const Index n : kSizes) {
    const kernels::Band bands[2] = {{0, n, weights.data()}, {5, n, weights.data() + 1}};
    float out[2][6];
    table.project(row.data(), 3, 5, bands, 2, out[0]);
    scalar.project(row.data(), 3, 5, bands, 2, out[1]);
    report.close(out[0], out[1], 6, "bands of " + std::to_string(n));
    for (const int factor : {1, 2, 3}) {
      constexpr int kTaps = 31;
      const std::vector<float> samples = numbers.many(3 * (5 * n + kTaps)), taps = numbers.many(kTaps);
      const float* phases[3];
      for (Index p = 0; p < factor; ++p) phases[p] = samples.data() + p * (5 * n + kTaps);
      const auto run = [&](const AudioTable& t) {
        std::vector<float> result(static_cast<std::size_t>(5 * n));
        t.decimate(phases, factor, taps.data(), kTaps, result.data(), 5 * n);
        return result;
      };
      report.close(run(table), run(scalar), "decimation to " + std::to_string(5 * n));
    }
  }
}

void compare_peaks(const AudioTable& table) {
  const AudioTable& scalar = kernels::scalar::audio_table();
  Report report(table.isa, "find_peaks");
  Numbers numbers;
  constexpr Index kLags = 300;
  constexpr double kPi = 3.14159265358979323846;
  std::vector<float> sinc, scale, cost;
  for (int f = 0; f <= kernels::kSincSteps; ++f)
    for (int k = 0; k < kernels::kSincTaps; ++k) {
      const double x = k - (kernels::kSincTaps / 2 - 1) - static_cast<double>(f) / kernels::kSincSteps;
      sinc.push_back(static_cast<float>(std::fabs(x) < 1e-12 ? 1.0 : std::sin(kPi * x) / (kPi * x)));
    }
  for (Index lag = 0; lag < kLags; ++lag) {
    scale.push_back(1.0f + 0.001f * static_cast<float>(lag));
    cost.push_back(0.0002f * static_cast<float>(lag));
  }
  const kernels::PeakJob job{scale.data(), cost.data(), 20, 270, kLags, 0.1f, 9, sinc.data()};
  for (int trial = 0; trial < 50; ++trial) {
    const double period = 40.0 + 30.0 * static_cast<double>(numbers.next());
    std::vector<float> acf, row(kLags + kernels::kSincTaps);
    for (Index lag = 0; lag < kLags; ++lag) {
      const auto at = static_cast<double>(lag);
      acf.push_back(static_cast<float>(std::cos(2 * kPi * at / period) * std::exp(-at / 400.0)));
    }
    float lags[2][kernels::kMaxCandidates], strengths[2][kernels::kMaxCandidates];
    const int n = table.find_peaks(job, acf.data(), row.data(), lags[0], strengths[0]);
    const int wanted = scalar.find_peaks(job, acf.data(), row.data(), lags[1], strengths[1]);
    report.require(n == wanted && n > 0, "number of candidates");
    report.close(lags[0], lags[1], n, "lags");
    report.close(strengths[0], strengths[1], n, "strengths");
  }
}

void compare_bands(const AudioTable& table) {
  const AudioTable& scalar = kernels::scalar::audio_table();
  Report report(table.isa, "bands and logarithms");
  Numbers numbers;
  const std::vector<float> signal = numbers.many(kFrames * 31), weights = numbers.many(33);
  const audio::EvenPlan<float> plan(64);
  const kernels::Band bands[3] = {{0, 1, weights.data()}, {3, 18, weights.data() + 1}, {0, 33, weights.data()}};
  for (const float scale : {0.0F, 4.34F}) {
    const auto sums = [&](const AudioTable& t) {
      // Room for the bands too.
      return framewise<float>(t.lanes32, 70, 50, signal, 3, [&](const auto& job, float* scratch, float* out) {
        t.band_spectra(plan.get().whole, job, {bands, 3, 1e-10F, scale}, scratch, out);
      });
    };
    report.close(sums(table), sums(scalar), "bands, scale " + std::to_string(scale));
  }
  for (const Index n : kSizes) {
    std::vector<float> x = numbers.many(n), out(2 * x.size());
    table.logarithms(x.data(), n, 1e-6F, 1.0F, out.data());
    scalar.logarithms(x.data(), n, 1e-6F, 1.0F, out.data() + n);
    report.close(out.data(), out.data() + n, n, "logarithms of " + std::to_string(n), 1e-6);
  }
}

void compare_harmonics(const AudioTable& table) {
  const AudioTable& scalar = kernels::scalar::audio_table();
  Report report(table.isa, "subharmonics and roots");
  Numbers numbers;
  constexpr Index kBins = 65, kRows = 5;
  std::vector<float> power = numbers.many(kRows * kBins), spline = numbers.many(5 * kBins),
                     weights = numbers.many(4 * kBins);
  for (float& each : power) each *= each;
  std::vector<Index> knots;
  for (Index i = 0; i < kBins; ++i) knots.push_back(i * 63 / kBins);
  for (Index i = 0; i < kBins; ++i)
    for (const Index at : {5 * i + 3, 5 * i + 4}) spline[static_cast<std::size_t>(at)] *= 0.5F;
  const Index shifts[3] = {0, 10, 16};
  const float shares[3] = {1.0F, 0.8F, 0.6F};
  const kernels::SubharmonicPlan plan{kBins, spline.data(), weights.data(), knots.data(), 3, shifts, shares};
  const auto sums = [&](const AudioTable& t) {
    std::vector<float> out(kRows * kBins);
    const audio::Scratch<float> scratch(3 * kBins * t.lanes32);
    for (Index row = 0; row < kRows; row += t.lanes32)
      t.subharmonics(plan, power.data() + row * kBins, std::min(t.lanes32, kRows - row), scratch.data(),
                     out.data() + row * kBins);
    return out;
  };
  report.close(sums(table), sums(scalar), "sums");
  for (Index row = 0; row < kRows; ++row) {
    std::int32_t places[2][kBins];
    float total[2];
    const float* const x = power.data() + row * kBins;
    const int count = table.list_peaks(x, kBins, places[0], total);
    report.require(count == scalar.list_peaks(x, kBins, places[1], total + 1), "number of peaks");
    report.require(std::equal(places[0], places[0] + count, places[1]), "places of peaks");
    report.close(total, total + 1, 1, "sum");
    double cosines[32], lags[2][32];
    for (int i = 0; i < 32; ++i) cosines[i] = std::cos(0.3 + 0.1 * i);
    table.correlate_powers(x, kBins, cosines, 9, lags[0]);
    scalar.correlate_powers(x, kBins, cosines, 9, lags[1]);
    report.close(lags[0], lags[1], 9, "autocorrelation", 1e-12);
  }
  for (const int n : {2, 5, 11, 17}) {
    const std::vector<double> a = numbers.many<double>(n + 1);
    double re[2][kernels::kMostRoots], im[2][kernels::kMostRoots], size[2][kernels::kMostRoots];
    for (int which = 0; which < 2; ++which) {
      (which ? scalar : table).find_roots(a.data(), n, re[which], im[which]);
      for (int k = 0; k < n; ++k) size[which][k] = std::hypot(re[which][k], im[which][k]);
      std::sort(size[which], size[which] + n);
    }
    report.close(size[0], size[1], n, "roots of " + std::to_string(n), 1e-9);
  }
}

}  // namespace

void compare(const AudioTable& table) {
  compare_framewise(table);
  compare_transforms<float>(table, "transforms, float32");
  compare_transforms<double>(table, "transforms, float64");
  compare_resampling(table);
  compare_sums(table);
  compare_peaks(table);
  compare_bands(table);
  compare_harmonics(table);
}

}  // namespace stcorner::test
