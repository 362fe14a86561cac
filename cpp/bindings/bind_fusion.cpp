#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "stcorner/fusion.hpp"

namespace stcorner::bindings {
namespace {

using fusion::Table;
using Codes = std::optional<Array<std::int32_t>>;

void check_length(const char* name, const Array<std::int32_t>& codes, Index n) {
  if (codes.ndim() != 1 || codes.shape(0) != n)
    throw py::value_error(std::string(name) + " must have one entry per row");
}

/// View of the arrays, which must outlive it. Labels count from 0.
Table as_table(const py::array& exact, const Array<float>& near, double scale, const Array<std::int32_t>& labels,
               const Codes& groups, const Codes& sides) {
  if (near.ndim() != 2 || exact.ndim() != 2 || near.shape(0) != exact.shape(0) || near.size() == 0)
    throw py::value_error("near and exact must be matrices with the same rows");
  if (!(exact.flags() & py::array::c_style)) throw py::value_error("exact must be C-contiguous");
  const bool is_double = py::isinstance<py::array_t<double>>(exact);
  if (!is_double && !py::isinstance<py::array_t<float>>(exact))
    throw py::value_error("exact must be float32 or float64");
  check_length("labels", labels, near.shape(0));
  const auto [low, high] = std::minmax_element(labels.data(), labels.data() + labels.size());
  if (*low < 0 || *high >= labels.size()) throw py::value_error("labels must be >= 0 and below the number of rows");
  if (groups) check_length("groups", *groups, near.shape(0));
  if (sides) check_length("sides", *sides, near.shape(0));
  return {near.data(),
          near.shape(0),
          near.shape(1),
          exact.data(),
          is_double,
          exact.shape(1),
          scale,
          labels.data(),
          groups ? groups->data() : nullptr,
          sides ? sides->data() : nullptr};
}

template <class T>
py::tuple centre(const Array<T>& X, int n_threads) {
  if (X.ndim() != 2 || X.size() == 0) throw py::value_error("X must be a matrix and not empty");
  Array<float> near({X.shape(0), X.shape(1)});
  const double scale = without_gil(
      [&] { return fusion::centre(X.data(), X.shape(0), X.shape(1), near.mutable_data(), {n_threads, &pause}); });
  return py::make_tuple(near, scale);
}

py::tuple nearest_neighbors(const py::array& exact, const Array<float>& near, double scale,
                            const Array<std::int32_t>& labels, const Codes& groups, const Codes& sides, Index k,
                            bool other, bool distances, int n_threads) {
  const Table table = as_table(exact, near, scale, labels, groups, sides);
  const auto rule = other ? fusion::Rule::other_label : fusion::Rule::same_label;
  Array<std::int32_t> rows({table.n, k});
  Array<double> squared({distances ? table.n : 0, k});
  without_gil([&] {
    fusion::nearest_neighbors(table, rule, k, rows.mutable_data(), distances ? squared.mutable_data() : nullptr,
                              {n_threads, &pause});
  });
  return py::make_tuple(rows, squared);
}

py::tuple nearest_pairs(const py::array& exact, const Array<float>& near, double scale,
                        const Array<std::int32_t>& labels, const Codes& groups, const Codes& sides, Index k,
                        bool per_label, int n_threads) {
  const Table table = as_table(exact, near, scale, labels, groups, sides);
  const auto lists = without_gil([&] { return fusion::nearest_pairs(table, k, per_label, {n_threads, &pause}); });
  Index total = 0;
  for (const auto& list : lists) total += static_cast<Index>(list.size());
  Array<std::int32_t> rows({total, Index{2}}), owners(total);
  Array<double> distances(total);
  Index at = 0;
  for (std::size_t owner = 0; owner < lists.size(); ++owner)
    for (const fusion::RowPair& pair : lists[owner]) {
      rows.mutable_at(at, 0) = pair.first;
      rows.mutable_at(at, 1) = pair.second;
      distances.mutable_at(at) = pair.distance;
      owners.mutable_at(at++) = static_cast<std::int32_t>(owner);
    }
  return py::make_tuple(rows, distances, owners);
}

/// Without `from`, the ends stand in lists of equal length, one for each row.
py::tuple adjacency(Index n, const Codes& from, const Array<std::int32_t>& to) {
  const Index per_row = n > 0 ? to.size() / n : 0;
  if (to.size() != (from ? from->size() : n * per_row))
    throw py::value_error("every target must have a source, or every row a list");
  const fusion::Edges edges{from ? from->data() : nullptr, to.data(), to.size(), per_row};
  auto graph = std::make_unique<fusion::Adjacency>(without_gil([&] { return fusion::adjacency(n, edges, &pause); }));
  const auto size = [](const auto& values) { return static_cast<Index>(values.size()); };
  fusion::Adjacency& made = *graph;
  // The arrays look into the graph, which can have gigabytes, and keep it alive.
  const py::capsule owner(graph.release(), [](void* p) { delete static_cast<fusion::Adjacency*>(p); });
  return py::make_tuple(Array<std::int64_t>(size(made.indptr), made.indptr.data(), owner),
                        Array<std::int32_t>(size(made.indices), made.indices.data(), owner));
}

Array<double> scatter(const Array<std::int64_t>& indptr, const Array<std::int32_t>& indices, const Array<double>& Z,
                      int n_threads) {
  if (Z.ndim() != 2 || indptr.ndim() != 1 || indptr.size() != Z.shape(0) + 1 || indices.ndim() != 1 ||
      indptr.at(Z.shape(0)) != indices.size())
    throw py::value_error("the graph must have one row per row of Z");
  return filled<double>(Shape{Z.shape(1), Z.shape(1)}, [&](double* out) {
    fusion::scatter(indptr.data(), indices.data(), Z.shape(0), Z.data(), Z.shape(1), out, {n_threads, &pause});
  });
}

py::tuple solve_symmetric(const Array<double>& A, const Array<double>& B) {
  if (A.ndim() != 2 || B.ndim() != 2 || A.shape(0) != A.shape(1) || B.shape(0) != A.shape(0) ||
      B.shape(1) != A.shape(0))
    throw py::value_error("A and B must be square and of one size");
  Array<double> values(A.shape(0)), vectors({A.shape(0), A.shape(0)});
  without_gil(
      [&] { fusion::solve_symmetric(A.data(), B.data(), A.shape(0), values.mutable_data(), vectors.mutable_data()); });
  return py::make_tuple(values, vectors);
}

}  // namespace

void bind_fusion(py::module_& m) {
  define(m, "centre", &centre<float>, "X", "n_threads");
  define(m, "centre", &centre<double>, "X", "n_threads");
  define(m, "nearest_neighbors", &nearest_neighbors, "exact", "near", "scale", "labels", "groups", "sides", "k",
         "other", "distances", "n_threads");
  define(m, "nearest_pairs", &nearest_pairs, "exact", "near", "scale", "labels", "groups", "sides", "k", "per_label",
         "n_threads");
  define(m, "adjacency", &adjacency, "n", "source", "target");
  define(m, "scatter", &scatter, "indptr", "indices", "Z", "n_threads");
  define(m, "solve_symmetric", &solve_symmetric, "A", "B");
}

}  // namespace stcorner::bindings
