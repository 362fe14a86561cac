"""Cross-validation of a recogniser: features once, then one fit per fold on other people's clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_flag, check_integer
from stcorner.classifiers import TemperatureScaling
from stcorner.corpora.clip import map_labels
from stcorner.corpora.folds import actor_folds
from stcorner.corpora.leakage import audit_folds
from stcorner.evaluation.predictions import evaluate_predictions
from stcorner.extraction.features import check_features_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from stcorner.corpora.clip import Clip
    from stcorner.corpora.leakage import LeakageReport
    from stcorner.corpora.protocols import Fold
    from stcorner.evaluation.result import Evaluation

__all__ = ["cross_validate"]

LEAKY_NOTICE = (
    "training and test rows share clips: these scores measure memory, not recognition of new people; "
    "evaluate by actor for a number that means something"
)


def cross_validate(
    clips: Sequence[Clip],
    recognizer: Any,
    *,
    protocol: str | Path = "auto",
    features: Any = None,
    calibration_folds: int = 3,
    audit: bool = True,
    sound: bool = True,
    allow_leaks: bool = False,
    n_jobs: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], object] | None = None,
) -> Evaluation:
    """Evaluate a recogniser on clips that it was not trained on.

    Features are extracted once. For each fold a fresh copy of the recogniser is fitted to the training rows
    and their altered copies, and predicts the test clips as they are. Each fold's temperature is chosen on
    validation actors: `Fold.validation` where the protocol has one, else training actors that an inner
    model of the same fold did not see. No test clip has a part in anything but its own prediction.

    Parameters
    ----------
    clips : sequence of Clip
    recognizer : EmotionRecognizer
        Not changed. Its `label_map` is applied.
    protocol : str or path, default="auto"
        As in `actor_folds`. With "paper-leaky" the altered copies that `features` holds are split like
        clips of their own, and tested.
    features : ClipFeatures, optional
        What ``recognizer.extract(clips)`` gave; saves the extraction.
    calibration_folds : int, >= 0
        Inner models per fold that the temperature is chosen with, each without one of at least two (and at
        most this number of) parts of the training actors. 0 leaves probabilities as they are.
    audit, sound : bool
        Whether `audit_folds` looks for leaks first, and whether it listens to the files.
    allow_leaks : bool
        Whether to go on where it finds some; the evaluation then carries a warning.
    n_jobs : int, optional
        Processes that read clips.
    seed : int, >= 0
        Of protocols that draw.
    progress : callable, optional
        Called as `progress(done, total)` after each fit.

    Returns
    -------
    Evaluation
        One row per tested clip, in the order of folds; clips without features have no prediction.

    Raises
    ------
    LeakageError
        If training and test side share what the protocol promises to keep apart.
    ValueError
        If `features` does not belong to the clips or a parameter is out of range.
    """
    check_integer("calibration_folds", calibration_folds, low=0)
    check_flag("allow_leaks", allow_leaks)
    clips = list(clips)
    if features is not None:
        check_features_of(clips, features)
    data = _Data.prepare(clips, recognizer, features)
    folds = actor_folds(data.clips, protocol, seed=seed)
    reports = audit_folds(data.clips, folds, sound=sound, n_jobs=n_jobs) if check_flag("audit", audit) else []
    if not allow_leaks:
        for report in reports:
            report.raise_if_leaky()
    if features is None:
        data.features = recognizer.extract(data.clips, n_jobs=n_jobs)
        data.keep = np.arange(len(data.features))
    runner = _Runner(data, recognizer, calibration_folds, seed, progress, len(folds))
    outcomes = [runner.run(fold) for fold in folds]
    return _collect(data, folds, outcomes, recognizer, reports)


@dataclass
class _Data:
    """Clips whose labels are mapped, and the rows of features that belong to them."""

    clips: list[Clip]
    features: Any
    keep: NDArray[np.intp]
    position: NDArray[np.intp]

    @classmethod
    def prepare(cls, clips: list[Clip], recognizer: Any, features: Any) -> _Data:
        label_map = getattr(recognizer, "label_map", None)
        kept, origin = clips, np.arange(len(clips))
        if label_map is not None:
            # One by one, so that each kept clip's place among those given stays known.
            mapped = map_labels(clips, label_map)
            dropped = {(row.path, row.clip_id) for row in mapped.skipped}
            origin = np.array([at for at, c in enumerate(clips) if (c.path, c.clip_id) not in dropped])
            kept = list(mapped)
        position = np.full(len(clips), -1)
        position[origin] = np.arange(len(kept))
        keep = np.arange(0) if features is None else np.flatnonzero(position[features.clip_index] >= 0)
        if features is None:
            position = np.arange(len(kept))
        return cls(clips=kept, features=features, keep=keep, position=position)

    @property
    def clip_of_row(self) -> NDArray[np.intp]:
        return np.asarray(self.position[self.features.clip_index[self.keep]])

    @property
    def augmented(self) -> NDArray[np.bool_]:
        return np.asarray(self.features.augmented[self.keep])

    def rows(self, fold: Fold) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """Return positions among the kept rows for training, validation and test."""
        clip_of_row = self.clip_of_row
        if fold.copies > 1:
            return self._leaky_rows(fold)
        plain = ~self.augmented
        train = np.flatnonzero(np.isin(clip_of_row, fold.train))
        validation, test = (
            np.flatnonzero(np.isin(clip_of_row, side) & plain) for side in (fold.validation, fold.test)
        )
        return train, validation, test

    def _leaky_rows(self, fold: Fold) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        versions: list[list[int]] = [[] for _ in self.clips]
        for row, clip in enumerate(self.clip_of_row):
            versions[clip].append(row)
        n = len(self.clips)
        # Clips with fewer versions than the protocol has contribute those that there are.
        train, test = (
            [versions[at % n][at // n] for at in side.tolist() if at // n < len(versions[at % n])]
            for side in (fold.train, fold.test)
        )
        return np.array(train), np.empty(0, dtype=np.intp), np.array(test)

    def take(self, rows: NDArray[np.intp]) -> Any:
        return self.features.take(self.keep[rows])

    def labels(self, rows: NDArray[np.intp]) -> NDArray[np.str_]:
        return np.array([self.clips[at].label for at in self.clip_of_row[rows]], dtype=np.str_)

    def groups(self, rows: NDArray[np.intp]) -> NDArray[np.str_]:
        """Return the person of each row, or else the take."""
        owners = (self.clips[at] for at in self.clip_of_row[rows])
        keys = ["/".join(clip.group if clip.subject else ("", *clip.key)) for clip in owners]
        return np.array(keys, dtype=np.str_)


@dataclass
class _Outcome:
    """Predictions of one fold for its test rows."""

    rows: NDArray[np.intp]
    probabilities: NDArray[np.float64]
    temperature: float | None
    n_train: int
    history: dict[str, list[float]] | None  # of the network that predicted, if one did


class _Runner:
    def __init__(
        self,
        data: _Data,
        recognizer: Any,
        calibration_folds: int,
        seed: int,
        progress: Callable[[int, int], object] | None,
        n_folds: int,
    ) -> None:
        self.data = data
        self.recognizer = recognizer
        self.calibration_folds = calibration_folds
        self.seed = seed
        self.progress = progress
        self.done = 0
        self.total = n_folds * (1 + calibration_folds)
        self.classes = sorted({clip.label for clip in data.clips})
        self.history: dict[str, list[float]] | None = None  # of the last network that was fitted
        self.known: list[int] = []  # columns of the last model that was fitted

    def fit_predict(self, train: NDArray[np.intp], test: NDArray[np.intp]) -> NDArray[np.float64]:
        """Fit a fresh recogniser to rows and predict others; columns as `classes`."""
        data = self.data
        model = type(self.recognizer)(**self.recognizer.get_params())
        model.fit_features(data.take(train), data.labels(train), data.groups(train))
        self.history = getattr(getattr(model, "classifier_", None), "history_", None)
        given = np.asarray(model.predict_proba_features(data.take(test)), dtype=np.float64)
        probabilities = np.zeros((len(test), len(self.classes)))
        self.known = [self.classes.index(str(label)) for label in model.classes_]
        probabilities[:, self.known] = given
        probabilities[np.isnan(given).any(axis=1)] = np.nan
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)
        return probabilities

    def run(self, fold: Fold) -> _Outcome:
        train, validation, test = self.data.rows(fold)
        probabilities = self.fit_predict(train, test)
        history, temperature = self.history, None
        if self.calibration_folds:
            before = self.done
            temperature = self._temperature(train, validation)
            self.done = before + self.calibration_folds
        return _Outcome(
            rows=test,
            probabilities=probabilities,
            temperature=temperature,
            n_train=len(train),
            history=history,
        )

    def _temperature(self, train: NDArray[np.intp], validation: NDArray[np.intp]) -> float | None:
        """Choose the temperature on people whom the predicting model was not fitted to."""
        pairs = [(train, validation)] if len(validation) else self._inner_pairs(train)
        parts, targets = [], []
        for inner_train, inner_test in pairs:
            probabilities = self.fit_predict(inner_train, inner_test)
            codes = np.array([self.classes.index(str(label)) for label in self.data.labels(inner_test)])
            # An emotion of which the inner model had no clip got 0: no temperature mends that, and the
            # search for one would end near uniform probabilities.
            usable = np.isfinite(probabilities[:, 0]) & np.isin(codes, self.known)
            parts.append(probabilities[usable])
            targets.append(codes[usable])
        if not sum(map(len, targets)):
            return None
        return TemperatureScaling().fit(np.concatenate(parts), np.concatenate(targets)).temperature_

    def _inner_pairs(self, train: NDArray[np.intp]) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        groups = self.data.groups(train)
        names = np.unique(groups)
        if len(names) < 2:
            return []
        n_parts = min(max(2, self.calibration_folds), len(names))
        order = np.random.default_rng(self.seed).permutation(len(names))
        part_of = {str(names[at]): place % n_parts for place, at in enumerate(order)}
        parts = np.array([part_of[str(group)] for group in groups])
        plain = ~self.data.augmented[train]
        return [
            (train[parts != part], train[(parts == part) & plain])
            for part in range(min(self.calibration_folds, n_parts))
        ]


def _collect(
    data: _Data,
    folds: Sequence[Fold],
    outcomes: Sequence[_Outcome],
    recognizer: Any,
    reports: Sequence[LeakageReport],
) -> Evaluation:
    clip_of_row = data.clip_of_row
    tested = [data.clips[at] for outcome in outcomes for at in clip_of_row[outcome.rows]]
    names = [fold.name for fold, outcome in zip(folds, outcomes, strict=True) for _ in outcome.rows]
    probabilities = np.concatenate([outcome.probabilities for outcome in outcomes])
    temperatures = {
        fold.name: outcome.temperature
        for fold, outcome in zip(folds, outcomes, strict=True)
        if outcome.temperature is not None
    }
    calibrated = None
    if len(temperatures) == len(folds):
        calibrated = np.concatenate([_scaled(outcome) for outcome in outcomes])
    leaky = any(not fold.separates for fold in folds) or any(not report.ok for report in reports)
    details: dict[str, Any] = {
        "parameters": {name: _plain(value) for name, value in recognizer.get_params().items()},
        "warnings": [LEAKY_NOTICE] if leaky else [],
        "audit": [str(report) for report in reports],
        "failed": [f"{error.path}: {error.stage}: {error.error}" for error in data.features.errors],
        "n_train": {fold.name: outcome.n_train for fold, outcome in zip(folds, outcomes, strict=True)},
    }
    if outcomes[0].history is not None:
        details["history"] = outcomes[0].history
    return evaluate_predictions(
        tested,
        probabilities,
        sorted({clip.label for clip in data.clips}),
        model=_name(recognizer),
        protocol=folds[0].name.rsplit("/", 1)[0],
        folds=names,
        calibrated=calibrated,
        temperatures=temperatures,
        details=details,
    )


def _scaled(outcome: _Outcome) -> NDArray[np.float64]:
    scaled = outcome.probabilities.copy()
    usable = np.isfinite(scaled[:, 0])
    if usable.any() and outcome.temperature is not None:
        scaling = TemperatureScaling.from_state({"temperature": outcome.temperature}, {})
        scaled[usable] = scaling.transform(scaled[usable])
    return scaled


def _name(recognizer: Any) -> str:
    name = getattr(recognizer, "name", "unnamed")
    return repr(recognizer) if name == "unnamed" else str(name)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else repr(value)
