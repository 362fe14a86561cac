#include <pybind11/stl.h>

#include <cstdlib>

#include "arrays.hpp"
#include "stcorner/dispatch.hpp"
#include "stcorner/parallel.hpp"

namespace stcorner::bindings {
namespace {

py::dict build_config() {
  py::dict config;
#if defined(__clang__)
  config["compiler"] = "clang " __clang_version__;
#elif defined(__GNUC__)
  config["compiler"] = "gcc " __VERSION__;
#endif
  config["cplusplus"] = static_cast<long>(__cplusplus);
#ifdef _OPENMP
  config["openmp"] = _OPENMP;
#else
  config["openmp"] = 0;
#endif
#ifdef NDEBUG
  config["debug"] = false;
#else
  config["debug"] = true;
#endif
  return config;
}

void bind_runtime(py::module_& m) {
  const char* wanted = std::getenv("STCORNER_ISA");
  set_isa(wanted ? wanted : "auto");
  m.def("active_isa", [] { return isa_name(active_isa()); });
  m.def("available_isas", &available_isas);
  define(m, "set_isa", &set_isa, "name");
  define(m, "effective_threads", &effective_threads, "n_threads", "n_items");
  m.def("build_config", &build_config);
}

}  // namespace
}  // namespace stcorner::bindings

PYBIND11_MODULE(_core, m, py::mod_gil_not_used()) {
  m.doc() = "Compiled core of stcorner. Private: call the functions of the stcorner package.";
  m.attr("__version__") = STCORNER_VERSION;
  stcorner::bindings::bind_runtime(m);
  stcorner::bindings::bind_video(m);
  stcorner::bindings::bind_audio(m);
  stcorner::bindings::bind_voice(m);
  stcorner::bindings::bind_fusion(m);
}
