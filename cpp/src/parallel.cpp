#include "stcorner/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
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

using Clock = std::chrono::steady_clock;
constexpr auto kBreath = std::chrono::milliseconds(20);

// Nanoseconds of work for which another thread is worth waking.
constexpr double kLeastShare = 1e6;

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

int effective_threads(int n_threads, Index n_items) noexcept {
  if (in_forked_child()) return 1;
  const Index wanted = std::min(n_threads > 0 ? n_threads : default_threads(), kMostThreads);
  return static_cast<int>(std::max<Index>(1, std::min(wanted, n_items)));
}

Team Team::worth(double nanoseconds) const noexcept {
  return {effective_threads(n_threads, static_cast<Index>(std::min(nanoseconds / kLeastShare, 1e9))), pause};
}

void detail::drive(Index n_items, Team team, void (*run)(void*, Index), void* job) {
  std::atomic<Index> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;  // written by the one thread that flips `failed`
  // Kept from drive to drive, so that many short ones do not go without a breath.
  thread_local Clock::time_point last;
  const auto work = [&](bool calling) noexcept {
    try {
      while (!failed.load(std::memory_order_relaxed)) {
        const Index item = next.fetch_add(1, std::memory_order_relaxed);
        if (item >= n_items) break;
        run(job, item);
        if (!calling || team.pause == nullptr || Clock::now() - last < kBreath) continue;
        team.pause();
        last = Clock::now();
      }
    } catch (...) {
      if (!failed.exchange(true)) error = std::current_exception();
    }
  };
#ifdef _OPENMP
  if (const int threads = effective_threads(team.n_threads, n_items); threads > 1) {
#pragma omp parallel num_threads(threads)
    work(omp_get_thread_num() == 0);
  } else
#endif
    work(true);
  if (error) std::rethrow_exception(error);
}

}  // namespace stcorner
