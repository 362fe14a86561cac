"""A folder at a glance: what failed and what shows little first, each clip with a link to its page."""

from __future__ import annotations

import base64
import os
import urllib.parse
from typing import TYPE_CHECKING, Any

from stcorner._base.files import printable
from stcorner._base.text import shown
from stcorner.errors import StcornerError
from stcorner.extraction.describe import fault_of_input
from stcorner.extraction.finding import inside
from stcorner.report.page import render_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from stcorner.corpora import Clip
    from stcorner.report.clip import ClipReport

__all__ = ["folder_rows", "render_folder"]


def folder_rows(
    clips: Sequence[Clip],
    target: Path,
    report_of: Callable[[Clip, Path], ClipReport],
    *,
    progress: Callable[[int, int], object] | None = None,
) -> list[dict[str, Any]]:
    """Report each clip on a page of its own, in a folder with the name of `target`; return the index.

    Rows are in the order in which they want a look: what failed, then the least quality.
    """
    rows = []
    taken: set[str] = set()
    for done, clip in enumerate(clips, start=1):
        name = inside(clip.clip_id)
        while name.casefold() in taken:  # of clips outside the root, and where case does not count
            name += "-"
        taken.add(name.casefold())
        page = target.with_suffix("") / f"{name}.html"
        row: dict[str, Any] = {
            "clip_id": shown(clip.clip_id), "failed": False, "link": None, "label": None, "facts": [],
            "warnings": [], "thumbnail": None, "quality": -1.0,
        }  # fmt: skip
        try:
            row |= _facts(report_of(clip, page), clip)
            row["link"] = urllib.parse.quote(
                os.fsencode(os.path.relpath(page, target.parent).replace(os.sep, "/"))
            )
        except Exception as error:  # one bad file must not cost the rows of the others
            text = str(error) if isinstance(error, StcornerError) else fault_of_input(error, clip.path)
            row |= {"failed": True, "warnings": [shown(text.replace(str(clip.path), clip.file))]}
        rows.append(row)
        if progress is not None:
            progress(done, len(clips))
    return sorted(rows, key=lambda row: (not row["failed"], row["quality"], row["clip_id"]))


def _facts(report: ClipReport, clip: Clip) -> dict[str, Any]:
    prediction = report.prediction
    faces = len(report.people)
    facts = [f"{report.duration:.1f} s", shown(clip.subject) if clip.subject else ""]
    if report.picture is not None:
        facts.append(f"{faces} faces" if faces != 1 else f"face quality {report.quality or 0:.2f}")
    else:
        facts.append("sound alone")
    row: dict[str, Any] = {
        "facts": [fact for fact in facts if fact],
        "warnings": report.warnings,
        "thumbnail": None if report.thumbnail is None else base64.b64encode(report.thumbnail).decode("ascii"),
        "quality": (1.0 if report.picture is None else report.quality or 0.0) - 0.1 * len(report.warnings),
    }
    if prediction is not None and prediction["label"] is not None:
        label = prediction["label"]
        row |= {"label": label, "probability": prediction[f"p_{label}"], "abstain": prediction["abstain"]}
    return row


def render_folder(name: str, rows: Sequence[Mapping[str, Any]], provenance: Mapping[str, str]) -> str:
    """Return the index of a folder."""
    failed = sum(row["failed"] for row in rows)
    odd = sum(bool(row["warnings"]) and not row["failed"] for row in rows)
    told = [f"{len(rows)} clip{'s' * (len(rows) != 1)}"]
    told += [f"{failed} could not be read"] * bool(failed) + [f"{odd} with remarks"] * bool(odd)
    return render_page(
        "folder.html.j2",
        title=f"{printable(shown(name))} - folder",
        verdict=", ".join(told) + ". What failed stands first, then what shows least.",
        warnings=[],
        rows=rows,
        provenance=provenance,
    )
