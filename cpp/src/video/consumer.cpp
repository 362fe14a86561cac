#include "stcorner/video/consumer.hpp"

#include "kernels/video.hpp"

namespace stcorner::video {
namespace {

HarrisOptions with_tensor(HarrisOptions options) {
  if (options.scales.size() != 1) throw std::invalid_argument("a tensor is of one scale");
  options.tensor = true;
  return options;
}

}  // namespace

HarrisConsumer::HarrisConsumer(HarrisOptions options, std::ptrdiff_t depth) : engine_(std::move(options)) {
  const HarrisOptions& o = engine_.options();
  for (std::size_t i = 0; i < (o.tensor ? 6 : o.scales.size()); ++i) results_.emplace_back(o.height, o.width, depth);
}

TensorConsumer::TensorConsumer(HarrisOptions options)
    : HarrisConsumer(with_tensor(std::move(options)), kernels::kTimeBlock) {}

}  // namespace stcorner::video
