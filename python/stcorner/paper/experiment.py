"""Train and test FERCNN as the paper does, and again without the leak."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_choice, check_integer
from stcorner.classifiers.fercnn.network import N_FEATURES
from stcorner.errors import DatasetError, ParameterError
from stcorner.paper.rows import PaperRows, audio_rows, fused_rows, video_rows

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from stcorner.corpora import Clip

    Report = Callable[[str, int, int], object]

__all__ = [
    "MODALITIES",
    "PROTOCOLS",
    "PaperResult",
    "PaperRun",
    "leaked_rows",
    "reproduce_paper",
    "run_protocol",
]

MODALITIES = ("audio", "video", "both")
PROTOCOLS = ("paper-leaky", "actors")
# What learns most in the 50 epochs (bench/science/leak.py); the paper says neither.
_BATCH, _SCHEDULE = 32, "cosine"
# 1,080 of the paper's 4,320 RAVDESS rows, 4,466 of its 22,326 CREMA-D rows.
TEST_SHARES = {"ravdess": 0.25, "crema-d": 0.2}


@dataclass(frozen=True, kw_only=True)
class PaperRun:
    """Scores of one modality under one protocol, over all its test rows.

    Attributes
    ----------
    modality, protocol : str
        What was trained, and how rows were split.
    n_train, n_test : int
        Rows; under ``"actors"`` the mean over folds and the sum over folds.
    leaked : float
        Share of test rows with a sibling of the same take in training.
    train_accuracy, test_accuracy, uar : float
        Shares, 0 to 1; ``uar`` is the mean recall of the classes.
    train_loss, test_loss : float
        Mean cross-entropy in nats.
    emotions : dict of str to tuple
        Precision, recall, F1, support of each label.
    macro, weighted : tuple of float
        Precision, recall, F1 averaged over labels, plainly and by support.
    """

    modality: str
    protocol: str
    n_train: int
    n_test: int
    leaked: float
    train_accuracy: float
    test_accuracy: float
    uar: float
    train_loss: float
    test_loss: float
    emotions: dict[str, tuple[float, float, float, int]]
    macro: tuple[float, float, float]
    weighted: tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class PaperResult:
    """All runs on one corpus, and what could not be read or run.

    Parameters
    ----------
    corpus, recipe : str
        Corpus, and features of the voice.
    n_epochs : int
        Epochs of each training.
    runs : tuple of PaperRun
        Scores of each modality and protocol.
    failed : tuple of str
        One line per clip or run that failed.
    """

    corpus: str
    recipe: str
    n_epochs: int
    runs: tuple[PaperRun, ...]
    failed: tuple[str, ...]

    def run(self, modality: str, protocol: str) -> PaperRun | None:
        """Return one run, or None where it did not take place.

        Parameters
        ----------
        modality : {"audio", "video", "both"}
            What was trained.
        protocol : {"paper-leaky", "actors"}
            How rows were split.

        Returns
        -------
        PaperRun or None
            The run.
        """
        return next((r for r in self.runs if (r.modality, r.protocol) == (modality, protocol)), None)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as values that JSON can hold.

        Returns
        -------
        dict
            Values for JSON.
        """
        return asdict(self)


