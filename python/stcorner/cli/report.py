"""``stcorner report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

__all__ = ["report"]


def report(
    files: list[Path],
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")] = Path("report.html"),
    model: Annotated[str | None, Parameter(alias="-m")] = None,
    decide: bool = True,
    max_duration: float = 120.0,
) -> int:
    """Write an HTML page of one clip, or of evaluations.

    The page is one HTML file that opens offline.

    Parameters
    ----------
    files
        One media file; or evaluations (*.json) of one or several models, to stand side by side.
    output
        HTML file to write; it must end in .html.
    model
        A *.stcorner file or the name of a shipped model. Default: ravdess-av.
    decide
        Predict the emotion of the clip; --no-decide shows features only.
    max_duration
        Seconds of a longer clip that are shown.
    """
    from stcorner._base.text import shown
    from stcorner.cli._output import progress, say
    from stcorner.errors import ParameterError
    from stcorner.report import build_report

    if output.suffix.lower() not in {".html", ".htm"}:  # never over somebody's clip or evaluation
        raise ParameterError(f"--output must end in .html, got {str(output)!r}")
    if files and all(file.suffix == ".json" for file in files):
        from stcorner.cli._inputs import read_evaluations

        build_report(read_evaluations(files), output)
    else:
        if len(files) != 1:
            raise ParameterError(f"FILES must be one media file or several *.json, got {len(files)} files")
        from stcorner.recognizer import load_model

        with progress("report") as report_progress:
            build_report(
                files[0], output, recognizer=load_model(model) if decide else None, max_duration=max_duration,
                progress=lambda stage, share: report_progress(round(100 * share), 100),
            )  # fmt: skip
    say(f"report: {shown(output)} ({output.stat().st_size / 1e6:.1f} MB)")
    return 0
