"""Figures of one clip: its corners, its voice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.palette import AGAINST, PALETTE, class_colours
from stcorner._base.validation import check_integer, check_real
from stcorner.errors import ParameterError
from stcorner.plotting.style import halo, styled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

    from stcorner.plotting.style import Look
    from stcorner.video import Stips
    from stcorner.video._source import VideoLike

__all__ = ["plot_corners", "plot_spectrogram", "plot_voice"]

_WAVE = 2000  # columns of a waveform: more than the pixels of a page


def plot_corners(
    video: VideoLike,
    stips: Stips | None = None,
    *,
    n_frames: int = 5,
    fps: float | None = None,
    theme: str = "light",
    n_threads: int | None = None,
) -> Figure:
    """Draw the response over the frames of a video, with its interest points.

    Above stand the frames with the most response, points circled at twice their sigma, the positive
    response as a glow. Below, the largest response of each frame and the points at their own. Border pixels
    and the first and last frame are left out, as by `detect_stips`: the filter sees mirrored pixels there.

    Parameters
    ----------
    video : array_like of shape (t, y, x), or path
        Read in constant memory.
    stips : Stips, optional
        Points of `detect_stips` in this video. Default: up to 300 of them are looked for.
    n_frames : int, default=5
        Frames shown, 1 to 12.
    fps : float, optional
        Frames per second, > 0. Default: as the file tells; frames are counted where nothing does.
    theme : {"light", "dark"}
    n_threads : int, optional
        Threads for the response.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    ParameterError
        If a parameter is out of range, or `stips` are of a video of another size.
    MediaError
        If the file cannot be read.
    MissingExtraError
        If matplotlib is not installed.

    Examples
    --------
    >>> video = np.zeros((25, 33, 33), np.uint8)
    >>> video[11:14, 15:18, 15:18] = 255
    >>> figure = plot_corners(video, n_frames=1)
    >>> curve = figure.axes[-1].lines[0].get_ydata()
    >>> len(curve), int(np.argmax(curve))
    (25, 12)
    """
    from stcorner.video import detect_stips
    from stcorner.video._source import FrameSource
    from stcorner.video.drawing import frames_with_response, liveliest

    count = check_integer("n_frames", n_frames, low=1, high=12)
    rate = _frame_rate(video) if fps is None else check_real("fps", fps, low=0.0, open_low=True)
    with styled(theme) as look:
        if stips is None:
            stips = detect_stips(video, num_peaks=300, n_threads=n_threads)
        source = FrameSource(video)
        if source.shape != stips.shape[1:]:
            raise ParameterError(f"video must have frames of {stips.shape[1:]} as stips, got {source.shape}")
        wanted = liveliest(stips, count)
        shown, curve = {}, []
        for index, frame, plane in frames_with_response(source, stips, n_threads=n_threads):
            plane = _without_border(plane)
            curve.append(float(plane.max()))
            if index in wanted:
                shown[index] = (np.array(frame), plane)
        if len(curve) > 2:
            curve[0] = curve[-1] = 0.0
        return _draw_corners(look, stips, shown, np.array(curve), rate)


def _without_border(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the positive response, 0 where no point can be."""
    inner = np.zeros_like(plane)
    inner[1:-1, 1:-1] = np.maximum(plane[1:-1, 1:-1], 0)
    return inner


def _frame_rate(video: VideoLike) -> float | None:
    import os

    if not isinstance(video, str | os.PathLike):
        return None
    from stcorner.media import probe

    info = probe(video)
    return None if info.video is None else info.video.fps


