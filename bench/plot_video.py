"""Draw the throughput figure of the README from bench/results/video.json, for light pages and for dark ones.

    python bench/plot_video.py                     docs/img/video_throughput.svg and video_throughput_dark.svg
    python bench/plot_video.py FILE.json FOLDER    from another run, into another folder

One bar for stcorner and each peer, and the roofline as a line: the rate at which the multiply-adds of an
ideal folded separable filter would keep the cores' multiply-adders busy, as sgemm does.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NAMES = {
    "stcorner": "stcorner",
    "halide": "Halide, scheduled by hand",
    "numba": "numba, loops unrolled",
    "opencv": "OpenCV, composed",
}
CLIPS = {"face": "face crop", "vga": "VGA"}


def draw(rows: list[dict[str, Any]], theme: str, target: Path) -> Path:
    from matplotlib import pyplot as plt

    from stcorner.plotting.style import save_figure, styled

    peers = [name for name in NAMES if any(name in row["Mvoxel_per_s"] for row in rows)]
    with styled(theme) as look:
        figure, axes = plt.subplots(
            1,
            len(rows),
            figsize=(1.6 + 2.1 * len(rows), 2.1),
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for axis, row in zip(axes[0], rows, strict=True):
            rates = [row["Mvoxel_per_s"].get(name, 0.0) for name in peers]
            roof = row["peak_multiply_adds_per_s"] / row["multiply_adds_per_voxel"] / 1e6
            colours = [look.strong if name == "stcorner" else look.other for name in peers]
            axis.barh([NAMES[name] for name in peers], rates, height=0.66, color=colours)
            for place, (name, rate) in enumerate(zip(peers, rates, strict=True)):
                text = f"{rate:.0f}" if name in row["Mvoxel_per_s"] else "not installed"
                axis.text(rate + 0.02 * roof, place, text, va="center", fontsize=8, color=look.ink)
            axis.axvline(roof, color=look.ink, linestyle=(0, (4, 3)), linewidth=1)
            # Beside the bars of the peers, which are far from it.
            axis.text(
                0.985 * roof, len(peers) - 0.65, f"roofline\n{roof:.0f}", ha="right", va="bottom", fontsize=8
            )
            axis.set_xlim(0, 1.06 * roof)
            axis.set_ylim(len(peers) - 0.5, -0.5)
            frames, height, width = row["shape"]
            threads = f"{row['threads']} thread" + ("s" if row["threads"] > 1 else "")
            axis.set_title(f"{CLIPS.get(row['workload'], row['workload'])}, {threads}\n", fontsize=9)
            axis.text(
                0,
                1.03,
                f"{frames} x {height} x {width}",
                transform=axis.transAxes,
                fontsize=8,
                color=look.quiet,
            )
            axis.tick_params(axis="y", length=0, labelcolor=look.ink)
            axis.spines["left"].set_visible(False)
        figure.supxlabel("million voxels a second (float32 response)", fontsize=8, color=look.quiet)
        path = save_figure(figure, target)
        plt.close(figure)
    return path


def main() -> None:
    import matplotlib

    matplotlib.use("svg")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="?", default=HERE / "results" / "video.json")
    parser.add_argument("folder", type=Path, nargs="?", default=HERE.parent / "docs" / "img")
    arguments = parser.parse_args()
    rows = json.loads(arguments.results.read_text())["results"]
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for theme, suffix in (("light", ""), ("dark", "_dark")):
        print(draw(rows, theme, arguments.folder / f"video_throughput{suffix}.svg"))


if __name__ == "__main__":
    main()
