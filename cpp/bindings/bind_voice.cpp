#include "arrays.hpp"
#include "stcorner/audio/harmonics.hpp"
#include "stcorner/audio/voice.hpp"

namespace stcorner::bindings {
namespace {

py::tuple burg_formants(const Array<double>& rows, int order, double margin, py::ssize_t n_formants, int n_threads) {
  if (rows.ndim() != 2) throw py::value_error("rows must have shape (n, samples)");
  const py::ssize_t n = rows.shape(0), length = rows.shape(1);
  Array<double> frequencies({n, n_formants}), bandwidths({n, n_formants});
  without_gil([&] {
    audio::burg_formants(rows.data(), n, length, order, margin, n_formants, frequencies.mutable_data(),
                         bandwidths.mutable_data(), n_threads, &pause);
  });
  return py::make_tuple(frequencies, bandwidths);
}

Array<double> glottal_pulses(const Array<float>& signal, const Array<double>& f0, py::ssize_t hop_length) {
  std::vector<double> places;
  without_gil(
      [&] { places = audio::glottal_pulses(signal.data(), signal.size(), f0.data(), f0.size(), hop_length, &pause); });
  Array<double> out(static_cast<py::ssize_t>(places.size()));
  std::copy(places.begin(), places.end(), out.mutable_data());
  return out;
}

py::tuple frame_perturbation(const Array<float>& signal, const Array<float>& f0, py::ssize_t first,
                             py::ssize_t hop_length, py::ssize_t half, int n_threads) {
  Array<float> jitter(f0.size()), shimmer(f0.size());
  without_gil([&] {
    audio::frame_perturbation(signal.data(), signal.size(), f0.data(), f0.size(), first, hop_length, half,
                              jitter.mutable_data(), shimmer.mutable_data(), n_threads, &pause);
  });
  return py::make_tuple(jitter, shimmer);
}

Array<float> subharmonic_pitch(const Array<float>& power, double sample_rate, int n_threads) {
  if (power.ndim() != 2) throw py::value_error("power must have shape (n, bins)");
  Array<float> f0(power.shape(0));
  without_gil([&] {
    audio::subharmonic_pitch(power.data(), power.shape(0), power.shape(1), sample_rate, f0.mutable_data(), n_threads,
                             &pause);
  });
  return f0;
}

Array<float> harmonic_levels(const Array<float>& power, double sample_rate, const Array<float>& f0,
                             const Array<float>& formants, int n_threads) {
  const py::ssize_t n = f0.size();
  if (power.ndim() != 2 || power.shape(0) != n || power.shape(1) < 3 || formants.size() != 3 * n)
    throw py::value_error("power must have shape (n, bins), f0 (n,) and formants (n, 3)");
  Array<float> out({n, py::ssize_t{6}});
  without_gil([&] {
    audio::harmonic_levels(power.data(), n, power.shape(1), sample_rate, f0.data(), formants.data(), out.mutable_data(),
                           n_threads, &pause);
  });
  return out;
}

py::tuple period_perturbation(const Array<float>& signal, const Array<float>& f0, py::ssize_t hop_length) {
  Array<float> jitter(f0.size()), shimmer(f0.size());
  without_gil([&] {
    audio::period_perturbation(signal.data(), signal.size(), f0.data(), f0.size(), hop_length, jitter.mutable_data(),
                               shimmer.mutable_data(), &pause);
  });
  return py::make_tuple(jitter, shimmer);
}

py::tuple swapped_poles(const Array<float>& rows, int order, double margin, py::ssize_t count, int n_threads) {
  if (rows.ndim() != 2) throw py::value_error("rows must have shape (n, samples)");
  const py::ssize_t n = rows.shape(0);
  Array<float> frequencies({n, count}), bandwidths({n, count});
  without_gil([&] {
    audio::swapped_poles(rows.data(), n, rows.shape(1), order, margin, count, frequencies.mutable_data(),
                         bandwidths.mutable_data(), n_threads, &pause);
  });
  return py::make_tuple(frequencies, bandwidths);
}

}  // namespace

void bind_voice(py::module_& m) {
  m.def("burg_formants", &burg_formants, py::arg("rows").noconvert(), py::arg("order"), py::arg("margin"),
        py::arg("n_formants"), py::arg("n_threads"));
  m.def("glottal_pulses", &glottal_pulses, py::arg("signal").noconvert(), py::arg("f0").noconvert(),
        py::arg("hop_length"));
  m.def("frame_perturbation", &frame_perturbation, py::arg("signal").noconvert(), py::arg("f0").noconvert(),
        py::arg("first"), py::arg("hop_length"), py::arg("half"), py::arg("n_threads"));
  m.def("subharmonic_pitch", &subharmonic_pitch, py::arg("power").noconvert(), py::arg("sample_rate"),
        py::arg("n_threads"));
  m.def("harmonic_levels", &harmonic_levels, py::arg("power").noconvert(), py::arg("sample_rate"),
        py::arg("f0").noconvert(), py::arg("formants").noconvert(), py::arg("n_threads"));
  m.def("period_perturbation", &period_perturbation, py::arg("signal").noconvert(), py::arg("f0").noconvert(),
        py::arg("hop_length"));
  m.def("swapped_poles", &swapped_poles, py::arg("rows").noconvert(), py::arg("order"), py::arg("margin"),
        py::arg("count"), py::arg("n_threads"));
}

}  // namespace stcorner::bindings
