#pragma once
#include <cstddef>
#include <vector>

#include "stcorner/audio/framewise.hpp"

namespace stcorner::audio {

/// Parameters of the pitch tracker; the costs mean what they mean in Praat's "To Pitch (ac)".
struct PitchOptions {
  double sample_rate = 0.0;
  double fmin = 60.0;
  double fmax = 500.0;
  double voicing_threshold = 0.45;
  double silence_threshold = 0.03;
  double octave_cost = 0.05;
  double octave_jump_cost = 0.35;
  double voiced_unvoiced_cost = 0.14;
  /// How far the path allows for the noise that the clip's quiet frames hold. This times the ratio of their energy
  /// to the loud frames' is the share by which the voicing threshold falls in frames that rise above the quiet
  /// ones; with it the costs rise; and the bins of the spectrum are weighted by what is voice in them. 0: nothing
  /// of this, as in Praat.
  double noise_adaptation = 0.0;
  /// Hz at which a Gaussian filter has all but removed what is above, in clips whose quiet frames hold hardly any
  /// noise; no less than 1.6 fmax. Thresholds rise with it, as all is more periodic then. 0: no filter.
  double low_pass = 0.0;
  std::ptrdiff_t clean_length = 0;  ///< frame length in samples after that filter; 0: the frames' own
  bool cost_in_voicing = false;  ///< whether the octave cost also weighs against "unvoiced", as in Praat
  double reference_level = 0.0;  ///< magnitude that silence_threshold refers to; 0: the signal's largest
  int max_candidates = 15;  ///< 1 to 16
  int refine_periods = 1;  ///< peaks at up to so many periods sharpen the frequency; 1: the first alone
  bool find_path = true;      ///< false: the strongest candidate of each frame by itself
  bool always_voiced = false;  ///< no frame is called unvoiced unless it has no candidate
};

/// f0 in Hz (NaN where unvoiced) and strength (normalised autocorrelation, 0 .. 1) per frame.
/// Framing counts samples of `signal`. Signals of 32 kHz and more are decimated first, by the integer that
/// brings them nearest above 16 kHz. Throws std::invalid_argument for parameters that leave no lag to
/// search, or out of their range.
void track_pitch(const float* signal, std::ptrdiff_t n, const Framing& framing, const PitchOptions& options, float* f0,
                 float* strength, int n_threads, Pause pause);

}  // namespace stcorner::audio
