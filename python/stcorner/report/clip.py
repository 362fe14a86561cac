"""What the report of one clip shows, computed once."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.palette import class_colours
from stcorner.report._media import SAMPLE_RATE, playable_clip
from stcorner.report.reasons import reasons_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from stcorner.extraction import ClipFeatures
    from stcorner.extraction.plan import Face
    from stcorner.media import FaceClip
    from stcorner.recognizer.explanation import Explanation
    from stcorner.recognizer.predictor import Predictor
    from stcorner.video import Stips

__all__ = ["ClipReport", "collect_clip"]

_SIZE, _FPS = 96, 25.0  # face crop, as the texture map sees it
_TILE = 24  # the response is shown on a grid of this many cells a side
_WAVE = 1200  # columns of the waveform
_MOMENTS = 5  # thumbnails of the strongest corners


@dataclass(kw_only=True)
class ClipReport:
    """Everything that the page of one clip holds; times in seconds on the file's clock."""

    name: str
    duration: float
    media: bytes
    picture: dict[str, Any] | None
    faces: dict[str, Any] | None = None
    people: list[dict[str, Any]] = field(default_factory=list)
    quality: float | None = None
    thumbnail: bytes | None = None
    points: list[dict[str, float]] = field(default_factory=list)
    response: dict[str, Any] | None = None
    expressions: dict[str, Any] | None = None
    moments: list[dict[str, Any]] = field(default_factory=list)
    sound: dict[str, Any] | None = None
    prediction: dict[str, Any] | None = None
    classes: list[str] = field(default_factory=list)
    colours: list[str] = field(default_factory=list)
    timeline: dict[str, Any] | None = None
    explanation: Explanation | None = None
    meanings: dict[str, str] = field(default_factory=dict)
    reasons: list[dict[str, Any]] = field(default_factory=list)
    features: list[dict[str, Any]] = field(default_factory=list)
    provenance: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def _round(values: NDArray[Any], digits: int = 4) -> list[Any]:
    """Return a list with None for NaN: JSON has no NaN, and digits cost bytes."""
    return [None if v != v else round(float(v), digits) for v in np.asarray(values, dtype=float)]


