"""Models that ship with the package, found by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from stcorner.errors import ModelError
from stcorner.recognizer.modelfile import read_model

if TYPE_CHECKING:
    import os

__all__ = ["default_model", "describe", "find_model", "shipped_models"]

_FOLDER = Path(__file__).parents[1] / "models"
_DEFAULT = "ravdess-av"


def shipped_models() -> dict[str, Path]:
    """Return the models in the package by name, the name being the file's stem.

    Returns
    -------
    dict of str to Path
        Files by name.

    Examples
    --------
    >>> all(path.suffix == ".stcorner" for path in shipped_models().values())
    True
    """
    return {path.stem: path for path in sorted(_FOLDER.glob("*.stcorner"))}


def default_model() -> Path:
    """Return the model that predicts when none is named.

    Raises
    ------
    ModelError
        If this build ships none.
    """
    models = shipped_models()
    if _DEFAULT in models:
        return models[_DEFAULT]
    raise ModelError(
        f"this build does not ship the model {_DEFAULT!r}: name one with --model FILE.stcorner, "
        "made by `stcorner train` or `stcorner demo`"
    )


def find_model(name: str | os.PathLike[str]) -> Path:
    """Return the file of a model: a path that exists, or the name of a shipped model.

    Raises
    ------
    ModelError
        If there is neither.
    """
    path = Path(name)
    if path.is_file():
        return path
    models = shipped_models()
    if str(name) in models:
        return models[str(name)]
    shipped = ", ".join(models) or "none"
    raise ModelError(f"model must be a *.stcorner file or one of the shipped ({shipped}), got {str(name)!r}")


def describe(path: Path) -> dict[str, Any]:
    """Return one row about a model: what it takes, what it gives, what it was trained on."""
    document = read_model(path).document
    kinds = document.parameters.get("classifier")
    return {
        "name": document.name,
        "blocks": " ".join(document.feature_names),
        "classifier": " ".join(kinds.values()) if isinstance(kinds, dict) else kinds,
        "classes": " ".join(document.classes),
        "corpora": " ".join(document.training.corpora),
        "subjects": len(document.training.subjects),
        "clips": document.training.n_clips,
        **{name: float(value) for name, value in document.scores.items()},
        "bytes": path.stat().st_size,
        "file": str(path),
    }
