#include "fusion.hpp"

#include "simd.hpp"

#define STC_STRING_(x) #x
#define STC_STRING(x) STC_STRING_(x)

namespace stcorner::kernels::STC_ISA {

const FusionTable& fusion_table() noexcept {
  static constexpr FusionTable table{STC_STRING(STC_ISA)};
  return table;
}

}  // namespace stcorner::kernels::STC_ISA
