"""Files of earlier commands that commands read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stcorner.errors import DatasetError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stcorner.evaluation import Evaluation

__all__ = ["read_evaluations", "read_json"]

# As many as an evaluation may have.
_MAX_BYTES = 64 << 20


def read_evaluations(files: Sequence[Path]) -> list[Evaluation]:
    """Return what `Evaluation.to_json` wrote; errors name the file."""
    from stcorner.evaluation.result import decode

    if not files:
        raise ParameterError("FILES must name at least one evaluation (.json), got nothing")
    evaluations = []
    for file in files:
        try:
            evaluations.append(decode(_text(file)))
        except DatasetError as error:
            raise DatasetError(f"{file}: {error}") from None
    return evaluations


def read_json(file: Path) -> Any:
    """Return the content of any JSON file."""
    import json

    try:
        return json.loads(_text(file))
    except (ValueError, RecursionError) as error:
        raise ParameterError(f"FILE must be JSON, got {str(file)!r}: {error}") from None


def _text(file: Path) -> str:
    try:
        size = file.stat().st_size
        if size > _MAX_BYTES:
            raise ParameterError(f"FILE must have at most {_MAX_BYTES} bytes, got {str(file)!r} of {size}")
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ParameterError(f"FILE must be a file that can be read, got {str(file)!r}: {reason}") from None
