#include "video.hpp"

#include "video_parts.hpp"

namespace stcorner::kernels::STC_ISA {

const VideoTable& video_table() noexcept {
  static constexpr VideoTable kTable{
      STC_STRING(STC_ISA), &inner_scratch, &inner, &take,      &outer_scratch, &outer, &maxima,
      &count_at_least,     &orientations,  &votes, &add_votes, &eigen,
  };
  return kTable;
}

}  // namespace stcorner::kernels::STC_ISA
