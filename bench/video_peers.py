"""The strongest ways to compute the same response without stcorner: OpenCV, numba, Halide.

All use the same definition: sampled Gaussians cut at four standard deviations, central differences of the
smoothed clip, det - k trace^3. Borders repeat the outermost voxel (Halide) or mirror it, so results are
compared inside. `make(name, shape)` returns a function of the clip; thread counts come from the caller
(OMP_NUM_THREADS, NUMBA_NUM_THREADS and HL_NUM_THREADS in the environment).
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

SIGMA, TAU, S, K = 2.0, math.sqrt(2.0), 2.0, 0.005
PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))  # tt ty tx yy yx xx


def half_gaussian(sd: float) -> np.ndarray:
    radius = math.ceil(4 * sd - 1e-9)
    taps = np.exp(-0.5 * (np.arange(radius + 1) / sd) ** 2)
    return (taps / (taps[0] + 2 * taps[1:].sum())).astype(np.float32)


def whole(half: np.ndarray) -> np.ndarray:
    return np.concatenate([half[:0:-1], half])


INNER_X, INNER_T = half_gaussian(SIGMA), half_gaussian(TAU)
OUTER_X, OUTER_T = half_gaussian(SIGMA * math.sqrt(S)), half_gaussian(TAU * math.sqrt(S))
# What an output depends on, per axis: results are compared further inside than that.
MARGIN = tuple(len(a) + len(b) for a, b in ((INNER_T, OUTER_T), (INNER_X, OUTER_X), (INNER_X, OUTER_X)))


def opencv(shape: tuple[int, int, int], threads: int) -> Callable[[np.ndarray], np.ndarray]:
    """sepFilter2D per frame for space; for time on the clip seen as an image of (t, pixels)."""
    import cv2

    cv2.setNumThreads(1)  # our own threads over frames and pixel blocks beat OpenCV's
    n, height, width = shape
    pixels = height * width
    inner, outer = whole(INNER_X), whole(OUTER_X)
    one = np.ones(1, np.float32)
    pool = ThreadPoolExecutor(threads)
    spatial, level = np.empty(shape, np.float32), np.empty(shape, np.float32)
    smoothed = np.empty((6, *shape), np.float32)
    blocks = [slice(i, min(i + 4096, pixels)) for i in range(0, pixels, 4096)]
    border = cv2.BORDER_REFLECT

    def run(video: np.ndarray) -> np.ndarray:
        out = np.empty(shape, np.float32)

        def smooth_frame(t: int) -> None:
            cv2.sepFilter2D(video[t], cv2.CV_32F, inner, inner, dst=spatial[t], borderType=border)

        def smooth_block(part: slice) -> None:
            source, target = spatial.reshape(n, pixels)[:, part], level.reshape(n, pixels)[:, part]
            cv2.sepFilter2D(source, cv2.CV_32F, one, whole(INNER_T), dst=target, borderType=border)

        def tensor_frame(t: int) -> None:
            here = level[t]
            gt = (level[min(t + 1, n - 1)] - level[max(t - 1, 0)]) * np.float32(0.5)
            gy, gx = np.zeros_like(here), np.zeros_like(here)
            np.subtract(here[2:], here[:-2], out=gy[1:-1])
            np.subtract(here[:, 2:], here[:, :-2], out=gx[:, 1:-1])
            gy *= np.float32(0.5)
            gx *= np.float32(0.5)
            gradient = (gt, gy, gx)
            product = np.empty_like(here)
            for c, (i, j) in enumerate(PAIRS):
                np.multiply(gradient[i], gradient[j], out=product)
                cv2.sepFilter2D(product, cv2.CV_32F, outer, outer, dst=smoothed[c, t], borderType=border)

        def respond_block(part: slice) -> None:
            m = []
            for c in range(6):
                source = smoothed[c].reshape(n, pixels)[:, part]
                m.append(cv2.sepFilter2D(source, cv2.CV_32F, one, whole(OUTER_T), borderType=border))
            out.reshape(n, pixels)[:, part] = response(m)

        list(pool.map(smooth_frame, range(n)))
        list(pool.map(smooth_block, blocks))
        list(pool.map(tensor_frame, range(n)))
        list(pool.map(respond_block, blocks))
        return out

    return run


def response(m: list[np.ndarray]) -> np.ndarray:
    """det - k trace^3 of the six planes, with few temporaries."""
    tt, ty, tx, yy, yx, xx = m
    trace = tt + yy
    trace += xx
    a = yy * xx
    a -= yx * yx
    a *= tt
    b = ty * xx
    b -= yx * tx
    b *= ty
    a -= b
    np.multiply(ty, yx, out=b)
    b -= yy * tx
    b *= tx
    a += b
    np.multiply(trace, trace, out=b)
    b *= trace
    b *= np.float32(K)
    a -= b
    return a


def numba_unrolled(shape: tuple[int, int, int], threads: int) -> Callable[[np.ndarray], np.ndarray]:
    """Generated loops with the taps as literals, so that LLVM keeps sums in registers; prange over planes."""
    import numba

    numba.set_num_threads(threads)
    options = {"fastmath": True, "nogil": True}

    def compiled(
        body: list[str], arguments: str, name: str, *, parallel: bool = False
    ) -> Callable[..., None]:
        source = f"def {name}({arguments}):\n" + "\n".join("    " + line for line in body)
        space: dict[str, object] = {"prange": numba.prange, "np": np, "f4": np.float32}
        exec(source, space)
        return numba.njit(parallel=parallel, **options)(space[name])

    def sum_of(taps: np.ndarray, at: Callable[[int], tuple[str, str]], centre: str) -> str:
        terms = [f"f4({float(taps[0])!r}) * {centre}"]
        terms += [f"f4({float(tap)!r}) * ({at(i)[0]} + {at(i)[1]})" for i, tap in enumerate(taps[1:], 1)]
        return " + ".join(terms)

    def rows_filter(taps: np.ndarray, name: str) -> Callable[..., None]:
        """out[x] from rows r0, a1, b1, a2, b2, ... (centre, then one above and one below)."""
        n = len(taps) - 1
        rows = ", ".join(["r0"] + [f"a{i}, b{i}" for i in range(1, n + 1)])
        total = sum_of(taps, lambda i: (f"a{i}[x]", f"b{i}[x]"), "r0[x]")
        return compiled(["for x in range(len(out)):", f"    out[x] = {total}"], f"{rows}, out", name)

    def line_filter(taps: np.ndarray, name: str) -> Callable[..., None]:
        n = len(taps) - 1
        total = sum_of(taps, lambda i: (f"wide[x + {n - i}]", f"wide[x + {n + i}]"), f"wide[x + {n}]")
        return compiled(
            [
                "w = len(row)",
                f"for i in range({n}):",
                f"    wide[{n} - 1 - i] = row[min(i, w - 1)]",
                f"    wide[{n} + w + i] = row[max(w - 1 - i, 0)]",
                "for x in range(w):",
                f"    wide[{n} + x] = row[x]",
                "for x in range(w):",
                f"    out[x] = {total}",
            ],
            "row, wide, out",
            name,
        )

    def call(name: str, taps: np.ndarray, row: Callable[[str], str], out: str) -> str:
        args = [row("0")]
        for i in range(1, len(taps)):
            args += [row(f"-{i}"), row(f"+{i}")]
        return f"{name}({', '.join(args)}, {out})"

    mirror = numba.njit(inline="always")(lambda i, n: -1 - i if i < 0 else (2 * n - 1 - i if i >= n else i))
    space = {
        "mirror": mirror, "prange": numba.prange, "np": np, "f4": np.float32,
        "y_in": rows_filter(INNER_X, "y_in"), "t_in": rows_filter(INNER_T, "t_in"), "x_in": line_filter(INNER_X, "x_in"),  # noqa: E501
        "y_out": rows_filter(OUTER_X, "y_out"), "t_out": rows_filter(OUTER_T, "t_out"), "x_out": line_filter(OUTER_X, "x_out"),  # noqa: E501
    }  # fmt: skip

    def parallel(lines: list[str], arguments: str, name: str) -> Callable[..., None]:
        exec(f"def {name}({arguments}):\n" + "\n".join("    " + line for line in lines), space)
        return numba.njit(parallel=True, **options)(space[name])

    spatial = parallel(
        [
            "n, h, w = f.shape",
            "for t in prange(n):",
            "    row = np.empty(w, np.float32); wide = np.empty(w + 64, np.float32)",
            "    for y in range(h):",
            "        "
            + call("y_in", INNER_X, lambda i: f"f[t, mirror(y{i}, h)]" if i != "0" else "f[t, y]", "row"),
            "        x_in(row, wide, a[t, y])",
        ],
        "f, a",
        "spatial",
    )
    temporal = parallel(
        [
            "n, h, w = a.shape",
            "for y in prange(h):",
            "    for t in range(n):",
            "        "
            + call(
                "t_in", INNER_T, lambda i: f"a[mirror(t{i}, n), y]" if i != "0" else "a[t, y]", "level[t, y]"
            ),
        ],
        "a, level",
        "temporal",
    )
    tensor = parallel(
        [
            "n, h, w = level.shape",
            "for t in prange(n):",
            "    p = np.empty((6, h, w), np.float32); row = np.empty(w, np.float32); wide = np.empty(w + 64, np.float32)",  # noqa: E501
            "    before = level[max(t - 1, 0)]; after = level[min(t + 1, n - 1)]; here = level[t]",
            "    for y in range(h):",
            "        up = here[max(y - 1, 0)]; down = here[min(y + 1, h - 1)]; mid = here[y]",
            "        for x in range(w):",
            "            gt = f4(0.5) * (after[y, x] - before[y, x]); gy = f4(0.5) * (down[x] - up[x])",
            "            gx = f4(0.5) * (mid[min(x + 1, w - 1)] - mid[max(x - 1, 0)])",
            "            p[0, y, x] = gt * gt; p[1, y, x] = gt * gy; p[2, y, x] = gt * gx",
            "            p[3, y, x] = gy * gy; p[4, y, x] = gy * gx; p[5, y, x] = gx * gx",
            "    for c in range(6):",
            "        for y in range(h):",
            "            "
            + call("y_out", OUTER_X, lambda i: f"p[c, mirror(y{i}, h)]" if i != "0" else "p[c, y]", "row"),
            "            x_out(row, wide, m[c, t, y])",
        ],
        "level, m",
        "tensor",
    )
    final = parallel(
        [
            "n, h, w = out.shape",
            "for y in prange(h):",
            "    q = np.empty((6, w), np.float32)",
            "    for t in range(n):",
            "        for c in range(6):",
            "            "
            + call(
                "t_out", OUTER_T, lambda i: f"m[c, mirror(t{i}, n), y]" if i != "0" else "m[c, t, y]", "q[c]"
            ),
            "        for x in range(w):",
            "            tt = q[0, x]; ty = q[1, x]; tx = q[2, x]; yy = q[3, x]; yx = q[4, x]; xx = q[5, x]",
            "            tr = tt + yy + xx",
            "            out[t, y, x] = (tt * (yy * xx - yx * yx) - ty * (ty * xx - yx * tx)"
            f" + tx * (ty * yx - yy * tx) - f4({K!r}) * tr * tr * tr)",
        ],
        "m, out",
        "final",
    )
    a, level, m = np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty((6, *shape), np.float32)

    def run(video: np.ndarray) -> np.ndarray:
        out = np.empty(shape, np.float32)
        spatial(video, a)
        temporal(a, level)
        tensor(level, m)
        final(m, out)
        return out

    return run


def halide(
    shape: tuple[int, int, int], threads: int, tile: tuple[int, int] = (128, 32)
) -> Callable[[np.ndarray], np.ndarray]:
    """One fused program: x-y tiles that slide along t, intermediate frames in folded rings."""
    import halide as hl

    x, y, t, xo, yo, xi, yi, tiles = (
        hl.Var(name) for name in ("x", "y", "t", "xo", "yo", "xi", "yi", "tiles")
    )
    video_in = hl.ImageParam(hl.Float(32), 3, "video")
    padded = hl.BoundaryConditions.repeat_edge(video_in)
    lanes = 16

    def smooth(source: object, taps: np.ndarray, axis: int, name: str) -> object:
        func = hl.Func(name)

        def at(i: int) -> object:
            return source[tuple(v + i if n == axis else v for n, v in enumerate((x, y, t)))]

        total = hl.f32(float(taps[0])) * at(0)
        for i, tap in enumerate(taps[1:], 1):
            total = total + hl.f32(float(tap)) * (at(i) + at(-i))
        func[x, y, t] = total
        return func

    frames = hl.Func("frames")
    frames[x, y, t] = padded[x, y, t]
    along_y = smooth(frames, INNER_X, 1, "along_y")
    along_x = smooth(along_y, INNER_X, 0, "along_x")
    level = smooth(along_x, INNER_T, 2, "level")
    half = hl.f32(0.5)
    gradient = (
        half * (level[x, y, t + 1] - level[x, y, t - 1]),
        half * (level[x, y + 1, t] - level[x, y - 1, t]),
        half * (level[x + 1, y, t] - level[x - 1, y, t]),
    )
    chains = []
    for c, (i, j) in enumerate(PAIRS):
        product = hl.Func(f"product{c}")
        product[x, y, t] = gradient[i] * gradient[j]
        rows = smooth(product, OUTER_X, 1, f"rows{c}")
        columns = smooth(rows, OUTER_X, 0, f"columns{c}")
        chains.append((product, rows, columns, smooth(columns, OUTER_T, 2, f"mu{c}")))
    tt, ty, tx, yy, yx, xx = (chain[3][x, y, t] for chain in chains)
    trace = tt + yy + xx
    out = hl.Func("out")
    out[x, y, t] = (
        tt * (yy * xx - yx * yx) - ty * (ty * xx - yx * tx) + tx * (ty * yx - yy * tx)
        - hl.f32(K) * trace * trace * trace
    )  # fmt: skip
    out.tile(x, y, xo, yo, xi, yi, *tile).reorder(xi, yi, t, xo, yo).vectorize(xi, lanes)
    out.fuse(xo, yo, tiles).parallel(tiles)
    frames.store_at(out, t).compute_at(out, t).vectorize(x, lanes)
    for product, rows, columns, _ in chains:
        columns.store_at(out, tiles).compute_at(out, t).vectorize(x, lanes)
        rows.compute_at(columns, y).vectorize(x, lanes)
        product.compute_at(out, t).vectorize(x, lanes)
    level.store_at(out, tiles).compute_at(out, t).vectorize(x, lanes)
    along_x.store_at(out, tiles).compute_at(out, t).vectorize(x, lanes)
    along_y.compute_at(along_x, y).vectorize(x, lanes)
    out.compile_jit(hl.get_host_target())

    def run(video: np.ndarray) -> np.ndarray:
        video_in.set(hl.Buffer(video))
        result = np.empty(shape, np.float32)
        out.realize(hl.Buffer(result))
        return result

    return run


PEERS = {"opencv": opencv, "numba": numba_unrolled, "halide": halide}
