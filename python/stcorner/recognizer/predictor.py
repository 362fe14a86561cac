"""A fitted recogniser as prediction needs it: numpy alone, so that a command answers at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.audio.presence import NO_LABEL
from stcorner.corpora.clip import Clip
from stcorner.errors import ParameterError
from stcorner.extraction.blocks import describe_clips
from stcorner.extraction.clipfeatures import ClipFeatures
from stcorner.fusion.rules import combine_tables
from stcorner.recognizer.within import transductive, within_subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from stcorner.classifiers import TemperatureScaling
    from stcorner.extraction.blocks import Block
    from stcorner.extraction.plan import Plan
    from stcorner.media.recording import MediaLike
    from stcorner.recognizer.fused import FusedSpace

__all__ = ["Head", "Predictor", "check_columns"]

EARLY = "early"


@dataclass(frozen=True, kw_only=True)
class Head:
    """A fitted classifier and the temperature that corrects how sure it is."""

    kind: str
    classifier: Any
    calibration: TemperatureScaling | None = None

    def predict_proba(self, X: NDArray[Any], classes: Sequence[Any]) -> NDArray[np.float64]:
        """Return probabilities of rows; a class that the head never saw has none."""
        given = np.asarray(self.classifier.predict_proba(X), dtype=np.float64)
        if self.calibration is not None:
            given = self.calibration.transform(given)
        known = [str(name) for name in self.classifier.classes_]
        if known == list(classes):
            return given
        table = np.zeros((len(given), len(classes)))
        table[:, [list(classes).index(name) for name in known]] = given
        return table


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """What a recogniser learnt.

    Attributes
    ----------
    name : str
        What the model is called in tables.
    classes : tuple of str
        Labels, sorted: the columns of probabilities.
    blocks : tuple of str
        The blocks that are used, in order.
    names : dict of str to list of str
        Columns of each block.
    plan : Plan
        How the built-in blocks are computed.
    heads : dict of str to Head
        One classifier for the fused vector (key ``"early"``), or one per block.
    fusion : FusedSpace, optional
        How the blocks become one vector, where they do.
    weights : dict of str to float
        Weights of the log probabilities of the heads, where there are several.
    means : dict of str to ndarray
        The average training clip, one vector per block.
    abstain_below : float
        Predictions whose best probability is smaller are flagged.
    others : dict of str to Block
        Blocks that are not built in.
    within : {"subject"}, optional
        Whether samples are measured by those of the same person, as `EmotionRecognizer` says.
    """

    name: str
    classes: tuple[str, ...]
    blocks: tuple[str, ...]
    names: Mapping[str, list[str]]
    plan: Plan
    heads: Mapping[str, Head]
    fusion: FusedSpace | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    means: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    abstain_below: float = 0.0
    others: Mapping[str, Block] = field(default_factory=dict)
    within: str | None = None

    @property
    def title(self) -> str:
        """The name in tables and reports; it says where predictions are transductive."""
        return transductive(self.name, self.within)

    def extract(
        self,
        clips: Sequence[Any],
        *,
        n_jobs: int | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> ClipFeatures:
        """Compute the features of clips, without altered copies.

        Parameters
        ----------
        clips : sequence of clips or paths
            What to describe.
        n_jobs : int, optional
            Processes; None is one for each core.
        progress : callable, optional
            Called as ``progress(done, total)`` after each clip.

        Returns
        -------
        ClipFeatures
            One sample per clip.
        """
        given = [Clip.of(clip) for clip in clips]
        if not given:
            raise ParameterError("clips must hold at least one clip, got none")
        return describe_clips(given, self.plan, self.blocks, self.others, n_jobs=n_jobs, progress=progress)

    def with_speech(self, features: ClipFeatures) -> ClipFeatures:
        """Return the samples, without the sound of those that hold no speech.

        Parameters
        ----------
        features : ClipFeatures
            Samples that `prepared` gave.

        Returns
        -------
        ClipFeatures
            Without altered copies.
        """
        plain = features.originals()
        heard = self.plan.blocks_of("audio")
        if not heard or not len(plain):
            return plain
        details = list(plain.details)
        for at in np.flatnonzero(self._unfamiliar(plain)):
            if details[at].get("speech") == "ok":
                details[at] = {**details[at], "speech": "unfamiliar"}
        no_speech = np.array([each.get("speech") in NO_LABEL for each in details])
        sound = {n: np.where(no_speech[:, None], np.float32(np.nan), plain.blocks[n]) for n in heard}
        return replace(plain, blocks={**plain.blocks, **sound}, details=details)

    def _unfamiliar(self, features: ClipFeatures) -> NDArray[np.bool_]:
        """Return which rows lie farther from the training rows than nearly all of these did."""
        head = self.heads.get("audio", self.heads.get(EARLY) if self.blocks == ("audio",) else None)
        sound = features.blocks.get("audio", np.full((len(features), 1), np.nan))
        strange = np.zeros(len(sound), np.bool_)
        there = np.isfinite(sound[:, 0])
        if there.any() and self.fusion is None and head is not None and head.kind == "discriminant":
            strange[there] = head.classifier.distances(sound[there]) > head.classifier.farthest_
        return strange

    def predict_proba(self, features: ClipFeatures) -> NDArray[np.float64]:
        """Return probabilities of the samples: shape (n, n_classes), NaN where all blocks are missing.

        Parameters
        ----------
        features : ClipFeatures
            Samples with the model's blocks.

        Returns
        -------
        ndarray of shape (n, n_classes), float64
            Rows sum to 1; NaN where all blocks are missing.
        """
        return self.probabilities(self.prepared(features))

    def prepared(self, features: ClipFeatures) -> ClipFeatures:
        """Return the features as the classifiers see them: for some models, measured within each person.

        Parameters
        ----------
        features : ClipFeatures
            Samples with the model's blocks.

        Returns
        -------
        ClipFeatures
            The same samples.
        """
        check_columns(features, self.blocks, self.names)
        return features if self.within is None else within_subject(features)

    def probabilities(self, features: ClipFeatures) -> NDArray[np.float64]:
        """Return what `predict_proba` does, of samples that `prepared` gave.

        Parameters
        ----------
        features : ClipFeatures
            Samples with the model's blocks.

        Returns
        -------
        ndarray of shape (n, n_classes), float64
            Rows sum to 1; NaN where all blocks are missing.
        """
        plain = features.originals()
        blocks = [plain.blocks[name] for name in self.blocks]
        usable = plain.present(self.blocks)
        probabilities = np.full((len(plain), len(self.classes)), np.nan)
        if usable.any():
            probabilities[usable] = self._classify([block[usable] for block in blocks])
        return probabilities

    def _classify(self, blocks: list[NDArray[Any]]) -> NDArray[np.float64]:
        if EARLY in self.heads:
            fused = blocks[0] if self.fusion is None else self.fusion.transform(blocks)
            return self.heads[EARLY].predict_proba(fused, self.classes)
        # What one stream says is one table: whether another is there does not change it.
        tables, weights = [], []
        evidence = self.evidence(blocks)
        for names in self.streams():
            own = [self.weights[name] for name in names]
            tables.append(_product([evidence[name] for name in names], own))
            weights.append(1.0 if len(names) > 1 else own[0])
        return _product(tables, weights)

    def streams(self) -> list[tuple[str, ...]]:
        """Return the blocks by what they are computed from: those of the sound together, others alone.

        Returns
        -------
        list of tuple of str
            The blocks, in order.
        """
        heard = self.plan.blocks_of("audio")
        groups = [heard if name in heard else (name,) for name in self.blocks]
        return list(dict.fromkeys(groups))

    def evidence(self, blocks: Sequence[NDArray[Any]]) -> dict[str, NDArray[np.float64]]:
        """Return the probabilities by each block alone, rows of NaN where it is missing; late fusion only.

        Parameters
        ----------
        blocks : sequence of ndarray of shape (n, d)
            The model's blocks in order.

        Returns
        -------
        dict of str to ndarray of shape (n, n_classes)
            Probabilities by block.
        """
        tables = {}
        for name, block in zip(self.blocks, blocks, strict=True):
            table = np.full((len(block), len(self.classes)), np.nan)
            there = np.isfinite(block[:, 0])
            if there.any():
                table[there] = self.heads[name].predict_proba(block[there], self.classes)
            tables[name] = table
        return tables

    def predict_table(
        self,
        clips: Sequence[Any],
        *,
        n_jobs: int | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> list[dict[str, Any]]:
        """Predict clips or files; each gives a row, also what fails. Columns as `clip_columns`.

        A clip has one row, or one for each face where the model describes all. A file of more than 30 s is no
        clip: its row holds the means over its windows of 2 s in which somebody speaks, and its message says
        so.

        Parameters
        ----------
        clips : sequence of clips or paths
            What to predict.
        n_jobs : int, optional
            Processes; None is one for each core.
        progress : callable, optional
            Called as ``progress(done, total)`` after each clip.

        Returns
        -------
        list of dict
            Columns as `clip_columns`.
        """
        if isinstance(clips, ClipFeatures):
            return self.rows(clips)
        from stcorner.recognizer.timeline import is_long, summary_rows

        given = [replace(Clip.of(clip)) for clip in clips]  # one object each, where a clip comes twice, too
        short = [clip for clip in given if not is_long(self, clip)]
        rows: dict[int, list[dict[str, Any]]] = {}
        if short or not given:
            features = self.extract(short, n_jobs=n_jobs, progress=progress)
            for clip, row in zip(features.clips, self.rows(features), strict=True):
                rows.setdefault(id(clip), []).append(row)
        return [row for clip in given for row in rows.get(id(clip)) or summary_rows(self, clip)]

    def rows(self, features: ClipFeatures) -> list[dict[str, Any]]:
        """Return the rows of `predict_table` for features.

        Parameters
        ----------
        features : ClipFeatures
            Samples with the model's blocks.

        Returns
        -------
        list of dict
            Columns as `clip_columns`.
        """
        from stcorner.recognizer.predictions import prediction_rows

        features = self.with_speech(self.prepared(features))
        return prediction_rows(
            features,
            self.probabilities(features),
            self.classes,
            model=self.title,
            abstain_below=self.abstain_below,
            blocks=self.blocks,
        )

    def timeline(
        self, path: MediaLike | Clip, *, window: float = 2.0, hop: float = 0.5
    ) -> Iterator[dict[str, Any]]:
        """Predict sliding windows of one file, in constant memory; see `EmotionRecognizer.timeline`.

        Parameters
        ----------
        path : path or Recording
            A file, or sound and pictures in memory.
        window : float, default=2.0
            Length of each window in seconds, 0.5 to 60.
        hop : float, default=0.5
            Seconds between the starts of windows, > 0 and at most `window`.

        Yields
        ------
        dict
            Columns of `predict_table`, with ``start`` and ``end`` of the window in seconds.
        """
        from stcorner.recognizer.timeline import timeline

        return timeline(self, path, window=window, hop=hop)


def _product(tables: Sequence[NDArray[np.float64]], weights: Sequence[float]) -> NDArray[np.float64]:
    """Return the weighted product of what is there, row by row.

    One table alone stands as it is: each is calibrated by itself, and its weight is for company.
    """
    mixed = np.full_like(tables[0], np.nan)
    there = np.stack([np.isfinite(table[:, 0]) for table in tables])
    some, alone = there.any(axis=0), there.sum(axis=0) == 1
    if some.any():
        mixed[some] = combine_tables([table[some] for table in tables], np.array(weights))
    for table, present in zip(tables, there, strict=True):
        mixed[alone & present] = table[alone & present]
    return mixed


def check_columns(
    features: ClipFeatures, blocks: Sequence[str], names: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Refuse features that lack a block or have other columns than the model learnt from.

    Raises
    ------
    ParameterError
        Naming the block.
    """
    given: object = features
    if not isinstance(given, ClipFeatures):
        raise ParameterError(
            f"features must be ClipFeatures, got {type(given).__name__}: arrays become features by "
            "ClipFeatures(clips=..., blocks={'NAME': array}) or FeatureTable"
        )
    absent = [name for name in blocks if name not in features.blocks]
    if absent:
        raise ParameterError(
            f"features must hold the block(s) {absent}, got {list(features.blocks)}: extract them with "
            f"blocks={tuple(blocks)}"
        )
    for name in blocks if names is not None else ():
        if list(features.names[name]) != list(names[name]):  # type: ignore[index]
            raise ParameterError(
                f"features[{name!r}] must have the columns that the model was trained on, got others: "
                "extract them with this version and the same recipe"
            )
