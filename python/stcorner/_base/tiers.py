"""The one reader and writer of tiers: labelled spans of time as Praat, ELAN and subtitles hold them."""

from __future__ import annotations

import csv
import io
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stcorner._base.files import printable, unreadable, write_bytes
from stcorner._base.text import from_cell
from stcorner.errors import DatasetError, MissingExtraError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["ANNOTATION_ENDINGS", "TIER_ENDINGS", "Span", "check_tier_path", "read_tiers", "write_tiers"]


class Span(NamedTuple):
    """A label from `start` to `end`, in seconds."""

    start: float
    end: float
    label: str


def check_tier_path(name: str, path: Path) -> None:
    """Refuse an ending, or a package that is not there, before any work is done."""
    ending = path.suffix.lower()
    if ending not in _WRITERS:
        raise ParameterError(f"{name} must end in {', '.join(TIER_ENDINGS)}, got {str(path)!r}")
    _import(ending)


def write_tiers(
    path: Path, tiers: Mapping[str, Sequence[Span]], *, end: float, media: Path | None = None
) -> None:
    """Write tiers; spans of one tier are in order and do not overlap.

    Parameters
    ----------
    path : Path
        File that ends in one of `TIER_ENDINGS`.
    tiers : mapping of str to sequence of Span
        By name.
    end : float
        Seconds that the recording lasts.
    media : Path, optional
        The recording, for ELAN to open.
    """
    plain = {
        printable(name): [Span(span.start, min(span.end, end), printable(span.label)) for span in spans]
        for name, spans in tiers.items()
    }
    write_bytes(path, _WRITERS[path.suffix.lower()](plain, end, media))


def read_tiers(path: Path) -> dict[str, list[Span]]:
    """Return the spans with a label of each tier of a TextGrid, ``.eaf`` or CSV file.

    CSV has the columns start, end and label, in seconds; also tier, where there are several.

    Raises
    ------
    DatasetError
        If the file cannot be read as what its ending says.
    """
    ending = path.suffix.lower()
    if ending not in _READERS:
        raise ParameterError(f"annotations must end in {', '.join(ANNOTATION_ENDINGS)}, got {str(path)!r}")
    package = None if ending == ".csv" else _import(ending)
    try:
        tiers = _READERS[ending](package, path)
    except OSError as error:
        raise DatasetError(unreadable(path, error)) from None
    except Exception as error:  # the libraries' errors have no class in common
        raise DatasetError(f"{path} must be a readable {ending} file: {error}") from None
    for name, spans in tiers.items():
        for span in spans:
            if not 0 <= span.start < span.end:
                raise DatasetError(
                    f"{path}: tier {name!r} must have spans that end after they start, got {span.start:g} to "
                    f"{span.end:g} s: mend that span"
                )
    return {name: [span for span in spans if span.label.strip()] for name, spans in tiers.items()}


def _import(ending: str) -> Any:
    """Return the package that reads and writes a form."""
    import importlib

    package, wheel = {
        ".textgrid": ("praatio.textgrid", "praatio"),
        ".eaf": ("pympi", "pympi-ling"),
        ".vtt": ("webvtt", "webvtt-py"),
    }[ending]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of packages about Python, which nobody here can mend
            return importlib.import_module(package)
    except ImportError:
        raise MissingExtraError(f"tiers as {ending}", wheel, "tiers") from None


def _write_textgrid(tiers: Mapping[str, Sequence[Span]], end: float, media: Path | None) -> bytes:
    textgrid = _import(".textgrid")
    grid = textgrid.Textgrid(0, end)
    for name, spans in tiers.items():
        grid.addTier(textgrid.IntervalTier(name, [tuple(span) for span in spans], 0, end))
    return _through_file(lambda file: grid.save(file, "long_textgrid", includeBlankSpaces=True), ".TextGrid")


def _write_eaf(tiers: Mapping[str, Sequence[Span]], end: float, media: Path | None) -> bytes:
    book = _import(".eaf").Eaf(author="stcorner")
    book.remove_tier("default")
    if media is not None:
        kind = {".wav": "audio/x-wav", ".mp4": "video/mp4", ".mpg": "video/mpeg"}
        mimetype = kind.get(media.suffix.lower(), "unknown")
        book.add_linked_file(str(media), relpath=f"./{media.name}", mimetype=mimetype)
    for name, spans in tiers.items():
        book.add_tier(name)
        for span in spans:
            book.add_annotation(name, round(1000 * span.start), round(1000 * span.end), span.label)
    return _through_file(book.to_file, ".eaf")


def _write_vtt(tiers: Mapping[str, Sequence[Span]], end: float, media: Path | None) -> bytes:
    webvtt = _import(".vtt")
    film = webvtt.WebVTT()
    spans = sorted(
        (span.start, span.end, f"{name}: {span.label}") for name, each in tiers.items() for span in each
    )
    for start, stop, text in spans:
        film.captions.append(webvtt.Caption(_clock(start), _clock(stop), text.replace("-->", "→")))
    out = io.StringIO()
    film.write(out)
    return out.getvalue().encode()


def _clock(seconds: float) -> str:
    """Return a time of a subtitle.

    Examples
    --------
    >>> _clock(3661.25)
    '01:01:01.250'
    """
    minutes, rest = divmod(round(1000 * seconds), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def _through_file(save: Callable[[str], object], ending: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"tiers{ending}"
        save(str(file))
        return file.read_bytes()


def _read_textgrid(textgrid: Any, path: Path) -> dict[str, list[Span]]:
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
    tiers = [tier for tier in grid.tiers if isinstance(tier, textgrid.IntervalTier)]
    return {tier.name: [Span(*entry) for entry in tier.entries] for tier in tiers}


def _read_eaf(pympi: Any, path: Path) -> dict[str, list[Span]]:
    path.open("rb").close()  # pympi ends the program where there is no file
    book = pympi.Eaf(str(path))
    return {
        name: sorted(
            Span(start / 1000, end / 1000, text)
            for start, end, text, *_ in book.get_annotation_data_for_tier(name)
        )
        for name in book.get_tier_names()
    }


def _read_csv(package: None, path: Path) -> dict[str, list[Span]]:
    tiers: dict[str, list[Span]] = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        head = file.readline()
        file.seek(0)
        for row in csv.DictReader(file, delimiter=";" if head.count(";") > head.count(",") else ","):
            values = {str(name).strip().lower(): from_cell(str(cell or "")) for name, cell in row.items()}
            absent = [name for name in ("start", "end", "label") if name not in values]
            if absent:
                raise DatasetError(
                    f"it must have the columns start, end and label, got none named {absent}: rename the "
                    "columns"
                )
            span = Span(_number(values["start"]), _number(values["end"]), values["label"])
            tiers.setdefault(values.get("tier") or "label", []).append(span)
    return tiers


def _number(text: str) -> float:
    return float(text.replace(",", "."))


_WRITERS: dict[str, Callable[[Mapping[str, Sequence[Span]], float, Path | None], bytes]] = {
    ".textgrid": _write_textgrid, ".eaf": _write_eaf, ".vtt": _write_vtt,
}  # fmt: skip
_READERS: dict[str, Callable[[Any, Path], dict[str, list[Span]]]] = {
    ".textgrid": _read_textgrid, ".eaf": _read_eaf, ".csv": _read_csv,
}  # fmt: skip
TIER_ENDINGS = (".TextGrid", ".eaf", ".vtt")
ANNOTATION_ENDINGS = (".TextGrid", ".eaf", ".csv")
