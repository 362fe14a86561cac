"""A recogniser as an ONNX graph: from features to probabilities, in float64 as here."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

import stcorner
from stcorner._base.files import write_bytes
from stcorner._base.onnx import import_onnx
from stcorner.audio.patch import N_BANDS, N_FRAMES
from stcorner.classifiers.fercnn.network import N_FEATURES
from stcorner.classifiers.mel_cnn.network import BLOCKS, QUIET
from stcorner.errors import ModelError
from stcorner.fusion.rules import FLOOR
from stcorner.recognizer.predictor import EARLY

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

    from stcorner.recognizer.predictor import Head, Predictor

__all__ = ["export_onnx"]

# Of 2021 and 2022: whatever runs ONNX today reads them.
_OPSET, _IR = 17, 8
_FLOAT, _DOUBLE = 1, 11  # as onnx.TensorProto numbers types
_TINY = 1e-12
_OUTPUT = "probabilities"


def export_onnx(predictor: Predictor, file: str | os.PathLike[str]) -> Path:
    """Write a predictor as an ONNX file; see `EmotionRecognizer.export_onnx`."""
    onnx = import_onnx()
    if predictor.within is not None:
        raise ModelError(
            f"the model must be one of single clips, got {predictor.title}, which an ONNX graph cannot "
            "hold: train it with within=None"
        )
    graph = _Graph(onnx)
    missing, rows = [], []
    for name in predictor.blocks:
        wide = graph.op("Cast", name, to=_DOUBLE)
        gap = graph.op("IsNaN", graph.op("Slice", wide, graph.int([0]), graph.int([1]), graph.int([1])))
        missing.append(gap)
        rows.append(graph.op("Where", gap, graph.constant(predictor.means[name]), wide))
    n = len(predictor.classes)
    if EARLY in predictor.heads:
        shares = _early(graph, predictor, rows, missing)
    else:
        tables = [
            _head(graph, predictor.heads[name], block, predictor.classes)
            for name, block in zip(predictor.blocks, rows, strict=True)
        ]
        shares = _late(graph, predictor, dict(zip(predictor.blocks, tables, strict=True)),
                       dict(zip(predictor.blocks, missing, strict=True)))  # fmt: skip
    nothing = _all(graph, missing)
    last = graph.op("Where", nothing, graph.constant(np.full((1, n), np.nan)), shares)
    graph.nodes.append(onnx.helper.make_node("Cast", [last], [_OUTPUT], to=_FLOAT))
    model = _model(onnx, graph, predictor)
    path = Path(file)
    write_bytes(path, model.SerializeToString())
    return path


def _model(onnx: Any, graph: _Graph, predictor: Predictor) -> Any:
    value = onnx.helper.make_tensor_value_info
    inputs = [value(name, _FLOAT, ["n", len(predictor.names[name])]) for name in predictor.blocks]
    outputs = [value(_OUTPUT, _FLOAT, ["n", len(predictor.classes)])]
    body = onnx.helper.make_graph(graph.nodes, "stcorner", inputs, outputs, graph.initializers)
    model = onnx.helper.make_model(
        body, opset_imports=[onnx.helper.make_opsetid("", _OPSET)], ir_version=_IR, producer_name="stcorner",
        producer_version=stcorner.__version__,
    )  # fmt: skip
    about = {
        "name": predictor.name,
        "classes": list(predictor.classes),
        "feature_names": {name: list(predictor.names[name]) for name in predictor.blocks},
        "recipe": predictor.plan.recipe,
    }
    onnx.helper.set_model_props(model, {key: json.dumps(each) for key, each in about.items()})
    onnx.checker.check_model(model)
    return model


class _Graph:
    """Nodes and constants of a graph, each named by its number."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; return the name of its result."""
        return self.outputs(kind, *inputs, n=1, **attributes)[0]

    def outputs(self, kind: str, *inputs: str, n: int = 2, **attributes: Any) -> list[str]:
        """Add a node with several results; return their names."""
        names = [f"{kind.lower()}_{len(self.nodes)}" + ("" if i == 0 else f"_{i}") for i in range(n)]
        self.nodes.append(self._onnx.helper.make_node(kind, list(inputs), names, **attributes))
        return names

    def constant(self, value: ArrayLike, dtype: Any = np.float64) -> str:
        """Add a constant; return its name."""
        name = f"constant_{len(self.initializers)}"
        array = np.ascontiguousarray(value, dtype)
        self.initializers.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    def int(self, values: ArrayLike) -> str:
        """Add a constant of integers."""
        return self.constant(values, np.int64)

    def affine(self, x: str, offset: ArrayLike, factor: ArrayLike) -> str:
        """Return ``(x - offset) * factor``."""
        return self.op("Mul", self.op("Sub", x, self.constant(offset)), self.constant(factor))


