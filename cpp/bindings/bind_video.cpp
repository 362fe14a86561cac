#include <pybind11/stl.h>

#include <memory>
#include <stdexcept>
#include <utility>

#include "arrays.hpp"
#include "stcorner/video/descriptors.hpp"
#include "stcorner/video/gaussian.hpp"
#include "stcorner/video/harris.hpp"
#include "stcorner/video/orientation.hpp"
#include "stcorner/video/points.hpp"
#include "stcorner/video/texture.hpp"
#include "video_arrays.hpp"

namespace stcorner::bindings {
namespace {

using Index = std::ptrdiff_t;

/// Writes into an array of shape (planes, t, y, x); its frame 0 is frame `first` of the stream.
class ArraySink : public video::HarrisSink {
 public:
  ArraySink(float* data, Index n_frames, Index height, Index width, Index first, Index channels)
      : data_(data), n_frames_(n_frames), height_(height), width_(width), first_(first), channels_(channels) {}
  float* plane(Index scale, Index t, Index channel) override {
    if (t < first_ || t >= first_ + n_frames_) throw std::invalid_argument("out has too few frames");
    return data_ + ((scale * channels_ + channel) * n_frames_ + t - first_) * height_ * width_;
  }
  Index stride() const override { return width_; }
  void done(Index, Index) override {}

