// Every kernel of every instruction set that this processor can run, against the same source compiled
// without vectors: odd sizes, 1e-5 of the largest magnitude. On arm64 that is NEON. Exit status 1 if any
// of them disagrees.
#include <cstdio>
#include <exception>

#include "agreement.hpp"
#include "stcorner/dispatch.hpp"

int main() {
  try {
    for (const std::string& isa : stcorner::available_isas()) {
      stcorner::set_isa(isa);
      stcorner::test::compare(stcorner::kernels::video_table());
      stcorner::test::compare(stcorner::kernels::audio_table());
      stcorner::test::compare(stcorner::kernels::fusion_table());
    }
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
  const int failures = stcorner::test::Report::total_failures;
  std::printf(failures ? "%d comparisons failed\n" : "all instruction sets agree\n", failures);
  return failures ? 1 : 0;
}
