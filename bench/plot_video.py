"""Draw docs/assets/video_throughput.svg from bench/results/video.json: bars, and the roofline as a line."""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).parent
NAMES = {
    "stcorner": "stcorner",
    "halide": "Halide, hand-scheduled",
    "numba": "numba, unrolled",
    "opencv": "OpenCV",
}


def main() -> None:
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    rows = json.loads((HERE / "results" / "video.json").read_text())["results"]
    figure, axes = plt.subplots(
        1, len(rows), figsize=(3.0 * len(rows), 3.2), sharey=True, layout="constrained"
    )
    for axis, row in zip([axes] if len(rows) == 1 else axes, rows, strict=True):
        shown = [name for name in NAMES if name in row["Mvoxel_per_s"]]
        values = [row["Mvoxel_per_s"][name] for name in shown]
        colours = ["#c2410c" if name == "stcorner" else "#94a3b8" for name in shown]
        bars = axis.bar([NAMES[name].replace(", ", ",\n") for name in shown], values, color=colours)
        axis.bar_label(bars, fmt="%.0f", padding=2, fontsize=8)
        roof = row["peak_multiply_adds_per_s"] / row["multiply_adds_per_voxel"] / 1e6
        axis.axhline(roof, color="black", linestyle="--", linewidth=1)
        axis.annotate("all multiply-adds", (len(shown) - 0.5, roof), ha="right", va="bottom", fontsize=7)
        frames, height, width = row["shape"]
        threads = f"{row['threads']} thread" + ("s" if row["threads"] > 1 else "")
        axis.set_title(f"{frames} frames {width} x {height}, {threads}", fontsize=9)
        axis.tick_params(axis="x", labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
    figure.supylabel("million voxels a second", fontsize=9)
    target = HERE.parent / "docs" / "assets" / "video_throughput.svg"
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, metadata={"Date": None})
    print(target)


if __name__ == "__main__":
    main()