def reproduce_paper(
    root: str | os.PathLike[str],
    *,
    corpus: str | None = None,
    modalities: Sequence[str] = MODALITIES,
    recipe: str = "notebook162",
    n_epochs: int = 50,
    copies: int = 3,
    seed: int = 0,
    report: Report | None = None,
) -> PaperResult:
    """Run the paper's experiment on a corpus under its own protocol and by actors.

    Parameters
    ----------
    root : path
        Folder of RAVDESS or CREMA-D. Modalities of which there are no clips are left out.
    corpus : {"ravdess", "crema-d"}, optional
        Default: told by the files.
    modalities : sequence of {"audio", "video", "both"}
        What to run.
    recipe : {"notebook162", "paper162"}, default="notebook162"
        Features of the voice.
    n_epochs : int, default=50
        Epochs of every training.
    copies : int, default=3
        Versions of each voice.
    seed : int, default=0
        Of noise, split, network.
    report : callable, optional
        Called as ``report(what, done, total)``.

    Returns
    -------
    PaperResult
        All runs.

    Raises
    ------
    DatasetError
        If no modality has clips of at least two actors and two labels.
    """
    from stcorner.corpora import load_corpus

    if corpus is not None:
        check_choice("corpus", corpus, tuple(TEST_SHARES))
    wanted = [check_choice("modalities", modality, MODALITIES) for modality in modalities]
    n_epochs = check_integer("n_epochs", n_epochs, low=1)
    seed = check_integer("seed", seed, low=0)
    clips = {kind: _clips(load_corpus, root, kind) for kind in MODALITIES[:2]}
    found = {clip.corpus for kind in clips.values() for clip in kind}
    name = corpus or (next(iter(found)) if len(found) == 1 else "")
    if name not in TEST_SHARES or found - {name}:
        raise DatasetError(
            f"root must be a folder of one of {sorted(TEST_SHARES)}, got {sorted(found)}: give the folder "
            "of that corpus alone"
        )

    rows: dict[str, PaperRows] = {}
    split = 0
    if clips["audio"] and {"audio", "both"} & set(wanted):
        rows["audio"] = audio_rows(
            clips["audio"], recipe=recipe, copies=copies, seed=seed, progress=_progress(report, "voices")
        )
    if clips["video"] and {"video", "both"} & set(wanted):
        rows["video"] = video_rows(clips["video"], progress=_progress(report, "faces"))
    if "both" in wanted and len(rows) == 2:
        rows["both"], split = fused_rows(rows["audio"], rows["video"])

    runs: list[PaperRun] = []
    failed = [line for kind in ("audio", "video") if kind in rows for line in rows[kind].failed]
    for modality in wanted:
        if modality not in rows:
            failed.append(f"{modality}: no clips")
            continue
        for protocol in PROTOCOLS:
            try:
                folds = _folds(rows[modality], [*clips["audio"], *clips["video"]], protocol, name, seed)
                runs.append(
                    run_protocol(
                        rows[modality], folds, modality=modality, protocol=protocol, n_epochs=n_epochs,
                        split=split if modality == "both" else 0, seed=seed, report=report,
                    )
                )  # fmt: skip
            except (DatasetError, ParameterError) as error:
                failed.append(f"{modality}, {protocol}: {error}")
    if not runs:
        raise DatasetError(f"root must hold enough clips to split, got: {'; '.join(failed)}")
    return PaperResult(corpus=name, recipe=recipe, n_epochs=n_epochs, runs=tuple(runs), failed=tuple(failed))


