#include "stcorner/video/tensor.hpp"

#include "kernels/video.hpp"

namespace stcorner::video {

void describe_tensor(const float* tensor, std::ptrdiff_t n, TensorOutput output, float* out, int n_threads,
                     Pause pause) {
  constexpr std::ptrdiff_t kPiece = 4096;
  const auto some = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    kernels::EigenJob job{};
    for (std::ptrdiff_t c = 0; c < 6; ++c) job.planes[c] = tensor + c * n + begin;
    for (std::ptrdiff_t c = 0; c < tensor_planes(output); ++c) job.out[c] = out + c * n + begin;
    job.n = end - begin;
    job.output = output;
    kernels::video_table().eigen(job);
  };
  drive(pieces(n, kPiece, some), n_threads, pause);
}

}  // namespace stcorner::video
