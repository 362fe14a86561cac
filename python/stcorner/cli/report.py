"""``stcorner report``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from stcorner.cli._options import NameOptions, parse_face, parse_subject

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["report"]

_NAMES = NameOptions()


def report(
    files: list[Path],
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")] = Path("report.html"),
    model: Annotated[str | None, Parameter(alias="-m")] = None,
    decide: bool = True,
    max_duration: float = 120.0,
    face: str = "largest",
    names: NameOptions = _NAMES,
) -> int:
    """Write an HTML page of one clip, of a folder of clips, or of evaluations.

    The page is one HTML file that opens offline.

    Parameters
    ----------
    files
        One media file; a folder of them, which gives an index and a page for each clip; or evaluations
        (*.json) of one or several models, to stand side by side.
    output
        HTML file to write; it must end in .html.
    model
        A *.stcorner file or the name of a shipped model. Default: ravdess-av.
    decide
        Predict the emotion of the clip; --no-decide shows features only.
    max_duration
        Seconds of a longer clip that are shown.
    face
        Whose curves are shown and who is decided on: largest, a number, or all, which decides on everybody.
    """
    from stcorner._base.text import shown
    from stcorner.cli._output import complain, progress, say
    from stcorner.errors import ParameterError
    from stcorner.report.build import build_report, report_folder

    if output.suffix.lower() not in {".html", ".htm"}:  # never over somebody's clip or evaluation
        raise ParameterError(f"--output must end in .html, got {str(output)!r}")
    failed: list[dict[str, Any]] = []
    if files and all(file.suffix == ".json" for file in files):
        from stcorner.cli._inputs import read_evaluations

        build_report(read_evaluations(files), output)
    else:
        if len(files) != 1:
            raise ParameterError(
                f"FILES must be one media file, one folder or several *.json, got {len(files)} files: put "
                "the clips into a folder and give that"
            )
        from stcorner.recognizer import load_model

        options: dict[str, Any] = {
            "recognizer": load_model(model) if decide else None, "max_duration": max_duration,
            "face": parse_face(face),
        }  # fmt: skip
        with progress("report") as told:
            tell = partial(_tell, told)
            if files[0].is_dir():
                person = parse_subject(names.subject)
                rows = report_folder(
                    files[0], output, root=names.root, subject=person, progress=tell, **options
                )
                failed = [row for row in rows if row["failed"]]
            else:
                build_report(files[0], output, progress=tell, **options)
    say(f"report: {shown(output)} ({output.stat().st_size / 1e6:.1f} MB)")
    for row in failed:
        complain(f"{row['clip_id']}: {'; '.join(row['warnings'])}")
    return 1 if failed else 0


def _tell(report: Callable[[int, int], None], stage: str, share: float) -> None:
    report(round(100 * share), 100)