def _draw_corners(
    look: Look,
    stips: Stips,
    shown: dict[int, tuple[NDArray[Any], NDArray[np.float32]]],
    curve: NDArray[np.float64],
    rate: float | None,
) -> Figure:
    from matplotlib.figure import Figure

    second = 1.0 if rate is None else 1.0 / rate
    top = max(float(curve.max()), float(stips.response.max()) if len(stips) else 0.0) or 1.0
    height, width = stips.shape[1:]
    strip = min(2.8, 9.4 / len(shown) * height / width)
    brightest = float(stips.response.max()) if len(stips) else top
    figure = Figure(figsize=(9.6, strip + 2.9), layout="constrained")
    grid = figure.add_gridspec(2, len(shown), height_ratios=[strip, 2.1])
    for column, (index, (frame, plane)) in enumerate(sorted(shown.items())):
        axes = figure.add_subplot(grid[0, column])
        _draw_frame(axes, look, stips, index, frame, plane / brightest)
        axes.set_title(f"frame {index}" if rate is None else f"{index * second:.2f} s")
    axes = figure.add_subplot(grid[1, :])
    axes.plot(np.arange(len(curve)) * second, curve / top, color=look.other, linewidth=1.2)
    scales = sorted({(float(s), float(t)) for s, t in zip(stips.sigma, stips.tau, strict=True)})
    for k, (sigma, tau) in enumerate(scales):
        rows = (stips.sigma == sigma) & (stips.tau == tau)
        axes.scatter(
            stips.coordinates[rows, 0] * second, stips.response[rows] / top, s=16, marker="osD^v<>P"[k % 8],
            color=PALETTE[k % len(PALETTE)], edgecolor=look.paper, linewidth=0.4, zorder=3,
            label=rf"$\sigma$ {sigma:.3g} px, $\tau$ {tau:.3g} frames",
        )  # fmt: skip
    # The response is of sixth order in the gray values: its cube root shows weak and strong motion together.
    axes.set_yscale("function", functions=(np.cbrt, lambda share: np.asarray(share) ** 3))
    axes.set_ylim(0, 1.1)
    axes.set_yticks([0, 0.01, 0.1, 0.3, 1], ["0", "1", "10", "30", "100"])
    axes.set_xlim(0, max(second, (len(curve) - 1) * second))
    axes.grid(axis="y")
    axes.set_ylabel("response, % of the largest")
    axes.set_xlabel("frame" if rate is None else "time, s")
    title = (
        f"{len(stips)} interest points; the line is the largest response of each frame, without its border"
    )
    axes.set_title(title if len(stips) else "no interest points")
    if scales:
        figure.legend(
            *axes.get_legend_handles_labels(), loc="outside lower center", ncols=min(4, len(scales))
        )
    return figure


def _draw_frame(
    axes: Axes,
    look: Look,
    stips: Stips,
    index: int,
    frame: NDArray[Any],
    plane: NDArray[np.floating],
) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Circle

    axes.imshow(frame, cmap="gray", vmin=0, vmax=255 if frame.dtype == np.uint8 else None)
    glow = np.empty((*plane.shape, 4))
    glow[..., :3] = to_rgb(AGAINST)
    glow[..., 3] = 0.75 * np.cbrt(np.clip(plane, 0, 1))
    axes.imshow(glow)
    near = np.abs(stips.coordinates[:, 0] - index) <= 2.0 * stips.tau
    for (_, y, x), sigma in zip(stips.coordinates[near], stips.sigma[near], strict=True):
        circle = Circle((x, y), 2.0 * sigma, fill=False, edgecolor="#56b4e9", linewidth=1.3)
        circle.set_path_effects(halo(look, 2.2))
        axes.add_patch(circle)
    axes.set_xlim(-0.5, frame.shape[1] - 0.5)
    axes.set_ylim(frame.shape[0] - 0.5, -0.5)
    axes.set_axis_off()


