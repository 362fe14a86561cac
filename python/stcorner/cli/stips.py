"""``stcorner stips``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

if TYPE_CHECKING:
    from stcorner.video import Stips

__all__ = ["stips"]

# What fits a screen; the file written by --output has all points.
_SHOWN = 20


def stips(
    file: Path,
    /,
    *,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    points: int = 1000,
    sigma: list[float] | None = None,
    tau: list[float] | None = None,
    threshold: float = 0.01,
    overlay: Path | None = None,
    json: bool = False,
) -> int:
    """Find the space-time corners of a video, strongest first.

    Parameters
    ----------
    file
        Video file; it is read as a stream.
    output
        Write the points to this .csv, .xlsx, .parquet, .jsonl or .json file, or .txt in Laptev's format.
    points
        Number of points at most.
    sigma
        Spatial scales in pixels. Default: 2 and 2.83.
    tau
        Temporal scales in frames. Default: 1.41 and 2.
    threshold
        Share of the largest response that a point must exceed.
    overlay
        Draw the points and the response over the frames: a film (.mp4) or a strip of frames (.png).
    json
        Print all points as JSON.
    """
    from stcorner._base.files import check_not_input
    from stcorner._base.tables import check_table_path, write_table
    from stcorner.cli._output import complain, note, print_json, print_table, say
    from stcorner.video import detect_stips

    laptev = output is not None and output.suffix.lower() == ".txt"
    if not laptev:
        check_table_path("--output", output)
    if overlay is not None:
        check_not_input("--overlay", overlay, file)
    scales: dict[str, Any] = {"sigmas": tuple(sigma)} if sigma else {}
    if tau:
        scales["taus"] = tuple(tau)
    found = detect_stips(file, num_peaks=points, threshold_rel=threshold, **scales)
    rows = _rows(found)
    if output is not None:
        if laptev:
            found.save(output, format="laptev")
        else:
            write_table(output, rows, _COLUMNS)
        note(f"wrote {len(found)} points to {output}")
    if overlay is not None:
        from stcorner.video import overlay as draw

        complain(f"drew {draw(file, found, overlay)}")
    if json:
        print_json(rows)
    elif rows and output is None:
        print_table(rows[:_SHOWN], columns=_COLUMNS)
    if not json:
        more = f", the strongest {_SHOWN} shown" if len(rows) > _SHOWN and output is None else ""
        say(f"{len(found)} points in {found.shape[0]} frames of {found.shape[2]} x {found.shape[1]}{more}")
    return 0


_COLUMNS = ("t", "y", "x", "time", "sigma", "tau", "response")


def _rows(found: Stips) -> list[dict[str, Any]]:
    seconds = [None] * len(found) if found.seconds is None else found.seconds.tolist()
    columns = [*found.coordinates.T.tolist(), seconds, found.sigma.tolist(), found.tau.tolist()]
    columns.append(found.response.tolist())
    return [dict(zip(_COLUMNS, row, strict=True)) for row in zip(*columns, strict=True)]
