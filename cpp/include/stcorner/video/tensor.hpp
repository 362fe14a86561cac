#pragma once
#include <cstddef>

#include "stcorner/parallel.hpp"

namespace stcorner::video {

/// What is made of the tensor's eigenvalues a >= b >= c >= 0.
enum class TensorOutput { tensor, eigenvalues, eigen, anisotropy };

/// Planes of an output: the tensor's six; a, b, c; these and the unit vector (t, y, x) of each; shares of linear
/// (b - c) / a, planar (a - b) / a and spherical c / a structure and the coherence, the fractional anisotropy.
constexpr int tensor_planes(TensorOutput output) noexcept {
  constexpr int kPlanes[] = {6, 3, 12, 4};
  return kPlanes[static_cast<int>(output)];
}

/// From six planes of n voxels, one after another, to those of `output`, which is not the tensor itself.
void describe_tensor(const float* tensor, std::ptrdiff_t n, TensorOutput output, float* out, int n_threads,
                     Pause pause = nullptr);

}  // namespace stcorner::video
