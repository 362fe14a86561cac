#pragma once
#include "audio.hpp"
#include "simd.hpp"

// The declarations that the audio room's table collects.
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

}  // namespace stcorner::kernels::STC_ISA
