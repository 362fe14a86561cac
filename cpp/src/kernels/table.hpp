#pragma once
#include "stcorner/dispatch.hpp"
#include "stcorner/parallel.hpp"

#define STC_STRING_(x) #x
#define STC_STRING(x) STC_STRING_(x)
// Declares the function `name` with the type that its pointer has in the table T.
#define STC_KERNEL(T, name) std::remove_pointer_t<decltype(T::name)> name

// Every room keeps its kernels in a struct of function pointers. The same kernel source is compiled
// once per instruction set into `stcorner::kernels::<isa>`, where it defines `const T& name()`.
// This macro declares those definitions and the chooser `stcorner::kernels::name()`, which reads the
// active instruction set at each call.
#ifdef STC_X86
#define STC_KERNEL_TABLE(T, name)              \
  namespace stcorner::kernels {                \
  namespace baseline {                         \
  const T& name() noexcept;                    \
  }                                            \
  namespace avx2 {                             \
  const T& name() noexcept;                    \
  }                                            \
  namespace avx512 {                           \
  const T& name() noexcept;                    \
  }                                            \
  inline const T& name() noexcept {            \
    switch (active_isa()) {                    \
      case Isa::avx512: return avx512::name(); \
      case Isa::avx2: return avx2::name();     \
      default: return baseline::name();        \
    }                                          \
  }                                            \
  }
#else
#define STC_KERNEL_TABLE(T, name)                              \
  namespace stcorner::kernels {                                \
  namespace baseline {                                         \
  const T& name() noexcept;                                    \
  }                                                            \
  inline const T& name() noexcept { return baseline::name(); } \
  }
#endif
