"""Reports in one call."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stcorner._base.files import check_not_input, printable, write_bytes
from stcorner._base.text import shown
from stcorner._base.validation import check_real
from stcorner.errors import OutputError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stcorner.corpora import Clip
    from stcorner.evaluation import Evaluation
    from stcorner.recognizer import EmotionRecognizer, Predictor
    from stcorner.report.clip import ClipReport

__all__ = ["build_report", "report_folder"]

_OURS = b'<meta name="generator" content="stcorner">'


def build_report(
    result: str | os.PathLike[str] | Evaluation | Sequence[Evaluation],
    path: str | os.PathLike[str],
    *,
    recognizer: EmotionRecognizer | Predictor | None = None,
    name: str | None = None,
    max_duration: float = 120.0,
    face: Any = "largest",
    root: str | os.PathLike[str] | None = None,
    subject: Any = None,
    progress: Callable[[str, float], object] | None = None,
) -> ClipReport | None:
    """Write one HTML file that opens offline in any browser.

    Parameters
    ----------
    result : path, Evaluation, or sequence of Evaluation
        A folder gives an index of its clips and, in a folder with the name of `path`, a report of each. A
        media file gives the report of a clip: the clip playing with face, interest points and
        response, sound curves and probabilities on one clock, and the decision explained. An
        evaluation gives tables and figures of how good a recogniser is; several stand side by side.
    path : path
        HTML file to write; an existing one is replaced once the new one is whole.
    recognizer : EmotionRecognizer or Predictor, optional
        Decides on the clip. Without it the report shows features only.
    name : str, optional
        Title of the report of a clip. Default: the file's name.
    max_duration : float, default=120.0
        Seconds of a longer clip that are shown, > 0; the report says so.
    face : {"largest", "all"} or int, default="largest"
        Whose curves are shown and who is decided on. With "all" everybody is decided on, and the curves are
        those of the largest. All faces are drawn and listed.
    root : path, optional
        Folder that names of a folder's clips count from. Default: the folder.
    subject : str, pattern or int, optional
        Who is seen in a folder's clips, as in `load_folder`.
    progress : callable, optional
        Called as ``progress(stage, share)``.

    Returns
    -------
    ClipReport or None
        What the report of a clip shows.

    Raises
    ------
    MediaError
        If the clip cannot be read.
    ValueError
        If a parameter is out of its range, or `path` is the clip itself.

    See Also
    --------
    explain_decision : The decision in parts, without a page.
    """
    target = Path(path)
    max_duration = check_real("max_duration", max_duration, low=0.0, open_low=True)
    from stcorner.extraction.plan import check_face
    from stcorner.report.page import provenance, render_clip

    if isinstance(result, str | os.PathLike):
        from stcorner.recognizer.loading import predictor_of_model
        from stcorner.report.clip import collect_clip

        source = Path(result)
        check_not_input("path", target, source)
        predictor = None if recognizer is None else predictor_of_model(recognizer)
        rule = check_face(face)
        if source.is_dir():
            report_folder(
                source, target, recognizer=predictor, name=name, max_duration=max_duration, face=rule,
                root=root, subject=subject, progress=progress,
            )  # fmt: skip
            return None
        report = collect_clip(source, predictor, max_duration=max_duration, face=rule, progress=progress)
        if name is not None:
            _rename(report, source, str(name))
        report.name, report.warnings = shown(report.name), [shown(text) for text in report.warnings]
        report.provenance = provenance(_settings(source, report.name, predictor))
        write_bytes(target, printable(render_clip(report)).encode())
        return report
    from stcorner.evaluation import Evaluation
    from stcorner.report.evaluation import render_evaluation

    evaluations = [result] if isinstance(result, Evaluation) else list(result)
    if not evaluations or not all(isinstance(each, Evaluation) for each in evaluations):
        raise ParameterError(f"result must be a media file, an Evaluation or a list of them, got {result!r}")
    write_bytes(target, render_evaluation(evaluations, provenance({})).encode())
    return None


def report_folder(
    source: Path,
    target: Path,
    *,
    recognizer: EmotionRecognizer | Predictor | None = None,
    name: str | None = None,
    root: Any = None,
    subject: Any = None,
    progress: Callable[[str, float], object] | None = None,
    **options: Any,
) -> list[dict[str, Any]]:
    """Write the index of a folder and a page for each clip; return the rows of the index."""
    from stcorner.extraction.finding import find_clips
    from stcorner.report.folder import folder_rows, render_folder
    from stcorner.report.page import provenance

    def report_of(clip: Clip, page: Path) -> ClipReport:
        if page.exists():
            with page.open("rb") as file:
                if _OURS not in file.read(1024):
                    raise OutputError(f"{page} is no report of ours: move it, or give the index another name")
        made = build_report(clip.path, page, recognizer=recognizer, name=clip.file, **options)
        assert made is not None  # a file gives the report of a clip
        return made

    tell = None if progress is None else lambda done, total: progress("clips", done / total)
    rows = folder_rows(find_clips(source, root=root, subject=subject), target, report_of, progress=tell)
    about = {"folder": shown(source), "clips": len(rows)}
    index = render_folder(name or source.resolve().name, rows, provenance(about))
    write_bytes(target, printable(index).encode())
    return rows


def _rename(report: ClipReport, source: Path, name: str) -> None:
    """Call the clip by another name wherever a report names it: its place says nothing to the reader."""
    places = [str(source.resolve()), str(source.absolute()), str(source)]

    def renamed(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value in (source.stem, source.name):
            return Path(name).stem if value == source.stem else name
        for place in places:
            value = value.replace(place, name)
        return value

    report.name = name
    report.warnings = [renamed(text) for text in report.warnings]
    report.features = [{key: renamed(value) for key, value in row.items()} for row in report.features]
    if report.prediction is not None:
        report.prediction = {key: renamed(value) for key, value in report.prediction.items()}


def _settings(source: Path, name: str, recognizer: Predictor | None) -> dict[str, Any]:
    import hashlib

    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    rows: dict[str, Any] = {"file": name, "SHA-256 of the file": digest}
    if recognizer is not None:
        rows["model"] = recognizer.name
        rows["blocks of the model"] = ", ".join(recognizer.blocks)
        plan = recognizer.plan
        rows["parameters of the model"] = (
            f"recipe={plan.recipe!r}, face={plan.face!r}, crop_size={plan.crop_size}, fps={plan.fps:g}"
        )
    return rows
