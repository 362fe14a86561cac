#include "linear.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/Eigenvalues>

namespace stcorner::kernels::STC_ISA {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using View = Eigen::Map<const Matrix>;

void add_scatter(const std::int64_t* indptr, const std::int32_t* indices, Index begin, Index end, const double* Z,
                 Index depth, double* sums) {
  using Row = Eigen::Map<const Eigen::RowVectorXd>;
  Matrix differences = Matrix::Zero(end - begin, depth);
  for (Index i = begin; i < end; ++i) {
    const Row own(Z + i * depth, depth);
    for (std::int64_t e = indptr[i]; e < indptr[i + 1]; ++e)
      differences.row(i - begin) += own - Row(Z + indices[e] * depth, depth);
  }
  Eigen::Map<Matrix>(sums, depth, depth).noalias() +=
      View(Z + begin * depth, end - begin, depth).transpose() * differences;
}

bool solve(const double* A, const double* B, Index n, double* values, double* vectors) {
  const Eigen::LLT<Eigen::MatrixXd> factor{View(B, n, n)};
  if (factor.info() != Eigen::Success) return false;
  Eigen::MatrixXd turned = View(A, n, n);
  factor.matrixL().solveInPlace(turned);
  turned.transposeInPlace();
  factor.matrixL().solveInPlace(turned);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(turned);
  if (solver.info() != Eigen::Success) return false;
  Eigen::MatrixXd found = solver.eigenvectors();
  factor.matrixU().solveInPlace(found);
  Eigen::Map<Eigen::VectorXd>(values, n) = solver.eigenvalues();
  Eigen::Map<Matrix>(vectors, n, n) = found.transpose();
  return true;
}

}  // namespace

const LinearTable& linear_table() noexcept {
  static constexpr LinearTable kTable{&add_scatter, &solve};
  return kTable;
}

}  // namespace stcorner::kernels::STC_ISA
