#include "arrays.hpp"

namespace stcorner::bindings {

void bind_fusion(py::module_&) {}

}  // namespace stcorner::bindings
