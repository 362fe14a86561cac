#pragma once
#include <vector>

#include "kernels/audio.hpp"

namespace stcorner::audio {

/// What a clip's quiet frames tell of its noise.
struct Noise {
  /// One for each of the n / 2 + 1 lower bins of a power spectrum: the share of the voice in the loud frames (a
  /// Wiener filter for the whole clip). Empty where there is no noise to leave out.
  std::vector<float> weights;
  double quiet = 0.0;  ///< energy of a quiet frame, in the unit of lag 0 of the autocorrelation kernel
  double ratio = 0.0;  ///< that to the energy of a loud frame, after the weights; 0 if the clip has no pauses
  bool clean = false;  ///< whether there are pauses and hardly any noise in them, and the voice has low partials
};

/// Learn from up to a few hundred of the pitch tracker's frames: the windowed samples from each of `starts`, `rate` a
/// second.
Noise learn_noise(const float* signal, Index n, double rate, const std::vector<Index>& starts,
                  const std::vector<float>& window, const kernels::FftPlan<float>& plan);

}  // namespace stcorner::audio
