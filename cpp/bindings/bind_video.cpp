#include <pybind11/stl.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "arrays.hpp"
#include "stcorner/video/consumers.hpp"

namespace stcorner::bindings {
namespace {

struct Frames {
  const void* data;
  video::PixelType type;
  Index n;
};

/// C-contiguous frames of shape (n, height, width); the array must outlive the result.
Frames frames_of(const py::array& frames, Index height, Index width) {
  if (frames.ndim() != 3 || frames.shape(1) != height || frames.shape(2) != width)
    throw py::value_error("frames must have shape (n, height, width)");
  if (!(frames.flags() & py::array::c_style)) throw py::value_error("frames must be C-contiguous");
  const auto is = [&](auto value) { return py::isinstance<py::array_t<decltype(value)>>(frames); };
  const video::PixelType type = is(std::uint8_t{})    ? video::PixelType::u8
                                : is(std::uint16_t{}) ? video::PixelType::u16
                                : is(float{})         ? video::PixelType::f32
                                : is(double{})
                                    ? video::PixelType::f64
                                    : throw py::value_error("frames must be uint8, uint16, float32 or float64");
  return {frames.data(), type, frames.shape(0)};
}

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
  const InUse in_use(engine.at_work());
  const video::HarrisOptions& o = engine.options();
  const Frames in = frames_of(frames, o.height, o.width);
  const Index channels = o.tensor ? 6 : 1;
  if (out.ndim() != 4 || out.shape(0) != static_cast<Index>(o.scales.size()) * channels || out.shape(2) != o.height ||
      out.shape(3) != o.width)
    throw py::value_error("out must have shape (planes, t, y, x)");
  ArraySink sink(out.mutable_data(), out.shape(1), o.height, o.width, first, channels);
  without_gil([&] {
    engine.push(in.data, in.type, in.n, drain, sink, &pause);
    if (finish) engine.finish(sink, &pause);
  });
}

/// The method that has its object to itself.
template <class R, class Object>
auto alone(R (*function)(Object&)) {
  return [function](Object& object) {
    const InUse in_use(object.at_work());
    return function(object);
  };
}

/// What every consumer of a stream of frames has.
template <class Consumer>
py::class_<Consumer> bind_consumer(py::module_& m, const char* name) {
  return py::class_<Consumer>(m, name)
      .def(
          "push",
          [](Consumer& consumer, const py::array& frames, bool drain) {
            const InUse in_use(consumer.at_work());
            const Frames in = frames_of(frames, consumer.options().height, consumer.options().width);
            without_gil([&] { consumer.push(in.data, in.type, in.n, drain, &pause); });
          },
          py::arg("frames").noconvert(), py::kw_only(), py::arg("drain"))
      .def("finish", alone(+[](Consumer& consumer) { without_gil([&] { consumer.finish(&pause); }); }))
      .def("__reduce_ex__", [](const py::object& self, int) { refuse_pickle(self); });
}

/// Columns t, y, x, scale; response; offsets.
py::tuple points_to_arrays(const std::vector<video::InterestPoint>& points) {
  const auto n = static_cast<Index>(points.size());
  Array<std::int64_t> voxel({n, Index{4}});
  Array<float> response(n), offset({n, Index{3}});
  auto v = voxel.mutable_unchecked<2>();
  auto r = response.mutable_unchecked<1>();
  auto f = offset.mutable_unchecked<2>();
  for (Index i = 0; i < n; ++i) {
    const video::InterestPoint& p = points[static_cast<std::size_t>(i)];
    v(i, 0) = p.t, v(i, 1) = p.y, v(i, 2) = p.x, v(i, 3) = p.scale;
    r(i) = p.response;
    for (Index axis = 0; axis < 3; ++axis) f(i, axis) = p.offset[axis];
  }
  return py::make_tuple(voxel, response, offset);
}

py::tuple find_maxima(const Array<float>& response, float threshold, int n_threads) {
  if (response.ndim() != 3) throw py::value_error("response must have shape (t, y, x)");
  return points_to_arrays(without_gil([&] {
    return video::local_maxima(response.data(), response.shape(0), response.shape(1), response.shape(2), threshold,
                               {n_threads, &pause});
  }));
}

Array<std::uint8_t> suppress(const Array<std::int64_t>& coordinates, std::int64_t min_distance) {
  if (coordinates.ndim() != 2 || coordinates.shape(1) != 3 || min_distance < 1)
    throw py::value_error("coordinates must have shape (n, 3) and min_distance be > 0");
  return to_array(without_gil(
      [&] { return video::suppress_neighbours(coordinates.data(), coordinates.shape(0), min_distance, &pause); }));
}

/// Rows of t, y, x and the half sizes along t, y, x.
std::vector<video::Neighbourhood> neighbourhoods(const Array<double>& points) {
  if (points.ndim() != 2 || points.shape(1) != 6) throw py::value_error("points must have shape (n, 6)");
  std::vector<video::Neighbourhood> around(points.shape(0));
  const auto p = points.unchecked<2>();
  for (Index i = 0; i < points.shape(0); ++i) around[i] = {p(i, 0), p(i, 1), p(i, 2), p(i, 3), p(i, 4), p(i, 5)};
  return around;
}

Array<float> describe(video::StipDescriber& describer) {
  Array<float> out({Index{describer.n_points()}, Index{video::kHogLength + video::kHofLength}});
  without_gil([&] { describer.describe(out.mutable_data(), &pause); });
  return out;
}

/// `tensor` has shape (6, t, y, x), `out` as many planes of the same as `output` has.
void describe_tensor(const Array<float>& tensor, Array<float>& out, const std::string& name, int n_threads) {
  const auto output = name == "eigenvalues"  ? video::TensorOutput::eigenvalues
                      : name == "eigen"      ? video::TensorOutput::eigen
                      : name == "anisotropy" ? video::TensorOutput::anisotropy
                                             : throw py::value_error("unknown output");
  if (tensor.ndim() != 4 || tensor.shape(0) != 6) throw py::value_error("tensor must have shape (6, t, y, x)");
  if (out.ndim() != 4 || out.shape(0) != video::tensor_planes(output) ||
      !std::equal(tensor.shape() + 1, tensor.shape() + 4, out.shape() + 1))
    throw py::value_error("out must have shape (planes, t, y, x)");
  const Index n = tensor.size() / 6;
  const float* const from = tensor.data();
  float* const to = out.mutable_data();
  without_gil([&] { video::describe_tensor(from, n, output, to, {n_threads, &pause}); });
}

}  // namespace

