"""One table of a recording at a rate of your choice: emotion, voice and every face, moment by moment."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.tiers import Span
from stcorner._base.validation import check_real
from stcorner.corpora.clip import Clip
from stcorner.errors import MediaError
from stcorner.extraction.finding import IDENTITY, identity
from stcorner.extraction.plan import SAMPLE_RATE, check_face
from stcorner.recognizer.loading import predictor_of_model
from stcorner.recognizer.predictions import entropy_bits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from stcorner.media.recording import MediaLike
    from stcorner.recognizer.estimator import EmotionRecognizer
    from stcorner.recognizer.predictor import Predictor

__all__ = ["moment_tiers", "timeline_columns", "timeline_table"]

_VOICE = ("f0", "loudness", "voiced_share")
# Seconds of sound that are looked at together, and those on either side that give the path of the pitch.
_PIECE, _MARGIN = 60, 1


def timeline_columns(classes: Sequence[str] | None = None) -> list[str]:
    """Return the columns of `timeline_table`, without a model where `classes` is None.

    Examples
    --------
    >>> timeline_columns(["happy", "sad"])[4:13]
    ['time', 'start', 'end', 'label', 'p_happy', 'p_sad', 'entropy', 'abstain', 'f0']
    """
    from stcorner.video.facetable import FACE_COLUMNS

    emotion = [] if classes is None else ["label", *(f"p_{name}" for name in classes), "entropy", "abstain"]
    faces = [name for name in FACE_COLUMNS if name not in ("time", "frame")]
    model = [] if classes is None else ["model", "status", "message"]
    return [*IDENTITY, "time", "start", "end", *emotion, *_VOICE, "speech", *faces, *model]


def timeline_table(
    path: MediaLike | Clip,
    *,
    rate: float = 1.0,
    recognizer: EmotionRecognizer | Predictor | None = None,
    window: float = 2.0,
    hop: float = 0.5,
    face: Any = "all",
) -> list[dict[str, Any]]:
    """Tabulate a recording moment by moment: emotion, voice, and every face that is seen.

    Parameters
    ----------
    path : path, Recording or Clip
        What to read, from its begin to its end.
    rate : float, default=1.0
        Moments per second, above 0 and up to 100.
    recognizer : EmotionRecognizer or Predictor, optional
        Model of the emotions. Default: none, and no columns of them.
    window, hop : float
        Seconds that the model looks at, and between two looks; probabilities at the middle of a moment lie on
        the line between those of the two windows whose middles are next to it.
    face : {"all", "largest"} or int, default="all"
        Which faces have rows.

    Returns
    -------
    list of dict
        One row for each moment and face, by time, then by id; a moment that shows nobody has one row.
        Columns as `timeline_columns`: times in seconds on the file's clock; label and probabilities;
        mean ``f0`` (Hz) of the voiced frames, mean ``loudness``, ``voiced_share``; ``speech`` as
        `speech_presence`, of the model's window; means of `face_table` over the moment, expressions by their
        logarithms. What is not there is None.

    Raises
    ------
    ParameterError
        If a parameter is out of its range, or the model uses a block that has no windows.
    MediaError
        If the recording cannot be read.

    See Also
    --------
    frame_table : The voice frame by frame.
    face_table : The faces frame by frame.

    Examples
    --------
    >>> rows = timeline_table("interview.mp4", rate=1)  # doctest: +SKIP
    >>> [(row["time"], row["f0"], row["face_id"]) for row in rows[:2]]  # doctest: +SKIP
    [(0.5, 181.3, 0), (1.5, 176.0, 0)]
    """
    from stcorner.media import probe

    rate = check_real("rate", rate, low=0.0, high=100.0, open_low=True)
    rule = check_face(face)
    clip = Clip.of(path)
    predictor = None if recognizer is None else predictor_of_model(recognizer)
    if predictor is not None:
        from stcorner.recognizer.timeline import window_plan

        predictor = replace(predictor, plan=replace(predictor.plan, face=rule))
        window_plan(predictor, window, hop)
    infos = {stream: probe(clip.source(stream)) for stream in ("audio", "video")}
    voice = _Voice(rate)
    if infos["audio"].audio is not None:
        voice.read(clip)
    faces = _faces(clip, rate, rule) if infos["video"].video is not None else {}
    last = max((moment + 1 for moment, _ in faces), default=0) / rate
    length = max(voice.seconds, infos["video"].duration or last)
    decided = None if predictor is None else _Decided(predictor, clip, window, hop)
    rows = []
    seen: dict[int, list[int | None]] = {}
    for at, number in sorted(faces):
        seen.setdefault(at, []).append(number)
    for moment in range(max(1, math.ceil(length * rate - 1e-6))):
        start = moment / rate
        end = max(start, min((moment + 1) / rate, length))
        middle = (start + end) / 2
        first = {**identity(clip), "time": middle, "start": start, "end": end, **voice.at(moment)}
        for face_id in seen.get(moment, [None]):
            emotion = {} if decided is None else decided.at(middle, face_id)
            face = {} if face_id is None else {**faces[moment, face_id], "face_id": face_id}
            rows.append({**first, **emotion, **face})
    columns = timeline_columns(None if predictor is None else predictor.classes)
    return [{name: row.get(name) for name in columns} for row in rows]


class _Voice:
    """Means of the frames of the voice over each moment."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self.seconds = 0.0
        self._sums = np.zeros((0, 4))  # frames, voiced frames, sum of f0, sum of loudness

    def read(self, clip: Clip) -> None:
        for time, f0, loudness in _voice_frames(clip):
            bins = np.floor(time * self._rate + 1e-9).astype(np.intp)
            if bins[-1] >= len(self._sums):
                self._sums = np.vstack([self._sums, np.zeros((bins[-1] + 1 - len(self._sums), 4))])
            voiced = np.isfinite(f0)
            values = np.stack([np.ones_like(f0), voiced, np.where(voiced, f0, 0.0), loudness], axis=1)
            np.add.at(self._sums, bins, values)
            self.seconds = float(time[-1])

    def at(self, moment: int) -> dict[str, float | None]:
        if moment >= len(self._sums) or not self._sums[moment, 0]:
            return dict.fromkeys(_VOICE)
        n, voiced, f0, loudness = self._sums[moment].tolist()
        return {"f0": f0 / voiced if voiced else None, "loudness": loudness / n, "voiced_share": voiced / n}


