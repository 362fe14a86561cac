#include <cstring>

#include "video_filter.hpp"
#include "video_parts.hpp"

namespace stcorner::kernels::STC_ISA {
namespace {

template <class T>
void convert_row(const T* in, std::ptrdiff_t n, float* out) noexcept {
  for (std::ptrdiff_t x = 0; x < n; ++x) out[x] = static_cast<float>(in[x]);
}

/// The response holds sixth powers: beyond 1e5 they leave float32. Without their sign, the bits of floats order as
/// the floats do, NaN and infinity last; integer tests vectorise where float ones may not.
void check_row(const float* row, std::ptrdiff_t n, int* bad) noexcept {
  constexpr std::uint32_t kLargest = 0x47c35000u;  // 1e5
  std::uint32_t found = 0;
  for (std::ptrdiff_t x = 0; x < n; ++x) {
    std::uint32_t bits;
    std::memcpy(&bits, row + x, sizeof bits);
    found |= (bits & 0x7fffffffu) > kLargest ? 1u : 0u;
  }
  if (found) *bad = 1;
}

void convert(const InnerJob& job, std::ptrdiff_t y, float* out) noexcept {
  const std::ptrdiff_t at = y * job.width;
  switch (job.pixel) {
    case Pixel::u8: return convert_row(static_cast<const std::uint8_t*>(job.frame) + at, job.width, out);
    case Pixel::u16: return convert_row(static_cast<const std::uint16_t*>(job.frame) + at, job.width, out);
    case Pixel::f32: convert_row(static_cast<const float*>(job.frame) + at, job.width, out); break;
    case Pixel::f64: convert_row(static_cast<const double*>(job.frame) + at, job.width, out); break;
  }
  check_row(out, job.width, job.bad);
}

constexpr ColumnsToLanes kColumns[] = STC_RADII(columns_to_lanes);
constexpr AlongLanes kAlong[] = STC_RADII(along_lanes);

struct InnerLayout {
  std::ptrdiff_t width, rows_begin, rows_end, pointers, converted, lanes, result, total;
};

InnerLayout layout(const InnerJob& job) noexcept {
  InnerLayout l{};
  l.width = round_up(job.width, kLanes);
  const std::ptrdiff_t last = round_up(job.y1 - job.y0, kLanes) + job.y0;
  l.rows_begin = job.y0 - job.radius_y < 0 ? 0 : job.y0 - job.radius_y;
  l.rows_end = last + job.radius_y > job.height ? job.height : last + job.radius_y;
  if (job.reflect && job.height < 2 * job.radius_y + kLanes) l.rows_begin = 0, l.rows_end = job.height;
  l.pointers = 0;  // kLanes + 2 radius_y row pointers, two floats each
  l.converted = round_up(2 * (kLanes + 2 * job.radius_y), 16);
  l.lanes = l.converted + (l.rows_end - l.rows_begin) * l.width;
  l.result = l.lanes + (l.width + 2 * job.radius_x + kBlock) * kLanes;
  l.total = l.result + (l.width + kBlock) * kLanes;
  return l;
}

}  // namespace

std::ptrdiff_t inner_scratch(const InnerJob& job) noexcept { return layout(job).total; }

void inner(const InnerJob& job) noexcept {
  const InnerLayout l = layout(job);
  const float** rows = reinterpret_cast<const float**>(job.scratch);
  float* converted = job.scratch + l.converted;
  float* lanes = job.scratch + l.lanes;
  float* result = job.scratch + l.result;
  for (std::ptrdiff_t y = l.rows_begin; y < l.rows_end; ++y) {
    float* row = converted + (y - l.rows_begin) * l.width;
    convert(job, y, row);
    for (std::ptrdiff_t x = job.width; x < l.width; ++x) row[x] = 0.0f;
  }
  const int down = radius_entry(job.radius_y), along = radius_entry(job.radius_x);
  float* first = lanes + job.radius_x * kLanes;  // column 0
  for (std::ptrdiff_t y = job.y0; y < job.y1; y += kLanes) {
    for (int i = 0; i < kLanes + 2 * job.radius_y; ++i) {
      std::ptrdiff_t at = border_index(y + i - job.radius_y, job.height, job.reflect);
      if (at < l.rows_begin || at >= l.rows_end) at = l.rows_begin;  // feeds only rows that are not kept
      rows[i] = converted + (at - l.rows_begin) * l.width;
    }
    const float* const* parts[2] = {rows, rows + kRows};
    kColumns[down](job.radius_y, parts, l.width, job.taps_y, first);
    extend_lanes(first, -job.radius_x, job.width + job.radius_x, job.width, job.reflect, 0);
    kAlong[along](job.radius_x, lanes, l.width, job.taps_x, result);
    const std::ptrdiff_t n_rows = job.y1 - y < kLanes ? job.y1 - y : kLanes;
    for (std::ptrdiff_t x = 0; x < l.width; x += kLanes) {
      F32 block[kLanes];
      STC_UNROLL
      for (int i = 0; i < kLanes; ++i) block[i] = load(result + (x + i) * kLanes);
      transpose(block);
      float* out = job.out + y * job.out_stride + x;
      for (int i = 0; i < n_rows; ++i) store(out + i * job.out_stride, block[i]);
    }
  }
}

namespace {

template <int R, int N>
STC_INLINE void time_rows(const TimeJob& job, int first) noexcept {
  const float* const* frames = job.frames + first;
  const std::ptrdiff_t width = round_up(job.width, kLanes);
  for (std::ptrdiff_t y = job.y0; y < job.y1; ++y) {
    const std::ptrdiff_t row = y * job.stride;
    for (std::ptrdiff_t x = 0; x < width; x += kLanes) {
      F32 acc[N];
      fold<R, N>(Radius<R>{job.radius}, job.taps, [&](int i) { return load(frames[i] + row + x); }, acc);
      STC_UNROLL
      for (int n = 0; n < N; ++n) store(job.out[first + n] + row + x, acc[n]);
    }
    for (int n = 0; n < N; ++n) {  // central differences at the edge take the outermost pixel twice
      float* out = job.out[first + n] + row;
      out[-1] = out[0];
      out[job.width] = out[job.width - 1];
    }
  }
}

template <int R>
void time_block(const TimeJob& job) noexcept {
  int n = 0;
  for (; n + kBlock <= job.n_out; n += kBlock) time_rows<R, kBlock>(job, n);
  for (; n < job.n_out; ++n) time_rows<R, 1>(job, n);
}

using TimeBlock = void (*)(const TimeJob&) noexcept;
constexpr TimeBlock kTime[] = STC_RADII(time_block);

}  // namespace

void time(const TimeJob& job) noexcept { kTime[radius_entry(job.radius)](job); }

}  // namespace stcorner::kernels::STC_ISA
