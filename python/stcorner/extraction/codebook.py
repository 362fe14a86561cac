"""The codebook: what each column of each table means."""

from __future__ import annotations

import functools
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from stcorner._base.columns import ColumnDescription
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TABLES", "codebook_page", "column_of", "columns"]

_SHARE, _UP, _ANY = (0.0, 1.0), (0.0, float("inf")), (-float("inf"), float("inf"))
TABLES = {
    "extract": "One row per clip or window, and one per altered copy, before its features.",
    "predict": "One row per clip or window.",
    "timeline": "One row per moment and face.",
    "live": "One row per window, as it ends.",
    "frames": "One row per 10 ms of sound (`features --frames`, `frame_table`).",
    "faces": "One row per face and moment (`features --frames --modality video`, `face_table`).",
    "points": "One row per interest point (`stips`).",
    "errors": "One row per file that `extract` could not read.",
    "probe": "One row per file.",
    "block audio, recipe rich": "Features of the sound, the default recipe.",
    "block audio, recipe egemaps": "Features of the sound.",
    "block audio, recipe paper162": "Features of the sound.",
    "block audio, recipe notebook162": "Features of the sound.",
    "block mel": "The sound as a spectrogram: `log_mel_patch`.",
    "block expression": "Features of the face.",
    "block video": "Features of the face: `orientation_histogram`.",
    "block texture": "Features of the face: `texture_map_histogram`.",
}
_WINDOWS = "predict timeline live"
_SOUND = "extract predict live"
_SPEECH = f"{_SOUND} timeline"
_ROWS = f"extract {_WINDOWS}"
_ALL = f"{_ROWS} frames faces"
# Tables, name, meaning, unit, range; of names with a star there is one for each class or block.
_ENTRIES = (
    (f"{_ALL} probe", "file", "Name of the file, below the root.", "", None),
    (_ALL, "clip_id", "Name of the clip, which no other clip of the table has; tables join on it.", "", None),
    (_ALL, "subject", "The person, by the corpus or by --subject.", "", None),
    (_ALL, "root", "Folder that names of files count from.", "", None),
    (_ROWS, "start", "Begin on the file's clock; empty: that of the file.", "s", _UP),
    (_ROWS, "end", "End on the file's clock; empty: that of the file.", "s", _UP),
    (_ROWS, "face_id", "Number of the face, from 0 in the order of appearance.", "", _UP),
    ("extract", "copy", "Kind of altered copy of the sound; empty for the clip itself.", "", None),
    ("extract", "corpus", "Corpus that the clip is of.", "", None),
    ("extract", "label", "Emotion that the corpus or the annotation names.", "", None),
    ("extract", "take", "What was recorded: equal for all files of one moment.", "", None),
    ("extract", "sentence", "Sentence that is spoken, by the corpus's number.", "", None),
    ("extract", "intensity", "Intensity that the corpus names.", "", None),
    ("extract", "repetition", "Number of the repetition, by the corpus.", "", None),
    ("extract", "channel", "Speech or song.", "", None),
    ("extract", "sex", "Sex of the person, by the corpus.", "", None),
    ("extract", "modality", "What of the clip is used: audio, video or both.", "", None),
    ("extract", "audio_file", "File of the sound, where it is another one, below the root.", "", None),
    ("extract", "warnings", "What is odd about the file.", "", None),
    ("extract", "*_status", "ok, partial (face in part of its frames), or why it is missing.", "", None),
    (_WINDOWS, "label", "Most probable emotion.", "", None),
    (_WINDOWS, "p_*", "Probability of the emotion named.", "", _SHARE),
    (_WINDOWS, "entropy", "Entropy of the probabilities: 0 is certain.", "bits", _UP),
    (_WINDOWS, "abstain", "Whether the best probability is below what the model decides on.", "", None),
    ("extract predict live", "n_frames", "Frames of the face that were used, at analysis_fps.", "", _UP),
    ("extract predict live", "n_voiced", "Voiced frames of the sound, 10 ms each.", "", _UP),
    ("extract predict live probe", "fps", "Frames per second of the file.", "Hz", _UP),
    ("extract predict live", "analysis_fps", "Frames of the face per second that were looked at.", "Hz", _UP),
    ("extract predict live probe", "sr", "Samples per second of the file's sound.", "Hz", _UP),
    (_SPEECH, "speech", "ok, silent, no_speech, music_or_noise, little_speech, unfamiliar.", "", None),
    (_SOUND, "voiced_seconds", "Time with a fundamental frequency.", "s", _UP),
    (_SOUND, "speech_share", "Share of the time that is loud and near a voiced frame.", "", _SHARE),
    (_SOUND, "level_dbfs", "Root mean square of the loud part, of full scale.", "dB", _ANY),
    (_SOUND, "snr_db", "Level of the loud part over the quietest tenth.", "dB", (-10.0, 90.0)),
    (_SOUND, "clipping_share", "Share of the samples that were cut off at a level.", "", _SHARE),
    (_SOUND, "bandwidth_hz", "Highest frequency less than 60 dB under the strongest.", "Hz", (0.0, 8000.0)),
    (_WINDOWS, "model", "Name of the model.", "", None),
    ("predict live", "stcorner_version", "Version of the program.", "", None),
    (_WINDOWS, "status", "ok, the blocks that were there and only, failed, or a value of speech.", "", None),
    (_WINDOWS, "message", "What was odd or went wrong.", "", None),
    ("timeline", "time", "Middle of the moment on the file's clock.", "s", _UP),
    ("timeline", "f0", "Mean fundamental frequency of the voiced frames.", "Hz", _UP),
    ("timeline", "loudness", "Mean loudness, see the frames.", "", _UP),
    ("timeline", "voiced_share", "Share of the frames that have a fundamental frequency.", "", _SHARE),
    ("live", "expression_*", "Mean probability that the face looks so, of its logarithms.", "", _SHARE),
    ("live", "latency", "From the capture of the window's end to the answer.", "s", _UP),
    ("live", "dropped_frames", "Pictures dropped so far.", "", _UP),
    ("points", "t", "Frame of the point.", "frames", _UP),
    ("points", "y", "Row of the point.", "pixels", _UP),
    ("points", "x", "Column of the point.", "pixels", _UP),
    ("points", "time", "Moment of the point on the file's clock.", "s", _UP),
    ("points", "sigma", "Scale in space of the point, a standard deviation.", "pixels", _UP),
    ("points", "tau", "Scale in time of the point, a standard deviation.", "frames", _UP),
    ("points", "response", "Harris response of the point.", "gray values to the sixth power", _ANY),
    ("errors", "path", "File that could not be read, below the root.", "", None),
    ("errors", "stage", "Where it failed: media, audio, face, or the name of a block.", "", None),
    ("errors", "error", "What was wrong.", "", None),
    ("probe", "format", "Container.", "", None),
    ("probe", "seconds", "Length of the file.", "s", _UP),
    ("probe", "audio", "Codec of the sound.", "", None),
    ("probe", "channels", "Channels of the sound.", "", _UP),
    ("probe", "video", "Codec of the picture.", "", None),
    ("probe", "width", "Width of the picture.", "pixels", _UP),
    ("probe", "height", "Height of the picture.", "pixels", _UP),
    ("probe", "rotation", "Turn by which the picture is to be shown.", "degrees", _ANY),
    ("probe", "offset", "Begin of the sound less that of the picture.", "s", _ANY),
    ("probe", "error", "What was wrong.", "", None),
)  # fmt: skip


