#pragma once
#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace stcorner {

/// Threads that a region over `n_items` would use: `n_threads` if positive, else OpenMP's present
/// maximum (read at every call, so OMP_NUM_THREADS and threadpoolctl are obeyed); never more than
/// 256 or than items, and 1 in a forked child, where libgomp's team no longer exists.
int effective_threads(int n_threads, std::ptrdiff_t n_items) noexcept;

namespace detail {
using Body = void (*)(void* context, std::ptrdiff_t item);
void run(std::ptrdiff_t n_items, int n_threads, Body body, void* context);
}  // namespace detail

/// Call `function(i)` for every i in [0, n_items), items handed out one by one to a team of threads.
/// The first exception stops the handing out and is rethrown here, in the calling thread.
template <class Function>
void parallel_for(std::ptrdiff_t n_items, int n_threads, Function&& function) {
  using F = std::remove_reference_t<Function>;
  detail::run(
      n_items, n_threads, [](void* context, std::ptrdiff_t item) { (*static_cast<F*>(context))(item); },
      const_cast<void*>(static_cast<const void*>(&function)));
}

/// The same in blocks of at least `block` items, and of enough to keep the team busy; `pause`, if not null, is called
/// between two of them, in the calling thread.
template <class Function>
void parallel_for_with_pauses(std::ptrdiff_t n_items, int n_threads, std::ptrdiff_t block, void (*pause)(),
                              Function&& function) {
  const std::ptrdiff_t team = effective_threads(n_threads, n_items), length = std::max(4 * team, block);
  for (std::ptrdiff_t begin = 0; begin < n_items; begin += length) {
    parallel_for(std::min(length, n_items - begin), n_threads, [&](std::ptrdiff_t item) { function(begin + item); });
    if (pause && begin + length < n_items) pause();
  }
}

}  // namespace stcorner
