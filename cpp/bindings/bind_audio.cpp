#include "arrays.hpp"

namespace stcorner::bindings {

void bind_audio(py::module_&) {}

}  // namespace stcorner::bindings
