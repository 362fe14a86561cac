"""What the fuzzer drives: each target takes bytes and may end only in a right answer or an error of ours.

A target that fails raises something else than a `StcornerError`, breaks what it asserts, or crashes.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import re
import tempfile
from copy import deepcopy
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import stcorner
from fuzz.arguments import core_arguments
from fuzz.documents import VALUES, members_of, places, sealed
from fuzz.media import media
from fuzz.server import http
from fuzz.shown import through_everything
from fuzz.source import Source
from stcorner import _core
from stcorner.corpora import parse_cremad_name, parse_ravdess_name
from stcorner.corpora.clip import canonical_label
from stcorner.corpora.protocols import load_protocol
from stcorner.corpora.readers.cremad import read_cremad_votes
from stcorner.errors import DatasetError, ModelError, ParameterError, StcornerError
from stcorner.recognizer import modelfile
from stcorner.recognizer.loading import from_model_file

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TARGETS"]

Call = tuple["Callable[..., Any]", int]
VIDEO: tuple[Call, ...] = (
    (stcorner.corner_harris_3d, 3),
    (stcorner.structure_tensor_3d, 3),
    (stcorner.corner_peaks_3d, 3),
    (stcorner.detect_stips, 3),
    (stcorner.texture_map_histogram, 3),
    (partial(stcorner.orientation_histogram, segments=1), 3),
)
AUDIO: tuple[Call, ...] = (
    (stcorner.zcr_and_rms, 1),
    (stcorner.zero_crossing_rate, 1),
    (stcorner.rms, 1),
    (partial(stcorner.autocorrelate, frame_length=16, hop_length=5), 1),
    (stcorner.power_spectrogram, 1),
    (stcorner.melspectrogram, 1),
    (stcorner.mfcc, 1),
    (stcorner.chroma, 1),
    (stcorner.spectral_features, 1),
    (partial(stcorner.pitch_autocorrelation, sr=8000), 1),
    (partial(stcorner.voice_activity, sr=8000), 1),
    (partial(stcorner.frame_table, sr=8000), 1),
    (stcorner.delta, 2),
    (stcorner.power_to_db, 2),
    (stcorner.harmonicity, 1),
)
FUSION: tuple[Call, ...] = ((stcorner.intrinsic_graph, 2), (stcorner.penalty_graph, 2))


def options(function: Callable[..., Any], source: Source, *leave: str) -> dict[str, Any]:
    """Draw some keyword arguments: mostly of the default's type, sometimes of another."""
    drawn: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is not parameter.KEYWORD_ONLY or name in {"client", "as_pandas", *leave}:
            continue
        kind = source.byte()
        if kind >= 64:
            continue
        default = parameter.default
        typed: dict[type, Callable[[], Any]] = {
            bool: lambda: source.byte() % 2 == 0,
            int: source.integer,
            float: source.real,
            str: source.word,
        }
        drawn[name] = source.anything() if kind < 8 else typed.get(type(default), source.anything)()
    return drawn


def values(result: Any) -> list[np.ndarray]:
    """Return the arrays in a result."""
    if isinstance(result, np.ndarray):
        return [result]
    if isinstance(result, stcorner.Stips):
        return [result.coordinates, result.response]
    if hasattr(result, "toarray"):
        return [result.toarray()]
    parts = result.values() if isinstance(result, dict) else result
    return [array for part in parts for array in values(part)]


def arrays(calls: tuple[Call, ...], data: bytes) -> None:
    """Give a function any array and any options: finite values, the same again, the input untouched."""
    source = Source(data)
    function, ndim = source.choice(calls)
    given = options(function, source)
    array = source.array(ndim)
    labels = () if calls is not FUSION else (source.array(1),)
    kept = array.copy() if isinstance(array, np.ndarray) and array.nbytes < 2**20 else None
    try:
        with np.errstate(all="ignore"):
            found = values(function(array, *labels, **given))
    except (StcornerError, MemoryError):
        return
    # Undefined pitch and the like are NaN by contract; an infinity never is.
    assert not any(np.isinf(part).any() for part in found if part.dtype.kind == "f")
    again = values(function(array, *labels, **given))
    assert all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(found, again, strict=True))
    if kept is not None and kept.dtype.kind != "O":
        assert kept.tobytes() == array.copy().tobytes()


