#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

namespace py = pybind11;

namespace stcorner::bindings {

// No forcecast: Python owns dtype and contiguity, so a silent copy here would hide a bug. Every
// array argument is bound with .noconvert().
template <class T>
using Array = py::array_t<T, py::array::c_style>;

void bind_runtime(py::module_& m);
void bind_video(py::module_& m);
void bind_audio(py::module_& m);
void bind_fusion(py::module_& m);

/// Let Ctrl-C through between blocks of a long call; needs the GIL.
inline void check_signals() {
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

}  // namespace stcorner::bindings
