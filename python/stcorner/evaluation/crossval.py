"""Cross-validation of a recogniser: features once, then one fit per fold on other people's clips."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_flag, check_integer
from stcorner.classifiers import TemperatureScaling
from stcorner.corpora.folds import actor_folds
from stcorner.corpora.leakage import audit_folds
from stcorner.errors import ParameterError
from stcorner.evaluation.predictions import evaluate_predictions
from stcorner.extraction.clipfeatures import ClipFeatures
from stcorner.recognizer.within import NOTICE, transductive

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from stcorner.corpora.clip import Clip
    from stcorner.corpora.leakage import LeakageReport
    from stcorner.corpora.protocols import Fold
    from stcorner.evaluation.result import Evaluation

__all__ = ["cross_validate"]

_LOG = logging.getLogger(__name__)

LEAKY_NOTICE = (
    "training and test rows share clips: these scores measure memory, not recognition of new people; "
    "evaluate by actor for a number that means something"
)


def cross_validate(
    clips: Sequence[Clip] | ClipFeatures,
    recognizer: Any,
    *,
    protocol: str | Path = "auto",
    features: ClipFeatures | None = None,
    calibration_folds: int = 3,
    audit: bool = True,
    sound: bool = True,
    allow_leaks: bool = False,
    n_jobs: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], object] | None = None,
) -> Evaluation:
    """Evaluate a recogniser on clips that it was not trained on.

    Features are extracted once. For each fold a fresh copy of the recogniser is fitted to the training clips
    and their altered copies, and predicts the test clips as they are. Each fold's temperature is chosen on
    validation actors: `Fold.validation` where the protocol has one, else training actors that an inner
    model of the same fold did not see. No test clip has a part in anything but its own prediction.

    Parameters
    ----------
    clips : sequence of Clip, or ClipFeatures
        What to evaluate on; features, such as a table of `extract`, save the extraction.
    recognizer : EmotionRecognizer
        Not changed. Its `label_map` is applied.
    protocol : str or path, default="auto"
        As in `actor_folds`. With "paper-leaky" the altered copies that the features hold are split like
        clips of their own, and tested.
    features : ClipFeatures, optional
        What ``recognizer.extract(clips)`` gave, in the order of `clips`.
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

    See Also
    --------
    evaluate_predictions : Score predictions that exist already.
    compare_models : Test which of several models is better.
    """
    check_integer("calibration_folds", calibration_folds, low=0)
    check_flag("allow_leaks", allow_leaks)
    table = features
    if isinstance(clips, ClipFeatures):
        if features is not None:
            raise ParameterError("features must be left out, as clips are ClipFeatures and hold them")
        table, clips = clips, clips.clips
    elif features is not None:
        table = _of_clips(list(clips), features)
    kept, used = _mapped(list(clips), recognizer)
    folds = actor_folds(kept, protocol, seed=seed)
    reports = audit_folds(kept, folds, sound=sound, n_jobs=n_jobs) if check_flag("audit", audit) else []
    if not allow_leaks:
        for report in reports:
            report.raise_if_leaky()
    table = recognizer.extract(kept, n_jobs=n_jobs) if table is None else table[used].relabelled(kept)
    runner = _Runner(recognizer, table, calibration_folds, seed, progress, len(folds))
    outcomes = [runner.run(fold) for fold in folds]
    return _collect(kept, folds, outcomes, recognizer, reports, table)


def _of_clips(clips: list[Clip], features: ClipFeatures) -> ClipFeatures:
    """Refuse features of other clips, of a part of them, or of the same in another order.

    Labels are taken by position: they would go to the wrong rows in silence.
    """
    if len(features) != len(clips):
        raise ParameterError(
            f"features must be of the {len(clips)} clips, got {len(features)}: extract them from these clips"
        )
    for at, (mine, clip) in enumerate(zip(features.clips, clips, strict=True)):
        if mine.clip_id != clip.clip_id:
            raise ParameterError(
                f"features must be of the clips in their order: clip {at} is {clip.clip_id!r}, "
                f"got {mine.clip_id!r}"
            )
    return features.relabelled(clips)


def _mapped(clips: list[Clip], recognizer: Any) -> tuple[list[Clip], NDArray[np.intp]]:
    """Return the clips whose label is kept, with its new name, and their positions."""
    label_map = getattr(recognizer, "label_map", None)
    if label_map is None:
        return clips, np.arange(len(clips))
    from stcorner.recognizer.training import renamed

    labels, used = renamed(np.asarray([clip.label for clip in clips]), label_map)
    return [replace(clips[at], label=str(labels[at])) for at in used], used


@dataclass
class _Outcome:
    """Predictions of one fold for its test clips."""

    clips: NDArray[np.intp]
    probabilities: NDArray[np.float64]
    temperature: float | None
    n_train: int
    history: dict[str, list[float]] | None  # of the network that predicted, if one did


class _Runner:
    def __init__(
        self,
        recognizer: Any,
        features: ClipFeatures,
        calibration_folds: int,
        seed: int,
        progress: Callable[[int, int], object] | None,
        n_folds: int,
    ) -> None:
        self.recognizer = recognizer
        self.features = features
        self.calibration_folds = calibration_folds
        self.seed = seed
        self.progress = progress
        self.done = 0
        self.total = n_folds * (1 + calibration_folds)
        self.classes = sorted({clip.label for clip in features.clips})
        self.history: dict[str, list[float]] | None = None  # of the last network that was fitted
        self.known: list[int] = []  # columns of the last model that was fitted

    def fit_predict(
        self, features: ClipFeatures, train: NDArray[np.intp], test: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Fit a fresh recogniser to clips and predict others; columns as `classes`."""
        model = _fresh(self.recognizer)
        model.fit(features[train])
        heads = getattr(getattr(model, "predictor_", None), "heads", {})
        histories = [getattr(head.classifier, "history_", None) for head in heads.values()]
        self.history = next((found for found in histories if found is not None), None)
        given = np.asarray(model.predict_proba(features[test].originals()), dtype=np.float64)
        probabilities = np.zeros((len(test), len(self.classes)))
        self.known = [self.classes.index(str(label)) for label in model.classes_]
        probabilities[:, self.known] = given
        probabilities[np.isnan(given).any(axis=1)] = np.nan
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)
        return probabilities

    def run(self, fold: Fold) -> _Outcome:
        features, train, validation, test, clips = self._sides(fold)
        probabilities = self.fit_predict(features, train, test)
        history, temperature = self.history, None
        _LOG.info("fold %s: learnt from %d clips, predicted %d", fold.name, len(train), len(test))
        n_train = int(features[train].clip_index.size)
        if self.calibration_folds:
            before = self.done
            temperature = self._temperature(features, train, validation)
            self.done = before + self.calibration_folds
        return _Outcome(
            clips=clips,
            probabilities=probabilities,
            temperature=temperature,
            n_train=n_train,
            history=history,
        )

    def _sides(
        self, fold: Fold
    ) -> tuple[ClipFeatures, NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """Return features, positions of training, validation and test, and the clips that are tested."""
        if fold.copies == 1:
            return self.features, fold.train, fold.validation, fold.test, fold.test
        # Versions of a clip count as clips of their own. Clips with fewer than the protocol has contribute
        # those that there are.
        n = len(self.features)
        starts = np.concatenate([[0], np.cumsum(np.bincount(self.features.clip_index, minlength=n))])
        sides = []
        for side in (fold.train, fold.test):
            clip, version = side % n, side // n
            sides.append((starts[clip] + version)[version < starts[clip + 1] - starts[clip]])
        owner = self.features.clip_index
        return self.features.versions(), sides[0], np.empty(0, np.intp), sides[1], owner[sides[1]]

    def _temperature(
        self, features: ClipFeatures, train: NDArray[np.intp], validation: NDArray[np.intp]
    ) -> float | None:
        """Choose the temperature on people whom the predicting model was not fitted to."""
        pairs = [(train, validation)] if len(validation) else self._inner_pairs(features, train)
        parts, targets = [], []
        for inner_train, inner_test in pairs:
            probabilities = self.fit_predict(features, inner_train, inner_test)
            codes = np.array([self.classes.index(str(label)) for label in features.labels[inner_test]])
            # An emotion of which the inner model had no clip got 0: no temperature mends that, and the
            # search for one would end near uniform probabilities.
            usable = np.isfinite(probabilities[:, 0]) & np.isin(codes, self.known)
            parts.append(probabilities[usable])
            targets.append(codes[usable])
        if not sum(map(len, targets)):
            return None
        return TemperatureScaling().fit(np.concatenate(parts), np.concatenate(targets)).temperature_

    def _inner_pairs(
        self, features: ClipFeatures, train: NDArray[np.intp]
    ) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        groups = features.groups[train]
        names = np.unique(groups)
        if len(names) < 2:
            return []
        n_parts = min(max(2, self.calibration_folds), len(names))
        order = np.random.default_rng(self.seed).permutation(len(names))
        part_of = {str(names[at]): place % n_parts for place, at in enumerate(order)}
        parts = np.array([part_of[str(group)] for group in groups])
        return [
            (train[parts != part], train[parts == part])
            for part in range(min(self.calibration_folds, n_parts))
        ]


def _fresh(recognizer: Any) -> Any:
    from sklearn.base import clone

    return clone(recognizer)


def _collect(
    clips: Sequence[Clip],
    folds: Sequence[Fold],
    outcomes: Sequence[_Outcome],
    recognizer: Any,
    reports: Sequence[LeakageReport],
    features: ClipFeatures,
) -> Evaluation:
    tested = [clips[at] for outcome in outcomes for at in outcome.clips]
    names = [fold.name for fold, outcome in zip(folds, outcomes, strict=True) for _ in outcome.clips]
    probabilities = np.concatenate([outcome.probabilities for outcome in outcomes])
    temperatures = {
        fold.name: outcome.temperature
        for fold, outcome in zip(folds, outcomes, strict=True)
        if outcome.temperature is not None
    }
    calibrated = None
    if len(temperatures) == len(folds):
        calibrated = np.concatenate([_scaled(outcome) for outcome in outcomes])
    within = getattr(recognizer, "within", None)
    leaky = any(not fold.separates for fold in folds) or any(not report.ok for report in reports)
    details: dict[str, Any] = {
        "parameters": {name: _plain(value) for name, value in recognizer.get_params().items()},
        "warnings": [
            *([LEAKY_NOTICE] if leaky else []),
            *([NOTICE] if within else []),
            *_thin_folds(clips, folds),
        ],
        "chosen": getattr(folds, "remark", ""),
        "audit": [str(report) for report in reports],
        "failed": [f"{error.path}: {error.stage}: {error.error}" for error in features.errors],
        "n_train": {fold.name: outcome.n_train for fold, outcome in zip(folds, outcomes, strict=True)},
    }
    if outcomes[0].history is not None:
        details["history"] = outcomes[0].history
    return evaluate_predictions(
        tested,
        probabilities,
        sorted({clip.label for clip in clips}),
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
    name = _described(recognizer) if name == "unnamed" else str(name)
    return transductive(name, getattr(recognizer, "within", None))


def _described(recognizer: Any) -> str:
    """Return blocks, fusion and classifier, such as ``audio + video, late, discriminant``."""
    if not hasattr(recognizer, "resolved_blocks"):
        return type(recognizer).__name__
    blocks, _ = recognizer.resolved_blocks()
    given = recognizer.classifier
    specs = list(given.values()) if isinstance(given, dict) else [given]
    kinds = dict.fromkeys(spec if isinstance(spec, str) else type(spec).__name__ for spec in specs)
    fusion = [recognizer.fusion] if len(blocks) > 1 else []
    return ", ".join([" + ".join(blocks), *fusion, " + ".join(kinds)])


def _thin_folds(clips: Sequence[Clip], folds: Sequence[Fold]) -> list[str]:
    """Say in which folds an emotion is missing on one side, or one person is all there is to learn from."""
    labels = np.asarray([clip.label for clip in clips])
    people = np.asarray(["/".join(clip.group) for clip in clips])
    found: dict[str, list[str]] = {}
    for fold in folds:
        train, test = fold.train % len(labels), fold.test % len(labels)
        remarks = []
        if unlearnt := sorted(set(labels[test]) - set(labels[train])):
            remarks.append(f"test {', '.join(unlearnt)} without having learnt it")
        if untested := sorted(set(labels) - set(labels[test])):
            remarks.append(f"test no clip of {', '.join(untested)}")
        if len(set(people[train])) == 1 and clips[0].subject:
            remarks.append("learn from one person")
        for remark in remarks:
            found.setdefault(remark, []).append(fold.name)
    return [
        f"{len(names)} of {len(folds)} folds {what} ({', '.join(names[:3])}{', ...' * (len(names) > 3)})"
        for what, names in found.items()
    ]


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else repr(value)
