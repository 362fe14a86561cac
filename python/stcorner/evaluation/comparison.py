"""Tell a better model from a luckier one, on the same actors."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from stcorner._base.validation import check_choice, check_integer
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from stcorner.evaluation.result import Evaluation

__all__ = ["PairedTest", "compare_models", "paired_test"]

_EXACT_UP_TO = 16
_DRAWS = 20_000


@dataclass(frozen=True, kw_only=True)
class PairedTest:
    """Difference of two models on the same clips.

    Attributes
    ----------
    first, second : str
        Names of the models.
    metric : str
    difference : float
        Score of the first less that of the second.
    interval : (float, float)
        95 % interval of the difference by bootstrap over actors.
    p_value : float
        Two-sided, of the hypothesis that the models may be exchanged actor by actor.
    adjusted : float
        `p_value` corrected for the number of comparisons (Holm); the same for a single one.
    n_actors : int
    """

    first: str
    second: str
    metric: str
    difference: float
    interval: tuple[float, float]
    p_value: float
    adjusted: float
    n_actors: int


def paired_test(first: Evaluation, second: Evaluation, *, metric: str = "uar", seed: int = 0) -> PairedTest:
    """Compare two models that were evaluated on the same clips.

    The predictions of the two models are exchanged for whole actors, in all ways (up to 16 actors) or in
    20,000 random ones; the p value is the share of exchanges whose difference is as large as the one seen.
    Clips of one actor are not independent, so tests over clips (McNemar) would claim too much.

    Parameters
    ----------
    first, second : Evaluation
        Clips where either model failed are left out of both.
    metric : {"uar", "war"}
    seed : int, default=0
        Seed of the random exchanges and draws, >= 0.

    Returns
    -------
    PairedTest
        Difference, interval and p value.

    Raises
    ------
    ValueError
        If the evaluations have other clips, labels, actors or classes, or share no prediction.

    References
    ----------
    .. [1] E. W. Noreen, "Computer-Intensive Methods for Testing Hypotheses", Wiley (1989).

    Examples
    --------
    >>> from stcorner.evaluation import Evaluation
    >>> def model(name, right):
    ...     rows = [[right, 1 - right]] * 4
    ...     return Evaluation(model=name, protocol="p", classes=["happy", "sad"], clip_ids=list("abcd"),
    ...                       y_true=["happy"] * 4, groups=list("1234"), folds=["f"] * 4, probabilities=rows)
    >>> test = paired_test(model("good", 0.9), model("bad", 0.1))
    >>> test.difference, test.p_value  # 2 of 2 ** 4 exchanges are as extreme
    (1.0, 0.125)
    """
    check_choice("metric", metric, ("uar", "war"))
    rng = np.random.default_rng(check_integer("seed", seed, low=0))
    shares = _actor_shares(first, second, metric)
    n = len(shares)
    difference = float(shares.sum())
    if n <= _EXACT_UP_TO:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        extra = 0
    else:
        signs = rng.choice((-1, 1), size=(_DRAWS, n))
        extra = 1  # the observed arrangement counts as one of the draws
    # Sums in another order differ in the last bits: what is equal must not count as smaller.
    extreme = np.abs(signs @ shares) >= abs(difference) - 1e-12
    p_value = (extreme.sum() + extra) / (len(signs) + extra)
    return PairedTest(
        first=first.model,
        second=second.model,
        metric=metric,
        difference=difference,
        interval=_interval(first, second, metric, rng),
        p_value=float(p_value),
        adjusted=float(p_value),
        n_actors=n,
    )


def _common(first: Evaluation, second: Evaluation) -> NDArray[np.bool_]:
    for name in ("clip_ids", "y_true", "groups", "classes"):
        if getattr(first, name) != getattr(second, name):
            raise ParameterError(
                f"second must be evaluated on the same clips as first, got others ({name} differ): evaluate "
                "both with the same clips and protocol"
            )
    both = first.predicted & second.predicted
    if not both.any():
        raise ParameterError(
            "second must share at least one predicted clip with first, got none in common: evaluate both "
            "on the same clips"
        )
    return both


def _gains(first: Evaluation, second: Evaluation) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return, per actor and class, the clips won by the first model, and the number of clips."""
    rows = np.flatnonzero(_common(first, second)).tolist()
    actors = sorted({first.groups[at] for at in rows})
    gains = np.zeros((len(actors), len(first.classes)))
    totals = np.zeros_like(gains)
    position = {actor: at for at, actor in enumerate(actors)}
    column = {label: at for at, label in enumerate(first.classes)}
    for at in rows:
        truth = first.y_true[at]
        cell = position[first.groups[at]], column[truth]
        totals[cell] += 1
        gains[cell] += int(first.y_pred[at] == truth) - int(second.y_pred[at] == truth)
    return gains, totals


def _actor_shares(first: Evaluation, second: Evaluation, metric: str) -> NDArray[np.float64]:
    """Return what each actor adds to the difference: both metrics are sums over actors."""
    gains, totals = _gains(first, second)
    if metric == "war":
        return np.asarray(gains.sum(axis=1) / totals.sum())
    present = totals.sum(axis=0) > 0
    return np.asarray((gains[:, present] / totals.sum(axis=0)[present]).mean(axis=1))


def _interval(
    first: Evaluation, second: Evaluation, metric: str, rng: np.random.Generator
) -> tuple[float, float]:
    gains, totals = _gains(first, second)
    n = len(gains)
    if n < 2:
        return float("nan"), float("nan")
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=5000)
    won, seen = drawn @ gains, drawn @ totals
    if metric == "war":
        differences = won.sum(axis=1) / seen.sum(axis=1)
    else:
        recall = np.divide(won, seen, out=np.zeros_like(won), where=seen > 0)
        differences = recall.sum(axis=1) / (seen > 0).sum(axis=1)
    low, high = np.quantile(differences, [0.025, 0.975])
    return float(low), float(high)


def compare_models(
    evaluations: Sequence[Evaluation], *, metric: str = "uar", seed: int = 0
) -> list[PairedTest]:
    """Compare all pairs of models, with p values corrected by Holm's method.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        At least two, on the same clips.
    metric : {"uar", "war"}
    seed : int, default=0
        Seed of the random exchanges and draws, >= 0.

    Returns
    -------
    list of PairedTest
        The better model first; sorted by p value.

    Raises
    ------
    ValueError
        If there are fewer than two, or as in `paired_test`.

    See Also
    --------
    cross_validate : Evaluate one model.

    References
    ----------
    .. [1] S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
       Statistics 6 (1979) 65-70.
    """
    from dataclasses import replace

    if len(evaluations) < 2:
        raise ParameterError(
            f"evaluations must be at least 2, got {len(evaluations)}: give a second one to compare with"
        )
    tests = []
    for one, other in combinations(evaluations, 2):
        ahead = float(_actor_shares(one, other, metric).sum()) >= 0
        pair = (one, other) if ahead else (other, one)
        tests.append(paired_test(*pair, metric=metric, seed=seed))
    tests.sort(key=lambda test: test.p_value)
    corrected, least = [], 0.0
    for rank, test in enumerate(tests):
        least = max(least, min(1.0, (len(tests) - rank) * test.p_value))
        corrected.append(replace(test, adjusted=least))
    return corrected
