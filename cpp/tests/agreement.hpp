#pragma once
// What the parts of isa_agreement share: reproducible numbers, and a record of what disagreed.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "kernels/audio.hpp"
#include "kernels/fusion.hpp"
#include "kernels/video.hpp"

// The same kernels in plain C++, compiled for this program only.
namespace stcorner::kernels::scalar {
const VideoTable& video_table() noexcept;
const AudioTable& audio_table() noexcept;
const FusionTable& fusion_table() noexcept;
}  // namespace stcorner::kernels::scalar

namespace stcorner::test {

using Index = std::ptrdiff_t;
constexpr Index kSizes[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 33};

/// Uniform numbers in [-1, 1), the same on every platform.
class Numbers {
 public:
  float next() noexcept {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<float>(static_cast<std::int32_t>(state_ >> 32)) * (1.0f / 2147483648.0f);
  }
  template <class T = float>
  std::vector<T> many(Index n) {
    std::vector<T> result(static_cast<std::size_t>(n));
    for (T& value : result) value = static_cast<T>(next());
    return result;
  }

 private:
  std::uint64_t state_ = 20220501;
};

/// Counts comparisons of one kernel; prints its worst error, and each failure.
class Report {
 public:
  Report(const char* isa, const char* kernel) : name_(std::string(isa) + " " + kernel) {}
  ~Report() {
    std::printf("%-28s %6d comparisons, largest error %.1e%s\n", name_.c_str(), n_, worst_, failed_ ? "  FAILED" : "");
    total_failures += failed_;
  }
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;

  /// Largest difference over the largest magnitude of `wanted`.
  template <class T>
  void close(const T* actual, const T* wanted, Index n, const std::string& what, double tolerance = 1e-5) {
    double difference = 0.0, scale = 1e-30;
    for (Index i = 0; i < n; ++i) {
      const double error = std::fabs(static_cast<double>(actual[i]) - static_cast<double>(wanted[i]));
      difference = error <= difference ? difference : error;  // NaN counts as an error
      scale = std::fmax(scale, std::fabs(static_cast<double>(wanted[i])));
    }
    ++n_;
    worst_ = difference / scale <= worst_ ? worst_ : difference / scale;
    if (!(difference <= tolerance * scale)) fail(what + ": error " + std::to_string(difference / scale));
  }
  template <class T>
  void close(const std::vector<T>& actual, const std::vector<T>& wanted, const std::string& what) {
    if (actual.size() != wanted.size()) return fail(what + ": another number of values");
    close(actual.data(), wanted.data(), static_cast<Index>(wanted.size()), what);
  }
  void require(bool condition, const std::string& what) {
    ++n_;
    if (!condition) fail(what);
  }

  static inline int total_failures = 0;

 private:
  void fail(const std::string& what) {
    if (++failed_ <= 5) std::printf("  %s: %s\n", name_.c_str(), what.c_str());
  }

  std::string name_;
  int n_ = 0, failed_ = 0;
  double worst_ = 0.0;
};

void compare(const kernels::VideoTable& table);
void compare(const kernels::AudioTable& table);
void compare(const kernels::FusionTable& table);

}  // namespace stcorner::test