def _early(graph: _Graph, predictor: Predictor, rows: Sequence[str], missing: Sequence[str]) -> str:
    fused = rows[0]
    if predictor.fusion is not None:
        scaler, projections = predictor.fusion.scaler, predictor.fusion.projections
        parts = []
        for block, gap, mean, factor, limit in zip(rows, missing, *scaler, strict=True):
            ends = graph.constant(-limit), graph.constant(limit)
            part = graph.op("Clip", graph.affine(block, mean, factor), *ends)
            parts.append(graph.op("Where", gap, graph.constant(np.zeros((1, 1))), part))
        if len(projections) <= 1:
            parts = [graph.op("Concat", *parts, axis=1)]
        if projections:
            parts = [
                graph.op("MatMul", graph.op("Sub", part, graph.constant(offset)), graph.constant(matrix.T))
                for part, (offset, matrix) in zip(parts, projections, strict=True)
            ]
        fused = graph.op("Concat", *parts, axis=1)
    return _head(graph, predictor.heads[EARLY], fused, predictor.classes)


def _head(graph: _Graph, head: Head, rows: str, classes: Sequence[str]) -> str:
    kinds = {"discriminant": _discriminant, "fercnn": _fercnn, "mel_cnn": _mel_cnn, "posterior": _posterior}
    if head.kind not in kinds:
        raise ModelError(
            f"classifier must be built in, got {type(head.classifier).__name__}: export it with skl2onnx"
        )
    shares = kinds[head.kind](graph, head.classifier, rows)
    if head.calibration is not None:
        logs = graph.op("Log", graph.op("Max", shares, graph.constant(_TINY)))
        shares = graph.op("Softmax", graph.op("Div", logs, graph.constant(head.calibration.temperature_)))
    known = [str(label) for label in head.classifier.classes_]
    if known == list(classes):
        return shares
    places = np.asarray([[label == name for name in classes] for label in known], np.float64)
    return graph.op("MatMul", shares, graph.constant(places))


def _discriminant(graph: _Graph, fitted: Any, rows: str) -> str:
    if hasattr(fitted, "rows_"):
        raise ModelError(
            "the model must be of the current format, got an older one, which holds its training rows: "
            "train it again"
        )
    x = graph.affine(rows, fitted.mean_, 1 / fitted.scale_.astype(np.float64))
    if fitted.standardize:
        x = graph.op("Clip", x, graph.constant(-fitted.clip), graph.constant(fitted.clip))

    def softmax(scores: str, spread: float, weight: float) -> str:
        sharp = graph.op("Mul", scores, graph.constant(fitted.sharpness_ / spread))
        return graph.op("Mul", graph.op("Softmax", sharp), graph.constant(weight))

    linear = graph.op("MatMul", x, graph.constant(fitted.coef_.T))
    linear = graph.op("Add", linear, graph.constant(fitted.intercept_))
    shares = softmax(linear, fitted.spreads_[0], 1 - fitted.kernel_weight)
    if fitted.kernel_weight == 0:
        return shares
    angles = graph.op("MatMul", x, graph.constant(fitted.frequencies_))
    # Runtimes know the sine of float64, not all of them its cosine.
    cosines = graph.op("Sin", graph.op("Add", angles, graph.constant(np.pi / 2)))
    both = graph.op("Concat", cosines, graph.op("Sin", angles), axis=1)
    coef = fitted.wave_coef_ / np.sqrt(fitted.frequencies_.shape[1])
    kernel = graph.op("MatMul", both, graph.constant(coef))
    return graph.op("Add", shares, softmax(kernel, fitted.spreads_[1], fitted.kernel_weight))


def _posterior(graph: _Graph, fitted: Any, rows: str) -> str:
    columns = np.asarray(fitted.columns)
    known = columns >= 0
    matrix = np.zeros((fitted.n_features_in_, len(columns)))
    for place, column in enumerate(columns.tolist()):
        if column >= 0:
            matrix[column, place] = fitted.sharpness
        else:
            np.add.at(matrix[:, place], columns[known], fitted.sharpness / known.sum())
    shared = np.log([(columns == column).sum() if column >= 0 else 1 for column in columns])
    return graph.op("Softmax", graph.op("Sub", graph.op("MatMul", rows, graph.constant(matrix)),
                                        graph.constant(shared)))  # fmt: skip


