"""The table of predictions: one row per clip, columns that sit beside those of other tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import stcorner
from stcorner.audio.presence import NO_LABEL, PRESENCE_COLUMNS
from stcorner.extraction.finding import IDENTITY, identity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from stcorner.extraction.clipfeatures import ClipFeatures

__all__ = ["clip_columns", "entropy_bits", "prediction_rows"]


def clip_columns(classes: Sequence[str]) -> list[str]:
    """Return the columns of the clip table, in order.

    Parameters
    ----------
    classes : sequence of str
        Labels of the model.

    Returns
    -------
    list of str
        Names in order.

    Examples
    --------
    >>> clip_columns(["happy", "sad"])[7:13]
    ['label', 'p_happy', 'p_sad', 'entropy', 'abstain', 'n_frames']
    """
    return [
        *IDENTITY, "start", "end", "face_id", "label",
        *(f"p_{name}" for name in classes), "entropy", "abstain", "n_frames", "n_voiced", "fps",
        "analysis_fps", "sr", *PRESENCE_COLUMNS, "model", "stcorner_version", "status", "message",
    ]  # fmt: skip


def entropy_bits(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the entropy of each row in bits: 0 is certain, log2 of the number of classes is undecided.

    Examples
    --------
    >>> entropy_bits(np.array([[1.0, 0.0], [0.5, 0.5]])).tolist()
    [0.0, 1.0]
    """
    safe = np.where(probabilities > 0, probabilities, 1.0)
    return np.asarray(np.abs(-(probabilities * np.log2(safe)).sum(axis=-1)))


def prediction_rows(
    features: ClipFeatures,
    probabilities: NDArray[np.float64],
    classes: Sequence[str],
    *,
    model: str,
    abstain_below: float = 0.0,
    blocks: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """Return one row per sample of `features`.

    Parameters
    ----------
    features : ClipFeatures
        The clips; altered copies are left out.
    probabilities : ndarray of shape (n_samples, n_classes)
        A row of NaN where nothing could be predicted.
    classes : sequence of str
        Labels, as the columns.
    model : str
        Name of the model.
    abstain_below : float
        ``abstain`` is True where the best probability is below it; the label stays.
    blocks : sequence of str, optional
        The blocks that count. Default: all.

    Returns
    -------
    list of dict
        Columns as `clip_columns`. ``status`` is ``"ok"``, the blocks that were there and ``only``
        (``"audio only"``: another is missing), ``"failed"``, or why a clip that could be read has no label:
        ``"silent"``, ``"no_speech"``, ``"music_or_noise"``, ``"little_speech"`` (see
        `speech_presence`), or ``"unfamiliar"`` (farther from the training clips than 999 of 1,000 of
        these). ``message`` says more.
    """
    plain = features.originals()
    used = list(plain.blocks if blocks is None else blocks)
    entropy = entropy_bits(np.nan_to_num(probabilities))
    rows = []
    for i, (clip, details) in enumerate(zip(plain.clips, plain.details, strict=True)):
        failed = not np.isfinite(probabilities[i]).all()
        found = [name for name in used if np.isfinite(plain.blocks[name][i]).all()]
        no_speech = failed and details.get("speech") in NO_LABEL
        told = [name for name in found if name != "mel" or "audio" not in found]  # of the same sound
        status = "ok" if len(found) == len(used) else f"{' + '.join(told)} only"
        if failed:
            status = details["speech"] if no_speech else "failed"
        best = int(np.argmax(np.nan_to_num(probabilities[i])))
        shares = [None if failed else float(p) for p in probabilities[i]]
        row: dict[str, Any] = {
            **identity(clip),
            "label": None if failed else classes[best],
            **{f"p_{name}": share for name, share in zip(classes, shares, strict=True)},
            "entropy": None if failed else float(entropy[i]),
            "abstain": no_speech or (None if failed else bool(probabilities[i, best] < abstain_below)),
            "model": model,
            "stcorner_version": stcorner.__version__,
            "status": status,
            "message": _message(details),
        }
        rows.append({name: row[name] if name in row else details.get(name) for name in clip_columns(classes)})
    return rows


def _message(details: Mapping[str, Any]) -> str:
    # A file that cannot be read says so once for its sound and once for its picture.
    return "; ".join(dict.fromkeys([*details.get("errors", ()), *details.get("warnings", ())]))
