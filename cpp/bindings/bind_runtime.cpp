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
#elif defined(_MSC_VER)
  config["compiler"] = "msvc " + std::to_string(_MSC_VER);
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

}  // namespace

void bind_runtime(py::module_& m) {
  const char* wanted = std::getenv("STCORNER_ISA");
  set_isa(wanted ? wanted : "auto");
  m.def("active_isa", [] { return isa_name(active_isa()); });
  m.def("available_isas", &available_isas);
  m.def("set_isa", &set_isa, py::arg("name"));
  m.def("effective_threads", &effective_threads, py::arg("n_threads"), py::arg("n_items"));
  m.def("build_config", &build_config);
}

}  // namespace stcorner::bindings
