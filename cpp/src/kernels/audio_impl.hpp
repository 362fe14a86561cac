#pragma once
#include "audio.hpp"
#include "simd.hpp"

// What the files of the audio kernels share; defined per instruction set.
namespace stcorner::kernels::STC_ISA {

STC_KERNEL(AudioTable, changes_and_energy);
STC_KERNEL(AudioTable, autocorrelate32);
STC_KERNEL(AudioTable, autocorrelate64);
STC_KERNEL(AudioTable, power_spectra);
STC_KERNEL(AudioTable, resample_frames);
STC_KERNEL(AudioTable, band_spectra);
STC_KERNEL(AudioTable, project);
STC_KERNEL(AudioTable, logarithms);
STC_KERNEL(AudioTable, find_roots);
STC_KERNEL(AudioTable, find_peaks);
STC_KERNEL(AudioTable, subharmonics);
STC_KERNEL(AudioTable, list_peaks);
STC_KERNEL(AudioTable, correlate_powers);
STC_KERNEL(AudioTable, decimate);

/// Rows of `width` values into columns of lanes, `step` apart, n at most: `piece(lane, begin)` gives the values of a
/// row from `begin` on. Square blocks are transposed.
template <class T, class Piece>
STC_INLINE void rows_to_lanes(Index width, Index n, Index step, T* to, Piece piece) noexcept {
  constexpr Index kLanes = Vector<T>::size;
  Vector<T> block[kLanes];
  for (Index begin = 0; begin < width; begin += kLanes) {
    const Index count = n - begin < kLanes ? n - begin : kLanes;
    for (Index lane = 0; lane < kLanes; ++lane) block[lane] = piece(lane, begin);
    transpose(block);
    for (Index i = 0; i < count; ++i) store(to + (begin + i) * step, block[i]);
  }
}

/// The first n_rows lanes back to rows that lie `stride` apart; `scaled(lane, values)` is what is written.
template <class T, class Scaled>
STC_INLINE void lanes_to_rows(const T* from, Index step, Index width, Index n_rows, T* out, Index stride,
                              Scaled scaled) noexcept {
  constexpr Index kLanes = Vector<T>::size;
  Vector<T> block[kLanes];
  for (Index begin = 0; begin < width; begin += kLanes) {
    const Index count = width - begin < kLanes ? width - begin : kLanes;
    for (Index i = 0; i < kLanes; ++i) block[i] = i < count ? load(from + (begin + i) * step) : broadcast(T(0));
    transpose(block);
    for (Index lane = 0; lane < n_rows; ++lane)
      store_part(out + lane * stride + begin, scaled(lane, block[lane]), count);
  }
}

}  // namespace stcorner::kernels::STC_ISA
