#include "audio.hpp"

#include "simd.hpp"

#define STC_STRING_(x) #x
#define STC_STRING(x) STC_STRING_(x)

namespace stcorner::kernels::STC_ISA {

const AudioTable& audio_table() noexcept {
  static constexpr AudioTable table{STC_STRING(STC_ISA)};
  return table;
}

}  // namespace stcorner::kernels::STC_ISA
