"""Search for the settings of Marginal Fisher Analysis by cross-validation between groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_integer, resolve_n_threads
from stcorner.errors import ParameterError
from stcorner.fusion.blocks import check_blocks
from stcorner.fusion.graphs import PENALTIES, encode, graph_of_neighbors, graph_of_pairs
from stcorner.fusion.linear import fix_signs, maximise_ratio, principal_axes, project
from stcorner.fusion.modality import ModalityFusion
from stcorner.fusion.neighbors import prepare
from stcorner.fusion.rows import as_rows
from stcorner.fusion.search import LocalSearch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    Matrix = NDArray[np.float64]

__all__ = ["DEFAULT_GRID", "MFASearch", "search_mfa"]

DEFAULT_GRID: dict[str, Sequence[Any]] = {
    "penalty": PENALTIES,
    "n_neighbors": (5, 50),
    "n_pairs": (200, 1000, 20000),
    "pca_variance": (0.995,),
    "shrinkage": (0.1, 0.3),
    "n_components": (15, 60),
}


@dataclass(frozen=True, kw_only=True)
class MFASearch:
    """What `search_mfa` found.

    Attributes
    ----------
    best_params : dict
        Parameters for `MarginalFisherAnalysis`, or for ``ModalityFusion("mfa", ...)``.
    best_score : float
        Their mean score, in [0, 1].
    table : list of dict
        Every setting, best first, with its ``score`` (mean over the folds) and ``spread`` (deviation).
    """

    best_params: dict[str, Any]
    best_score: float
    table: list[dict[str, Any]]


def _splits(
    y: NDArray[Any], groups: ArrayLike | None, n_splits: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    empty = np.zeros(len(y))
    if groups is None:
        return list(StratifiedKFold(n_splits, shuffle=True, random_state=0).split(empty, y))
    codes = encode("groups", groups, len(y))
    if len(np.unique(codes)) < n_splits:
        raise ParameterError(
            f"groups must hold at least n_splits ({n_splits}) different values, got fewer: lower n_splits"
        )
    return list(StratifiedGroupKFold(n_splits, shuffle=True, random_state=0).split(empty, y, codes))


def _projections(
    X: Matrix, labels: NDArray[np.int32], grid: Mapping[str, Sequence[Any]], n_threads: int
) -> Iterator[tuple[dict[str, Any], Matrix, Matrix]]:
    """Yield settings, the mean and the components of each; neighbours are looked for once per search.

    Lists are sorted by distance, so the shorter ones are the beginnings of the longest.
    """
    n = len(X)
    for variance in grid["pca_variance"]:
        pca = principal_axes(as_rows(X), variance)
        Z = project(as_rows(X), pca.mean, pca.axes)
        search = LocalSearch(prepare(Z, turn=False, n_threads=n_threads), n_threads)
        near = search.neighbors(labels, min(n, max(grid["n_neighbors"])), other=False, groups=None)
        within = {k: graph_of_neighbors(near[:, :k]).scatter(Z, n_threads) for k in grid["n_neighbors"]}
        for penalty in grid["penalty"]:
            longest = max(grid["n_pairs"])
            if penalty == "sample_neighbors":
                far = search.neighbors(labels, min(n, longest), other=True, groups=None)
                graphs = {k: graph_of_neighbors(far[:, :k]) for k in grid["n_pairs"]}
            else:
                pairs = search.pairs(labels, longest, per_class=penalty == "class_pairs", groups=None)
                place = np.arange(len(pairs.owner)) - np.searchsorted(pairs.owner, pairs.owner)
                graphs = {k: graph_of_pairs(pairs.rows[place < k], n) for k in grid["n_pairs"]}
            for n_pairs, graph in graphs.items():
                between = graph.scatter(Z, n_threads)
                for n_neighbors, scatter in within.items():
                    for shrinkage in grid["shrinkage"]:
                        _, vectors = maximise_ratio(between, scatter, shrinkage)
                        setting = {
                            "penalty": penalty, "n_neighbors": n_neighbors, "n_pairs": n_pairs,
                            "pca_variance": variance, "shrinkage": shrinkage,
                        }  # fmt: skip
                        yield setting, pca.mean, fix_signs((pca.axes @ vectors).T)


def _recall(truth: NDArray[Any], answer: NDArray[Any]) -> float:
    """Mean recall of the classes that occur (unweighted average recall)."""
    return float(np.mean([np.mean(answer[truth == label] == label) for label in np.unique(truth)]))


def search_mfa(
    X: Any, y: ArrayLike, groups: ArrayLike | None = None, *, grid: Mapping[str, Sequence[Any]] | None = None,
    n_splits: int = 5, weights: Sequence[float] | None = None, classifier: Any = None,
    n_threads: int | None = None,
) -> MFASearch:  # fmt: skip
    """Find settings of Marginal Fisher Analysis that do best on rows of groups not trained on.

    Parameters
    ----------
    X : array_like of shape (n, d), or list of array_like of shape (n, d_b)
        Feature rows; blocks are standardised and weighted as `ModalityFusion` does, on training rows.
        A single matrix is one block.
    y : array_like of shape (n,)
        Class of each row.
    groups : array_like of shape (n,), optional
        Who or what a row comes from: no group is on both sides of a split. Give the actor here. Without
        groups, splits are by row, and the score is too high wherever rows are related.
    grid : mapping of str to sequence, optional
        Values to try of ``penalty``, ``n_neighbors``, ``n_pairs``, ``pca_variance``, ``shrinkage`` and
        ``n_components``; what is left out has the values of `DEFAULT_GRID`.
    n_splits : int, default=5
        Number of folds, >= 2.
    weights : sequence of float, optional
        Block weights, as in `ModalityFusion`.
    classifier : scikit-learn classifier, optional
        Judges the fused vectors; a clone is fitted for every setting and fold. Default:
        `DiscriminantClassifier`.
    n_threads : int, optional
        Threads of the neighbour searches; None is the process default.

    Returns
    -------
    MFASearch
        Best setting, its score (mean recall over classes, mean over folds), and the whole table.

    Raises
    ------
    ValueError
        For bad rows, an unknown name in `grid`, an empty list there, or fewer groups than folds.

    See Also
    --------
    MarginalFisherAnalysis : What it searches parameters for.

    Notes
    -----
    Neighbours are looked for once per fold and penalty, with the largest numbers asked for; smaller
    graphs are beginnings of those lists. Give the training part of the data only: the score of the
    best of many settings is optimistic, and an honest figure needs an outer split.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y, actor = np.arange(60) % 3, np.arange(60) // 6
    >>> X = rng.normal(size=(60, 5)) + 3 * np.eye(3, 5)[y]
    >>> found = search_mfa(X, y, actor, grid={"n_pairs": [10, 50], "n_components": [2]}, n_splits=2)
    >>> len(found.table), found.best_score > 0.8
    (24, True)
    """
    from sklearn.base import clone

    chosen = {**DEFAULT_GRID, **(grid or {})}
    for name, values in chosen.items():
        if name not in DEFAULT_GRID:
            raise ParameterError(f"grid must hold only {', '.join(DEFAULT_GRID)}, got {name!r}")
        if len(values) == 0:
            raise ParameterError(f"grid must hold at least one value of {name!r}")
    for name in ("n_neighbors", "n_pairs", "n_components"):
        chosen[name] = sorted({check_integer(name, value, low=1) for value in chosen[name]})
    check_integer("n_splits", n_splits, low=2)
    threads = resolve_n_threads(n_threads)
    blocks = check_blocks(X)
    target = np.asarray(y)
    codes = encode("y", target, len(blocks[0]))
    if classifier is None:
        from stcorner.classifiers.discriminant import DiscriminantClassifier

        classifier = DiscriminantClassifier()
    scores: dict[tuple[Any, ...], list[float]] = {}
    names = [*DEFAULT_GRID]
    for train, test in _splits(target, groups, n_splits):
        fusion = ModalityFusion(weights=weights).fit([block[train] for block in blocks])
        Z_train, Z_test = (fusion.transform([block[rows] for block in blocks]) for rows in (train, test))
        labels = np.unique(codes[train], return_inverse=True)[1].astype(np.int32)
        for setting, mean, components in _projections(Z_train, labels, chosen, threads):
            for size in chosen["n_components"]:
                axes = components[:size].T
                model = clone(classifier).fit((Z_train - mean) @ axes, target[train])
                key = tuple({**setting, "n_components": size}[name] for name in names)
                answer = np.asarray(model.predict((Z_test - mean) @ axes))
                scores.setdefault(key, []).append(_recall(target[test], answer))
    table = [
        {**dict(zip(names, key, strict=True)), "score": float(np.mean(each)), "spread": float(np.std(each))}
        for key, each in scores.items()
    ]
    table.sort(key=lambda row: -row["score"])
    best = {name: table[0][name] for name in names}
    return MFASearch(best_params=best, best_score=table[0]["score"], table=table)
