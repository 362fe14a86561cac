#include <pybind11/stl.h>

#include <stdexcept>
#include <utility>

#include "arrays.hpp"
#include "stcorner/video/gaussian.hpp"
#include "stcorner/video/harris.hpp"
#include "video_arrays.hpp"

namespace stcorner::bindings {
namespace {

using Index = std::ptrdiff_t;

/// Writes into an array of shape (planes, t, y, x); its frame 0 is frame `first` of the stream.
class ArraySink : public HarrisSink {
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

void run(HarrisEngine& engine, const py::array& frames, Array<float>& out, Index first, bool drain, bool finish) {
  const HarrisOptions& o = engine.options();
  const Frames in = frames_of(frames, o.height, o.width);
  const Index channels = o.tensor ? 6 : 1;
  if (out.ndim() != 4 || out.shape(0) != static_cast<Index>(o.scales.size()) * channels ||
      out.shape(2) != o.height || out.shape(3) != o.width)
    throw py::value_error("out must have shape (planes, t, y, x)");
  ArraySink sink(out.mutable_data(), out.shape(1), o.height, o.width, first, channels);
  const py::gil_scoped_release nogil;
  engine.push(in.data, in.type, in.n, drain, sink);
  if (finish) engine.finish(sink);
}

}  // namespace

void bind_video(py::module_& m) {
  py::class_<HarrisOptions>(m, "HarrisOptions")
      .def(py::init([](Index height, Index width, const std::vector<std::pair<double, double>>& scales, double s,
                       double k, bool scale_normalize, bool normalize, double eps, bool reflect, bool tensor,
                       int n_threads, Index tile_width, Index tile_height) {
             HarrisOptions o;
             o.height = height, o.width = width, o.s = s, o.k = k, o.scale_normalize = scale_normalize;
             o.normalize = normalize, o.eps = eps, o.reflect = reflect, o.tensor = tensor;
             o.n_threads = n_threads, o.tile_width = tile_width, o.tile_height = tile_height;
             for (const auto& [sigma, tau] : scales) o.scales.push_back({sigma, tau});
             return o;
           }),
           py::kw_only(), py::arg("height"), py::arg("width"), py::arg("scales"), py::arg("s"), py::arg("k"),
           py::arg("scale_normalize"), py::arg("normalize"), py::arg("eps"), py::arg("reflect"),
           py::arg("tensor"), py::arg("n_threads"), py::arg("tile_width"), py::arg("tile_height"));
  py::class_<HarrisEngine>(m, "HarrisEngine")
      .def(py::init<HarrisOptions>(), py::arg("options"))
      .def_property_readonly("latency", &HarrisEngine::latency)
      .def_property_readonly("frames_in", &HarrisEngine::frames_in)
      .def_property_readonly("frames_out", &HarrisEngine::frames_out)
      .def("run", &run, py::arg("frames").noconvert(), py::arg("out").noconvert(), py::kw_only(),
           py::arg("first"), py::arg("drain"), py::arg("finish"));
  m.def("gaussian_taps", &gaussian_taps, py::arg("sd"));
}

}  // namespace stcorner::bindings
