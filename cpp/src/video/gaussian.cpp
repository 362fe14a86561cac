#include "stcorner/video/gaussian.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace stcorner::video {

int gaussian_radius(double sd) {
  if (!(sd > 0.0 && sd <= 1e6)) throw std::invalid_argument("standard deviation must be > 0 and <= 1e6");
  // The small number keeps 4 * sqrt(2)^2 from being rounded up to 9.
  return std::max(1, static_cast<int>(std::ceil(4.0 * sd - 1e-9)));
}

std::vector<double> gaussian_taps(double sd) {
  const int radius = gaussian_radius(sd);
  std::vector<double> taps(static_cast<std::size_t>(radius) + 1);
  double sum = 0.0;
  for (int i = 0; i <= radius; ++i) {
    const double value = std::exp(-0.5 * i * i / (sd * sd));
    taps[static_cast<std::size_t>(i)] = value;
    sum += i == 0 ? value : 2.0 * value;
  }
  for (double& tap : taps) tap /= sum;
  return taps;
}

}  // namespace stcorner::video
