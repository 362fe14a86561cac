#include "stcorner/dispatch.hpp"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

#if defined(STC_X86) && defined(_MSC_VER)
#include <immintrin.h>
#include <intrin.h>
#endif

namespace stcorner {
namespace {

constexpr const char* kNames[] = {"baseline", "avx2", "avx512"};

#if defined(STC_X86) && defined(_MSC_VER)
Isa best_isa() noexcept {
  int leaf1[4], leaf7[4];
  __cpuid(leaf1, 1);
  const bool os_saves = (leaf1[2] & (1 << 27)) != 0;
  if (!os_saves) return Isa::baseline;
  const unsigned long long saved = _xgetbv(0);
  __cpuidex(leaf7, 7, 0);
  const bool avx2 = (leaf1[2] & (1 << 12)) && (leaf1[2] & (1 << 29)) && (leaf7[1] & (1 << 5)) &&
                    (leaf7[1] & (1 << 8)) && (saved & 0x6) == 0x6;
  const int wanted = (1 << 16) | (1 << 17) | (1 << 30) | static_cast<int>(1u << 31);
  const bool avx512 = avx2 && (leaf7[1] & wanted) == wanted && (saved & 0xe6) == 0xe6;
  return avx512 ? Isa::avx512 : avx2 ? Isa::avx2 : Isa::baseline;
}
#elif defined(STC_X86)
// libgcc and compiler-rt ask the operating system (XGETBV) as well as the processor.
Isa best_isa() noexcept {
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return avx512 ? Isa::avx512 : avx2 ? Isa::avx2 : Isa::baseline;
}
#else
Isa best_isa() noexcept { return Isa::baseline; }
#endif

Isa parse(const std::string& name) {
  if (name.empty() || name == "auto") return best_isa();
  for (int i = 0; i <= static_cast<int>(best_isa()); ++i)
    if (name == kNames[i]) return static_cast<Isa>(i);
  std::string allowed = "'auto'";
  for (const auto& each : available_isas()) allowed += ", '" + each + "'";
  throw std::invalid_argument("isa must be one of " + allowed + ", got '" + name + "'");
}

// -1 until the first question, so that a bad STCORNER_ISA can be reported at import instead of ignored.
std::atomic<int> chosen{-1};

}  // namespace

const char* isa_name(Isa isa) noexcept { return kNames[static_cast<int>(isa)]; }

std::vector<std::string> available_isas() { return {kNames, kNames + static_cast<int>(best_isa()) + 1}; }

Isa active_isa() noexcept {
  const int now = chosen.load(std::memory_order_relaxed);
  return now >= 0 ? static_cast<Isa>(now) : best_isa();
}

void set_isa(const std::string& name) { chosen.store(static_cast<int>(parse(name))); }

}  // namespace stcorner