 private:
  float* data_;
  Index n_frames_, height_, width_, first_, channels_;
};

void run(video::HarrisEngine& engine, const py::array& frames, Array<float>& out, Index first, bool drain,
         bool finish) {
  const InUse in_use(&engine);
  const video::HarrisOptions& o = engine.options();
  const Frames in = frames_of(frames, o.height, o.width);
  const Index channels = o.tensor ? 6 : 1;
  if (out.ndim() != 4 || out.shape(0) != static_cast<Index>(o.scales.size()) * channels || out.shape(2) != o.height ||
      out.shape(3) != o.width)
    throw py::value_error("out must have shape (planes, t, y, x)");
  ArraySink sink(out.mutable_data(), out.shape(1), o.height, o.width, first, channels);
  const WithoutGil nogil;
  engine.push(in.data, in.type, in.n, drain, sink);
  if (finish) engine.finish(sink);
}

/// Feed a detector or a texture map.
template <class Consumer>
void feed(Consumer& consumer, const py::array& frames, bool drain) {
  const InUse in_use(&consumer);
  const Frames in = frames_of(frames, consumer.options().height, consumer.options().width);
  const WithoutGil nogil;
  consumer.push(in.data, in.type, in.n, drain);
}

template <class Consumer>
void finish(Consumer& consumer) {
  const InUse in_use(&consumer);
  const WithoutGil nogil;
  consumer.finish();
}

/// Columns t, y, x, scale; response; offsets.
py::tuple points_to_arrays(const std::vector<video::InterestPoint>& points) {
  const auto n = static_cast<py::ssize_t>(points.size());
  py::array_t<std::int64_t> voxel({n, py::ssize_t{4}});
  py::array_t<float> response(n), offset({n, py::ssize_t{3}});
  auto v = voxel.mutable_unchecked<2>();
  auto r = response.mutable_unchecked<1>();
  auto f = offset.mutable_unchecked<2>();
  for (py::ssize_t i = 0; i < n; ++i) {
    const video::InterestPoint& p = points[static_cast<std::size_t>(i)];
    v(i, 0) = p.t, v(i, 1) = p.y, v(i, 2) = p.x, v(i, 3) = p.scale;
    r(i) = p.response;
    for (py::ssize_t axis = 0; axis < 3; ++axis) f(i, axis) = p.offset[axis];
  }
  return py::make_tuple(voxel, response, offset);
}

py::tuple find_maxima(const Array<float>& response, float threshold, int n_threads) {
  if (response.ndim() != 3) throw py::value_error("response must have shape (t, y, x)");
  std::vector<video::InterestPoint> points;
  {
    const WithoutGil nogil;
    points = video::local_maxima(response.data(), response.shape(0), response.shape(1), response.shape(2), threshold,
                                 n_threads);
  }
  return points_to_arrays(points);
}

py::array_t<std::uint8_t> suppress(const Array<std::int64_t>& coordinates, std::int64_t min_distance) {
  if (coordinates.ndim() != 2 || coordinates.shape(1) != 3 || min_distance < 1)
    throw py::value_error("coordinates must have shape (n, 3) and min_distance be > 0");
  const auto keep = without_gil(
      [&] { return video::suppress_neighbours(coordinates.data(), coordinates.shape(0), min_distance, &pause); });
  return py::array_t<std::uint8_t>(static_cast<py::ssize_t>(keep.size()), keep.data());
}

py::array_t<std::int64_t> texture_counts(const video::TextureMap& map) {
  const InUse in_use(&map);
  return py::array_t<std::int64_t>(static_cast<py::ssize_t>(map.counts().size()), map.counts().data());
}

py::array_t<double> orientation_sums(const video::OrientationMap& map) {
  const std::vector<double> sums = map.sums();
  return py::array_t<double>(static_cast<py::ssize_t>(sums.size()), sums.data());
}

/// `points` has shape (n, 6): t, y, x and the half sizes along t, y, x.
py::array_t<float> describe(const Array<float>& tensor, Index first, const Array<double>& points, double still,
                            int n_threads) {
  if (tensor.ndim() != 4 || tensor.shape(0) != 6) throw py::value_error("tensor must have shape (6, t, y, x)");
  if (points.ndim() != 2 || points.shape(1) != 6) throw py::value_error("points must have shape (n, 6)");
  const py::ssize_t n = points.shape(0);
  std::vector<video::Neighbourhood> around(static_cast<std::size_t>(n));
  const auto p = points.unchecked<2>();
  for (py::ssize_t i = 0; i < n; ++i)
    around[static_cast<std::size_t>(i)] = {p(i, 0), p(i, 1), p(i, 2), p(i, 3), p(i, 4), p(i, 5)};
  py::array_t<float> out({n, py::ssize_t{video::kHogLength + video::kHofLength}});
  float* const result = out.mutable_data();
  const float* const planes = tensor.data();
  const Index n_frames = tensor.shape(1), height = tensor.shape(2), width = tensor.shape(3);
  in_steps(n, 16, [&](Index begin, Index end) {
    video::describe_points(planes, n_frames, height, width, first, around.data() + begin, end - begin, still,
                           result + begin * (video::kHogLength + video::kHofLength), n_threads);
  });
  return out;
}

}  // namespace

void bind_video(py::module_& m) {
  py::class_<video::HarrisOptions>(m, "HarrisOptions")
      .def(py::init([](Index height, Index width, const std::vector<std::pair<double, double>>& scales, double s,
                       double k, bool scale_normalize, bool normalize, double eps, bool reflect, bool tensor,
                       int n_threads, Index tile_width, Index tile_height) {
             video::HarrisOptions o;
             o.height = height, o.width = width, o.s = s, o.k = k, o.scale_normalize = scale_normalize;
             o.normalize = normalize, o.eps = eps, o.reflect = reflect, o.tensor = tensor;
             o.n_threads = n_threads, o.tile_width = tile_width, o.tile_height = tile_height;
             for (const auto& [sigma, tau] : scales) o.scales.push_back({sigma, tau});
             return o;
           }),
           py::kw_only(), py::arg("height"), py::arg("width"), py::arg("scales"), py::arg("s"), py::arg("k"),
           py::arg("scale_normalize"), py::arg("normalize"), py::arg("eps"), py::arg("reflect"), py::arg("tensor"),
           py::arg("n_threads"), py::arg("tile_width"), py::arg("tile_height"));
  py::class_<video::HarrisEngine>(m, "HarrisEngine")
      .def(py::init<video::HarrisOptions>(), py::arg("options"))
      .def_property_readonly("latency", &video::HarrisEngine::latency)
      .def_property_readonly("frames_in", &video::HarrisEngine::frames_in)
      .def_property_readonly("frames_out", &video::HarrisEngine::frames_out)
      .def("run", &run, py::arg("frames").noconvert(), py::arg("out").noconvert(), py::kw_only(), py::arg("first"),
           py::arg("drain"), py::arg("finish"));
  py::class_<video::StipDetector>(m, "StipDetector")
      .def(py::init([](video::HarrisOptions harris, double threshold_abs, double threshold_rel, bool exclude_border,
                       bool scale_selection, Index n_taus) {
             return std::make_unique<video::StipDetector>(video::DetectorOptions{
                 std::move(harris), threshold_abs, threshold_rel, exclude_border, scale_selection, n_taus});
           }),
           py::arg("options"), py::kw_only(), py::arg("threshold_abs"), py::arg("threshold_rel"),
           py::arg("exclude_border"), py::arg("scale_selection"), py::arg("n_taus"))
      .def_property_readonly("latency", &video::StipDetector::latency)
      .def("push", &feed<video::StipDetector>, py::arg("frames").noconvert(), py::kw_only(), py::arg("drain"))
      .def("finish", &finish<video::StipDetector>)
      .def("largest", &video::StipDetector::largest, py::arg("scale"))
      .def("take", [](video::StipDetector& detector) {
        const InUse in_use(&detector);
        return points_to_arrays(detector.take());
      });
  py::class_<video::TextureMap>(m, "TextureMap")
      .def(py::init([](video::HarrisOptions harris, Index rows, Index columns, Index segments, Index n_frames,
                       std::vector<float> edges) {
             return std::make_unique<video::TextureMap>(
                 video::TextureOptions{std::move(harris), rows, columns, segments, n_frames, std::move(edges)});
           }),
           py::arg("options"), py::kw_only(), py::arg("rows"), py::arg("columns"), py::arg("segments"),
           py::arg("n_frames"), py::arg("edges"))
      .def("push", &feed<video::TextureMap>, py::arg("frames").noconvert(), py::kw_only(), py::arg("drain"))
      .def("finish", &finish<video::TextureMap>)
      .def("counts", &texture_counts);
  py::class_<video::OrientationMap>(m, "OrientationMap")
      .def(py::init(
               [](video::HarrisOptions harris, Index rows, Index columns, Index segments, Index n_frames, int bins) {
                 return std::make_unique<video::OrientationMap>(
                     video::OrientationOptions{std::move(harris), rows, columns, segments, n_frames, bins});
               }),
           py::arg("options"), py::kw_only(), py::arg("rows"), py::arg("columns"), py::arg("segments"),
           py::arg("n_frames"), py::arg("bins"))
      .def("push", &feed<video::OrientationMap>, py::arg("frames").noconvert(), py::kw_only(), py::arg("drain"))
      .def("finish", &finish<video::OrientationMap>)
      .def("sums", &orientation_sums);
  m.def("find_maxima", &find_maxima, py::arg("response").noconvert(), py::kw_only(), py::arg("threshold"),
        py::arg("n_threads"));
  m.def("suppress_neighbours", &suppress, py::arg("coordinates").noconvert(), py::kw_only(), py::arg("min_distance"));
  m.def("describe_points", &describe, py::arg("tensor").noconvert(), py::kw_only(), py::arg("first"),
        py::arg("points").noconvert(), py::arg("still"), py::arg("n_threads"));
  m.def("gaussian_taps", &video::gaussian_taps, py::arg("sd"));
}

}  // namespace stcorner::bindings
