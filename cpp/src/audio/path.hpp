#pragma once
#include <cmath>
#include <cstdint>

#include "noise.hpp"
#include "stcorner/audio.hpp"

namespace stcorner::audio {

/// Pitch candidates of all frames, at most `capacity` each.
struct Candidates {
  Candidates(Index n, int most)
      : n_frames(n),
        capacity(most),
        counts(n, 0),
        levels(n, 0.0F),
        energies(n, 0.0F),
        frequencies(n * most),
        octaves(n * most),
        strengths(n * most) {}

  void add(Index frame, float frequency, float strength) noexcept {
    std::uint8_t& count = counts[frame];
    const Index at = frame * capacity + count++;
    frequencies[at] = frequency;
    octaves[at] = std::log2(frequency);
    strengths[at] = strength;
  }

  Index n_frames;
  int capacity;
  std::vector<std::uint8_t> counts;
  std::vector<float> levels;  ///< largest magnitude in the middle of each frame
  std::vector<float> energies;  ///< of the windowed frame, in any one unit
  std::vector<float> frequencies;
  std::vector<float> octaves;  ///< their dual logarithms
  std::vector<float> strengths;
};

/// The share by which noise lowers the voicing threshold.
double lowered_share(const PitchOptions& options, const Noise& noise);

/// Pick one candidate, or none (unvoiced), per frame: each frame's best by itself, or the path of least
/// total cost. `reference` is the level that the silence threshold refers to, `step` the hop in seconds.
void choose_candidates(const Candidates& table, const PitchOptions& options, const Noise& noise, double reference,
                       double step, float* f0, float* strength);

}  // namespace stcorner::audio
