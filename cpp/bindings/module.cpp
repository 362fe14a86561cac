#include "arrays.hpp"

PYBIND11_MODULE(_core, m, py::mod_gil_not_used()) {
  m.doc() = "Compiled core of stcorner. Private: call the functions of the stcorner package.";
  m.attr("__version__") = STCORNER_VERSION;
  stcorner::bindings::bind_runtime(m);
  stcorner::bindings::bind_video(m);
  stcorner::bindings::bind_audio(m);
  stcorner::bindings::bind_voice(m);
  stcorner::bindings::bind_fusion(m);
}
