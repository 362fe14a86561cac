#pragma once
#include <string>
#include <vector>

namespace stcorner {

/// Instruction sets that kernels are compiled for. `baseline` is the floor of the platform's ABI:
/// SSE2 on x86-64, NEON on arm64.
enum class Isa { baseline = 0, avx2 = 1, avx512 = 2 };

/// The instruction set in use: the best that both processor and operating system support, unless
/// STCORNER_ISA or `set_isa` chose another.
Isa active_isa() noexcept;

/// Names that `set_isa` accepts here, weakest first.
std::vector<std::string> available_isas();

/// Force an instruction set by name, or the best one by "auto". Throws std::invalid_argument for a
/// name that is unknown or that this processor cannot run.
void set_isa(const std::string& name);

const char* isa_name(Isa isa) noexcept;

}  // namespace stcorner
