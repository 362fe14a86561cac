"""From a media file, or its features, to emotion probabilities: what a person meets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from stcorner._base.validation import check_choice, check_real
from stcorner.corpora.clip import Clip
from stcorner.errors import MediaError, ParameterError
from stcorner.extraction.blocks import describe_clips, resolve_blocks
from stcorner.extraction.clipfeatures import ClipFeatures
from stcorner.extraction.plan import BUILT_IN, Plan
from stcorner.recognizer.predictor import check_columns
from stcorner.recognizer.within import WITHIN, learnable

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from stcorner.extraction.blocks import Block
    from stcorner.extraction.plan import Face
    from stcorner.media.recording import MediaLike
    from stcorner.recognizer.modelfile import TrainingDocument
    from stcorner.recognizer.predictor import Predictor

__all__ = ["EmotionRecognizer"]

_LOG = logging.getLogger(__name__)

FUSIONS = ("concatenate", "mfa", "mfa_per_modality", "cca", "lda", "late")


class EmotionRecognizer(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Recognise the emotion that a clip of a speaking person expresses.

    A clip is described by blocks: its sound by `clip_features`, its face by space-time descriptors, or by
    anything else that describes clips. The blocks are fused and classified. It is a scikit-learn classifier
    whose samples are clips: in place of ``X`` it takes clips, files, or `ClipFeatures`.

    Parameters
    ----------
    modality : {"both", "audio", "video"}, default="both"
        Short form of `blocks`: ``("audio", "video")``, ``("audio",)`` or ``("video",)``.
    blocks : sequence of str or block, optional
        What describes a clip: names of built-in blocks (of the sound ``"audio"``, and ``"mel"``, the
        spectrogram of `log_mel_patch`; of the face ``"video"``, the orientation histogram, ``"texture"``, the
        texture map of the paper, and ``"expression"``), a `FeatureTable`, any object with ``name``,
        ``feature_names`` and ``describe(clip)``, or the name of a block that `ClipFeatures` hold.
    recipe : str, default="rich"
        Recipe of the sound, see `clip_features`.
    fusion : {"concatenate", "mfa", "mfa_per_modality", "cca", "lda", "late"}, default="concatenate"
        Method of `ModalityFusion`, or ``"late"``: a classifier per block and a weighted sum of their log
        probabilities, which works with any block missing. The blocks of the sound are joined first.
    classifier : str, scikit-learn classifier, or mapping of str to either, default="discriminant"
        ``"discriminant"``: `DiscriminantClassifier`, which does best on people it never met.
        ``"fercnn"``: the network of the paper. ``"mel_cnn"``: `MelCNNClassifier` of the block ``"mel"``. Any
        classifier or pipeline of scikit-learn works; one without ``predict_proba`` is calibrated on people
        held out. With late fusion, a mapping gives each block its own (``"mel"`` has ``"mel_cnn"`` where it
        does not say); ``"posterior"`` there takes the expression network's probabilities as they are.
    weights : mapping of str to float, optional
        Weight of each block in the fusion. By default the fusion's own; with late fusion, chosen on training
        people held out.
    name : str, default="unnamed"
        What the model is called in tables.
    augment : str, sequence of str, or None, default=("slower", "faster", "noise")
        Altered copies that `fit` adds of each training clip, one per entry: a kind of `augment_audio`,
        or several joined by "+" (``"stretch+pitch"``). None adds no copies. Only the sound is altered.
    label_map : mapping of str to str or None, optional
        Labels to rename before training; None drops the clips of that label.
    face : {"largest", "all"} or int, default="largest"
        Which face counts where there are several: a number is an id as `track_faces` counts; with "all" each
        face is a sample.
    within : {"subject"}, optional
        "subject": each feature is z-scored within each person, over all the clips of theirs that are given at
        once, in training and in prediction. No labels are used, but the result is transductive, and every
        table and report calls it so: it does not hold for a single clip of a new person. Needs at least ten
        clips of each person, of about all emotions. None: each clip counts by itself.
    crop_size : int, default=96
        Side of the face crop in pixels, 32 to 512.
    fps : float, default=25.0
        Frames per second at which the face is looked at, 5 to 120.
    abstain_below : float, default=0.0
        Predictions whose best probability is smaller are flagged, 0 to 1.
    random_state : int, default=0
        Seed of everything that is drawn.
    fusion_params, classifier_params : mapping, optional
        Parameters handed to `ModalityFusion` and to the named classifier.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted: the columns of probabilities.
    predictor_ : Predictor
        What was learnt, in plain numpy.
    training_ : TrainingDocument
        What the recogniser was fitted on.

    Raises
    ------
    ValueError
        If a parameter is out of its range, which is checked when it is used, as in scikit-learn.

    See Also
    --------
    cross_validate : Scores on people that were not trained on.
    load_model : A recogniser that was saved.

    Examples
    --------
    >>> EmotionRecognizer("audio", classifier="fercnn")
    EmotionRecognizer(classifier='fercnn', modality='audio')
    """

    classes_: NDArray[np.str_]
    predictor_: Predictor
    training_: TrainingDocument

    def __init__(
        self, modality: str = "both", *, blocks: Any = None, recipe: str = "rich",
        fusion: str = "concatenate", classifier: Any = "discriminant",
        weights: Mapping[str, float] | None = None, name: str = "unnamed",
        augment: str | Sequence[str] | None = ("slower", "faster", "noise"),
        label_map: Mapping[str, str | None] | None = None, face: Face = "largest",
        within: Literal["subject"] | None = None, crop_size: int = 96, fps: float = 25.0,
        abstain_below: float = 0.0, random_state: int = 0,
        fusion_params: Mapping[str, Any] | None = None, classifier_params: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.modality = modality
        self.blocks = blocks
        self.recipe = recipe
        self.fusion = fusion
        self.classifier = classifier
        self.weights = weights
        self.augment = augment
        self.label_map = label_map
        self.face = face
        self.within = within
        self.crop_size = crop_size
        self.fps = fps
        self.abstain_below = abstain_below
        self.fusion_params = fusion_params
        self.classifier_params = classifier_params
        self.random_state = random_state
        self.name = name

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that samples are clips, not rows of numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags

    def resolved_blocks(self) -> tuple[tuple[str, ...], dict[str, Block]]:
        """Return the names of the blocks in order, and those that are not built in.

        Returns
        -------
        names : tuple of str
            The blocks in order.
        others : dict of str to Block
            The blocks that are not built in.
        """
        return resolve_blocks(self.blocks, self.modality)

    def extraction_plan(self) -> Plan:
        """Check the parameters and return how the built-in blocks are computed.

        Returns
        -------
        Plan
            How the built-in blocks are computed.
        """
        from stcorner.recognizer.training import CLASSIFIERS

        check_choice("fusion", self.fusion, FUSIONS)
        specs = self.classifier.values() if isinstance(self.classifier, dict) else [self.classifier]
        for spec in specs:
            if isinstance(spec, str) or not hasattr(spec, "fit"):
                check_choice("classifier", spec, CLASSIFIERS)
        check_choice("within", self.within, (None, *WITHIN))
        check_real("abstain_below", self.abstain_below, low=0, high=1)
        names, _ = self.resolved_blocks()
        for block, weight in ({} if self.weights is None else self.weights).items():
            check_choice("weights", block, names)
            check_real(f"weights[{block!r}]", weight, low=0, open_low=True)
        name: object = self.name
        if not isinstance(name, str) or not name:
            raise ParameterError(f"name must be a non-empty string, got {self.name!r}")
        return Plan.checked(
            tuple(block for block in names if block in BUILT_IN),
            recipe=self.recipe,
            crop_size=self.crop_size,
            fps=self.fps,
            face=self.face,
            augment=self.augment,
            seed=self.random_state,
        )

    def extract(
        self,
        clips: Sequence[Any],
        *,
        n_jobs: int | None = None,
        augment: bool = True,
        progress: Callable[[int, int], object] | None = None,
    ) -> ClipFeatures:
        """Compute the features of clips.

        Parameters
        ----------
        clips : sequence of Clip, path or Recording
            What to read.
        n_jobs : int, optional
            Processes; None is one, -1 as many as there are cores.
        augment : bool, default=True
            Whether altered copies are added, as the parameter `augment` says.
        progress : callable, optional
            Called as ``progress(done, total)`` after every clip.

        Returns
        -------
        ClipFeatures
            One sample per clip. What failed is a row of NaN and an entry in ``errors``.
        """
        from dataclasses import replace

        plan = self.extraction_plan()
        given = [Clip.of(clip) for clip in clips]
        if not given:
            raise ParameterError("clips must hold at least one clip, got none")
        names, others = self.resolved_blocks()
        plan = plan if augment else replace(plan, augment=())
        return describe_clips(given, plan, names, others, n_jobs=n_jobs, progress=progress)

    def fit(
        self,
        X: Any,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        n_jobs: int | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Self:
        """Learn from labelled clips, or from their features.

        Parameters
        ----------
        X : sequence of Clip, path or Recording, or ClipFeatures
            What to learn from: at least two emotions.
        y : array_like of shape (n_samples,), optional
            Label of each clip. Default: the clips' own.
        groups : array_like of shape (n_samples,), optional
            Person of each clip: predictions that choose calibration and weights are of other people. Default:
            the clips' subjects, or their takes where these are unknown.
        sample_weight : array_like of shape (n_samples,), optional
            Weights >= 0 of the clips within their class.
        n_jobs : int, optional
            Worker processes, one kernel thread each; by default, and with -1, one per core.
        progress : callable, optional
            Called as ``progress(done, total)`` after each file.

        Returns
        -------
        EmotionRecognizer
            Itself.
        """
        from stcorner.recognizer.training import describe_training, renamed, train

        plan = self.extraction_plan()
        names, _ = self.resolved_blocks()
        features = X if isinstance(X, ClipFeatures) else self._described(X, n_jobs=n_jobs, progress=progress)
        self._check_blocks(features, names)
        held = set(features.copies.tolist()) - {""}
        if plan.augment and held and not held >= set(plan.augment):
            raise ParameterError(
                f"augment must name copies that the features hold ({', '.join(sorted(held))}) or be None, "
                f"got {plan.augment}"
            )
        features = features.with_copies(plan.augment)
        if self.within is not None:
            features = learnable(features)
        labels = features.labels if y is None else _texts(_per_sample("y", y, len(features)))
        owners = features.groups if groups is None else _per_sample("groups", groups, len(features))
        weights = (
            None if sample_weight is None else _per_sample("sample_weight", sample_weight, len(features))
        )
        if self.label_map is not None:
            labels, kept = renamed(labels, self.label_map)
            features, labels, owners = features[kept], labels[kept], owners[kept]
            weights = None if weights is None else weights[kept]
        if (labels == "").any():
            unknown = features.clips[int(np.argmax(labels == ""))].path
            raise ParameterError(
                f"clips must have labels to learn from, got {unknown} without: give it a label, or give y"
            )
        at = features.clip_index
        self.predictor_ = train(
            self, features, labels[at], owners[at], None if weights is None else weights[at]
        )
        self.classes_ = np.asarray(self.predictor_.classes)
        self.n_features_in_ = sum(len(columns) for columns in self.predictor_.names.values())
        self.training_ = describe_training(features, names, self.random_state)
        _LOG.info(
            "%s: learnt from %d rows of %d clips", self.name, self.training_.n_rows, self.training_.n_clips
        )
        return self

    def _check_blocks(self, features: ClipFeatures, names: Sequence[str]) -> None:
        """Refuse features without a block, or with one of another tool that nobody named."""
        check_columns(features, names)
        foreign = [name for name in features.blocks if name not in names and name not in BUILT_IN]
        if foreign and self.blocks is None:
            raise ParameterError(
                f"features hold the block(s) {foreign}, which modality={self.modality!r} does not use: name "
                f"all that count, such as blocks={(*names, *foreign)}"
            )

    def _described(self, X: Any, *, n_jobs: int | None, progress: Any = None) -> ClipFeatures:
        """Return the features of clips or files; an array is refused with what to do."""
        if isinstance(X, np.ndarray) and X.dtype.kind in "fiub":
            check_columns(X, ())  # type: ignore[arg-type]
        if Clip.is_one(X):
            raise ParameterError("X must be a list of clips to learn from, got one clip: write [clip]")
        return self.extract(list(X), n_jobs=n_jobs, progress=progress)

    def _features(self, X: Any) -> ClipFeatures:
        """Return the features of what is to be predicted."""
        check_is_fitted(self, "predictor_")
        if isinstance(X, ClipFeatures):
            return X
        if isinstance(X, np.ndarray) and X.dtype.kind in "fiub":
            check_columns(X, ())  # type: ignore[arg-type]
        single = Clip.is_one(X)
        return self.predictor_.extract([X] if single else X)

    def predict_table(
        self,
        clips: Any,
        *,
        n_jobs: int | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> list[dict[str, Any]]:
        """Predict clips, files or features; each gives a row, also what fails.

        Parameters
        ----------
        clips : clips, paths or ClipFeatures
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
        check_is_fitted(self, "predictor_")
        return self.predictor_.predict_table(clips, n_jobs=n_jobs, progress=progress)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return class probabilities.

        Parameters
        ----------
        X : Clip, path, Recording, a sequence of them, or ClipFeatures
            What to predict. Altered copies are not predicted.

        Returns
        -------
        ndarray of shape (n_classes,) or (n_samples, n_classes), float64
            Rows sum to 1; columns as ``classes_``. One clip gives one dimension. A sample of `ClipFeatures`
            that has none of the blocks gives NaN.

        Raises
        ------
        MediaError
            If a clip gives nothing to predict from; `predict_table` gives a row instead.
        """
        features = self._features(X)
        features = self.predictor_.prepared(features)
        if not isinstance(X, ClipFeatures):
            features = self.predictor_.with_speech(features)
        probabilities = self.predictor_.probabilities(features)
        if isinstance(X, ClipFeatures):
            return probabilities
        failed = np.flatnonzero(np.isnan(probabilities[:, 0]))
        if len(failed):
            details = features.details[failed[0]]
            reasons = "; ".join([*details["errors"], *details["warnings"]])
            raise MediaError(
                f"{len(failed)} of {len(features)} clips gave nothing to predict from: {reasons}. "
                "Remove these clips, or use predict_table, which gives them a row"
            )
        return probabilities[0] if Clip.is_one(X) and len(probabilities) == 1 else probabilities

    def predict(self, X: Any) -> Any:
        """Return the most probable label: a string for one clip, an array for several.

        Takes and raises what `predict_proba` does; a sample without any block is an error here.

        Parameters
        ----------
        X : clip, path, Recording, sequence of these, or ClipFeatures
            What to predict, as in `predict_proba`.

        Returns
        -------
        str or ndarray of shape (n,), str
            The most probable label of one clip, or of each.
        """
        probabilities = self.predict_proba(X)
        if np.isnan(probabilities).any():
            raise MediaError(
                f"{int(np.isnan(probabilities[..., 0]).sum())} samples have no features to predict from: "
                "remove them, or use predict_table, which gives them a row"
            )
        if probabilities.ndim == 1:
            return str(self.classes_[probabilities.argmax()])
        return self.classes_[probabilities.argmax(axis=1)]

    def score(self, X: Any, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> float:
        """Return the share of clips whose label is predicted right, 0 to 1.

        Parameters
        ----------
        X : sequence of Clip, path or Recording, or ClipFeatures
            What to predict.
        y : array_like of shape (n_samples,), optional
            True labels. Default: the clips' own.
        sample_weight : array_like of shape (n_samples,), optional
            Weights of the clips.

        Returns
        -------
        float
            Share of clips with the right label, 0 to 1.
        """
        features = self._features(X)
        truth = features.labels if y is None else _per_sample("y", y, len(features))
        weights = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        return float(np.average(self.predict(features) == truth, weights=weights))

    def timeline(self, path: MediaLike, *, window: float = 2.0, hop: float = 0.5) -> Iterator[dict[str, Any]]:
        """Predict sliding windows of one file, in constant memory.

        Parameters
        ----------
        path : path or Recording
            The file, or its sound and frames.
        window : float, default=2.0
            Length of each window in seconds, 0.5 to 60.
        hop : float, default=0.5
            Seconds between the starts of windows, > 0 and at most `window`.

        Yields
        ------
        dict
            Columns of `predict_table`, with ``start`` and ``end`` of the window.
        """
        check_is_fitted(self, "predictor_")
        return self.predictor_.timeline(path, window=window, hop=hop)

    def save(self, file: str | os.PathLike[str], *, card: str | None = None) -> Path:
        """Write the model to a ``*.stcorner`` file; see `load_model`.

        Parameters
        ----------
        file : path
            By custom ``NAME.stcorner``.
        card : str, optional
            The model card, Markdown. Default: written from what the model remembers.

        Returns
        -------
        Path
            The file.
        """
        from stcorner.recognizer.saving import save_model

        check_is_fitted(self, "predictor_")
        return save_model(self, file, card=card)

    def export_onnx(self, file: str | os.PathLike[str]) -> Path:
        """Write the way from features to probabilities as an ONNX file; needs the extra ``onnx``.

        The graph has one input for each block, float32 of shape (n, columns), a row of NaN where the block is
        missing, and the output ``probabilities``, float32 of shape (n, n_classes). Its metadata hold the
        classes and the names of the columns, as JSON. How a clip becomes features is not part of it.

        Parameters
        ----------
        file : path
            By custom ``NAME.onnx``.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ModelError
            If the classifier is one of scikit-learn, or measures people by their own clips.
        MissingExtraError
            If onnx is not installed.
        """
        from stcorner.recognizer.onnxfile import export_onnx

        check_is_fitted(self, "predictor_")
        return export_onnx(self.predictor_, file)


def _per_sample(name: str, values: ArrayLike, n: int) -> NDArray[Any]:
    array = np.asarray(values)
    if array.shape != (n,):
        raise ParameterError(f"{name} must have shape ({n},), one entry per clip, got {array.shape}")
    return array


def _texts(labels: NDArray[Any]) -> NDArray[np.str_]:
    if labels.dtype.kind not in "UO" or not all(isinstance(label, str) for label in labels.tolist()):
        raise ParameterError(f"y must hold labels as text, got {labels.dtype}")
    return labels.astype(np.str_)
