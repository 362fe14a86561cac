#pragma once
#include "simd.hpp"

namespace stcorner::kernels::STC_ISA {

/// Natural logarithm of normal numbers > 0, within 0.8 units in the last place.
STC_INLINE F32 natural_log(F32 a) noexcept {
  // a = 2^e (1 + f), 1 + f from sqrt(1/2) to sqrt(2); log(1 + f) = f - f^2 / 2 + f^3 p(f), p of least largest error.
  constexpr float kShares[9] = {0.33333313F,  -0.25000009F, 0.20002119F,   -0.16667995F, 0.14219542F,
                                -0.12405596F, 0.11888236F,  -0.116756305F, 0.067464545F};
  using Bits = I32::Lanes;
  const Bits bits = (Bits)a.v;
  const Bits exponent = (bits - 0x3f3504f3) >> 23;
  const F32 f = F32{(F32::Lanes)(bits - (exponent << 23))} - broadcast(1.0F);
  const F32 e = {__builtin_convertvector(exponent, F32::Lanes)};
  F32 p = broadcast(kShares[8]);
  for (int i = 7; i >= 0; --i) p = fma(p, f, broadcast(kShares[i]));
  const F32 square = f * f;
  // log 2 in two parts, of which the first times e is exact.
  F32 small = fma(e, broadcast(-2.12194440e-4F), square * f * p);
  small = fma(square, broadcast(-0.5F), small);
  return fma(e, broadcast(0.693359375F), small + f);
}

}  // namespace stcorner::kernels::STC_ISA
