#include "video.hpp"

#include "video_parts.hpp"

#define STC_STRING_(x) #x
#define STC_STRING(x) STC_STRING_(x)

namespace stcorner::kernels::STC_ISA {

const VideoTable& video_table() noexcept {
  static constexpr VideoTable kTable{
      STC_STRING(STC_ISA), &inner_scratch, &inner, &take,      &outer_scratch, &outer, &maxima,
      &count_at_least,     &orientations,  &votes, &add_votes, &eigen,
  };
  return kTable;
}

}  // namespace stcorner::kernels::STC_ISA
