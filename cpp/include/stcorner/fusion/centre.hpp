#pragma once
#include <cstddef>

#include "stcorner/parallel.hpp"

namespace stcorner::fusion {

/// Rows X (n, depth), C order, minus their mean, times a power of two that leaves no row longer than 1:
/// written to out (n, depth). Returns that factor, or NaN, with out unwritten, where squared lengths
/// leave the range of float64. The result does not depend on the number of threads.
template <class T>
double centre(const T* X, std::ptrdiff_t n, std::ptrdiff_t depth, float* out, int n_threads, Pause pause = nullptr);

extern template double centre(const float*, std::ptrdiff_t, std::ptrdiff_t, float*, int, Pause);
extern template double centre(const double*, std::ptrdiff_t, std::ptrdiff_t, float*, int, Pause);

}  // namespace stcorner::fusion
