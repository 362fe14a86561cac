"""From a media file to emotion probabilities."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from stcorner._base.parameters import ParameterBase, check_is_fitted
from stcorner._base.validation import check_choice, check_flag, check_integer, check_real
from stcorner.errors import MediaError, ParameterError
from stcorner.extraction.features import ClipFeatures, check_features_of, extract_sources, per_row
from stcorner.extraction.rows import ExtractionPlan, Source, check_augment, check_face

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from stcorner.classifiers import TemperatureScaling
    from stcorner.recognizer.fused import FusedSpace
    from stcorner.recognizer.modelfile import TrainingDocument

__all__ = ["EmotionRecognizer"]

CLASSIFIERS = ("discriminant", "fercnn")
FUSIONS = ("concatenate", "mfa", "mfa_per_modality", "cca", "lda")
_MODALITIES = ("both", "audio", "video")


class EmotionRecognizer(ParameterBase):
    """Recognise the emotion that a clip of a speaking person expresses.

    A clip is decoded, its sound described by `clip_features` and its face by the texture map of
    space-time corners; the blocks are fused and classified. Parameters, cloning and setting work as in
    scikit-learn, but the inputs are clips or files.

    Parameters
    ----------
    modality : {"both", "audio", "video"}, default="both"
        What of a clip is used.
    recipe : str, default="rich"
        Recipe of the sound, see `clip_features`.
    fusion : {"concatenate", "mfa", "mfa_per_modality", "cca", "lda"}, default="concatenate"
        Method of `ModalityFusion`.
    classifier : {"discriminant", "fercnn"}, default="discriminant"
        `DiscriminantClassifier`, which does best on people it never heard, or the network of the paper.
    weights : mapping of str to float, optional
        Weight of the blocks ``"audio"`` and ``"video"`` in the fusion. By default the fusion's own.
    augment : str, sequence of str, or None, default=("slower", "faster", "noise")
        Altered copies that `fit` adds of each training clip, one per entry: a kind of `augment_audio`,
        or several joined by "+" (``"stretch+pitch"``). None adds no copies. Only the sound is altered.
    label_map : mapping of str to str or None, optional
        Labels to rename before training; None drops the clips of that label.
    face : {"largest"} or int, default="largest"
        Which face counts where there are several: a number is an id as `track_faces` counts.
    crop_size : int, default=96
        Side of the face crop in pixels, 32 to 512.
    fps : float, default=25.0
        Frames per second at which the face is looked at, 5 to 120.
    abstain_below : float, default=0.0
        Predictions whose best probability is smaller are flagged, 0 to 1.
    fusion_params, classifier_params : mapping, optional
        Parameters handed to `ModalityFusion` and to the classifier.
    random_state : int, default=0
        Seed of everything that is drawn.
    name : str, default="unnamed"
        What the model is called in tables.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted: the columns of probabilities.
    classifier_ : object
        The fitted classifier.
    calibration_ : TemperatureScaling or None
        Temperature chosen on people held out of the network's training; None for the discriminant, which
        calibrates itself.
    fusion_ : FusedSpace or None
        The fitted fusion; None for one modality with ``fusion="concatenate"``, which needs none.
    training_ : TrainingDocument
        What the recogniser was fitted on.

    Raises
    ------
    ValueError
        If a parameter is out of its range, which is checked when it is used, as in scikit-learn.

    Examples
    --------
    >>> EmotionRecognizer("audio", classifier="fercnn")
    EmotionRecognizer(modality='audio', classifier='fercnn')
    """

    classes_: NDArray[np.str_]
    classifier_: Any
    calibration_: TemperatureScaling | None
    fusion_: FusedSpace | None
    feature_names_: dict[str, list[str]]
    training_: TrainingDocument

    def __init__(
        self, modality: str = "both", *, recipe: str = "rich", fusion: str = "concatenate",
        classifier: str = "discriminant", weights: Mapping[str, float] | None = None, name: str = "unnamed",
        augment: str | Sequence[str] | None = ("slower", "faster", "noise"),
        label_map: Mapping[str, str | None] | None = None, face: Literal["largest"] | int = "largest",
        crop_size: int = 96, fps: float = 25.0, abstain_below: float = 0.0, random_state: int = 0,
        fusion_params: Mapping[str, Any] | None = None, classifier_params: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.modality = modality
        self.recipe = recipe
        self.fusion = fusion
        self.classifier = classifier
        self.weights = weights
        self.augment = augment
        self.label_map = label_map
        self.face = face
        self.crop_size = crop_size
        self.fps = fps
        self.abstain_below = abstain_below
        self.fusion_params = fusion_params
        self.classifier_params = classifier_params
        self.random_state = random_state
        self.name = name

    @property
    def modalities(self) -> tuple[str, ...]:
        """The blocks that are used, in order."""
        return self.extraction_plan().modalities

    def extraction_plan(self) -> ExtractionPlan:
        """Check the parameters and return what they say about extraction."""
        check_choice("fusion", self.fusion, FUSIONS)
        check_choice("classifier", self.classifier, CLASSIFIERS)
        check_real("abstain_below", self.abstain_below, low=0, high=1)
        for block, weight in ({} if self.weights is None else self.weights).items():
            check_choice("weights", block, ("audio", "video"))
            check_real(f"weights[{block!r}]", weight, low=0, open_low=True)
        name: object = self.name
        if not isinstance(name, str) or not name:
            raise ParameterError(f"name must be a non-empty string, got {self.name!r}")
        return ExtractionPlan(
            modality=check_choice("modality", self.modality, _MODALITIES),
            recipe=self.recipe,
            crop_size=check_integer("crop_size", self.crop_size, low=32, high=512),
            fps=check_real("fps", self.fps, low=5, high=120),
            face=check_face(self.face),
            augment=check_augment(self.augment),
            seed=check_integer("random_state", self.random_state, low=0),
        )

    def extract(
        self,
        clips: Sequence[Any],
        *,
        n_jobs: int | None = None,
        augment: bool | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> ClipFeatures:
        """Compute the features of clips.

        Parameters
        ----------
        clips : sequence of Clip or path
            What to read.
        n_jobs : int, optional
            Processes; None is one, -1 as many as there are cores.
        augment : bool, optional
            False adds no altered copies; by default, what the parameter `augment` says.
        progress : callable, optional
            Called as ``progress(done, total)`` after every clip.

        Returns
        -------
        ClipFeatures
            One row per clip and copy. What failed is a row of NaN and an entry in ``errors``.
        """
        plan = self.extraction_plan()
        copies = bool(plan.augment) and (augment is None or check_flag("augment", augment))
        sources = [Source.of(clip) for clip in clips]
        if not sources:
            raise ParameterError("clips must not be empty")
        copies = copies and "audio" in plan.modalities
        return extract_sources(sources, plan, augment=copies, n_jobs=n_jobs, progress=progress)

    def fit(
        self,
        clips: Sequence[Any],
        *,
        n_jobs: int | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Self:
        """Extract and learn.

        Parameters
        ----------
        clips : sequence of Clip
            Labelled clips of at least two emotions.
        n_jobs, progress
            As in `extract`.
        """
        from stcorner.corpora import map_labels

        kept = list(clips) if self.label_map is None else list(map_labels(clips, self.label_map))
        features = self.extract(kept, n_jobs=n_jobs, progress=progress)
        return self._learn(kept, features)

    def fit_clips(self, clips: Sequence[Any], features: ClipFeatures) -> Self:
        """Learn from features that `extract` gave for these clips; `label_map` is applied to their labels.

        Raises
        ------
        ValueError
            If `features` is of other clips, or of these in another order.
        """
        clips = list(clips)
        check_features_of(clips, features)
        if self.label_map is not None:
            from stcorner.recognizer.training import map_rows

            clips, features = map_rows(clips, features, self.label_map)
        return self._learn(clips, features)

    def _learn(self, clips: Sequence[Any], features: ClipFeatures) -> Self:
        from stcorner.recognizer.training import describe_training, row_groups

        y = np.asarray([clips[i].label for i in features.clip_index], dtype=np.str_)
        self.fit_features(features, y, row_groups(clips, features))
        self.training_ = describe_training(clips, features, self.random_state)
        return self

    def fit_features(self, features: ClipFeatures, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Learn from extracted features.

        Parameters
        ----------
        features : ClipFeatures
            As `extract` gives them. Rows without any block are left out.
        y : array_like of shape (n_rows,)
            Label of each row; copies are rows of their own.
        groups : array_like of shape (n_rows,), optional
            Rows of one person, or else of one clip with its copies (the default where there are copies).
        """
        from stcorner.recognizer.training import (
            fit_calibration,
            fit_fusion,
            new_classifier,
            one_blas_thread,
        )

        self.extraction_plan()
        labels = per_row("y", y, len(features))
        if groups is None and features.augmented.any():
            groups = features.clip_index  # a copy of a held-out clip in training would make it look easy
        members = None if groups is None else per_row("groups", groups, len(features))
        self._check_names(features)
        usable = features.present(self.modalities)
        if not usable.any():
            first = f": {features.errors[0].error}" if features.errors else ""
            raise MediaError(f"no clip gave features to learn from{first}")
        chosen = features.take(usable)
        labels, members = labels[usable], None if members is None else members[usable]
        blocks = [chosen.blocks[name] for name in self.modalities]
        self.feature_names_ = {name: list(features.names[name]) for name in self.modalities}
        with one_blas_thread():
            self.fusion_ = fit_fusion(self, blocks, labels, members)
            fused = blocks[0] if self.fusion_ is None else self.fusion_.transform(blocks)
            self.classifier_ = new_classifier(self).fit(fused, labels, groups=members)
        self.classes_ = np.asarray(self.classifier_.classes_)
        self.calibration_ = fit_calibration(self.classifier_, fused, labels)
        return self

    def _check_names(self, features: ClipFeatures) -> None:
        absent = [name for name in self.modalities if name not in features.blocks]
        if absent:
            raise ParameterError(f"features must hold the block(s) {absent}, got {list(features.blocks)}")

    def predict_proba_features(self, features: ClipFeatures) -> NDArray[np.float64]:
        """Return probabilities of extracted features.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            Columns as ``classes_``; a row of NaN where all modalities are missing.
        """
        check_is_fitted(self)
        self._check_names(features)
        for name in self.modalities:
            if list(features.names[name]) != self.feature_names_[name]:
                raise ParameterError(
                    f"features[{name!r}] must have the columns that the model was trained on"
                )
        blocks = [features.blocks[name] for name in self.modalities]
        usable = features.present(self.modalities)
        probabilities = np.full((len(features), len(self.classes_)), np.nan)
        if usable.any():
            rows = [block[usable] for block in blocks]
            fused = rows[0] if self.fusion_ is None else self.fusion_.transform(rows)
            given = self.classifier_.predict_proba(fused)
            probabilities[usable] = given if self.calibration_ is None else self.calibration_.transform(given)
        return probabilities

    def predict_table(
        self,
        clips: Sequence[Any],
        *,
        n_jobs: int | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> list[dict[str, Any]]:
        """Predict clips or files; each gives a row, also what fails.

        Returns
        -------
        list of dict
            Columns as `clip_columns`.
        """
        from stcorner.recognizer.results import prediction_rows

        check_is_fitted(self)
        features = self.extract(clips, n_jobs=n_jobs, augment=False, progress=progress)
        return prediction_rows(
            features,
            self.predict_proba_features(features),
            [str(label) for label in self.classes_],
            model=self.name,
            abstain_below=self.abstain_below,
        )

    def predict_proba(self, clips: Any) -> NDArray[np.float64]:
        """Return class probabilities.

        Parameters
        ----------
        clips : Clip, path, or a sequence of them
            What to read.

        Returns
        -------
        ndarray of shape (n_classes,) or (n, n_classes), float64
            Rows sum to 1; columns as ``classes_``. One clip gives one dimension.

        Raises
        ------
        MediaError
            If a clip gives nothing to predict from; `predict_table` gives a row instead.
        """
        check_is_fitted(self)
        single = isinstance(clips, str | os.PathLike) or hasattr(clips, "clip_id")
        features = self.extract([clips] if single else clips, augment=False)
        probabilities = self.predict_proba_features(features)
        failed = np.flatnonzero(np.isnan(probabilities[:, 0]))
        if len(failed):
            reasons = features.details[failed[0]]["errors"]
            raise MediaError(f"{len(failed)} of {len(features)} clips gave no features: {'; '.join(reasons)}")
        return probabilities[0] if single else probabilities

    def predict(self, clips: Any) -> Any:
        """Return the most probable label: a string for one clip, an array for several.

        Takes and raises what `predict_proba` does.
        """
        probabilities = self.predict_proba(clips)
        if probabilities.ndim == 1:
            return str(self.classes_[probabilities.argmax()])
        return self.classes_[probabilities.argmax(axis=1)]

    def timeline(
        self, path: str | os.PathLike[str], *, window: float = 2.0, hop: float = 0.5
    ) -> Iterator[dict[str, Any]]:
        """Predict sliding windows of one file, in constant memory.

        Parameters
        ----------
        path : path
            The file.
        window : float, default=2.0
            Length of each window in seconds, 0.5 to 60.
        hop : float, default=0.5
            Seconds between the starts of windows, > 0 and at most `window`.

        Yields
        ------
        dict
            Rows as of `predict_table`, with ``start`` and ``end`` of the window.
        """
        from stcorner.extraction.windows import timeline

        check_is_fitted(self)
        return timeline(self, path, window=window, hop=hop)

    def save(self, file: str | os.PathLike[str], *, card: str | None = None) -> Path:
        """Write the model to a ``*.stcorner`` file; see `load_model`."""
        from stcorner.recognizer.persistence import save_model

        check_is_fitted(self)
        return save_model(self, file, card=card)
