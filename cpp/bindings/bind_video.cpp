#include "arrays.hpp"

namespace stcorner::bindings {

void bind_video(py::module_&) {}

}  // namespace stcorner::bindings
