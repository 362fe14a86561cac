"""Epochs of FERCNN: learning-rate schedule, early stopping, checkpoints that can be resumed."""

from __future__ import annotations

import io
import json
import math
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from stcorner._base.archives import read_npz
from stcorner._base.files import write_bytes
from stcorner._base.keras import import_keras
from stcorner.classifiers.fercnn.inference import forward
from stcorner.errors import ModelError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["History", "Progress", "Rows", "TrainingPlan", "train_network"]

History: TypeAlias = dict[str, list[float]]
Progress: TypeAlias = "Callable[[int, int, dict[str, float]], None]"

_FILE = "fercnn-training.npz"
_MAX_ARRAYS, _MAX_BYTES = 1024, 1 << 30


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """How to train; values are checked by `FERCNNClassifier`."""

    n_epochs: int
    batch_size: int
    learning_rate: float
    schedule: str
    patience: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Inputs (n, features) float32, class indices (n,), weights (n,)."""

    X: NDArray[np.float32]
    y: NDArray[np.intp]
    weight: NDArray[np.float64]


def learning_rate(plan: TrainingPlan, losses: list[float]) -> float:
    """Return the rate of the next epoch, given the monitored losses of those before.

    ``"plateau"`` halves it whenever a third of the patience has passed without a better loss,
    ``"cosine"`` lets it fall to 0 along half a cosine over ``n_epochs``, ``"constant"`` leaves it.
    """
    if plan.schedule == "constant":
        return plan.learning_rate
    if plan.schedule == "cosine":
        return plan.learning_rate * 0.5 * (1 + math.cos(math.pi * len(losses) / plan.n_epochs))
    rate, best, waited = plan.learning_rate, math.inf, 0
    for loss in losses:
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if waited >= max(1, plan.patience // 3):
            rate, waited = rate / 2, 0
    return rate


def train_network(
    model: Any,
    plan: TrainingPlan,
    train: Rows,
    validation: Rows | None,
    *,
    checkpoint: Path | None = None,
    fingerprint: str = "",
    progress: Progress | None = None,
) -> tuple[list[NDArray[np.float32]], History]:
    """Train a compiled model; return the best epoch's weights and the history.

    With validation rows the best epoch is that of the least validation loss, and training stops when
    `patience` epochs have passed since; without, all epochs run and the last one counts. After every
    epoch the whole state is written into the folder `checkpoint`; where one is found there it is
    continued, and gives the same bits as a run that was never stopped.
    """
    history: History = {}
    best = _numpy(model.weights)
    model.optimizer.build(model.trainable_variables)
    if checkpoint is not None and (checkpoint / _FILE).exists():
        history, best = _restore(model, checkpoint / _FILE, fingerprint)
    monitored = "loss" if validation is None else "val_loss"
    batch = min(plan.batch_size, len(train.X))
    # The last, incomplete batch of an epoch is left out: it would be compiled apart, and the shuffle
    # makes it a different one each time.
    used = len(train.X) // batch * batch
    inputs = train.X[:, :, None]

    for epoch in range(len(history.get("loss", [])), plan.n_epochs):
        started = time.perf_counter()
        losses = history.get(monitored, [])
        if validation is not None and losses and epoch - 1 - int(np.argmin(losses)) >= plan.patience:
            break
        rate = learning_rate(plan, losses)
        model.optimizer.learning_rate = rate
        order = np.random.default_rng([plan.seed, epoch]).permutation(len(train.X))[:used]
        fitted = model.fit(
            inputs[order],
            train.y[order].astype(np.int32),  # JAX has no int64 by default and says so
            sample_weight=train.weight[order],
            batch_size=batch,
            shuffle=False,
            verbose=0,
        )
        logs = {"loss": fitted.history["loss"][0], "accuracy": fitted.history["accuracy"][0]}
        weights = _numpy(model.weights)
        if validation is not None:
            logs["val_loss"], logs["val_accuracy"] = _evaluate(weights, validation)
        logs["learning_rate"] = rate
        logs["seconds"] = time.perf_counter() - started
        if not math.isfinite(logs["loss"]):
            raise ModelError(
                f"training diverged: the loss of epoch {epoch + 1} must be finite, got {logs['loss']}: "
                "use a lower learning_rate"
            )
        for name, value in logs.items():
            history.setdefault(name, []).append(float(value))
        if validation is None or logs["val_loss"] <= min(history["val_loss"]):
            best = weights
        if checkpoint is not None:
            _store(model, checkpoint / _FILE, fingerprint, history, best)
        if progress is not None:
            progress(epoch + 1, plan.n_epochs, logs)
    return best, history


def _numpy(variables: list[Any]) -> list[NDArray[Any]]:
    # Not model.get_weights(): in Keras 3.15 that trips over numpy 2's copy keyword and warns.
    ops = import_keras().ops
    return [np.asarray(ops.convert_to_numpy(variable.value)) for variable in variables]


def _evaluate(weights: list[NDArray[np.float32]], rows: Rows) -> tuple[float, float]:
    """Return weighted cross-entropy and accuracy."""
    shares = forward(weights, rows.X)
    loss = -np.log(np.maximum(shares[np.arange(len(rows.y)), rows.y], 1e-7))
    hits = shares.argmax(axis=1) == rows.y
    return float(np.average(loss, weights=rows.weight)), float(np.average(hits, weights=rows.weight))


def _store(
    model: Any, path: Path, fingerprint: str, history: History, best: list[NDArray[np.float32]]
) -> None:
    arrays: dict[str, Any] = {f"model{i:03d}": value for i, value in enumerate(_numpy(model.variables))}
    arrays |= {f"optimizer{i:03d}": value for i, value in enumerate(_numpy(model.optimizer.variables))}
    arrays |= {f"best{i:03d}": value for i, value in enumerate(best)}
    meta = json.dumps({"fingerprint": fingerprint, "history": history})
    content = io.BytesIO()
    np.savez(content, meta=np.asarray(meta), **arrays)
    write_bytes(path, content.getvalue())  # at once: a run killed here leaves the old state


def _restore(model: Any, path: Path, fingerprint: str) -> tuple[History, list[NDArray[np.float32]]]:
    variables = {
        f"{prefix}{i:03d}": variable
        for prefix, owned in (("model", model.variables), ("optimizer", model.optimizer.variables))
        for i, variable in enumerate(owned)
    }
    try:
        arrays = read_npz(path.read_bytes(), max_members=_MAX_ARRAYS, max_bytes=_MAX_BYTES)
        meta = json.loads(str(arrays.pop("meta")))
        if meta["fingerprint"] != fingerprint:
            raise ParameterError(
                "checkpoint must be empty or hold the training of the same data and parameters, got "
                f"{path.parent}, which holds another: give a new folder"
            )
        history: History = meta["history"]
        for name, variable in variables.items():
            variable.assign(arrays[name])
    except ParameterError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(
            f"checkpoint {path} cannot be read: {error}: delete it to train from the start"
        ) from None
    return history, [arrays[name] for name in sorted(arrays) if name.startswith("best")]


def plan_summary(plan: TrainingPlan) -> dict[str, Any]:
    """Return what of the plan must agree for a resumed run to be the same run."""
    values = asdict(plan)
    if plan.schedule != "cosine":  # only the cosine knows where it ends: others may be trained on
        values.pop("n_epochs")
    return values