def plot_voice(
    y: ArrayLike, *, sr: float, faces: Mapping[str, ArrayLike] | None = None, theme: str = "light"
) -> Figure:
    r"""Draw the curves of a voice on one clock, and of a face beside it.

    They are waveform, pitch, energy, zero crossings, MFCC and, with `faces`, the probabilities of seven
    expressions.

    Parameters
    ----------
    y : array_like of shape (n,)
        Audio of one channel, floating point, full scale 1.
    sr : float
        Sample rate in Hz.
    faces : mapping, optional
        A table of `face_table`. Of several faces the one that is seen most is drawn.
    theme : {"light", "dark"}

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    ParameterError
        As `frame_table`, whose values are drawn.
    MissingExtraError
        If matplotlib is not installed.

    Examples
    --------
    >>> tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(8000) / 16000)
    >>> figure = plot_voice(tone, sr=16000)
    >>> [axes.get_ylabel() for axes in figure.axes[:5]]
    ['amplitude', 'pitch, Hz', 'energy, dB', 'zero\ncrossings, %', 'MFCC']
    >>> round(float(np.nanmedian(figure.axes[1].lines[0].get_ydata())))
    200
    """
    from stcorner.audio import frame_table

    table = frame_table(y, sr=sr)
    signal = np.asarray(y, dtype=np.float64)
    time = table["time"]
    pitch = np.where(table["voiced"], table["f0"], np.nan)
    energy = 20 * np.log10(np.maximum(table["rms"], 1e-5))
    with styled(theme) as look:
        from matplotlib.figure import Figure

        seen = faces is not None and len(np.asarray(faces["time"])) > 0
        figure = Figure(figsize=(9.6, 9.0 if seen else 7.2), layout="constrained")
        ratios = [1, 1.2, 1, 1, 1.5, *([1.6] if seen else [])]
        axes = figure.subplots(len(ratios), 1, sharex=True, height_ratios=ratios)
        step = max(1, len(signal) // _WAVE)
        pieces = signal[: len(signal) // step * step].reshape(-1, step)
        middle = (np.arange(len(pieces)) + 0.5) * step / sr
        axes[0].fill_between(middle, pieces.min(axis=1), pieces.max(axis=1), color=look.other, linewidth=0.5)
        axes[1].plot(time, pitch, color=PALETTE[0], marker=".", markersize=2.5)
        if np.isnan(pitch).all():
            axes[1].text(0.5, 0.5, "no voiced frames", transform=axes[1].transAxes, ha="center", va="center")
            axes[1].set_yticks([])
        axes[2].plot(time, energy, color=PALETTE[2])
        axes[3].plot(time, 100 * table["zcr"], color=PALETTE[3])
        names = [name for name in table if name.startswith("mfcc_")]
        cepstra = np.stack([table[name] for name in names])
        _draw_cepstra(axes[4], figure, time, cepstra)
        labels = ("amplitude", "pitch, Hz", "energy, dB", "zero\ncrossings, %", "MFCC")
        for panel, label in zip(axes, labels, strict=False):
            panel.set_ylabel(label)
            if panel is not axes[4]:
                panel.grid(axis="y")
        axes[-1].set_xlabel("time, s")
        axes[-1].set_xlim(0, len(signal) / sr)
        if seen and faces is not None:
            _draw_expressions(axes[5], faces)
        figure.align_ylabels()
        return figure


def _draw_expressions(axes: Axes, faces: Mapping[str, ArrayLike]) -> None:
    """Draw the probabilities of the face that is seen most; a gap breaks the curves."""
    from stcorner.video import face_expression_names

    ids, counts = np.unique(np.asarray(faces["face_id"]), return_counts=True)
    rows = np.asarray(faces["face_id"]) == ids[counts.argmax()]
    time = np.asarray(faces["time"], dtype=np.float64)[rows]
    steps = np.diff(time)
    longest = 1.5 * np.median(steps) if len(steps) else 0.0
    gaps = 1 + np.flatnonzero(steps > longest)
    names = face_expression_names()
    for name, colour in zip(names, class_colours(names), strict=True):
        share = np.insert(100 * np.asarray(faces[f"expression_{name}"], dtype=np.float64)[rows], gaps, np.nan)
        axes.plot(np.insert(time, gaps, np.nan), share, color=colour, label=name, linewidth=1.3)
    axes.set_ylim(0, 100)
    axes.set_ylabel("expression, %")
    axes.grid(axis="y")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.05), frameon=False)


