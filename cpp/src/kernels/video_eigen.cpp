// Eigenvalues of a symmetric 3 x 3 matrix in closed form, in float64: the roots of its characteristic polynomial by the
// cosine of a third of an angle. Loops over voxels are plain: the compiler makes vectors of them.
#include <cmath>

#include "video_parts.hpp"

namespace stcorner::kernels::STC_ISA {
namespace {

constexpr Index kChunk = 32;

struct Values {
  double a[kChunk], b[kChunk], c[kChunk];  // descending
};

STC_INLINE double largest(double x, double y) noexcept { return x > y ? x : y; }

/// acos of x in [-1, 1], to 2e-12.
STC_INLINE double arc_cosine(double x) noexcept {
  const double z = std::fabs(x);
  const double p = std::sqrt(1.0 - z) * polynomial(z, 8.5713489451552609e-05, -0.00065621141231917573,
                                                   0.0023684341121795712, -0.005483080732859324, 0.0094804120072675326,
                                                   -0.013721477004527388, 0.01831734134764066, -0.024299699565847887,
                                                   0.033671015541353377, -0.050791961622986978, 0.089048585383625881,
                                                   -0.21460183596158694, 1.5707963267930545);
  return x < 0.0 ? 3.14159265358979323846 - p : p;
}

/// Cosine and sine of an angle between 0 and pi / 3 by their series.
STC_INLINE void cosine_and_sine(double angle, double* cosine, double* sine) noexcept {
  const double z = angle * angle;
  double c = 1.0, s = 1.0;
  for (int k = 16; k >= 2; k -= 2) {
    c = 1.0 - z / ((k - 1.0) * k) * c;
    s = 1.0 - z / (k * (k + 1.0)) * s;
  }
  *cosine = c;
  *sine = s * angle;
}

void eigenvalues(const EigenJob& job, Index begin, Index n, Values* values) noexcept {
  const float *tt = job.planes[0] + begin, *ty = job.planes[1] + begin, *tx = job.planes[2] + begin;
  const float *yy = job.planes[3] + begin, *yx = job.planes[4] + begin, *xx = job.planes[5] + begin;
  for (Index i = 0; i < n; ++i) {
    const double mean = (static_cast<double>(tt[i]) + yy[i] + xx[i]) / 3.0;
    const double p = tt[i] - mean, q = yy[i] - mean, r = xx[i] - mean, u = ty[i], v = tx[i], w = yx[i];
    const double spread = (p * p + q * q + r * r + 2.0 * (u * u + v * v + w * w)) / 6.0, size = std::sqrt(spread);
    const double det = p * (q * r - w * w) - u * (u * r - w * v) + v * (u * w - q * v);
    double ratio = det / (2.0 * spread * size + 1e-300);
    ratio = ratio > 1.0 ? 1.0 : ratio;
    ratio = ratio < -1.0 ? -1.0 : ratio;
    double cosine, sine;
    cosine_and_sine(arc_cosine(ratio) / 3.0, &cosine, &sine);
    const double first = mean + 2.0 * size * cosine;
    const double last = mean - size * (cosine + 1.7320508075688772 * sine);
    // The tensor is a sum of squares: what lies below 0 is rounding.
    values->a[i] = largest(first, 0.0);
    values->b[i] = largest(3.0 * mean - first - last, 0.0);
    values->c[i] = largest(last, 0.0);
  }
}

struct Vector {
  double t, y, x;
};

STC_INLINE Vector cross(Vector a, Vector b) noexcept {
  return {a.y * b.x - a.x * b.y, a.x * b.t - a.t * b.x, a.t * b.y - a.y * b.t};
}
STC_INLINE double dot(Vector a, Vector b) noexcept { return a.t * b.t + a.y * b.y + a.x * b.x; }
STC_INLINE Vector over(Vector a, double length) noexcept { return {a.t / length, a.y / length, a.x / length}; }

struct Matrix {
  Vector t, y, x;  // rows
};
STC_INLINE Vector times(const Matrix& m, Vector v) noexcept { return {dot(m.t, v), dot(m.y, v), dot(m.x, v)}; }

/// A unit vector at right angles to one.
STC_INLINE Vector aside(Vector a) noexcept {
  const bool along_x = std::fabs(a.x) > 0.6;
  const Vector b = cross(a, along_x ? Vector{1.0, 0.0, 0.0} : Vector{0.0, 0.0, 1.0});
  return over(b, std::sqrt(dot(b, b)));
}

/// Unit vector of an eigenvalue that stands apart from the two others: at right angles to all rows of m - value.
Vector vector_of(const Matrix& m, double value) noexcept {
  const Matrix a{{m.t.t - value, m.t.y, m.t.x}, {m.y.t, m.y.y - value, m.y.x}, {m.x.t, m.x.y, m.x.x - value}};
  const Vector candidates[3] = {cross(a.t, a.y), cross(a.t, a.x), cross(a.y, a.x)};
  Vector best = candidates[0];
  for (const Vector& v : candidates) best = dot(v, v) > dot(best, best) ? v : best;
  const double square = dot(best, best);
  return square > 0.0 ? over(best, std::sqrt(square)) : Vector{0.0, 0.0, 1.0};
}

/// Unit vector of the larger eigenvalue in the plane at right angles to `axis`.
Vector vector_in_plane(const Matrix& m, Vector axis) noexcept {
  const Vector e = aside(axis), f = cross(axis, e), me = times(m, e), mf = times(m, f);
  const double p = dot(e, me), q = dot(e, mf), r = dot(f, mf), half = 0.5 * (p - r);
  const double root = std::sqrt(half * half + q * q);
  // (root + half, q) or, where that is short, (q, root - half): both solve the 2 x 2 problem.
  double u = half > 0.0 ? root + half : q, v = half > 0.0 ? q : root - half;
  const double length = std::sqrt(u * u + v * v);
  u = length > 0.0 ? u / length : 1.0, v = length > 0.0 ? v / length : 0.0;
  return {u * e.t + v * f.t, u * e.y + v * f.y, u * e.x + v * f.x};
}

/// The component of the largest size becomes positive, of equals the first.
STC_INLINE Vector with_sign(Vector v) noexcept {
  const double t = std::fabs(v.t), y = std::fabs(v.y), x = std::fabs(v.x);
  const double main = t >= y && t >= x ? v.t : (y >= x ? v.y : v.x);
  return main < 0.0 ? Vector{-v.t, -v.y, -v.x} : v;
}

void write_anisotropy(const EigenJob& job, Index begin, Index n, const Values& values) noexcept {
  float *linear = job.out[0] + begin, *planar = job.out[1] + begin;
  float *spherical = job.out[2] + begin, *coherence = job.out[3] + begin;
  for (Index i = 0; i < n; ++i) {
    const double a = values.a[i], b = values.b[i], c = values.c[i], unit = a > 0.0 ? 1.0 / a : 0.0;
    const double ab = (a - b) * unit, bc = (b - c) * unit, ca = (a - c) * unit, y = b * unit, z = c * unit;
    const double squares = (a > 0.0 ? 1.0 : 0.0) + y * y + z * z;
    linear[i] = static_cast<float>(bc);
    planar[i] = static_cast<float>(ab);
    spherical[i] = static_cast<float>(z);
    coherence[i] = static_cast<float>(std::sqrt(0.5 * (ab * ab + bc * bc + ca * ca) / (squares + 1e-300)));
  }
}

void write_vectors(const EigenJob& job, Index at, double a, double b, double c) noexcept {
  // Over the largest eigenvalue: products of products stay within float64.
  const double unit = a > 0.0 ? 1.0 / a : 1.0;
  const auto value = [&](int plane) { return unit * job.planes[plane][at]; };
  const Matrix m{{value(0), value(1), value(2)}, {value(1), value(3), value(4)}, {value(2), value(4), value(5)}};
  Vector first, last;
  if (a - b >= b - c) {
    first = vector_of(m, 1.0);
    const Vector second = vector_in_plane(m, first);
    last = cross(first, second);
  } else {
    last = vector_of(m, unit * c);
    first = vector_in_plane(m, last);
  }
  const Vector vectors[3] = {with_sign(first), with_sign(cross(last, first)), with_sign(last)};
  for (int i = 0; i < 3; ++i) {
    job.out[3 + 3 * i][at] = static_cast<float>(vectors[i].t);
    job.out[4 + 3 * i][at] = static_cast<float>(vectors[i].y);
    job.out[5 + 3 * i][at] = static_cast<float>(vectors[i].x);
  }
}

}  // namespace

void eigen(const EigenJob& job) noexcept {
  Values values;
  in_chunks(job.n, kChunk, [&](Index begin, Index n) {
    eigenvalues(job, begin, n, &values);
    if (job.output == TensorOutput::anisotropy) return write_anisotropy(job, begin, n, values);
    for (Index i = 0; i < n; ++i) {
      job.out[0][begin + i] = static_cast<float>(values.a[i]);
      job.out[1][begin + i] = static_cast<float>(values.b[i]);
      job.out[2][begin + i] = static_cast<float>(values.c[i]);
    }
    if (job.output == TensorOutput::eigen)
      for (Index i = 0; i < n; ++i) write_vectors(job, begin + i, values.a[i], values.b[i], values.c[i]);
  });
}

}  // namespace stcorner::kernels::STC_ISA