def columns(pattern: str | None = None) -> list[dict[str, Any]]:
    """Return the codebook: what each column of each table means.

    Parameters
    ----------
    pattern : str, optional
        Name of a column, a part of one, or a pattern such as ``"f0*_mean"``. Default: all columns.

    Returns
    -------
    list of dict
        One per column and table, in the order of the tables: ``name``, ``meaning`` in a sentence, ``unit``,
        ``range``, ``source`` and ``table``. A name such as ``p_*`` stands for one column per emotion.
        `pandas.DataFrame` takes the list.

    Raises
    ------
    ParameterError
        If no column fits.

    See Also
    --------
    describe_column : One column of the voice.

    Examples
    --------
    >>> row = columns("h1_a3_mean")[0]
    >>> row["unit"], row["meaning"][:41]
    ('dB', 'Mean over the active part of: level of th')
    >>> [row["table"] for row in columns("p_sad")][:3]
    ['predict', 'timeline', 'live']
    """
    found = [
        {
            "name": name, "meaning": about.meaning, "unit": about.unit, "range": _interval(about.range),
            "source": about.source, "table": table,
        }
        for table, held in _codebook().items()
        for name, about in held.items()
        if pattern is None or _fits(name, str(pattern))
    ]  # fmt: skip
    if not found:
        raise ParameterError(f"pattern must fit a column, got {pattern!r}: leave it out to see all columns")
    return found


