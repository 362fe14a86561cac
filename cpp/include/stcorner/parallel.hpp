#pragma once
#include <cstddef>
#include <type_traits>
#include <utility>

namespace stcorner {

/// Counts and places of pixels, samples and rows.
using Index = std::ptrdiff_t;

/// a / b, rounded up; both positive.
constexpr Index ceil_div(Index a, Index b) noexcept { return a / b + (a % b != 0 ? 1 : 0); }

/// Threads that a job of `n_items` would use: `n_threads` if positive, else OpenMP's present maximum (read at every
/// call, so OMP_NUM_THREADS and threadpoolctl are obeyed); never more than 256 or than items, and 1 in a forked child,
/// where libgomp's team no longer exists.
int effective_threads(int n_threads, Index n_items) noexcept;

/// What a long call asks, in the calling thread, between two items about every 20 ms; it ends the call by throwing.
/// May be null.
using Pause = void (*)();

/// Who works on a call: so many threads, counted as by `effective_threads`, and what the calling one asks meanwhile.
struct Team {
  int n_threads = 0;
  Pause pause = nullptr;

  /// The same for work of so many nanoseconds on one thread: no more threads than it pays to wake. On busy cores the
  /// last of a team can be milliseconds late.
  Team worth(double nanoseconds) const noexcept;
};

namespace detail {
void drive(Index n_items, Team team, void (*run)(void* job, Index item), void* job);
}  // namespace detail

/// Call `job.run(i)` for every i in [0, job.n_items()), items handed out one by one to a team of threads, the calling
/// one among them. The first exception, of an item or of the team's `pause`, stops the handing out and is rethrown
/// here.
template <class Job>
void drive(Job&& job, Team team) {
  using J = std::remove_reference_t<Job>;
  detail::drive(
      job.n_items(), team, [](void* j, Index item) { static_cast<J*>(j)->run(item); },
      const_cast<void*>(static_cast<const void*>(&job)));
}

/// The job that calls `function(i)` for every i in [0, n).
template <class Function>
class Items {
 public:
  Items(Index n, Function function) : n_(n), function_(std::move(function)) {}
  Index n_items() const noexcept { return n_; }
  void run(Index item) const { function_(item); }

 private:
  Index n_;
  Function function_;
};

/// The job that calls `function(begin, end)` for [0, n) in pieces of `length`.
template <class Function>
auto pieces(Index n, Index length, Function function) {
  return Items(ceil_div(n, length), [n, length, function = std::move(function)](Index i) {
    function(i * length, i + 1 < ceil_div(n, length) ? (i + 1) * length : n);
  });
}

}  // namespace stcorner