def _fercnn(graph: _Graph, fitted: Any, rows: str) -> str:
    x = graph.op("Gather", rows, graph.int(fitted.columns_), axis=1)
    if len(fitted.knots_):
        x = _normal_scores(graph, x, np.asarray(fitted.knots_, np.float64))
    x = graph.op("Div", graph.op("Sub", x, graph.constant(fitted.mean_)), graph.constant(fitted.scale_))
    x = graph.op("Cast", x, to=_FLOAT)
    if len(fitted.columns_) < N_FEATURES:
        width = [0, 0, 0, N_FEATURES - len(fitted.columns_)]
        x = graph.op("Pad", x, graph.int(width))
    x = graph.op("Unsqueeze", x, graph.int([1]))
    kernels, biases = fitted.weights_[::2], fitted.weights_[1::2]
    for layer, (kernel, bias) in enumerate(zip(kernels[:5], biases[:5], strict=True)):
        weights = graph.constant(kernel.transpose(2, 1, 0), np.float32)
        x = graph.op("Relu", graph.op("Conv", x, weights, graph.constant(bias, np.float32)))
        strides = {"strides": [3]} if layer < 3 else {"strides": [1], "pads": [1, 1]}
        x = graph.op("MaxPool", x, kernel_shape=[3], **strides)
    x = graph.op("Flatten", graph.op("Transpose", x, perm=[0, 2, 1]))
    for layer, end in ((5, "Relu"), (6, "Softmax")):
        product = graph.op("MatMul", x, graph.constant(kernels[layer], np.float32))
        x = graph.op(end, graph.op("Add", product, graph.constant(biases[layer], np.float32)))
    return graph.op("Cast", x, to=_DOUBLE)


def _mel_cnn(graph: _Graph, fitted: Any, rows: str) -> str:
    """Return the network of `MelCNNPredictor`; pictures have their channels first here."""
    x = graph.op("Reshape", graph.op("Cast", rows, to=_FLOAT), graph.int([-1, N_BANDS, N_FRAMES]))

    def number(value: float) -> str:
        return graph.constant(value, np.float32)

    level = graph.op("Div", graph.op("Sub", x, graph.op("ReduceMean", x, axes=[1, 2])), number(10))
    ends = [graph.int([value]) for value in (0, N_FRAMES, 2, 2)]
    low, _ = graph.outputs("TopK", graph.op("Slice", x, *ends), graph.int([QUIET + 1]), largest=0, axis=2)
    noise = graph.op("Slice", low, graph.int([QUIET]), graph.int([QUIET + 1]), graph.int([2]))
    rise = graph.op("Clip", graph.op("Sub", x, noise), number(-5), number(40))
    rise = graph.op("Div", graph.op("Sub", rise, number(8)), number(10))
    x = graph.op("Concat", *(graph.op("Unsqueeze", each, graph.int([1])) for each in (level, rise)), axis=1)

    def convolved(x: str, name: str, stride: tuple[int, int] = (1, 1)) -> str:
        kernel = graph.constant(fitted.weights_[f"{name}.kernel"].transpose(3, 2, 0, 1), np.float32)
        bias = graph.constant(fitted.weights_[f"{name}.bias"], np.float32)
        return graph.op("Conv", x, kernel, bias, strides=list(stride), auto_pad="SAME_UPPER")

    def dense(x: str, name: str) -> str:
        kernel, bias = (
            graph.constant(fitted.weights_[f"{name}.{part}"], np.float32) for part in ("kernel", "bias")
        )
        return graph.op("Add", graph.op("MatMul", x, kernel), bias)

    x = graph.op("Relu", convolved(x, "stem", (2, 2)))
    for i in range(len(BLOCKS)):
        stride = BLOCKS[i][1]
        y = convolved(graph.op("Relu", convolved(x, f"block{i}_a", stride)), f"block{i}_b")
        x = graph.op("Relu", graph.op("Add", y, convolved(x, f"block{i}_skip", stride)))
    x = graph.op("Transpose", graph.op("ReduceMean", x, axes=[2], keepdims=0), perm=[0, 2, 1])
    shares = graph.op("Softmax", dense(x, "attention"), axis=1)
    mean = graph.op("ReduceSum", graph.op("Mul", x, shares), graph.int([1]), keepdims=0)
    pooled = graph.op("Concat", mean, graph.op("ReduceMax", x, axes=[1], keepdims=0), axis=1)
    return graph.op("Cast", graph.op("Softmax", dense(pooled, "logits")), to=_DOUBLE)


