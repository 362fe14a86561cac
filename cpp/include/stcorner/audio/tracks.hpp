#pragma once
#include <cstddef>

namespace stcorner::audio {

/// Mean over a frame and its neighbours of each row of tracks (n_tracks, n), in place; of the result the mean, and the
/// standard deviation over it (0 where the mean is), go into (n_tracks, 2). The ends count twice; with `gaps`, 0 is
/// unknown instead: it stays, and enters neither.
void smooth_tracks(double* tracks, std::ptrdiff_t n_tracks, std::ptrdiff_t n, bool gaps, double* moments);

constexpr std::ptrdiff_t kContour = 11;

/// Of a contour of `n` values, `step` s apart: mean; standard deviation over it; 20th, 50th and 80th percentile;
/// distance of the outer two; mean and deviation of the slopes, per s, of rising and of falling parts; number of peaks.
/// It turns where it moves by more than a tenth of its range. What follows the last turn enters the means, falling with
/// its sign, but not the deviations.
void contour(const double* x, std::ptrdiff_t n, double step, double* out);

}  // namespace stcorner::audio
