"""The outcome of an evaluation: every prediction, and the scores that follow from them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from stcorner._base.files import write_bytes
from stcorner.classifiers.temperature import check_probabilities
from stcorner.errors import DatasetError, ParameterError
from stcorner.evaluation.calibration import (
    AbstentionCurve,
    Reliability,
    abstention_curve,
    expected_calibration_error,
    label_codes,
    reliability,
)
from stcorner.evaluation.metrics import (
    METRICS,
    ClassScore,
    bootstrap_interval,
    class_recall_intervals,
    confusion_matrix,
    macro_f1,
    per_class_scores,
    unweighted_average_recall,
    weighted_average_recall,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["ActorScore", "Evaluation"]

_FORMAT = "stcorner-evaluation"
_VERSION = 1
# About 200,000 clips. JSON of empty lists takes some twenty times as much memory as text.
MAX_CHARACTERS = 64 << 20


@dataclass(frozen=True, kw_only=True)
class ActorScore:
    """Scores of the clips of one actor.

    Parameters
    ----------
    actor : str
        Subject, or value of another property.
    n : int
        Number of clips.
    uar, war : float
        Scores, 0 to 1.
    """

    actor: str
    n: int
    uar: float
    war: float

    @property
    def war_interval(self) -> tuple[float, float]:
        """95 % interval of `war` by Wilson's score, for other clips of this actor; nan without any."""
        from scipy.stats import binomtest

        if not self.n:
            return float("nan"), float("nan")
        found = binomtest(round(self.war * self.n), self.n).proportion_ci(method="wilson")
        return float(found.low), float(found.high)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Predictions for clips that were held out, and all scores of them.

    Parameters
    ----------
    model, protocol : str
        What was evaluated, and how the clips were split.
    classes : sequence of str
        Labels, sorted: the columns of `probabilities`.
    clip_ids, y_true, groups, folds : sequence of str, length n
        Id, true label, actor and fold of each clip.
    probabilities : ndarray of shape (n, n_classes)
        Rows of nan are clips that gave no prediction; they count in `n_failed` and in no score.
    calibrated : ndarray of shape (n, n_classes), optional
        The same after temperature scaling on validation actors.
    temperatures : mapping of str to float
        Temperature of each fold.
    strata : mapping of str to sequence
        Further properties of each clip, as ``{"sex": ["female", ...]}``, to score apart.
    details : mapping
        What else is worth keeping, as JSON can hold it: parameters, versions, audit, notes.

    Raises
    ------
    ValueError
        If lengths or labels do not fit each other.

    See Also
    --------
    cross_validate : Makes one.
    build_report : A page of it.

    Examples
    --------
    >>> e = Evaluation(model="m", protocol="actor-loo", classes=["happy", "sad"], clip_ids=["a", "b", "c"],
    ...                y_true=["happy", "sad", "sad"], groups=["1", "1", "2"], folds=["1", "1", "2"],
    ...                probabilities=[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    >>> e.uar, round(e.war, 3), e.confusion.tolist(), [(a.actor, a.war) for a in e.per_actor]
    (0.75, 0.667, [[1, 0], [1, 1]], [('1', 1.0), ('2', 0.0)])
    """

    model: str
    protocol: str
    classes: Sequence[str]
    clip_ids: Sequence[str]
    y_true: Sequence[str]
    groups: Sequence[str]
    folds: Sequence[str]
    probabilities: NDArray[np.float64]
    calibrated: NDArray[np.float64] | None = None
    temperatures: Mapping[str, float] = field(default_factory=dict)
    strata: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Bring everything to one form and refuse what does not fit together."""
        classes = tuple(map(str, self.classes))
        if list(classes) != sorted(set(classes)) or not classes:
            raise ParameterError(f"classes must be sorted and different, at least one, got {list(classes)}")
        n = len(self.y_true)
        if n == 0:
            raise ParameterError("y_true must not be empty")
        object.__setattr__(self, "classes", classes)
        for name in ("clip_ids", "y_true", "groups", "folds"):
            object.__setattr__(self, name, _strings(name, getattr(self, name), n))
        unknown = sorted(set(self.y_true) - set(classes))
        if unknown:
            raise ParameterError(f"y_true must hold only {list(classes)}, got {unknown}")
        for name in ("probabilities", "calibrated"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _rows(name, getattr(self, name), n, len(classes)))
        strata = {name: tuple(values) for name, values in self.strata.items()}
        for name, values in strata.items():
            if len(values) != n:
                raise ParameterError(f"strata[{name!r}] must have {n} entries, got {len(values)}")
        object.__setattr__(self, "strata", strata)

    @cached_property
    def predicted(self) -> NDArray[np.bool_]:
        """Which clips have a prediction."""
        return np.isfinite(self.probabilities[:, 0])

    @property
    def n_failed(self) -> int:
        """Number of clips without a prediction."""
        return int((~self.predicted).sum())

    @cached_property
    def y_pred(self) -> tuple[str | None, ...]:
        """The most probable label of each clip; None where there is no prediction."""
        best = np.where(self.predicted, np.nan_to_num(self.probabilities).argmax(axis=1), -1)
        return tuple(self.classes[at] if at >= 0 else None for at in best)

    @cached_property
    def actor_counts(self) -> dict[str, NDArray[np.int64]]:
        """Confusion matrix of each actor that has predictions, sorted by name."""
        return self._counts_by(self.groups)

    def _counts_by(self, keys: Sequence[str | None]) -> dict[str, NDArray[np.int64]]:
        rows: dict[str, list[int]] = {}
        for at, key in enumerate(keys):
            if self.predicted[at]:
                rows.setdefault("unknown" if key is None else key, []).append(at)
        return {
            key: confusion_matrix(
                [self.y_true[at] for at in members], [str(self.y_pred[at]) for at in members], self.classes
            )
            for key, members in sorted(rows.items())
        }

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Counts, true labels in rows and predicted ones in columns, in the order of `classes`."""
        k = len(self.classes)
        return sum(self.actor_counts.values(), np.zeros((k, k), dtype=np.int64))

    @property
    def uar(self) -> float:
        """Unweighted average recall."""
        return float(unweighted_average_recall(self.confusion))

    @property
    def war(self) -> float:
        """Weighted average recall: accuracy."""
        return float(weighted_average_recall(self.confusion))

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes."""
        return float(macro_f1(self.confusion))

    @property
    def per_class(self) -> list[ClassScore]:
        """Precision, recall and F1 of each class."""
        return per_class_scores(self.confusion, self.classes)

    @property
    def per_actor(self) -> list[ActorScore]:
        """Scores of each actor."""
        return [_score(name, counts) for name, counts in self.actor_counts.items()]

    @property
    def per_fold(self) -> list[ActorScore]:
        """Scores of each fold, in the form of `per_actor`."""
        return [_score(name, counts) for name, counts in self._counts_by(self.folds).items()]

    def per_stratum(self, name: str) -> list[ActorScore]:
        """Return scores by a property of the clips, in the form of `per_actor`.

        Parameters
        ----------
        name : str
            A property of the clips, such as ``"sex"``.

        Returns
        -------
        list of ActorScore
            One row for each value of the property.
        """
        if name not in self.strata:
            raise ParameterError(f"name must be one of {', '.join(self.strata) or '(none)'}, got {name!r}")
        return [_score(key, counts) for key, counts in self._counts_by(self.strata[name]).items()]

    @property
    def spread(self) -> dict[str, float]:
        """Mean, standard deviation (n - 1), least and greatest accuracy of the actors."""
        scores = np.array([actor.war for actor in self.per_actor])
        deviation = float(scores.std(ddof=1)) if len(scores) > 1 else float("nan")
        empty = float("nan")
        if not len(scores):
            return {"mean": empty, "std": empty, "min": empty, "max": empty}
        return {
            "mean": float(scores.mean()),
            "std": deviation,
            "min": float(scores.min()),
            "max": float(scores.max()),
        }

    def interval(self, metric: str = "uar", **options: Any) -> tuple[float, float]:
        """Return the interval of a score by bootstrap over actors.

        Parameters
        ----------
        metric : {"uar", "war", "macro_f1"}, default="uar"
            The score.
        **options
            ``level``, ``n_resamples`` and ``seed`` of `bootstrap_interval`.

        Returns
        -------
        tuple of float
            Lower and upper end, 0 to 1.
        """
        return bootstrap_interval(self._stacked_counts(), metric=metric, **options)

    def recall_intervals(self, **options: Any) -> NDArray[np.float64]:
        """Return intervals of the classes' recalls.

        Parameters
        ----------
        **options
            ``level``, ``n_resamples`` and ``seed`` of `bootstrap_interval`.

        Returns
        -------
        ndarray of shape (n_classes, 2), float64
            Lower and upper end of each class's recall, 0 to 1.
        """
        return class_recall_intervals(self._stacked_counts(), **options)

    def _stacked_counts(self) -> NDArray[np.int64]:
        k = len(self.classes)
        return np.array(list(self.actor_counts.values())).reshape(-1, k, k)

    def _scored(self, *, calibrated: bool) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        rows = self.calibrated if calibrated else self.probabilities
        if rows is None:
            raise ParameterError(
                "calibrated=True needs temperatures, and this evaluation has none: pass "
                "calibration_folds=3 to cross_validate"
            )
        if not self.predicted.any():
            raise ParameterError("probabilities must hold at least one prediction")
        codes = label_codes(self.y_true, self.classes)
        return rows[self.predicted], codes[self.predicted]

    def ece(self, *, calibrated: bool = False, **options: Any) -> float:
        """Return the expected calibration error.

        Parameters
        ----------
        calibrated : bool, default=False
            Use the probabilities after temperature scaling.
        **options
            ``n_bins`` and ``binning`` of `expected_calibration_error`.

        Returns
        -------
        float
            0 (as sure as right) to 1.
        """
        return expected_calibration_error(*self._scored(calibrated=calibrated), **options)

    def reliability(self, *, calibrated: bool = False, **options: Any) -> Reliability:
        """Return confidence against accuracy.

        Parameters
        ----------
        calibrated : bool, default=False
            Use the probabilities after temperature scaling.
        **options
            ``n_bins`` and ``binning`` of `stcorner.evaluation.reliability`.

        Returns
        -------
        Reliability
            Confidence, accuracy and number of clips of each bin.
        """
        return reliability(*self._scored(calibrated=calibrated), **options)

    def abstention(self, *, calibrated: bool = False, **options: Any) -> AbstentionCurve:
        """Return scores of the surest clips.

        Parameters
        ----------
        calibrated : bool, default=False
            Use the probabilities after temperature scaling.
        **options
            ``n_points`` of `abstention_curve`.

        Returns
        -------
        AbstentionCurve
            Scores by the share of clips that are kept.
        """
        return abstention_curve(*self._scored(calibrated=calibrated), **options)

    @property
    def calibration(self) -> dict[str, float]:
        """Calibration errors before and, where there is one, after temperature scaling."""
        errors = {"ece": self.ece(), "ece_equal_mass": self.ece(binning="mass")}
        if self.calibrated is not None:
            errors["ece_calibrated"] = self.ece(calibrated=True)
            errors["ece_calibrated_equal_mass"] = self.ece(calibrated=True, binning="mass")
        return errors

    def summary(self) -> dict[str, Any]:
        """Return the main numbers, as JSON can hold them.

        Returns
        -------
        dict of str to str, int, float or list
            Model, protocol, counts, scores (0 to 1) and their intervals.
        """
        numbers: dict[str, Any] = {"model": self.model, "protocol": self.protocol}
        numbers |= {
            "n_clips": len(self.y_true),
            "n_failed": self.n_failed,
            "n_actors": len(self.actor_counts),
        }
        numbers |= {name: getattr(self, name) for name in METRICS}
        numbers |= {f"{name}_interval": list(self.interval(name)) for name in METRICS}
        return numbers | {"actors": self.spread, **(self.calibration if self.predicted.any() else {})}

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the evaluation as JSON, and write it to a file where `path` is given.

        Parameters
        ----------
        path : path, optional
            File to write as well.

        Returns
        -------
        str
            The text.
        """
        text = encode(self)
        if path is not None:
            write_bytes(Path(path), text.encode())
        return text

    @classmethod
    def from_json(cls, source: str | Path) -> Evaluation:
        """Read what `to_json` wrote: a path, or the text itself (it begins with a brace).

        Parameters
        ----------
        source : path or str
            A file, or the text itself.

        Returns
        -------
        Evaluation
            What was written.

        Raises
        ------
        ValueError
            If the text is damaged, of another version, or has unknown, missing or ill-fitting fields.
        OSError
            If the file cannot be read.
        """
        is_text = isinstance(source, str) and source.lstrip().startswith("{")
        try:
            return decode(str(source) if is_text else Path(source).read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise DatasetError(f"evaluation must be UTF-8 text, got {str(source)!r}: {error}") from None

    def __str__(self) -> str:
        """Return the scores in a few lines of text."""
        from stcorner.evaluation.tables import as_text

        return as_text(self)


def _score(name: str, counts: NDArray[np.int64]) -> ActorScore:
    return ActorScore(
        actor=name,
        n=int(counts.sum()),
        uar=float(unweighted_average_recall(counts)),
        war=float(weighted_average_recall(counts)),
    )


def _strings(name: str, values: Sequence[str], n: int) -> tuple[str, ...]:
    texts = tuple(str(value) for value in values)
    if len(texts) != n:
        raise ParameterError(f"{name} must have {n} entries as y_true, got {len(texts)}")
    return texts


def _rows(name: str, value: ArrayLike, n: int, n_classes: int) -> NDArray[np.float64]:
    rows = np.array(value, dtype=np.float64)
    if rows.shape != (n, n_classes):
        raise ParameterError(f"{name} must have shape ({n}, {n_classes}), got {rows.shape}")
    missing = np.isnan(rows)
    if (missing.any(axis=1) != missing.all(axis=1)).any():
        raise ParameterError(
            f"{name} must be finite in a whole row or NaN in a whole row, got a mixture: set the whole "
            "row to NaN"
        )
    if not missing.all():
        check_probabilities(name, rows[~missing[:, 0]])
    rows.setflags(write=False)
    return rows


class _Prediction(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    clip_id: str
    label: str
    actor: str
    fold: str
    probabilities: list[float] | None
    calibrated: list[float] | None = None


class _Document(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    format: str
    version: int
    model: str
    protocol: str
    classes: list[str]
    predictions: list[_Prediction]
    temperatures: dict[str, float]
    strata: dict[str, list[str | None]]
    details: dict[str, Any]
    summary: dict[str, Any]


def encode(evaluation: Evaluation) -> str:
    """Return an evaluation as JSON; its summary stands there for readers and is not read back."""
    calibrated = evaluation.calibrated
    document = _Document(
        format=_FORMAT,
        version=_VERSION,
        model=evaluation.model,
        protocol=evaluation.protocol,
        classes=list(evaluation.classes),
        predictions=[
            _Prediction(
                clip_id=clip_id,
                label=evaluation.y_true[at],
                actor=evaluation.groups[at],
                fold=evaluation.folds[at],
                probabilities=_row(evaluation.probabilities, at),
                calibrated=None if calibrated is None else _row(calibrated, at),
            )
            for at, clip_id in enumerate(evaluation.clip_ids)
        ],
        temperatures=dict(evaluation.temperatures),
        strata={name: list(values) for name, values in evaluation.strata.items()},
        details=dict(evaluation.details),
        summary=evaluation.summary(),
    )
    text = msgspec.json.encode(document, enc_hook=_plain)
    return msgspec.json.format(text, indent=1).decode() + "\n"


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _row(rows: NDArray[np.float64], at: int) -> list[float] | None:
    return None if math.isnan(rows[at, 0]) else rows[at].tolist()


def decode(text: str) -> Evaluation:
    """Read JSON of `encode`."""
    if len(text) > MAX_CHARACTERS:
        raise DatasetError(f"evaluation must have at most {MAX_CHARACTERS} characters, got {len(text)}")
    try:
        document = msgspec.json.decode(text, type=_Document)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise DatasetError(f"evaluation must be JSON of stcorner: {error}") from None
    if (document.format, document.version) != (_FORMAT, _VERSION):
        raise DatasetError(
            f"evaluation must be {_FORMAT} version {_VERSION}, got {document.format} {document.version}: "
            "evaluate again with this version"
        )
    rows = document.predictions
    k = len(document.classes)
    calibrated = [row.calibrated for row in rows]
    try:
        return Evaluation(
            model=document.model,
            protocol=document.protocol,
            classes=document.classes,
            clip_ids=[row.clip_id for row in rows],
            y_true=[row.label for row in rows],
            groups=[row.actor for row in rows],
            folds=[row.fold for row in rows],
            probabilities=_stack([row.probabilities for row in rows], k),
            calibrated=_stack(calibrated, k) if any(row is not None for row in calibrated) else None,
            temperatures=document.temperatures,
            strata=document.strata,
            details=document.details,
        )
    except ParameterError as error:
        raise DatasetError(
            f"evaluation must be whole, and its parts do not fit each other ({error}): evaluate again"
        ) from None


def _stack(rows: list[list[float] | None], k: int) -> NDArray[np.float64]:
    missing = [float("nan")] * k
    wrong = [len(row) for row in rows if row is not None and len(row) != k]
    if wrong:
        raise ParameterError(f"probabilities must have {k} numbers per clip, got {wrong[0]}")
    return np.array([missing if row is None else row for row in rows], dtype=np.float64)
