#include "arrays.hpp"
#include "stcorner/audio/voice.hpp"

namespace stcorner::bindings {
namespace {

/// Between blocks of frames, with the GIL taken back for the moment.
void pause() {
  const WithGil gil;
  check_signals();
}

py::tuple burg_formants(const Array<double>& rows, int order, double margin, py::ssize_t n_formants, int n_threads) {
  if (rows.ndim() != 2) throw py::value_error("rows must have shape (n, samples)");
  const py::ssize_t n = rows.shape(0), length = rows.shape(1);
  Array<double> frequencies({n, n_formants}), bandwidths({n, n_formants});
  const double* const x = rows.data();
  double* const f = frequencies.mutable_data();
  double* const b = bandwidths.mutable_data();
  {
    const WithoutGil nogil;
    audio::burg_formants(x, n, length, order, margin, n_formants, f, b, n_threads, &pause);
  }
  return py::make_tuple(frequencies, bandwidths);
}

Array<double> glottal_pulses(const Array<float>& signal, const Array<double>& f0, py::ssize_t hop_length) {
  const float* const x = signal.data();
  const double* const pitch = f0.data();
  const py::ssize_t n = signal.size(), n_frames = f0.size();
  std::vector<double> places;
  {
    const WithoutGil nogil;
    places = audio::glottal_pulses(x, n, pitch, n_frames, hop_length);
  }
  Array<double> out(static_cast<py::ssize_t>(places.size()));
  std::copy(places.begin(), places.end(), out.mutable_data());
  return out;
}

py::tuple frame_perturbation(const Array<float>& signal, const Array<float>& f0, py::ssize_t first,
                             py::ssize_t hop_length, py::ssize_t half, int n_threads) {
  const py::ssize_t n = signal.size(), n_frames = f0.size();
  Array<float> jitter(n_frames), shimmer(n_frames);
  const float* const x = signal.data();
  const float* const pitch = f0.data();
  float* const changes = jitter.mutable_data();
  float* const decibels = shimmer.mutable_data();
  {
    const WithoutGil nogil;
    audio::frame_perturbation(x, n, pitch, n_frames, first, hop_length, half, changes, decibels, n_threads, &pause);
  }
  return py::make_tuple(jitter, shimmer);
}

}  // namespace

void bind_voice(py::module_& m) {
  m.def("burg_formants", &burg_formants, py::arg("rows").noconvert(), py::arg("order"), py::arg("margin"),
        py::arg("n_formants"), py::arg("n_threads"));
  m.def("glottal_pulses", &glottal_pulses, py::arg("signal").noconvert(), py::arg("f0").noconvert(),
        py::arg("hop_length"));
  m.def("frame_perturbation", &frame_perturbation, py::arg("signal").noconvert(), py::arg("f0").noconvert(),
        py::arg("first"), py::arg("hop_length"), py::arg("half"), py::arg("n_threads"));
}

}  // namespace stcorner::bindings