def _packed(values: NDArray[np.uint8]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def collect_clip(
    path: Path,
    recognizer: Predictor | None,
    *,
    max_duration: float,
    face: Face = "largest",
    progress: Callable[[str, float], object] | None = None,
) -> ClipReport:
    """Read a clip and compute what its page shows.

    Parameters
    ----------
    path : Path
        A media file with sound, picture or both.
    recognizer : Predictor, optional
        Of a fitted model; without it the page shows features only.
    max_duration : float
        Seconds of a longer file that are shown; the page says so.
    face : "largest", "all" or int
        Whose curves are shown and who is decided on; with "all" the curves are those of the largest, and
        everybody is decided on.
    progress : callable, optional
        Called as ``progress(stage, share)``.
    """
    from stcorner.media import load_audio, probe

    tell = progress or (lambda stage, share: None)
    tell("reading", 0.05)
    info = probe(path)
    voice = None
    if info.audio is not None:
        voice, _ = load_audio(path, sr=SAMPLE_RATE, duration=max_duration)
    length = _length(info, voice)
    end = min(length, max_duration)
    tell("encoding", 0.15)
    media, size = playable_clip(path, info, voice, end=end)
    report = ClipReport(name=path.name, duration=end, media=media, picture=None)
    if length > max_duration:
        report.warnings.append(
            f"The page shows the first {max_duration:g} s of {length:.1f} s. Cut the clip to see another "
            "part."
        )
    if size is not None and info.video is not None:
        report.picture = {"width": size[0], "height": size[1], "fps": info.video.fps or _FPS}
        tell("looking for the face", 0.3)
        _add_face(report, path, size, info.video.width, end, face)
    if info.audio is not None:
        tell("listening", 0.55)
        _add_sound(report, path, max_duration)
    if recognizer is not None:
        tell("recognising", 0.7)
        _add_decision(report, path, replace(recognizer, plan=replace(recognizer.plan, face=face)))
    return report


def _length(info: Any, voice: NDArray[np.float32] | None) -> float:
    known = [info.duration or 0.0, 0.0 if voice is None else len(voice) / SAMPLE_RATE]
    return max(0.04, *known)


def _add_face(
    report: ClipReport, path: Path, size: tuple[int, int], width: int, end: float, rule: Face
) -> None:
    import cv2

    from stcorner.media import crop_face, track_faces

    face = crop_face(path, size=_SIZE, fps=_FPS, end=end, rule="largest" if rule == "all" else rule)
    scale = size[0] / width
    tracks = [track for track in track_faces(path) if track.times[0] <= end]
    report.people = [
        {
            "face_id": track.face_id,
            "start": float(track.times[0]),
            "end": float(min(end, track.times[-1])),
            "quality": float(track.face_quality[track.times <= end].mean()),
            "time": _round(track.times[track.times <= end], 3),
            "box": [_round(box, 1) for box in track.boxes[track.times <= end] * scale],
            "shown": track.face_id == face.face_id,
            "row": None,
        }
        for track in tracks
    ]
    if len(tracks) > 1:
        names = ", ".join(str(track.face_id) for track in tracks)
        report.warnings.append(
            f"{len(tracks)} faces were found ({names}). The curves describe face {face.face_id}. Choose "
            "another with --face."
        )
    if face.face_id is None:
        there = ", ".join(str(track.face_id) for track in tracks)
        told = (
            f"Face {rule} was not found, there is {there}." if there else "No face was found in the picture."
        )
        report.warnings.append(told)
        return
    best = int(np.argmax(np.where(face.success, face.face_quality, -1.0)))
    report.quality = float(face.face_quality[face.success].mean())
    report.thumbnail = cv2.imencode(".jpg", face.frames[best])[1].tobytes()
    if face.status == "partial":
        report.warnings.append(
            "The face is in view for a part of the clip only. The curves describe that part."
        )
    shown = face.times <= end
    boxes = np.nan_to_num(face.boxes[shown] * scale)
    report.faces = {
        "time": _round(face.times[shown], 3),
        "box": [_round(box, 1) for box in boxes],
        "found": face.success[shown].tolist(),
    }
    _add_expressions(report, face, int(shown.sum()))
    if shown.sum() >= 3:
        _add_corners(report, face, int(shown.sum()))


def _add_expressions(report: ClipReport, face: FaceClip, n: int) -> None:
    from stcorner.video import face_expression_names
    from stcorner.video.expression_summary import ZOOM
    from stcorner.video.expressions import expression_log_probabilities

    seen = face.success[:n]
    if not seen.any():
        return
    names = face_expression_names()
    shares = np.full((n, len(names)), np.nan)
    shares[seen] = np.exp(expression_log_probabilities(face.frames[:n][seen], zoom=ZOOM))
    report.expressions = {
        "time": _round(face.times[:n], 3),
        "names": names,
        "colours": class_colours(names),
        "p": [_round(row) for row in shares],
    }


def _add_corners(report: ClipReport, face: FaceClip, n: int) -> None:
    """Add interest points and the response, in shares of the face's box."""
    from stcorner.video import corner_harris_3d, detect_stips

    frames, times = face.frames[:n], face.times[:n]
    stips = detect_stips(frames, num_peaks=300)
    for (t, y, x), sigma, tau, strength in zip(
        stips.coordinates, stips.sigma, stips.tau, stips.response, strict=True
    ):
        if face.success[min(n - 1, round(float(t)))]:
            report.points.append({
                "t": round(float(np.interp(t, np.arange(n), times)), 3),
                "x": round(float((x + 0.5) / _SIZE), 4),
                "y": round(float((y + 0.5) / _SIZE), 4),
                "r": round(float(2 * sigma / _SIZE), 4),
                "tau": round(float(2 * tau / face.fps), 3),
                "strength": float(f"{float(strength):.3g}"),
            })  # fmt: skip
    report.moments = _moments(frames, times, stips)
    response = np.maximum(corner_harris_3d(frames), 0.0)
    step = _SIZE // _TILE
    tiles = response.reshape(n, _TILE, step, _TILE, step).max(axis=(2, 4))
    # The response spans decades; its cube root shows weak and strong motion together.
    shown = np.cbrt(tiles / max(float(np.quantile(tiles, 0.999)), 1e-30))
    report.response = {
        "time": _round(times, 3),
        "rows": _TILE,
        "columns": _TILE,
        "data": _packed((255 * np.clip(shown, 0, 1)).astype(np.uint8)),
    }


def _moments(frames: NDArray[np.uint8], times: NDArray[np.float64], stips: Stips) -> list[dict[str, Any]]:
    """Return thumbnails of the frames with the strongest corners, which are circled."""
    import cv2

    from stcorner.video.drawing import liveliest

    found = []
    for frame in liveliest(stips, _MOMENTS) if len(stips) else ():
        near = np.abs(stips.coordinates[:, 0] - frame) <= 2
        if not near.any():
            continue
        picture = cv2.cvtColor(cv2.resize(frames[frame], None, fx=2, fy=2), cv2.COLOR_GRAY2BGR)
        for _, y, x in stips.coordinates[near][:12]:
            cv2.circle(picture, (round(2 * x), round(2 * y)), 9, (0, 94, 213), 2, cv2.LINE_AA)
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
        image = base64.b64encode(data.tobytes()).decode("ascii")
        found.append({"t": round(float(times[frame]), 3), "n": int(near.sum()), "image": image})
    return found


def _add_sound(report: ClipReport, path: Path, max_duration: float) -> None:
    from stcorner.audio import describe_column, frame_table
    from stcorner.media import load_audio

    y, sr = load_audio(path, sr=16_000, duration=max_duration)
    if len(y) == 0:
        report.warnings.append("The sound is empty: the page shows the picture only.")
        return
    table = frame_table(y, sr=sr)
    time = np.asarray(table["time"])
    step = max(1, len(y) // _WAVE)
    pieces = y[: len(y) // step * step].reshape(-1, step)
    cepstra = np.stack([np.asarray(table[f"mfcc_{i}"]) for i in range(1, 14)])
    low, high = np.quantile(cepstra, [0.02, 0.98], axis=1, keepdims=True)
    shown = np.clip((cepstra - low) / np.maximum(high - low, 1e-9), 0, 1)
    hop = float(time[1] - time[0]) if len(time) > 1 else report.duration
    energy = 20 * np.log10(np.maximum(np.asarray(table["rms"], dtype=float), 1e-5))
    report.sound = {
        "time": _round(time, 3),
        "f0": _round(np.where(np.asarray(table["voiced"], dtype=bool), table["f0"], np.nan), 1),
        "energy": _round(energy, 2),
        "zcr": _round(np.asarray(table["zcr"]), 4),
        "meanings": {name: describe_column(name).meaning for name in ("f0", "rms", "zcr", "mfcc_1")},
        "wave": {
            "start": 0.0,
            "step": step / sr,
            "low": _round(pieces.min(axis=1)),
            "high": _round(pieces.max(axis=1)),
        },
        "mfcc": {
            "rows": len(shown),
            "columns": shown.shape[1],
            "start": max(0.0, float(time[0]) - hop / 2),
            "end": float(time[-1]) + hop / 2,
            "data": _packed((255 * shown).astype(np.uint8)),
        },
    }


def _add_decision(report: ClipReport, path: Path, recognizer: Predictor) -> None:
    from stcorner.extraction.clipfeatures import column_names
    from stcorner.recognizer.explanation import explain_decision

    report.classes = list(recognizer.classes)
    report.colours = class_colours(report.classes)
    features = recognizer.extract([path])
    rows = recognizer.rows(features)
    for person in report.people:
        person["row"] = next((row for row in rows if row["face_id"] == person["face_id"]), None)
    of_page = [person["face_id"] for person in report.people if person["shown"]]
    at = next((i for i, row in enumerate(rows) if [row["face_id"]] == of_page), 0)
    features, row = features[[at]], rows[at]
    if row["label"] is None:
        report.warnings.append(f"The model gave no label: {row['message']}")
        return
    report.prediction = row
    if row["message"]:
        report.warnings.append(str(row["message"]))
    names = [name for block in column_names(features.names).values() for name in block]
    values = np.concatenate([features.blocks[block][0] for block in features.blocks])
    report.features = [{**row, **dict(zip(names, map(float, values), strict=True))}]
    report.explanation = explain_decision(recognizer, features)
    report.meanings = _meanings(features)
    report.reasons = reasons_of(report.explanation, recognizer, features)
    report.timeline = _timeline(path, recognizer, report)


def _meanings(features: ClipFeatures) -> dict[str, str]:
    """Return what the columns of each group of an explanation mean, the first three of them."""
    from stcorner.extraction.codebook import columns
    from stcorner.recognizer.explanation import feature_group

    known = {row["name"]: row["meaning"] for row in reversed(columns())}
    groups: dict[str, list[str]] = {}
    for block, names in features.names.items():
        for name in names:
            if name in known:
                groups.setdefault(feature_group(name, block, len(names)), []).append(name)
    meanings = {}
    for group, names in groups.items():
        more = f" And {len(names) - 3} more: stcorner columns {group.split()[-1]}" if len(names) > 3 else ""
        meanings[group] = " ".join(f"{name}: {known[name]}" for name in names[:3]) + more
    return meanings


def _timeline(path: Path, recognizer: Predictor, report: ClipReport) -> dict[str, Any] | None:
    window = min(2.0, max(0.5, report.duration))
    time, shares = [], []
    for row in recognizer.timeline(path, window=window, hop=min(0.25, window)):
        if row["label"] is None or row["start"] is None:
            continue
        if report.prediction is not None and row["face_id"] not in (None, report.prediction["face_id"]):
            continue
        middle = 0.5 * (row["start"] + row["end"])
        if middle > report.duration:
            break
        time.append(round(middle, 3))
        shares.append([round(row[f"p_{name}"], 4) for name in report.classes])
    return {"time": time, "p": shares, "window": window} if time else None
