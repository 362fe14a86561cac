#include "stcorner/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>

#ifdef _OPENMP
#include <omp.h>
#endif
#ifndef _WIN32
#include <unistd.h>
#endif

namespace stcorner {
namespace {

#ifdef _WIN32
bool in_forked_child() noexcept { return false; }
#else
const pid_t kOwner = getpid();
bool in_forked_child() noexcept { return getpid() != kOwner; }
#endif

// An OpenMP runtime ends the process where the system refuses it a thread: no request may get that far.
constexpr int kMostThreads = 256;

int default_threads() noexcept {
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 1;
#endif
}

}  // namespace

int effective_threads(int n_threads, std::ptrdiff_t n_items) noexcept {
  if (in_forked_child()) return 1;
  const std::ptrdiff_t wanted = std::min(n_threads > 0 ? n_threads : default_threads(), kMostThreads);
  return static_cast<int>(std::max<std::ptrdiff_t>(1, std::min(wanted, n_items)));
}

void detail::run(std::ptrdiff_t n_items, int n_threads, Body body, void* context) {
  const int team = effective_threads(n_threads, n_items);
  if (team == 1) {
    for (std::ptrdiff_t item = 0; item < n_items; ++item) body(context, item);
    return;
  }
  std::atomic<bool> failed{false};
  std::exception_ptr error;  // written by the one thread that flips `failed`
#ifdef _OPENMP
#pragma omp parallel for num_threads(team) schedule(dynamic, 1)
#endif
  for (std::ptrdiff_t item = 0; item < n_items; ++item) {
    if (failed.load(std::memory_order_relaxed)) continue;
    try {
      body(context, item);
    } catch (...) {
      if (!failed.exchange(true)) error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace stcorner
