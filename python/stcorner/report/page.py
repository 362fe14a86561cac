"""From collected values to one self-contained HTML file."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.report._svg import face_map

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Environment

    from stcorner.recognizer.explanation import Explanation
    from stcorner.report.clip import ClipReport

__all__ = ["provenance", "render_clip", "render_page"]


# What the blocks are called on the page.
_HALVES = {
    "audio": "voice", "mel": "voice: spectrogram", "expression": "face: expression",
    "video": "face: shape and motion", "texture": "face: texture of motion",
}  # fmt: skip


@cache
def _asset(name: str) -> str:
    return (resources.files("stcorner.report") / "assets" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(
        loader=FunctionLoader(_asset), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


def provenance(extra: dict[str, Any]) -> dict[str, str]:
    """Return what made a page: versions, instruction set, time, and `extra` rows."""
    import stcorner

    versions = stcorner.show_versions()
    core: Any = versions["core"]
    packages: Any = versions["packages"]
    used = ("numpy", "scipy", "opencv-python-headless", "av", "soundfile")
    return {
        "stcorner": str(versions["stcorner"]),
        "made": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        **{key: str(value) for key, value in extra.items()},
        "instruction set": str(core["isa"]),
        "Python and packages": f"Python {versions['python']}, "
        + ", ".join(f"{name} {packages[name]}" for name in used if packages[name]),
        "platform": str(versions["platform"]),
    }


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii") + "'"


def render_page(template: str, *, script: str = "", data: Any = None, **values: Any) -> str:
    """Fill a template; the page's policy allows its own script and style and nothing else."""
    style = _asset("report.css")
    # "</script" would end the script element and "<!--" keep it open; JSON reads the escape as the same text.
    text = (
        ""
        if data is None
        else json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    )
    scripts = _hash(script) if script else "'none'"
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {scripts}; "
        "img-src data:; media-src data:; base-uri 'none'; form-action 'none'"
    )
    from markupsafe import Markup

    return (
        _environment()
        .get_template(template)
        .render(policy=policy, style=Markup(style), script=script, data=text, **values)
    )


def render_clip(report: ClipReport) -> str:
    """Return the page of one clip."""
    data = {
        "duration": report.duration,
        "classes": report.classes,
        "label": None if report.prediction is None else report.prediction["label"],
        "colours": report.colours,
        "picture": report.picture,
        "faces": report.faces,
        "people": [
            {name: person[name] for name in ("face_id", "time", "box", "shown")} for person in report.people
        ],
        "points": report.points,
        "response": report.response,
        "expressions": report.expressions,
        "sound": report.sound,
        "timeline": report.timeline,
    }
    row = report.prediction
    shares = [] if row is None else [
        {"name": name, "p": row[f"p_{name}"], "colour": colour}
        for name, colour in zip(report.classes, report.colours, strict=True)
    ]  # fmt: skip
    digits = 1 if report.duration >= 3 else 2  # no two ticks with one name
    ticks = [f"{x:.{digits}f} s" for x in np.linspace(0, report.duration, 6)]
    return render_page(
        "clip.html.j2",
        script=_asset("clip.js"),
        data=data,
        title=f"{report.name} - stcorner",
        name=report.name,
        asked=bool(report.classes),
        label=None if row is None else row["label"],
        probability=None if row is None else row[f"p_{row['label']}"],
        model=None if row is None else row["model"],
        abstain=row is not None and row["abstain"],
        warnings=report.warnings,
        picture=report.picture,
        media=base64.b64encode(report.media).decode("ascii"),
        media_type="audio/mp4",
        faces=report.faces,
        people=report.people if len(report.people) > 1 else [],
        points=report.points,
        response=report.response,
        moments=report.moments,
        reasons=report.reasons,
        probabilities=sorted(shares, key=lambda share: -share["p"]),
        legend=_legend(report),
        duration=report.duration,
        ticks=ticks,
        explanation=None if report.explanation is None else _explain(report.explanation, report.meanings),
        provenance=report.provenance,
    )


def _legend(report: ClipReport) -> list[dict[str, str]]:
    """Return name and colour of each curve of probabilities."""
    colours = dict(zip(report.classes, report.colours, strict=True)) if report.timeline else {}
    if report.expressions is not None:
        faces = zip(report.expressions["names"], report.expressions["colours"], strict=True)
        colours = {**dict(faces), **colours}
    return [{"name": name, "colour": colour} for name, colour in sorted(colours.items())]


def _explain(explanation: Explanation, meanings: Mapping[str, str]) -> dict[str, Any]:
    from markupsafe import Markup

    grid = explanation.face_map()
    strongest = sorted(explanation.parts.items(), key=lambda item: -abs(item[1]))
    rest = sum(value for _, value in strongest[12:])
    shown = [
        {"name": name, "value": value, "title": meanings.get(name, "")} for name, value in strongest[:12]
    ]
    if len(strongest) > 12:
        shown.append({"name": f"the other {len(strongest) - 12} together", "value": rest, "title": ""})
    halves = {_HALVES.get(block, block): part for block, part in explanation.blocks.items()}
    return {
        "against": explanation.against,
        "total": explanation.total,
        "offset": explanation.offset,
        "sum": sum(explanation.parts.values()),
        "groups": [{"name": name, "value": value} for name, value in halves.items()],
        "features": shown,
        "face_map": None if grid is None else Markup(face_map(grid)),
        "segments": 0 if grid is None else len(grid),
    }