def streams(data: bytes) -> None:
    """Push blocks of any kind: a refused block leaves a stream that works, and the sum is the batch's."""
    source = Source(data)
    height, width, count = 1 + source.byte() % 12, 1 + source.byte() % 12, 1 + source.byte() % 24
    video = np.resize(np.frombuffer(source.rest() or b"\0", np.uint8), (count, height, width))
    cuts = Source(data)
    given = options(stcorner.HarrisStream, cuts)
    try:
        stream = stcorner.HarrisStream((height, width), **given)
        expected = stcorner.corner_harris_3d(video, **given)
    except (StcornerError, MemoryError):
        return
    found, at = [], 0
    while at < count:
        wrong = cuts.array(3)
        if np.shape(wrong)[-2:] != (height, width):  # one frame is a block too
            with contextlib.suppress(StcornerError, MemoryError):
                stream.push(wrong)
                raise AssertionError("a block of another shape was taken")
        step = 1 + cuts.byte() % 7
        found.append(stream.push(video[at : at + step]))
        at += step
    found.append(stream.flush())
    np.testing.assert_array_equal(np.concatenate(found), expected)


def core(data: bytes) -> str:
    """Call the private core without the checks before it: it may refuse, it may not crash.

    Returns the name of the function if it took the arguments, else nothing.
    """
    source = Source(data)
    functions = [
        name for name in dir(_core) if type(getattr(_core, name)).__name__ == "builtin_function_or_method"
    ]
    function = getattr(_core, source.choice(functions))
    # pybind11 writes the types of all arguments into the first line; those after "*" go by name.
    line = (function.__doc__ or "").split(" -> ")[0]
    sizes = (source.byte() % 9, source.byte() % 40)
    drawn = re.findall(r"(\w+): ([^,)]+)", line)
    valid = core_arguments(function.__name__, source)
    # One argument at most is drawn where the others fit: more, and no call would pass the checks.
    odd = source.byte() % 16
    given = {
        name: valid[name] if name in valid and i != odd else _core_argument(name, kind, source, sizes)
        for i, (name, kind) in enumerate(drawn)
    }
    with contextlib.suppress(ValueError, TypeError, MemoryError, OverflowError):
        function(**given)
        return str(function.__name__)
    return ""


# Dimensions of the arrays that have more than one: drawn at random, few calls would pass the first check.
_DIMENSIONS = {"response": 3, "tensor": 4, "out": 4} | dict.fromkeys(
    ("A", "B", "X", "Z", "basis", "coordinates", "exact", "formants", "near", "power", "rows", "tracks"), 2
)


def _core_argument(name: str, kind: str, source: Source, sizes: tuple[int, int]) -> Any:
    if name == "n_threads":
        return 1 + source.byte() % 3
    if "PitchOptions" in kind:
        pitch = _core.PitchOptions()
        for option in ("sample_rate", "fmin", "fmax", "low_pass", "clean_length", "reference_level"):
            if source.byte() % 4 == 0:
                setattr(pitch, option, type(getattr(pitch, option))(source.byte()))
        return pitch
    if "ndarray" not in kind and "NDArray" not in kind:
        draw: dict[str, Callable[[], Any]] = {
            "bool": lambda: source.byte() % 2 == 0,
            "str": source.word,
            "typing.SupportsFloat | typing.SupportsIndex": source.real,
        }
        return draw.get(kind, lambda: source.byte() % 24 - 2)()
    if "None" in kind and source.byte() % 2:
        return None
    dtype = re.search(r"numpy\.((?:float|int)\d+)", kind)
    odd = source.byte()
    n_dims = 1 + odd % 4 if odd >= 224 else _DIMENSIONS.get(name, 1)
    # Lengths that agree with each other mostly.
    shape = tuple(source.byte() % 9 if odd >= 192 else source.choice(sizes) for _ in range(n_dims))
    raw = np.frombuffer(bytes(source.byte() for _ in range(8)), np.int8)
    return np.resize(raw.astype(dtype[1] if dtype else "float64"), shape)


def names(data: bytes) -> None:
    """Parse any name of a file: fields or a `DatasetError`."""
    stem = data.decode("utf-8", "surrogateescape")
    for parse in (parse_ravdess_name, parse_cremad_name):
        with contextlib.suppress(DatasetError):
            fields = parse(stem)
            assert all(isinstance(value, str) for value in fields.values() if value is not None)
    with contextlib.suppress(ParameterError):
        assert canonical_label(stem)


@lru_cache(maxsize=1)
def _folder() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory()
    (Path(folder.name) / "a.wav").touch()
    (Path(folder.name) / "b.mp4").touch()
    return folder


