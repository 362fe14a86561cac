#include "arrays.hpp"
#include "stcorner/audio.hpp"

namespace stcorner::bindings {
namespace {

py::tuple burg_formants(const Array<double>& rows, int order, double margin, Index n_formants, int n_threads) {
  if (rows.ndim() != 2) throw py::value_error("rows must have shape (n, samples)");
  return filled_pair<double>(Shape{rows.shape(0), n_formants}, [&](double* frequencies, double* bandwidths) {
    audio::burg_formants(rows.data(), rows.shape(0), rows.shape(1), order, margin, n_formants, frequencies, bandwidths,
                         {n_threads, &pause});
  });
}

py::tuple swapped_poles(const Array<float>& rows, int order, double margin, Index count, int n_threads) {
  if (rows.ndim() != 2) throw py::value_error("rows must have shape (n, samples)");
  return filled_pair<float>(Shape{rows.shape(0), count}, [&](float* frequencies, float* bandwidths) {
    audio::swapped_poles(rows.data(), rows.shape(0), rows.shape(1), order, margin, count, frequencies, bandwidths,
                         {n_threads, &pause});
  });
}

Array<double> glottal_pulses(const Array<float>& signal, const Array<double>& f0, Index hop_length) {
  return to_array(without_gil(
      [&] { return audio::glottal_pulses(signal.data(), signal.size(), f0.data(), f0.size(), hop_length, &pause); }));
}

py::tuple frame_perturbation(const Array<float>& signal, const Array<float>& f0, Index first, Index hop_length,
                             Index half, int n_threads) {
  return filled_pair<float>(f0.size(), [&](float* jitter, float* shimmer) {
    audio::frame_perturbation(signal.data(), signal.size(), f0.data(), f0.size(), first, hop_length, half, jitter,
                              shimmer, {n_threads, &pause});
  });
}

py::tuple period_perturbation(const Array<float>& signal, const Array<float>& f0, Index hop_length) {
  return filled_pair<float>(f0.size(), [&](float* jitter, float* shimmer) {
    audio::period_perturbation(signal.data(), signal.size(), f0.data(), f0.size(), hop_length, jitter, shimmer, &pause);
  });
}

Array<float> subharmonic_pitch(const Array<float>& power, const Array<Index>& places, Index n_frames,
                               double sample_rate, int n_threads) {
  if (power.ndim() != 2 || power.shape(0) != places.size())
    throw py::value_error("power must have shape (n, bins) and places (n,)");
  return filled<float>(n_frames, [&](float* f0) {
    audio::subharmonic_pitch(power.data(), places.data(), power.shape(0), power.shape(1), sample_rate, f0, n_frames,
                             {n_threads, &pause});
  });
}

Array<float> harmonic_levels(const Array<float>& power, double sample_rate, const Array<float>& f0,
                             const Array<float>& formants, int n_threads) {
  const Index n = f0.size();
  if (power.ndim() != 2 || power.shape(0) != n || power.shape(1) < 3 || formants.size() != 3 * n)
    throw py::value_error("power must have shape (n, bins), f0 (n,) and formants (n, 3)");
  return filled<float>(Shape{n, 6}, [&](float* out) {
    audio::harmonic_levels(power.data(), n, power.shape(1), sample_rate, f0.data(), formants.data(), out,
                           {n_threads, &pause});
  });
}

Array<double> describe_spectra(const Array<float>& power, const Array<float>& bases, const Array<float>& slopes,
                               const Array<float>& ear, const Array<float>& lifted) {
  if (power.ndim() != 2 || power.shape(1) != 257 || bases.size() != Index{28} * 257 || slopes.size() != 2 * 49 ||
      ear.size() != 26 || lifted.size() != 4 * 26)
    throw py::value_error("power must have shape (n, 257), and the bases their sizes");
  return filled<double>(Shape{10, power.shape(0)}, [&](double* out) {
    audio::describe_spectra(power.data(), power.shape(0), bases.data(), slopes.data(), ear.data(), lifted.data(), out);
  });
}

py::tuple smooth_tracks(const Array<double>& tracks, bool gaps) {
  if (tracks.ndim() != 2) throw py::value_error("tracks must have shape (k, n)");
  const Index k = tracks.shape(0), n = tracks.shape(1);
  Array<double> smooth({k, n}, tracks.data()), moments({k, Index{2}});
  without_gil([&] { audio::smooth_tracks(smooth.mutable_data(), k, n, gaps, moments.mutable_data()); });
  return py::make_tuple(smooth, moments);
}

Array<double> contour(const Array<double>& values, double step) {
  return filled<double>(audio::kContour, [&](double* out) { audio::contour(values.data(), values.size(), step, out); });
}

}  // namespace

void bind_voice(py::module_& m) {
  define(m, "burg_formants", &burg_formants, "rows", "order", "margin", "n_formants", "n_threads");
  define(m, "glottal_pulses", &glottal_pulses, "signal", "f0", "hop_length");
  define(m, "frame_perturbation", &frame_perturbation, "signal", "f0", "first", "hop_length", "half", "n_threads");
  define(m, "subharmonic_pitch", &subharmonic_pitch, "power", "places", "n_frames", "sample_rate", "n_threads");
  define(m, "harmonic_levels", &harmonic_levels, "power", "sample_rate", "f0", "formants", "n_threads");
  define(m, "period_perturbation", &period_perturbation, "signal", "f0", "hop_length");
  define(m, "swapped_poles", &swapped_poles, "rows", "order", "margin", "count", "n_threads");
  define(m, "describe_spectra", &describe_spectra, "power", "bases", "slopes", "ear", "lifted");
  define(m, "smooth_tracks", &smooth_tracks, "tracks", "gaps");
  define(m, "contour", &contour, "values", "step");
}

}  // namespace stcorner::bindings
