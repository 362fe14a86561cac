#include <algorithm>
#include <limits>

#include "agreement.hpp"
#include "stcorner/video/harris.hpp"
#include "video/engine.hpp"

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

kernels::Tile tile_of(Index height, Index width, int n_out, int radius, const float* taps, bool reflect) {
  return {height, width, 0, width, 0, height, n_out, radius, radius, taps, taps, reflect, width};
}

/// Frames smoothed in time and space, with the columns of border; the whole frame, in tiles of 16 columns and 8 rows.
template <class T>
std::vector<float> smooth(const VideoTable& table, const std::vector<T>& window, kernels::Pixel pixel,
                          kernels::Tile tile, int time_radius) {
  const std::vector<float> time_taps = taps_of(time_radius);
  const Index height = tile.height, width = tile.width, n_window = tile.n_out + 2 * time_radius;
  video::FrameRing out(height, width, tile.n_out);
  std::vector<const void*> in;
  std::vector<float*> to;
  for (Index i = 0; i < n_window; ++i) in.push_back(window.data() + i * height * width);
  for (Index i = 0; i < tile.n_out; ++i) to.push_back(out.frame(i));
  const std::vector<kernels::Pixel> pixels(static_cast<std::size_t>(n_window), pixel);
  tile.out_stride = out.stride();
  for (tile.y0 = 0; tile.y0 < height; tile.y0 += 8)
    for (tile.x0 = 0; tile.x0 < width; tile.x0 += 16) {
      tile.y1 = std::min(tile.y0 + 8, height), tile.x1 = std::min(tile.x0 + 16, width);
      kernels::InnerJob job{tile, in.data(), pixels.data(), time_radius, time_taps.data(), to.data(), nullptr};
      const video::FloatBuffer scratch(table.inner_scratch(job));
      job.scratch = scratch.data();
      table.inner(job);
    }
  std::vector<float> result;
  for (const float* frame : to)
    for (Index y = 0; y < height; ++y)
      result.insert(result.end(), frame + y * out.stride() - 1, frame + y * out.stride() + width + 1);
  return result;
}

void compare_inner(const VideoTable& table) {
  Report report(table.isa, "inner");
  const VideoTable& scalar = kernels::scalar::video_table();
  Numbers numbers;
  for (const Index size : kSizes)
    for (const int radius : kRadii)
      for (const bool reflect : {true, false})
        for (const auto& [height, width] : {std::pair<Index, Index>{size, 19}, {21, size}}) {
          const int n_out = 1 + static_cast<int>(size) % kTimeBlock, time_radius = radius % 13 + 1;
          const std::vector<float> taps = taps_of(radius);
          const std::vector<float> frames = numbers.many((n_out + 2 * time_radius) * height * width);
          const kernels::Tile tile = tile_of(height, width, n_out, radius, taps.data(), reflect);
          report.close(smooth(table, frames, kernels::Pixel::f32, tile, time_radius),
                       smooth(scalar, frames, kernels::Pixel::f32, tile, time_radius),
                       text({height, width, radius, time_radius, n_out, reflect}));
        }
  std::vector<std::uint8_t> bytes(10 * 33 * 17);
  for (auto& value : bytes) value = static_cast<std::uint8_t>(127.0f + 127.0f * numbers.next());
  const std::vector<std::uint16_t> words(bytes.begin(), bytes.end());
  const std::vector<float> taps = taps_of(8);
  const kernels::Tile tile = tile_of(33, 17, 2, 8, taps.data(), true);
  const std::vector<float> wanted = smooth(scalar, bytes, kernels::Pixel::u8, tile, 4);
  report.close(smooth(table, bytes, kernels::Pixel::u8, tile, 4), wanted, "uint8");
  report.close(smooth(table, words, kernels::Pixel::u16, tile, 4), wanted, "uint16");
}

void compare_take(const VideoTable& table) {
  Report report(table.isa, "take");
  Numbers numbers;
  for (const Index n : kSizes) {
    const std::vector<float> values = numbers.many(n);
    const std::vector<double> doubles(values.begin(), values.end());
    std::vector<float> kept(values.size());
    report.require(table.take(doubles.data(), kernels::Pixel::f64, n, kept.data()) && kept == values, text({n}));
    for (const double bad : {std::numeric_limits<double>::quiet_NaN(), 2e5, -2e5}) {
      std::vector<double> broken = doubles;
      broken.back() = bad;
      report.require(!table.take(broken.data(), kernels::Pixel::f64, n, kept.data()), "refused " + text({n}));
    }
  }
}

struct Case {
  Index height, width, x0, x1, y0, y1;
  int n_out, radius;
  bool reflect, normalize, tensor;
};

std::vector<float> respond(const VideoTable& table, const video::FrameRing& frames, const Case& given) {
  const Index window = given.n_out + 2 * given.radius, planes = (given.tensor ? 6 : 1) * given.n_out;
  std::vector<const float*> previous, current, next;
  for (Index i = 0; i < window; ++i) {
    previous.push_back(frames.frame(i));
    current.push_back(frames.frame(i + 1));
    next.push_back(frames.frame(i + 2));
  }
  std::vector<float> time_taps, out(static_cast<std::size_t>(planes * given.height * given.width), 0.0f);
  const std::vector<float> once = taps_of(given.radius);
  for (int c = 0; c < 6; ++c) time_taps.insert(time_taps.end(), once.begin(), once.end());
  std::vector<float*> to;
  for (Index p = 0; p < planes; ++p) to.push_back(out.data() + p * given.height * given.width);
  kernels::Tile tile = tile_of(given.height, given.width, given.n_out, given.radius, once.data(), given.reflect);
  tile.x0 = given.x0, tile.x1 = given.x1, tile.y0 = given.y0, tile.y1 = given.y1;
  kernels::OuterJob job{
      tile,   previous.data(), current.data(),  next.data(),  given.radius, time_taps.data(), frames.stride(),
      0.005f, 1e-6f,           given.normalize, given.tensor, to.data(),    nullptr};
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
            Case tile{33, size, 0, size, 0, 33, n_out, radius, reflect, size % 2 == 0, tensor};
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
    const kernels::TensorRows tensor{planes[1].data(), planes[2].data(), planes[3].data(), planes[4].data(),
                                     planes[5].data()};
    const std::vector<float> frame = numbers.many(5 * (n + 2));
    const auto row = [&](Index i) { return frame.data() + i * (n + 2) + 1; };
    const float cosines[3] = {0.7f, -0.3f, -0.3f}, sines[3] = {0.0f, 0.6f, -0.6f};
    std::vector<float> out[2];
    for (int i = 0; i < 2; ++i) {
      const VideoTable& one = i == 0 ? table : scalar;
      std::vector<float> orientations(static_cast<std::size_t>(30 * n), 0.0f);
      one.orientations({row(0), row(1), row(2), row(3), row(4), tensor, n, 0.5f, 3, cosines, sines, -0.3f, 0.25f, 0.75f,
                        orientations.data(), n});
      std::vector<float> votes(static_cast<std::size_t>(kernels::votes_length(n)));
      one.votes({tensor, n, 0.2f, votes.data()});
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
  compare_take(table);
  compare_outer(table);
  compare_points(table);
  compare_votes(table);
}

}  // namespace stcorner::test
