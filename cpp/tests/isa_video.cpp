#include <algorithm>
#include <limits>

#include "agreement.hpp"
#include "stcorner/video/buffer.hpp"
#include "stcorner/video/gaussian.hpp"

namespace stcorner::test {
namespace {

using kernels::kTimeBlock;
using kernels::VideoTable;

constexpr int kRadii[] = {1, 4, 8, 12, 16, 17, 23};  // the last two go through the loop for any radius

std::vector<float> taps_of(int radius) {
  const std::vector<double> exact = video::gaussian_taps(static_cast<double>(radius) / 4.0);
  return {exact.begin(), exact.end()};
}

std::string text(std::initializer_list<Index> numbers) {
  std::string result;
  for (const Index n : numbers) result += (result.empty() ? "" : " ") + std::to_string(n);
  return result;
}

/// A ring of frames full of numbers, with the column of border on both sides that gradients read.
video::FrameRing random_frames(Numbers& numbers, Index height, Index width, Index depth) {
  video::FrameRing ring(height, width, depth);
  for (Index t = 0; t < depth; ++t)
    for (Index y = 0; y < height; ++y) {
      float* row = ring.frame(t) + y * ring.stride();
      for (Index x = 0; x < width; ++x) row[x] = numbers.next();
      row[-1] = row[0];
      row[width] = row[width - 1];
    }
  return ring;
}

template <class T>
std::vector<float> smooth_in_space(const VideoTable& table, const std::vector<T>& frame, kernels::Pixel pixel,
                                   Index height, Index width, int radius, bool reflect) {
  video::FrameRing out(height + 16, width, 1);
  const std::vector<float> taps = taps_of(radius);
  int bad = 0;
  std::vector<float> result;
  for (Index y = 0; y < height; y += 16) {  // in bands, as the engine does
    kernels::InnerJob job{frame.data(), pixel,   height,      width,       y,       std::min(y + 16, height),
                          radius,       radius,  taps.data(), taps.data(), reflect, out.frame(0),
                          out.stride(), nullptr, &bad};
    const video::FloatBuffer scratch(table.inner_scratch(job));
    job.scratch = scratch.data();
    table.inner(job);
  }
  for (Index y = 0; y < height; ++y)
    result.insert(result.end(), out.frame(0) + y * out.stride(), out.frame(0) + y * out.stride() + width);
  if (bad) result.assign(1, std::numeric_limits<float>::quiet_NaN());
  return result;
}

void compare_inner(const VideoTable& table) {
  Report report(table.isa, "inner");
  Numbers numbers;
  for (const Index size : kSizes)
    for (const int radius : kRadii)
      for (const bool reflect : {true, false})
        for (const auto& [height, width] : {std::pair<Index, Index>{size, 19}, {21, size}}) {
          const std::vector<float> frame = numbers.many(height * width);
          const std::string what = text({height, width, radius, reflect});
          const auto run = [&](const VideoTable& t) {
            return smooth_in_space(t, frame, kernels::Pixel::f32, height, width, radius, reflect);
          };
          report.close(run(table), run(kernels::scalar::video_table()), what);
        }
  std::vector<std::uint8_t> bytes(33 * 17);
  for (auto& value : bytes) value = static_cast<std::uint8_t>(127.0f + 127.0f * numbers.next());
  const std::vector<std::uint16_t> words(bytes.begin(), bytes.end());
  const std::vector<double> doubles(bytes.begin(), bytes.end());
  const auto of = [&](const VideoTable& t, const auto& frame, kernels::Pixel pixel) {
    return smooth_in_space(t, frame, pixel, 33, 17, 8, true);
  };
  const std::vector<float> wanted = of(kernels::scalar::video_table(), bytes, kernels::Pixel::u8);
  report.close(of(table, bytes, kernels::Pixel::u8), wanted, "uint8");
  report.close(of(table, words, kernels::Pixel::u16), wanted, "uint16");
  report.close(of(table, doubles, kernels::Pixel::f64), wanted, "float64");
  std::vector<float> broken = numbers.many(33 * 17);
  broken[200] = std::numeric_limits<float>::infinity();
  report.require(of(table, broken, kernels::Pixel::f32).size() == 1, "infinity must be noticed");
}

std::vector<float> smooth_in_time(const VideoTable& table, const video::FrameRing& in, Index height, Index width,
                                  int n_out, int radius) {
  video::FrameRing out(height, width, n_out);
  const std::vector<float> taps = taps_of(radius);
  std::vector<const float*> from;
  std::vector<float*> to;
  for (Index i = 0; i < n_out + 2 * radius; ++i) from.push_back(in.frame(i));
  for (Index i = 0; i < n_out; ++i) to.push_back(out.frame(i));
  table.time({from.data(), to.data(), n_out, radius, taps.data(), width, 0, height, out.stride()});
  std::vector<float> result;
  for (const float* frame : to)
    for (Index y = 0; y < height; ++y)
      result.insert(result.end(), frame + y * out.stride() - 1, frame + y * out.stride() + width + 1);
  return result;
}

void compare_time(const VideoTable& table) {
  Report report(table.isa, "time");
  Numbers numbers;
  for (const Index width : kSizes)
    for (const int radius : kRadii) {
      const video::FrameRing frames = random_frames(numbers, 3, width, kTimeBlock + 2 * radius);
      for (int n_out = 1; n_out <= kTimeBlock; ++n_out)
        report.close(smooth_in_time(table, frames, 3, width, n_out, radius),
                     smooth_in_time(kernels::scalar::video_table(), frames, 3, width, n_out, radius),
                     text({width, radius, n_out}));
    }
}

struct Tile {
  Index height, width, x0, x1, y0, y1;
  int n_out, time_radius, space_radius;
  bool reflect, normalize, tensor;
};

std::vector<float> respond(const VideoTable& table, const video::FrameRing& frames, const Tile& tile) {
  const Index window = tile.n_out + 2 * tile.time_radius, planes = (tile.tensor ? 6 : 1) * tile.n_out;
  std::vector<const float*> previous, current, next;
  for (Index i = 0; i < window; ++i) {
    previous.push_back(frames.frame(i));
    current.push_back(frames.frame(i + 1));
    next.push_back(frames.frame(i + 2));
  }
  std::vector<float> time_taps, out(static_cast<std::size_t>(planes * tile.height * tile.width), 0.0f);
  const std::vector<float> once = taps_of(tile.time_radius), space_taps = taps_of(tile.space_radius);
  for (int c = 0; c < 6; ++c) time_taps.insert(time_taps.end(), once.begin(), once.end());
  std::vector<float*> to;
  for (Index p = 0; p < planes; ++p) to.push_back(out.data() + p * tile.height * tile.width);
  kernels::OuterJob job{previous.data(),
                        current.data(),
                        next.data(),
                        tile.n_out,
                        tile.time_radius,
                        tile.space_radius,
                        tile.space_radius,
                        time_taps.data(),
                        space_taps.data(),
                        space_taps.data(),
                        tile.reflect,
                        tile.height,
                        tile.width,
                        frames.stride(),
                        tile.x0,
                        tile.x1,
                        tile.y0,
                        tile.y1,
                        0.005f,
                        1e-6f,
                        tile.normalize,
                        tile.tensor,
                        to.data(),
                        tile.width,
                        nullptr};
  const video::FloatBuffer scratch(table.outer_scratch(job));
  job.scratch = scratch.data();
  table.outer(job);
  return out;
}

void compare_outer(const VideoTable& table) {
  Report report(table.isa, "outer");
  Numbers numbers;
  for (const Index size : kSizes)
    for (const int radius : {1, 8, 12, 17}) {
      const video::FrameRing frames = random_frames(numbers, 33, 33, kTimeBlock + 2 * radius + 2);
      for (const int n_out : {1, 5, 8})
        for (const bool reflect : {true, false})
          for (const bool tensor : {true, false}) {
            Tile tile{33, size, 0, size, 0, 33, n_out, radius, radius, reflect, size % 2 == 0, tensor};
            const auto check = [&] {
              report.close(respond(table, frames, tile), respond(kernels::scalar::video_table(), frames, tile),
                           text({tile.height, tile.width, tile.x0, tile.y0, radius, n_out, reflect, tensor}));
            };
            check();
            tile.height = tile.y1 = size, tile.width = 33, tile.x0 = 16, tile.x1 = 32;
            check();
          }
    }
}

void compare_points(const VideoTable& table) {
  const VideoTable& scalar = kernels::scalar::video_table();
  Report report(table.isa, "maxima and counts");
  Numbers numbers;
  for (const Index n : kSizes) {
    std::vector<float> rows(static_cast<std::size_t>(9 * (n + 2)));
    for (float& value : rows) value = std::floor(4.0f * numbers.next());  // plateaus and ties on purpose
    const float* list[9];
    for (Index i = 0; i < 9; ++i) list[i] = rows.data() + i * (n + 2) + 1;
    std::vector<Index> found[2];
    float largest[2] = {-9.0f, -9.0f};
    for (int i = 0; i < 2; ++i) {
      found[i].resize(static_cast<std::size_t>(n));
      const VideoTable& one = i == 0 ? table : scalar;
      found[i].resize(static_cast<std::size_t>(one.maxima(list, 0, n, 0.5f, found[i].data(), largest + i)));
    }
    report.require(found[0] == found[1] && largest[0] == largest[1], "maxima " + text({n}));
    const std::vector<float> values = numbers.many(21 * (n + 32));
    const float edges[] = {-0.5f, 0.0f, 0.5f};
    std::vector<std::int32_t> counts[2];
    for (int i = 0; i < 2; ++i) {
      counts[i].resize(static_cast<std::size_t>(3 * n));
      (i == 0 ? table : scalar).count_at_least(values.data(), n + 32, 20, n, edges, 3, counts[i].data());
    }
    report.require(counts[0] == counts[1], "count_at_least " + text({n}));
  }
}

/// Rows of a tensor: positive semidefinite by construction.
std::vector<std::vector<float>> random_tensor(Numbers& numbers, Index n) {
  std::vector<std::vector<float>> planes(6, std::vector<float>(static_cast<std::size_t>(n)));
  for (Index i = 0; i < n; ++i)
    for (int rank = 0; rank < 3; ++rank) {
      const float t = numbers.next(), y = numbers.next(), x = numbers.next();
      const float products[6] = {t * t, t * y, t * x, y * y, y * x, x * x};
      for (std::size_t c = 0; c < 6; ++c) planes[c][static_cast<std::size_t>(i)] += products[c];
    }
  return planes;
}

void compare_votes(const VideoTable& table) {
  const VideoTable& scalar = kernels::scalar::video_table();
  Report report(table.isa, "orientations, votes and eigenvalues");
  Numbers numbers;
  for (const Index n : {1, 7, 33, 63, 64, 65, 130}) {
    const auto planes = random_tensor(numbers, n);
    const std::vector<float> frame = numbers.many(5 * (n + 2));
    const auto row = [&](Index i) { return frame.data() + i * (n + 2) + 1; };
    const float cosines[3] = {0.7f, -0.3f, -0.3f}, sines[3] = {0.0f, 0.6f, -0.6f};
    std::vector<float> out[2];
    for (int i = 0; i < 2; ++i) {
      const VideoTable& one = i == 0 ? table : scalar;
      std::vector<float> orientations(static_cast<std::size_t>(30 * n), 0.0f);
      one.orientations({row(0),
                        row(1),
                        row(2),
                        row(3),
                        row(4),
                        planes[1].data(),
                        planes[2].data(),
                        planes[3].data(),
                        planes[4].data(),
                        planes[5].data(),
                        n,
                        0.5f,
                        3,
                        cosines,
                        sines,
                        -0.3f,
                        0.25f,
                        0.75f,
                        orientations.data(),
                        n});
      std::vector<float> votes(static_cast<std::size_t>(kernels::votes_length(n)));
      one.votes({planes[1].data(), planes[2].data(), planes[3].data(), planes[4].data(), planes[5].data(), n, 0.2f,
                 votes.data()});
      const Index bounds[4] = {0, n / 3, n / 2, n};
      std::vector<float> cells(3 * kernels::kVotes, 0.0f);
      one.add_votes(votes.data(), 1, n, bounds, cells.data());
      out[i].insert(out[i].end(), orientations.begin(), orientations.end());
      out[i].insert(out[i].end(), cells.begin(), cells.end());
      for (const auto output : {kernels::TensorOutput::eigenvalues, kernels::TensorOutput::anisotropy}) {
        kernels::EigenJob job{};
        std::vector<float> result(static_cast<std::size_t>(kernels::tensor_planes(output) * n));
        for (std::size_t c = 0; c < 6; ++c) job.planes[c] = planes[c].data();
        for (int c = 0; c < kernels::tensor_planes(output); ++c) job.out[c] = result.data() + c * n;
        job.n = n, job.output = output;
        one.eigen(job);
        out[i].insert(out[i].end(), result.begin(), result.end());
      }
    }
    report.close(out[0], out[1], text({n}));
  }
}

}  // namespace

void compare(const VideoTable& table) {
  compare_inner(table);
  compare_time(table);
  compare_outer(table);
  compare_points(table);
  compare_votes(table);
}

}  // namespace stcorner::test
