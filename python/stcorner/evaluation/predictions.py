"""From predictions for labelled clips to an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.evaluation.result import Evaluation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from stcorner.corpora.clip import Clip

__all__ = ["evaluate_predictions"]


def evaluate_predictions(
    clips: Sequence[Clip],
    probabilities: ArrayLike,
    classes: Sequence[str],
    *,
    model: str = "model",
    protocol: str = "held-out",
    folds: Sequence[str] | None = None,
    **further: Any,
) -> Evaluation:
    """Score predictions for labelled clips, for instance of a saved model on new actors.

    Parameters
    ----------
    clips : sequence of Clip
        Clips with labels and subjects.
    probabilities : array_like of shape (n, n_classes)
        One row per clip; nan where there is no prediction.
    classes : sequence of str
        Labels of the columns, sorted.
    model, protocol : str
        Names for tables.
    folds : sequence of str, optional
        Fold of each clip; by default all stand in one, named as the protocol.
    **further
        `calibrated`, `temperatures`, `details` of `Evaluation`.

    Returns
    -------
    Evaluation
        With strata `sex`, `intensity` and `sentence` where the clips tell them.

    Raises
    ------
    ValueError
        If a clip has a label that is not among `classes`, or lengths do not fit.

    See Also
    --------
    cross_validate : Train, predict and score by folds.

    Examples
    --------
    >>> from stcorner import Clip
    >>> clip = Clip(path="a.wav", clip_id="a", label="sad", subject="1", take="a", modality="audio",
    ...             corpus="mine")
    >>> evaluate_predictions([clip], [[0.2, 0.8]], ["happy", "sad"]).war
    1.0
    """
    several = len({clip.corpus for clip in clips}) > 1
    strata = {name: [getattr(clip, name) for clip in clips] for name in ("sex", "intensity", "sentence")}
    return Evaluation(
        model=model,
        protocol=protocol,
        classes=classes,
        clip_ids=[clip.clip_id for clip in clips],
        y_true=[clip.label for clip in clips],
        groups=["/".join(clip.group) if several else clip.subject for clip in clips],
        folds=[protocol] * len(clips) if folds is None else folds,
        probabilities=np.asarray(probabilities, dtype=np.float64),
        strata={name: values for name, values in strata.items() if any(values)},
        **further,
    )