void bind_video(py::module_& m) {
  py::class_<video::HarrisOptions>(m, "HarrisOptions")
      .def("__reduce_ex__", [](const py::object& self, int) { refuse_pickle(self); })
      .def(py::init([](Index height, Index width, const std::vector<std::array<double, 3>>& scales, double s, double k,
                       bool scale_normalize, bool normalize, double eps, bool reflect, bool tensor, int n_threads,
                       Index tile_width, Index tile_height) {
             video::HarrisOptions o{height, width,   {},     s,         k,          scale_normalize, normalize,
                                    eps,    reflect, tensor, n_threads, tile_width, tile_height};
             for (const auto& [tau, sigma_y, sigma_x] : scales) o.scales.push_back({sigma_y, tau, sigma_x});
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
      .def("__reduce_ex__", [](const py::object& self, int) { refuse_pickle(self); })
      .def("run", &run, py::arg("frames").noconvert(), py::arg("out").noconvert(), py::kw_only(), py::arg("first"),
           py::arg("drain"), py::arg("finish"));
  using video::StipDetector, video::TextureMap, video::OrientationMap, video::StipDescriber;
  bind_consumer<StipDetector>(m, "StipDetector")
      .def(py::init([](video::HarrisOptions harris, double threshold_abs, double threshold_rel, bool exclude_border,
                       bool scale_selection, Index n_taus, Index row_begin, Index row_end) {
             return std::make_unique<StipDetector>(std::move(harris),
                                                   video::DetectorOptions{threshold_abs, threshold_rel, exclude_border,
                                                                          scale_selection, n_taus, row_begin, row_end});
           }),
           py::arg("options"), py::kw_only(), py::arg("threshold_abs"), py::arg("threshold_rel"),
           py::arg("exclude_border"), py::arg("scale_selection"), py::arg("n_taus"), py::arg("row_begin") = 0,
           py::arg("row_end") = 0)
      .def_property_readonly("latency", &StipDetector::latency)
      .def("largest", &StipDetector::largest, py::arg("scale"))
      .def("take", alone(+[](StipDetector& detector) { return points_to_arrays(detector.take()); }));
  bind_consumer<TextureMap>(m, "TextureMap")
      .def(py::init([](video::HarrisOptions harris, Index rows, Index columns, Index segments, Index n_frames,
                       std::vector<float> edges) {
             return std::make_unique<TextureMap>(std::move(harris), video::Grid{rows, columns, segments, n_frames},
                                                 std::move(edges));
           }),
           py::arg("options"), py::kw_only(), py::arg("rows"), py::arg("columns"), py::arg("segments"),
           py::arg("n_frames"), py::arg("edges"))
      .def("counts", alone(+[](TextureMap& map) { return to_array(map.counts()); }));
  bind_consumer<OrientationMap>(m, "OrientationMap")
      .def(py::init(
               [](video::HarrisOptions harris, Index rows, Index columns, Index segments, Index n_frames, int bins) {
                 return std::make_unique<OrientationMap>(std::move(harris),
                                                         video::Grid{rows, columns, segments, n_frames}, bins);
               }),
           py::arg("options"), py::kw_only(), py::arg("rows"), py::arg("columns"), py::arg("segments"),
           py::arg("n_frames"), py::arg("bins"))
      .def("sums", alone(+[](OrientationMap& map) { return to_array(map.sums()); }));
  bind_consumer<StipDescriber>(m, "StipDescriber")
      .def(py::init([](video::HarrisOptions harris, const Array<double>& points, double still) {
             return std::make_unique<StipDescriber>(std::move(harris), neighbourhoods(points), still);
           }),
           py::arg("options"), py::kw_only(), py::arg("points").noconvert(), py::arg("still"))
      .def("describe", alone(&describe));
  define(m, "describe_tensor", &describe_tensor, "tensor", "out", "output", "n_threads");
  define(m, "find_maxima", &find_maxima, "response", "threshold", "n_threads");
  define(m, "suppress_neighbours", &suppress, "coordinates", "min_distance");
  define(m, "gaussian_taps", &video::gaussian_taps, "sd");
}

}  // namespace stcorner::bindings