def _normal_scores(graph: _Graph, x: str, knots: Any) -> str:
    """Return `normal_scores` as a sum over the pieces of each broken line."""
    law = NormalDist()
    scores = np.array([law.inv_cdf((k + 0.5) / len(knots)) for k in range(len(knots))])
    rise = np.broadcast_to(np.diff(scores)[:, None], (len(knots) - 1, knots.shape[1]))
    width = np.diff(knots, axis=0)
    steep = width <= 0
    # (n, columns, pieces)
    wide = graph.op("Unsqueeze", x, graph.int([2]))
    left = graph.op("Sub", wide, graph.constant(knots[:-1].T))
    share = graph.op("Mul", left, graph.constant(1 / np.where(steep, 1.0, width).T))
    share = graph.op("Clip", share, graph.constant(0.0), graph.constant(1.0))
    parts = graph.op("Mul", share, graph.constant(np.where(steep, 0.0, rise).T))
    if steep.any():  # where knots coincide: half of the step at the knot, the rest beyond
        for kind in ("GreaterOrEqual", "Greater"):
            passed = graph.op("Cast", graph.op(kind, left, graph.constant(0.0)), to=_DOUBLE)
            half = graph.op("Mul", passed, graph.constant(np.where(steep, rise / 2, 0.0).T))
            parts = graph.op("Add", parts, half)
    total = graph.op("ReduceSum", parts, graph.int([2]), keepdims=0)
    return graph.op("Add", total, graph.constant(scores[0]))


def _late(graph: _Graph, predictor: Predictor, tables: Mapping[str, str], missing: Mapping[str, str]) -> str:
    """Return the product of the streams, each of them that of its blocks."""
    found, gaps, weights = [], [], []
    for names in predictor.streams():
        table, weight = tables[names[0]], predictor.weights[names[0]]
        gap = _all(graph, [missing[name] for name in names])
        if len(names) > 1:
            # Where nothing is there, anything finite will do.
            some = graph.op("Not", gap)
            own = [graph.op("And", missing[name], some) for name in names]
            table = _mixed(graph, [tables[n] for n in names], own, [predictor.weights[n] for n in names])
            weight = 1.0
        found.append(table)
        gaps.append(gap)
        weights.append(weight)
    return _mixed(graph, found, gaps, weights)


def _all(graph: _Graph, gaps: Sequence[str]) -> str:
    """Return where every one is missing."""
    return functools.reduce(functools.partial(graph.op, "And"), gaps)


def _mixed(graph: _Graph, tables: Sequence[str], missing: Sequence[str], weights: Sequence[float]) -> str:
    """Return the product of the tables that are there, as `combine_tables` weighs them."""
    one, zero = graph.constant(np.ones((1, 1))), graph.constant(np.zeros((1, 1)))
    there = [graph.op("Where", gap, zero, one) for gap in missing]
    count = _sum(graph, there)
    given = [
        graph.op("Mul", each, graph.constant(weight)) for each, weight in zip(there, weights, strict=True)
    ]
    total = _sum(graph, given)
    # Only classifiers without weight have an answer: they share alike.
    empty = graph.op("LessOrEqual", total, zero)
    whole = graph.op("Where", empty, count, total)
    scale = graph.constant(max(sum(weights), FLOOR))
    logs = []
    for table, share, own in zip(tables, given, there, strict=True):
        factor = graph.op("Mul", graph.op("Div", graph.op("Where", empty, own, share), whole), scale)
        log = graph.op("Log", graph.op("Max", table, graph.constant(FLOOR)))
        logs.append(graph.op("Mul", factor, log))
    mixed = graph.op("Softmax", _sum(graph, logs))
    alone = graph.op("Equal", count, one)
    for table, gap in zip(tables, missing, strict=True):
        single = graph.op("And", alone, graph.op("Not", gap))
        mixed = graph.op("Where", single, table, mixed)
    return mixed


def _sum(graph: _Graph, names: Sequence[str]) -> str:
    return graph.op("Sum", *names)
