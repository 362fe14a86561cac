"""Draw the pictures of the README and the guides: python docs/pictures.py [NAME...].

The face is drawn and the voice synthetic (`make_corpus`), so that nobody's recording is published here. The
pictures are under the licence of the code.
"""

from __future__ import annotations

import functools
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import stcorner as st
from stcorner import plotting
from stcorner._base.palette import class_colours
from stcorner.plotting.style import THEMES, Look, save_figure, styled

TARGET = Path(__file__).parent / "img"
EMOTION = "07"  # surprise: the clip in which most of the face moves


@functools.cache
def example_clip() -> Path:
    """Return the clip that all pictures show."""
    folder = Path(tempfile.mkdtemp())
    st.make_corpus(folder, n_actors=1, n_takes=1)
    return sorted(folder.rglob(f"01-01-{EMOTION}-*.mp4"))[0]


def clip(look: Look) -> Any:
    """Draw frames with corners above the curves of corners, expression and voice."""
    from matplotlib import pyplot as plt

    path = example_clip()
    video, fps = st.load_video(path, gray=False)
    face = st.crop_face(path)
    points = st.detect_stips(face.frames, num_peaks=60)
    shown = st.face_expressions(face.frames)
    y, sr = st.load_audio(path)
    table = st.frame_table(y, sr=sr)
    end = len(video) / fps
    names = st.face_expression_names()
    figure = plt.figure(figsize=(10, 5.2), layout="constrained")
    grid = figure.add_gridspec(5, 6, height_ratios=[3.4, 1, 1, 1, 1])
    moments = np.linspace(2, len(video) - 3, 6).astype(int)
    for column, moment in enumerate(moments):
        axes = figure.add_subplot(grid[0, column])
        axes.imshow(video[moment])
        axes.set_title(f"{moment / fps:.2f} s", color=look.quiet, fontsize=8)
        axes.axis("off")
        left, top, width, _ = face.boxes[min(moment, len(face.boxes) - 1)]
        scale = width / face.frames.shape[2]
        for (t, y_, x), sigma in zip(points.coordinates, points.sigma, strict=True):
            if abs(t - moment) < 2.5:
                centre = (left + (x + 0.5) * scale, top + (y_ + 0.5) * scale)
                axes.add_patch(plt.Circle(centre, 2 * sigma * scale, fill=False, color="#ff5c00", lw=1.6))
    response = np.maximum(st.corner_harris_3d(face.frames), 0).sum(axis=(1, 2))
    rows = (
        ("corners", face.times, [response / response.max()], ["#d55e00"]),
        ("expression", face.times, list(shown.T), class_colours(names)),
        ("pitch", table["time"], [np.where(table["voiced"], table["f0"], np.nan)], [look.strong]),
        ("loudness", table["time"], [20 * np.log10(np.maximum(table["rms"], 1e-4))], ["#009e73"]),
    )
    for place, (title, times, curves, colours) in enumerate(rows, start=1):
        axes = figure.add_subplot(grid[place, :])
        for values, colour in zip(curves, colours, strict=True):
            axes.plot(times, values, color=colour, linewidth=1.8)
        axes.set_xlim(0, end)
        axes.set_ylabel(title, rotation=0, ha="right", va="center")
        axes.set_yticks([])
        if place < len(rows):
            axes.set_xticklabels([])
        if title == "expression":
            best = int(shown.mean(axis=0).argmax())
            axes.text(
                0.005, 0.8, names[best], color=class_colours(names)[best], transform=axes.transAxes, va="top"
            )
    axes.set_xlabel("seconds")
    return figure


def voice(look: Look) -> Any:
    """Draw the curves of the voice."""
    y, sr = st.load_audio(example_clip())
    return plotting.plot_voice(y, sr=sr, theme=theme_of(look))


def corners(look: Look) -> Any:
    """Draw the response and the points of the face."""
    face = st.crop_face(example_clip())
    return plotting.plot_corners(face.frames, fps=face.fps, theme=theme_of(look))


@functools.cache
def evaluated() -> st.Evaluation:
    """Return an evaluation of a voice model on six drawn people."""
    folder = Path(tempfile.mkdtemp())
    st.make_corpus(folder, n_actors=6, n_takes=2, size=96)
    clips = st.load_corpus(folder, modality="audio")
    recognizer = st.EmotionRecognizer("audio", augment=None, name="voice")
    return st.cross_validate(clips, recognizer, protocol="actor-loo", calibration_folds=0, sound=False)


def actors(look: Look) -> Any:
    """Draw the score of each person."""
    return plotting.plot_actors(evaluated(), theme=theme_of(look))


def theme_of(look: Look) -> str:
    """Return the theme's name, which the functions of `stcorner.plotting` take."""
    return next(name for name, each in THEMES.items() if each == look)


PICTURES = {
    "clip": clip,
    "voice": voice,
    "corners": corners,
    "actors": actors,
}
THEMED = {"clip"}  # the README has it in both themes; guides show the light one


def main() -> None:
    """Draw what is named, or everything, for light pages and for dark ones."""
    for name in sys.argv[1:] or PICTURES:
        for theme, ending in (("light", ""), ("dark", "_dark")):
            if theme == "dark" and name not in THEMED:
                continue
            with styled(theme) as look:
                save_figure(
                    PICTURES[name](look), TARGET / f"{name}{ending}.png", dpi=100 if name == "clip" else 80
                )
                print(TARGET / f"{name}{ending}.png")


if __name__ == "__main__":
    main()
