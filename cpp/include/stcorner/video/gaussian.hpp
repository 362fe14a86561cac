#pragma once
#include <vector>

namespace stcorner::video {

/// Radius of a Gaussian of standard deviation `sd` truncated at 4 standard deviations, at least 1.
int gaussian_radius(double sd);

/// Right half of the sampled Gaussian, centre first, gaussian_radius(sd) + 1 values; the whole filter
/// sums to 1. Throws std::invalid_argument unless 0 < sd <= 1e6.
std::vector<double> gaussian_taps(double sd);

}  // namespace stcorner::video
