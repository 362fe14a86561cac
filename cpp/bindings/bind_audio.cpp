#include <pybind11/stl.h>

#include <optional>

#include "arrays.hpp"
#include "stcorner/audio.hpp"

namespace stcorner::bindings {
namespace {

py::tuple zcr_rms(const Array<float>& signal, Index frame_length, Index hop_length, Index first_start, Index n_frames,
                  float threshold, bool want_zcr, bool want_rms, int n_threads) {
  Array<double> zcr(want_zcr ? n_frames : 0);
  Array<float> rms(want_rms ? n_frames : 0);
  without_gil([&] {
    audio::zcr_rms(signal.data(), signal.size(), {frame_length, hop_length, first_start, n_frames}, threshold,
                   want_zcr ? zcr.mutable_data() : nullptr, want_rms ? rms.mutable_data() : nullptr,
                   {n_threads, &pause});
  });
  return py::make_tuple(zcr, rms);
}

Array<double> autocorrelate(const Array<double>& signal, const Array<double>& window, Index hop_length,
                            Index first_start, Index n_frames, Index n_lags, bool unbiased, int n_threads) {
  return filled<double>(Shape{n_frames, n_lags}, [&](double* out) {
    audio::autocorrelate(signal.data(), signal.size(), {window.size(), hop_length, first_start, n_frames},
                         window.data(), n_lags, unbiased, out, {n_threads, &pause});
  });
}

audio::Frames frames_at(const Array<float>& signal, const Array<float>& window, const Array<Index>& starts) {
  return {signal.data(), signal.size(), starts.data(), starts.size(), window.data(), window.size()};
}

Array<float> power_spectra(const Array<float>& signal, const Array<float>& window, const Array<Index>& starts,
                           Index n_fft, int n_threads) {
  return filled<float>(Shape{starts.size(), n_fft / 2 + 1}, [&](float* out) {
    audio::power_spectra(frames_at(signal, window, starts), n_fft, out, {n_threads, &pause});
  });
}

Array<float> resample_frames(const Array<float>& signal, const Array<float>& window, const Array<Index>& starts,
                             Index n_fft, Index n_bins, Index n_back, Index length, int n_threads) {
  return filled<float>(Shape{starts.size(), length}, [&](float* out) {
    audio::resample_frames(frames_at(signal, window, starts), n_fft, n_bins, n_back, length, out, {n_threads, &pause});
  });
}

Array<float> band_spectra(const Array<float>& signal, const Array<float>& window, const Array<Index>& starts,
                          Index n_fft, const Array<float>& basis, float least, float scale,
                          const std::optional<Array<float>>& cosines, int n_threads) {
  if (basis.ndim() != 2 || basis.shape(1) != n_fft / 2 + 1)
    throw py::value_error("basis must have shape (bands, n_fft / 2 + 1)");
  if (cosines && (cosines->ndim() != 2 || cosines->shape(0) < 1 || cosines->shape(1) != basis.shape(0)))
    throw py::value_error("cosines must have shape (rows, bands), with 1 row at least");
  const audio::Cosines then = cosines ? audio::Cosines{cosines->data(), cosines->shape(0)} : audio::Cosines{};
  return filled<float>(Shape{starts.size(), cosines ? then.n_rows : basis.shape(0)}, [&](float* out) {
    audio::band_spectra(frames_at(signal, window, starts), n_fft, basis.data(), basis.shape(0), {least, scale}, then,
                        out, {n_threads, &pause});
  });
}

Array<float> logarithms(const Array<float>& x, float least, float scale, int n_threads) {
  return filled<float>(Shape(x.shape(), x.shape() + x.ndim()), [&](float* out) {
    audio::logarithms(x.data(), x.size(), {least, scale}, out, {n_threads, &pause});
  });
}

Array<float> project(const Array<float>& rows, const Array<float>& basis, int n_threads) {
  if (rows.ndim() != 2 || basis.ndim() != 2 || rows.shape(1) != basis.shape(1))
    throw py::value_error("rows must have shape (n, bins) and basis (bands, bins)");
  return filled<float>(Shape{rows.shape(0), basis.shape(0)}, [&](float* out) {
    audio::project(rows.data(), rows.shape(0), basis.data(), basis.shape(0), basis.shape(1), out, {n_threads, &pause});
  });
}

py::tuple track_pitch(const Array<float>& signal, Index frame_length, Index hop_length, Index first_start,
                      Index n_frames, const audio::PitchOptions& options, int n_threads) {
  return filled_pair<float>(n_frames, [&](float* f0, float* strength) {
    audio::track_pitch(signal.data(), signal.size(), {frame_length, hop_length, first_start, n_frames}, options, f0,
                       strength, {n_threads, &pause});
  });
}

}  // namespace

void bind_audio(py::module_& m) {
  using audio::PitchOptions;
  py::class_<PitchOptions>(m, "PitchOptions")
      .def(py::init<>())
      .def("__reduce_ex__", [](const py::object& self, int) { refuse_pickle(self); })
      .def_readwrite("sample_rate", &PitchOptions::sample_rate)
      .def_readwrite("fmin", &PitchOptions::fmin)
      .def_readwrite("fmax", &PitchOptions::fmax)
      .def_readwrite("voicing_threshold", &PitchOptions::voicing_threshold)
      .def_readwrite("silence_threshold", &PitchOptions::silence_threshold)
      .def_readwrite("octave_cost", &PitchOptions::octave_cost)
      .def_readwrite("octave_jump_cost", &PitchOptions::octave_jump_cost)
      .def_readwrite("voiced_unvoiced_cost", &PitchOptions::voiced_unvoiced_cost)
      .def_readwrite("reference_level", &PitchOptions::reference_level)
      .def_readwrite("noise_adaptation", &PitchOptions::noise_adaptation)
      .def_readwrite("low_pass", &PitchOptions::low_pass)
      .def_readwrite("clean_length", &PitchOptions::clean_length)
      .def_readwrite("cost_in_voicing", &PitchOptions::cost_in_voicing)
      .def_readwrite("max_candidates", &PitchOptions::max_candidates)
      .def_readwrite("refine_periods", &PitchOptions::refine_periods)
      .def_readwrite("find_path", &PitchOptions::find_path)
      .def_readwrite("always_voiced", &PitchOptions::always_voiced);
  define(m, "zcr_rms", &zcr_rms, "signal", "frame_length", "hop_length", "first_start", "n_frames", "threshold",
         "want_zcr", "want_rms", "n_threads");
  define(m, "autocorrelate", &autocorrelate, "signal", "window", "hop_length", "first_start", "n_frames", "n_lags",
         "unbiased", "n_threads");
  define(m, "power_spectra", &power_spectra, "signal", "window", "starts", "n_fft", "n_threads");
  define(m, "resample_frames", &resample_frames, "signal", "window", "starts", "n_fft", "n_bins", "n_back", "length",
         "n_threads");
  define(m, "band_spectra", &band_spectra, "signal", "window", "starts", "n_fft", "basis", "least", "scale", "cosines",
         "n_threads");
  define(m, "logarithms", &logarithms, "x", "least", "scale", "n_threads");
  define(m, "project", &project, "rows", "basis", "n_threads");
  define(m, "track_pitch", &track_pitch, "signal", "frame_length", "hop_length", "first_start", "n_frames", "options",
         "n_threads");
}

}  // namespace stcorner::bindings
