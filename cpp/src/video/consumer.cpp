#include "stcorner/video/consumer.hpp"

#include "buffer.hpp"
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

HarrisConsumer::~HarrisConsumer() = default;

void HarrisConsumer::push(const void* frames, PixelType type, std::ptrdiff_t n, bool drain, Pause pause) {
  pause_ = pause;
  engine_.push(frames, type, n, drain, *this, pause);
}

void HarrisConsumer::finish(Pause pause) {
  pause_ = pause;
  engine_.finish(*this, pause);
}

const FrameRing& HarrisConsumer::results(std::ptrdiff_t plane) const noexcept {
  return results_[static_cast<std::size_t>(plane)];
}

float* HarrisConsumer::plane(std::ptrdiff_t scale, std::ptrdiff_t t, std::ptrdiff_t channel) {
  return results(options().tensor ? channel : scale).frame(t);
}

std::ptrdiff_t HarrisConsumer::stride() const { return results_.front().stride(); }

TensorConsumer::TensorConsumer(HarrisOptions options)
    : HarrisConsumer(with_tensor(std::move(options)), kernels::kTimeBlock) {}

kernels::TensorRows TensorConsumer::rows(std::ptrdiff_t t, std::ptrdiff_t y) const noexcept {
  const auto row = [&](std::ptrdiff_t channel) { return results(channel).frame(t) + y * results(channel).stride(); };
  return {row(1), row(2), row(3), row(4), row(5)};
}

}  // namespace stcorner::video
