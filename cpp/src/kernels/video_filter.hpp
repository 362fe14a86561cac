#pragma once
// Symmetric filters in registers, shared by the video kernels. Included once per instruction set; only
// functions with internal linkage live here.

#include "simd.hpp"
#include "video.hpp"

namespace stcorner::kernels::STC_ISA {

/// Outputs computed side by side: as many as the register file holds with their window.
#if STC_VECTOR_BYTES == 64 || defined(__aarch64__)
constexpr int kBlock = 8;
#else
constexpr int kBlock = 4;
#endif

constexpr int kLanes = static_cast<int>(F32::size);
/// Rows of one frame that go into one transposed block, and how many frames share the block.
constexpr int kRows = kLanes < 8 ? kLanes : 8;
constexpr int kFrames = kLanes / kRows;
constexpr int kMaxRadius = 16;

/// The filter radius as a type, so that R = 0 can stand for "known at run time".
template <int R>
struct Radius {
  int value;
  constexpr int get() const noexcept { return R > 0 ? R : value; }
};

/// acc[n] = sum over |i| <= R of taps[|i|] at(n + R + i), n < N.
///
/// Equal taps are folded, taps (a + b), which leaves R + 1 multiply-adds. Going from the outermost tap
/// inwards only 2 N inputs are alive at a time, every input is loaded once, and a tap is fetched once
/// for N outputs: with N = 8 the multiply-adders are the limit, not the loads. The order of additions
/// is the same for every N, so blocks of different length give the same bits.
template <int R, int N, class At>
STC_INLINE void fold(Radius<R> radius, const float* taps, At at, F32* acc) noexcept {
  if constexpr (R > 0) {
    F32 v[2 * R + N];
    const auto fetch = [&](int i) {
      v[i] = at(i);
      keep(v[i]);
    };
    STC_UNROLL
    for (int n = 0; n < N; ++n) fetch(n);
    STC_UNROLL
    for (int n = 0; n < N; ++n)
      if (2 * R + n >= N) fetch(2 * R + n);
    {
      const F32 tap = broadcast(taps[R]);
      STC_UNROLL
      for (int n = 0; n < N; ++n) acc[n] = tap * (v[n] + v[2 * R + n]);
    }
    STC_UNROLL
    for (int d = 1; d < R; ++d) {
      if (N - 1 + d < 2 * R - d + 1) fetch(N - 1 + d);
      if (2 * R - d > N - 1 + d) fetch(2 * R - d);
      const F32 tap = broadcast(taps[R - d]);
      STC_UNROLL
      for (int n = 0; n < N; ++n) acc[n] = fma(tap, v[n + d] + v[2 * R - d + n], acc[n]);
    }
    if (N == 1) fetch(R);
    const F32 centre = broadcast(taps[0]);
    STC_UNROLL
    for (int n = 0; n < N; ++n) acc[n] = fma(centre, v[n + R], acc[n]);
  } else {
    const int r = radius.get();
    const F32 outer = broadcast(taps[r]);
    STC_UNROLL
    for (int n = 0; n < N; ++n) acc[n] = outer * (at(n) + at(2 * r + n));
    for (int i = r - 1; i > 0; --i) {
      const F32 tap = broadcast(taps[i]);
      STC_UNROLL
      for (int n = 0; n < N; ++n) acc[n] = fma(tap, at(n + r - i) + at(n + r + i), acc[n]);
    }
    const F32 centre = broadcast(taps[0]);
    STC_UNROLL
    for (int n = 0; n < N; ++n) acc[n] = fma(centre, at(n + r), acc[n]);
  }
}

/// y pass of kLanes rows and transposition. rows[f] lists the kRows + 2 R input rows of part f of the
/// block; vector x of the result (at out + x * kLanes) holds column x of all parts.
template <int R>
static void columns_to_lanes(int radius, const float* const* const* rows, Index width, const float* taps,
                             float* out) noexcept {
  for (Index x = 0; x < width; x += kLanes) {
    F32 block[kLanes];
    STC_UNROLL
    for (int f = 0; f < kFrames; ++f) STC_UNROLL
    for (int n = 0; n < kRows; n += kBlock) {
      const float* const* in = rows[f] + n;
      fold < R, kBlock<kRows ? kBlock : kRows>(
                    Radius<R>{radius}, taps, [&](int i) { return load(in[i] + x); }, block + f * kRows + n);
    }
    transpose(block);
    STC_UNROLL
    for (int i = 0; i < kLanes; ++i) store(out + (x + i) * kLanes, block[i]);
  }
}

/// x pass on transposed data: n output vectors from n + 2 R; n is rounded up to a multiple of kBlock.
template <int R>
static void along_lanes(int radius, const float* in, Index n, const float* taps, float* out) noexcept {
  for (Index x = 0; x < n; x += kBlock) {
    F32 acc[kBlock];
    fold<R, kBlock>(Radius<R>{radius}, taps, [&](int i) { return load(in + (x + i) * kLanes); }, acc);
    STC_UNROLL
    for (int i = 0; i < kBlock; ++i) store(out + (x + i) * kLanes, acc[i]);
  }
}

using ColumnsToLanes = void (*)(int, const float* const* const*, Index, const float*, float*) noexcept;
using AlongLanes = void (*)(int, const float*, Index, const float*, float*) noexcept;

// NOLINTBEGIN(bugprone-macro-parentheses): F is the name of a template
// Radii up to kMaxRadius are known at compile time; entry 0 is the loop for all others.
#define STC_RADII(F) \
  {F<0>, F<1>, F<2>, F<3>, F<4>, F<5>, F<6>, F<7>, F<8>, F<9>, F<10>, F<11>, F<12>, F<13>, F<14>, F<15>, F<16>}
// NOLINTEND(bugprone-macro-parentheses)

STC_INLINE int radius_entry(int radius) noexcept { return radius <= kMaxRadius ? radius : 0; }

STC_INLINE Index round_up(Index n, Index unit) noexcept { return (n + unit - 1) / unit * unit; }

/// Five cache lines of air between planes, so that the planes of a time window do not fall on the same
/// cache sets.
constexpr Index kSkew = 80;

}  // namespace stcorner::kernels::STC_ISA