def _draw_cepstra(axes: Axes, figure: Figure, time: NDArray[Any], cepstra: NDArray[Any]) -> None:
    """Each coefficient in units of its own deviation: the first ones would drown the others."""
    deviation = np.maximum(cepstra.std(axis=1, keepdims=True), 1e-9)
    shown = (cepstra - cepstra.mean(axis=1, keepdims=True)) / deviation
    hop = float(time[1] - time[0]) if len(time) > 1 else 0.01
    image = axes.imshow(
        shown, aspect="auto", origin="lower", cmap="cividis", vmin=-2.5, vmax=2.5, interpolation="nearest",
        extent=(float(time[0]) - hop / 2, float(time[-1]) + hop / 2, 0.5, len(shown) + 0.5),
    )  # fmt: skip
    axes.set_yticks([1, 5, 9, 13][: 1 + (len(shown) - 1) // 4])
    figure.colorbar(image, ax=axes, label="deviations", pad=0.01, aspect=12, ticks=[-2, 0, 2])


def plot_spectrogram(
    y: ArrayLike,
    *,
    sr: float,
    fmax: float | None = None,
    top_db: float = 70.0,
    theme: str = "light",
) -> Figure:
    """Draw the spectrogram of a voice with its pitch over it.

    Parameters
    ----------
    y : array_like of shape (n,)
        Audio of one channel, floating point.
    sr : float
        Sample rate in Hz.
    fmax : float, optional
        Highest frequency shown in Hz, > 0. Default: 4000, or sr / 2 where that is less.
    top_db : float, default=70
        Range of levels shown, in dB below the loudest, > 0.
    theme : {"light", "dark"}

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    ParameterError
        As `frame_table`, or if `fmax` or `top_db` is out of range.
    MissingExtraError
        If matplotlib is not installed.

    Examples
    --------
    >>> tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(8000) / 16000)
    >>> level = plot_spectrogram(tone, sr=16000).axes[0].images[0].get_array()
    >>> float(level.max()), int(level[:, 40].argmax())  # bins of 15.625 Hz
    (0.0, 13)
    """
    from stcorner.audio import frame_table, power_spectrogram, power_to_db

    table = frame_table(y, sr=sr)
    highest = check_real("fmax", min(4000.0, sr / 2) if fmax is None else fmax, low=0.0, open_low=True)
    span = check_real("top_db", top_db, low=0.0, open_low=True)
    hop = max(1, round(0.005 * sr))
    window = max(4, 2 * round(0.0125 * sr))  # 25 ms: harmonics apart, syllables too
    size = max(512, 1 << (2 * window - 1).bit_length())
    power = power_spectrogram(y, n_fft=size, hop_length=hop, win_length=window)
    level = power_to_db(power, top_db=None)
    level = np.maximum(level - level.max(), -span)
    kept = level[: min(len(level), 1 + int(np.ceil(highest * size / sr)))]
    with styled(theme) as look:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9.6, 4.2), layout="constrained")
        axes = figure.subplots()
        half, step = 0.5 * hop / sr, sr / size
        image = axes.imshow(
            kept, aspect="auto", origin="lower", cmap="cividis", vmin=-span, vmax=0,
            extent=(-half, (kept.shape[1] - 1) * hop / sr + half, -step / 2, (len(kept) - 0.5) * step),
        )  # fmt: skip
        pitch = np.where(table["voiced"], table["f0"], np.nan)
        axes.plot(table["time"], pitch, color=AGAINST, linewidth=2, path_effects=halo(look, 3.6))
        voiced = np.flatnonzero(np.isfinite(pitch))
        if len(voiced):
            at = int(voiced[np.argmax(pitch[voiced])])
            axes.annotate(
                "pitch", (float(table["time"][at]), float(pitch[at])), xytext=(0, 5), ha="center",
                textcoords="offset points", color=look.ink, fontsize=9, path_effects=halo(look),
            )  # fmt: skip
        axes.set_xlim(0, len(np.asarray(y)) / sr)
        axes.set_ylim(0, min(highest, sr / 2))
        axes.set_xlabel("time, s")
        axes.set_ylabel("frequency, Hz")
        figure.colorbar(image, ax=axes, label="level, dB below the loudest", pad=0.01)
        return figure