def tables(data: bytes) -> None:
    """Read any bytes as each kind of table: rows or an error of ours, and no file outside the folder."""
    folder, source = Path(_folder().name), Source(data)
    kind, text = source.byte() % 6, source.rest()
    suffix = (".csv", ".csv", ".toml", ".json", ".txt", ".npz")[kind]
    table = folder / f"table{suffix}"
    table.write_bytes(text)
    with contextlib.suppress(StcornerError):
        if kind == 0:
            for clip in stcorner.load_folder(table):
                assert clip.path.resolve().is_relative_to(folder.resolve())
        elif kind == 1:
            for shares in read_cremad_votes(table, "vote_av").values():
                assert abs(sum(shares.values()) - 1) < 1e-9
        elif kind == 2:
            load_protocol(table)
        elif kind == 3:
            stcorner.Evaluation.from_json(table)
        else:
            stcorner.Stips.load(table)


@lru_cache(maxsize=1)
def _model() -> bytes:
    return (Path(__file__).parents[1] / "tests" / "golden" / "format-1-audio.stcorner").read_bytes()


def models(data: bytes) -> None:
    """Overwrite places of a model file, and seal it anew: the same model, or a `ModelError`."""
    import hashlib

    source, content = Source(data), bytearray(_model())
    end = len(content) - modelfile._SEAL_BYTES
    while patch := source.byte():
        at = (source.byte() << 16 | source.byte() << 8 | source.byte()) % end
        for offset in range(patch % 9):
            content[(at + offset) % end] = source.byte()
    if source.byte() % 8 == 0:
        del content[source.byte() :]
    else:
        body = bytes(content[:end])
        content[end:] = modelfile._SEAL + hashlib.sha256(body).hexdigest().encode()
    with contextlib.suppress(ModelError):
        from_model_file(modelfile._parse(bytes(content)))


def contents(data: bytes) -> None:
    """Change values of a model's document, and seal it anew: a model that decides, or a `ModelError`."""
    import json

    source, members = Source(data), members_of(_model())
    document = json.loads(members["model.json"])
    for _ in range(1 + source.byte() % 3):
        every = [place for place in places(document) if place[0] != "members"]
        *above, key = every[(source.byte() << 8 | source.byte()) % len(every)]
        parent = document
        for step in above:
            parent = parent[step]
        change = source.byte() % 8
        if change == 0:
            del parent[key]
        elif change == 1 and isinstance(parent, dict):
            parent[source.word()] = parent.pop(key)
        else:
            # A copy: a later change would reach into the constant, or put it into itself.
            parent[key] = source.anything() if change == 2 else deepcopy(source.choice(VALUES))
    try:
        text = json.dumps(document).encode()
    except TypeError:
        return
    try:
        model = from_model_file(modelfile._parse(sealed({**members, "model.json": text})))
    except ModelError:
        return
    with contextlib.suppress(ParameterError), np.errstate(all="ignore"):
        shares = model.predictor_.heads["early"].classifier.predict_proba(
            np.zeros((1, model.predictor_.heads["early"].classifier.n_features_in_))
        )
        assert abs(shares.sum() - 1) < 1e-9


def documents(data: bytes) -> None:
    """Read any bytes as the document and as an array of a model file."""
    with contextlib.suppress(ModelError):
        modelfile._decode_document(data, 1 << 20)
    announced = modelfile.ArrayDocument(dtype="float64", shape=(2,))
    with contextlib.suppress(ModelError):
        modelfile._decode_array("a", data, announced)
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(2))
    whole = bytearray(buffer.getvalue())
    whole[: len(data)] = data[: len(whole)]
    with contextlib.suppress(ModelError):
        modelfile._decode_array("a", bytes(whole), announced)


def requests(data: bytes) -> None:
    """Ask the app for anything in any way."""
    http(Source(data))


def shown_names(data: bytes) -> None:
    """Call a file by any name: seen on the terminal, given back by tables, harmless on pages."""
    through_everything(data.decode("utf-8", "surrogateescape"))


TARGETS: dict[str, Callable[[bytes], object]] = {
    "video": partial(arrays, VIDEO),
    "audio": partial(arrays, AUDIO),
    "fusion": partial(arrays, FUSION),
    "streams": streams,
    "core": core,
    "names": names,
    "tables": tables,
    "models": models,
    "contents": contents,
    "documents": documents,
    "requests": requests,
    "shown": shown_names,
    "media": media,
}