def column_of(name: str, table: str) -> ColumnDescription | None:
    """Return what a column of a table holds, None where the codebook does not know it."""
    held = _codebook()[table]
    return held.get(name) or next((held[one] for one in held if "*" in one and fnmatchcase(name, one)), None)


def _fits(name: str, pattern: str) -> bool:
    if re.search(r"[*?[]", pattern):
        return fnmatchcase(name, pattern)
    return pattern in name or ("*" in name and fnmatchcase(pattern, name))


def _interval(limits: tuple[float, float]) -> str:
    low, high = limits
    if low == -float("inf"):
        return "" if high == float("inf") else f"up to {high:g}"
    return f"from {low:g}" if high == float("inf") else f"{low:g} to {high:g}"


@functools.cache
def _codebook() -> dict[str, dict[str, ColumnDescription]]:
    """Return the columns of every table of `TABLES`."""
    from stcorner.audio.columns import described_columns
    from stcorner.video.columns import describe_video_columns

    found: dict[str, dict[str, ColumnDescription]] = {table: dict(_entries(table)) for table in TABLES}
    found["frames"] |= described_columns("frames")
    found["faces"] |= (faces := describe_video_columns("faces"))
    found["timeline"] |= {name: faces[name] for name in faces if name not in ("time", "frame", "face_id")}
    about = "Level in a band and a frame (both counted from 1), over the mean of what is shown."
    found["block mel"] = {"mel_*": ColumnDescription(about, "dB", (-63.5, 64.0), "stcorner")}
    for block in ("expression", "video", "texture"):
        found[f"block {block}"] = describe_video_columns(block)
    for recipe in ("rich", "egemaps", "paper162", "notebook162"):
        found[f"block audio, recipe {recipe}"] = described_columns(recipe)
    return found


def _entries(table: str) -> Iterator[tuple[str, ColumnDescription]]:
    for tables, name, meaning, unit, limits in _ENTRIES:
        if table in tables.split():
            yield name, ColumnDescription(meaning, unit, limits or _ANY, "stcorner")


_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def codebook_page() -> str:
    """Return the codebook as a page of Markdown; names that differ in numbers alone share a line."""
    lines = [
        "# Columns",
        "",
        "What each column of each table means. `stcorner columns PATTERN` and `stcorner.columns` find them",
        "one by one. In a name, `#` stands for a number, `*` for an emotion or a block; (12) counts columns.",
        "",
        "<!-- Written by `python -m stcorner.extraction.codebook > docs/columns.md`. -->",
    ]  # fmt: skip
    for table, what in TABLES.items():
        lines += ["", f"## {table}", "", what, ""]
        lines += ["| name | meaning | unit | range | source |", "|---|---|---|---|---|"]
        groups: dict[tuple[str, ...], int] = {}
        for name, about in _codebook()[table].items():
            numbered = _NUMBER.search(name) is not None
            texts = [_NUMBER.sub("#", text) if numbered else text for text in (name, about.meaning)]
            key = (f"`{texts[0]}`", texts[1], about.unit, _interval(about.range), about.source)
            groups[key] = groups.get(key, 0) + 1
        for (name, *rest), count in groups.items():
            many = f" ({count})" if count > 1 else ""
            lines.append("| " + " | ".join([f"{name}{many}", *rest]) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(codebook_page(), end="")