def _voice_frames(clip: Clip) -> Iterator[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]:
    """Yield time, f0 and loudness of the frames of a sound, piece by piece, in constant memory."""
    from stcorner.media import iter_audio

    piece, margin = _PIECE * SAMPLE_RATE, _MARGIN * SAMPLE_RATE
    held = np.zeros(0, np.float32)
    before = origin = 0  # samples held that belong to the piece before, and number of the first one held
    for block in iter_audio(clip.source("audio"), sr=SAMPLE_RATE):
        held = np.concatenate([held, block])
        while len(held) >= before + piece + margin:
            yield _frames(held[: before + piece + margin], origin, before, before + piece)
            drop = before + piece - margin
            held, origin, before = held[drop:], origin + drop, margin
    if len(held) > before:
        yield _frames(held, origin, before, len(held) + 1)


def _frames(
    sound: NDArray[np.float32], origin: int, begin: int, stop: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    from stcorner.audio import frame_table

    table = frame_table(sound, sr=SAMPLE_RATE, descriptors=("f0", "loudness"))
    kept = (table["time"] >= begin / SAMPLE_RATE - 1e-9) & (table["time"] < stop / SAMPLE_RATE - 1e-9)
    return (
        table["time"][kept] + origin / SAMPLE_RATE,
        table["f0"][kept].astype(np.float64),
        table["loudness"][kept].astype(np.float64),
    )


def _faces(clip: Clip, rate: float, rule: Any) -> dict[tuple[int, int], dict[str, float]]:
    """Return means of the face table by moment and id."""
    from stcorner.video import face_table

    table = face_table(clip.source("video"), rule=rule)
    moments = np.floor(table["time"] * rate + 1e-9).astype(np.intp)
    found = {}
    keys, at = np.unique(np.stack([moments, table["face_id"]], axis=1), axis=0, return_inverse=True)
    counts = np.bincount(at.ravel(), minlength=len(keys))
    means = {}
    for name, values in table.items():
        if name in ("time", "frame", "face_id"):
            continue
        column = np.asarray(values, np.float64)
        if name.startswith("expression_"):
            column = np.log(np.maximum(column, 1e-12))
        means[name] = np.bincount(at.ravel(), column, minlength=len(keys)) / np.maximum(counts, 1)
    shares = [name for name in means if name.startswith("expression_")]
    if len(keys):
        total = np.logaddexp.reduce([means[name] for name in shares])
        means |= {name: np.exp(means[name] - total) for name in shares}
    for k, (moment, face_id) in enumerate(keys.tolist()):
        found[moment, face_id] = {name: float(values[k]) for name, values in means.items()}
    return found


class _Decided:
    """Probabilities of a model at any time, from its windows: of each face, and of the recording."""

    def __init__(self, predictor: Predictor, clip: Clip, window: float, hop: float) -> None:
        self._classes, self._level = predictor.classes, predictor.abstain_below
        self._failed: dict[str, Any] = {}
        self._series: dict[int | None, list[dict[str, Any]]] = {None: []}
        try:
            self._read(predictor.timeline(clip, window=window, hop=hop))
        except MediaError as error:  # nothing for the model to go by; voice and faces may be there
            self._failed = {"model": predictor.name, "status": "failed", "message": str(error)}

    def _read(self, rows: Iterator[dict[str, Any]]) -> None:
        for row in rows:
            if not self._series[None] or self._series[None][-1]["start"] != row["start"]:
                self._series[None].append(row)
            if row["face_id"] is not None:
                self._series.setdefault(row["face_id"], []).append(row)

    def at(self, time: float, face_id: int | None) -> dict[str, Any]:
        """Return label and probabilities, and what the nearest window says of itself."""
        series = self._series.get(face_id) or self._series[None]
        if not series:
            return self._failed
        middles = np.array([(row["start"] + row["end"]) / 2 for row in series])
        nearest = series[int(np.abs(middles - time).argmin())]
        told = {name: nearest.get(name) for name in ("model", "status", "message", "speech")}
        known = [row["label"] is not None for row in series]
        if nearest["label"] is None:
            return told
        table = np.array(
            [[row[f"p_{name}"] for name in self._classes] for row in series if row["label"] is not None]
        )
        shares = np.array([np.interp(time, middles[known], column) for column in table.T])
        best = int(shares.argmax())
        return {
            **told,
            "label": self._classes[best],
            **{f"p_{name}": float(share) for name, share in zip(self._classes, shares, strict=True)},
            "entropy": float(entropy_bits(shares[None])[0]),
            "abstain": bool(shares[best] < self._level),
        }


def moment_tiers(rows: Sequence[dict[str, Any]]) -> dict[str, list[Span]]:
    """Return the tiers of a timeline: emotion and expression of each face, speech, pitch and loudness."""
    faces = sorted({row["face_id"] for row in rows if row["face_id"] is not None})
    once = list({row["start"]: row for row in reversed(rows)}.values())[::-1]
    tiers: dict[str, list[Span]] = {}
    if len(faces) < 2:
        tiers["emotion"] = _runs((row, row.get("label")) for row in once)
    for face in faces:
        own = [row for row in rows if row["face_id"] == face]
        if len(faces) > 1:
            tiers[f"emotion, face {face}"] = _runs((row, row.get("label")) for row in own)
        tiers[f"expression, face {face}"] = _runs((row, _expression(row)) for row in own)
    tiers["speech"] = _runs((row, row.get("speech")) for row in once)
    tiers["f0 in Hz"] = _runs((row, _text(row["f0"], "{:.0f}")) for row in once)
    tiers["loudness"] = _runs((row, _text(row["loudness"], "{:.2f}")) for row in once)
    return {name: spans for name, spans in tiers.items() if spans}


def _expression(row: dict[str, Any]) -> str | None:
    shares = {name.removeprefix("expression_"): row[name] for name in row if name.startswith("expression_")}
    return max(shares, key=lambda name: shares[name]) if None not in shares.values() else None


def _text(value: float | None, form: str) -> str | None:
    return None if value is None else form.format(value)


def _runs(moments: Iterable[tuple[dict[str, Any], str | None]]) -> list[Span]:
    """Join moments with one label that follow each other."""
    spans: list[Span] = []
    for row, label in moments:
        if not label:
            continue
        last = spans[-1] if spans else None
        if last is not None and last.label == label and abs(last.end - row["start"]) < 1e-6:
            spans[-1] = Span(last.start, row["end"], label)
        else:
            spans.append(Span(row["start"], row["end"], label))
    return spans
