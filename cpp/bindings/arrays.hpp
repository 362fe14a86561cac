#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "stcorner/parallel.hpp"

namespace py = pybind11;

namespace stcorner::bindings {

// No forcecast: Python owns dtype and contiguity, so a silent copy here would hide a bug.
template <class T>
using Array = py::array_t<T, py::array::c_style>;
using Shape = std::vector<Index>;

/// Before 3.14 CPython ends a thread that wants the GIL back while the interpreter shuts down, by unwinding its
/// stack. Our frames own references, which need the GIL to be given up; so the thread stays where it is until
/// the process ends, as later versions do by themselves.
[[noreturn]] inline void stay() noexcept {
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;
  ~WithoutGil() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      stay();
    }
  }

 private:
  PyThreadState* state_;
};

class WithGil {
 public:
  WithGil() {
    try {
      state_ = PyGILState_Ensure();
    } catch (...) {
      stay();
    }
  }
  WithGil(const WithGil&) = delete;
  WithGil& operator=(const WithGil&) = delete;
  ~WithGil() { PyGILState_Release(state_); }

 private:
  PyGILState_STATE state_;
};

/// An object in use by one call: another, from a second thread or a signal handler, is refused.
class InUse {
 public:
  explicit InUse(std::atomic<bool>& at_work) : at_work_(at_work) {
    if (at_work_.exchange(true)) throw py::value_error("one call at a time: the object is at work in another");
  }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;
  ~InUse() { at_work_ = false; }

 private:
  std::atomic<bool>& at_work_;
};

/// Copying one by its parts would make an object without its core.
[[noreturn]] inline void refuse_pickle(const py::object& self) {
  throw py::type_error(py::str(py::type::of(self).attr("__name__")).cast<std::string>() +
                       " cannot be copied or pickled");
}

void bind_video(py::module_& m);
void bind_audio(py::module_& m);
void bind_voice(py::module_& m);
void bind_fusion(py::module_& m);

/// Binds a function by the names of its parameters. Numbers are converted, arrays are not.
template <class R, class... P, class... Names>
void define(py::module_& m, const char* name, R (*function)(P...), Names... names) {
  m.def(name, function, py::arg(names).noconvert(!std::is_arithmetic_v<P>)...);
}

/// Views of arrays may be read in it, and what they show written; nothing else of Python's.
template <class Work>
auto without_gil(Work work) {
  const WithoutGil nogil;
  return work();
}

/// Lets Ctrl-C through, with the GIL taken back for the moment.
inline void pause() {
  const WithGil gil;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

/// An array of this shape, as `write(data)` fills it without the GIL.
template <class T, class Extent, class Write>
Array<T> filled(Extent shape, Write write) {
  Array<T> out(std::move(shape));
  T* const data = out.mutable_data();
  without_gil([&] { write(data); });
  return out;
}

/// Two of them, as `write(first, second)` fills them.
template <class T, class Extent, class Write>
py::tuple filled_pair(const Extent& shape, Write write) {
  Array<T> first(shape), second(shape);
  T *const one = first.mutable_data(), *const two = second.mutable_data();
  without_gil([&] { write(one, two); });
  return py::make_tuple(first, second);
}

template <class T>
Array<T> to_array(const std::vector<T>& values) {
  return Array<T>(static_cast<Index>(values.size()), values.data());
}

}  // namespace stcorner::bindings