def leaked_rows(rows: PaperRows, train: NDArray[np.intp], test: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which test rows have a sibling of their take among the training rows."""
    return np.isin(rows.take[test], rows.take[train])


def run_protocol(
    rows: PaperRows,
    folds: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]],
    *,
    modality: str = "audio",
    protocol: str = "actors",
    n_epochs: int = 50,
    split: int = 0,
    seed: int = 0,
    report: Report | None = None,
) -> PaperRun:
    """Train and test FERCNN on each fold.

    Parameters
    ----------
    rows : PaperRows
        Samples.
    folds : sequence of (train, test)
        Positions of rows.
    modality, protocol : str
        For the record; under ``"paper-leaky"`` the reduction to 162 values sees the test rows too.
    n_epochs : int, default=50
        Epochs of every training.
    split : int, default=0
        Columns of the voice, before those of the face; 0 for one modality.
    seed : int, default=0
        Of the network.
    report : callable, optional
        Called as ``report(what, done, total)``.
    """
    from stcorner.classifiers import FERCNNClassifier

    labels = np.unique(rows.y)
    shares = np.full((len(rows.y), len(labels)), np.nan)
    trained: list[tuple[int, float, float]] = []
    siblings = 0
    for number, (train, test) in enumerate(folds, start=1):
        if len(np.unique(rows.y[train])) < len(labels):
            raise DatasetError(f"fold {number} has no training rows of some label")
        seen = np.arange(len(rows.y)) if protocol == "paper-leaky" else train
        inputs = _reduce(rows, seen, split)
        what = f"{modality}, {protocol}, fold {number}/{len(folds)}"
        model = FERCNNClassifier(
            n_epochs=n_epochs,
            batch_size=_BATCH,
            schedule=_SCHEDULE,
            validation_fraction=0,
            class_weight=None,
            random_state=seed,
            progress=_epochs(report, what),
        ).fit(inputs[train], rows.y[train])
        shares[test] = model.predict_proba(inputs[test])
        fitted = model.predict_proba(inputs[train])
        trained.append((len(train), *_accuracy_and_loss(fitted, rows.y[train], labels)))
        siblings += int(leaked_rows(rows, train, test).sum())
    tested = np.isfinite(shares[:, 0])
    accuracy, loss = _accuracy_and_loss(shares[tested], rows.y[tested], labels)
    emotions, macro, weighted = _per_label(rows.y[tested], labels[shares[tested].argmax(axis=1)], labels)
    means = np.mean(np.asarray(trained, dtype=np.float64), axis=0)
    return PaperRun(
        modality=modality, protocol=protocol, n_train=round(means[0]), n_test=int(tested.sum()),
        leaked=siblings / int(tested.sum()), train_accuracy=float(means[1]), test_accuracy=accuracy,
        uar=macro[1], train_loss=float(means[2]), test_loss=loss, emotions=emotions, macro=macro,
        weighted=weighted,
    )  # fmt: skip


def _clips(load: Callable[..., Any], root: Any, modality: str) -> list[Clip]:
    try:
        return list(load(root, modality=modality))
    except DatasetError:
        return []


def _progress(report: Report | None, what: str) -> Callable[[int, int], object] | None:
    return None if report is None else lambda done, total: report(what, done, total)


def _epochs(report: Report | None, what: str) -> Callable[[int, int, dict[str, float]], None] | None:
    if report is None:
        return None

    def epoch_done(epoch: int, n_epochs: int, logs: dict[str, float]) -> None:
        report(what, epoch, n_epochs)

    return epoch_done


def _folds(
    rows: PaperRows, clips: Sequence[Clip], protocol: str, corpus: str, seed: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    n_rows = len(rows.y)
    if protocol == "paper-leaky":
        order = np.random.default_rng(seed).permutation(n_rows)
        n_test = int(np.ceil(TEST_SHARES[corpus] * n_rows))
        return [(np.sort(order[n_test:]), np.sort(order[:n_test]))]
    from stcorner.corpora import actor_folds

    present = [clip for clip in clips if clip.subject in set(rows.subject)]
    folds = []
    for fold in actor_folds(present):
        out = np.isin(rows.subject, sorted({present[i].subject for i in fold.test}))
        folds.append((np.flatnonzero(~out), np.flatnonzero(out)))
    return folds


def _reduce(rows: PaperRows, seen: NDArray[np.intp], split: int) -> NDArray[np.float32]:
    """Bring rows to 162 values: as they are, by PCA, or by fusion with Marginal Fisher Analysis."""
    X = rows.X.astype(np.float64)
    if split:
        from stcorner.fusion import ModalityFusion

        # The paper reduces the face to the voice's size before it joins them.
        face = _principal(X[:, split:], seen, split)
        blocks = [X[:, :split], face]
        fusion = ModalityFusion("mfa", n_components=N_FEATURES)
        fusion.fit([block[seen] for block in blocks], rows.y[seen], rows.take[seen])
        X = np.asarray(fusion.transform(blocks))
    elif X.shape[1] != N_FEATURES:
        X = _principal(X, seen, N_FEATURES)
    # Fewer rows than 162 give fewer components; the network's input stays as long.
    return np.pad(X, ((0, 0), (0, N_FEATURES - X.shape[1]))).astype(np.float32)


def _principal(X: NDArray[np.float64], seen: NDArray[np.intp], size: int) -> NDArray[np.float64]:
    mean = X[seen].mean(axis=0)
    _, values, directions = np.linalg.svd(X[seen] - mean, full_matrices=False)
    kept = min(size, int((values > values[0] * 1e-6).sum()))
    projected: NDArray[np.float64] = (X - mean) @ directions[:kept].T
    return projected


def _accuracy_and_loss(
    shares: NDArray[np.float64], y: NDArray[np.str_], labels: NDArray[np.str_]
) -> tuple[float, float]:
    index = np.searchsorted(labels, y)
    loss = -np.log(np.maximum(shares[np.arange(len(y)), index], 1e-7)).mean()
    return float((shares.argmax(axis=1) == index).mean()), float(loss)


def _per_label(
    y: NDArray[np.str_], predicted: NDArray[np.str_], labels: NDArray[np.str_]
) -> tuple[
    dict[str, tuple[float, float, float, int]], tuple[float, float, float], tuple[float, float, float]
]:
    table: dict[str, tuple[float, float, float, int]] = {}
    for label in labels:
        support, named = int((y == label).sum()), int((predicted == label).sum())
        hits = int(((y == label) & (predicted == label)).sum())
        precision, recall = hits / max(named, 1), hits / max(support, 1)
        f1 = 2 * precision * recall / max(precision + recall, 1e-12)
        table[str(label)] = (precision, recall, f1, support)
    values = np.asarray([row[:3] for row in table.values()])
    weight = np.asarray([row[3] for row in table.values()], dtype=np.float64)
    macro, weighted = values.mean(axis=0), (values * weight[:, None]).sum(axis=0) / weight.sum()
    return (
        table,
        (float(macro[0]), float(macro[1]), float(macro[2])),
        (float(weighted[0]), float(weighted[1]), float(weighted[2])),
    )
