"""Train the network that reads expressions from faces, on FER2013, and write it as ONNX.

The Keras backend that ``KERAS_BACKEND`` names does the work: any of them, on a GPU or on the CPU. Stopped,
the same command goes on after the last whole epoch. With torch on a CPU, convolutions run in bfloat16.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import time
from pathlib import Path

import numpy as np

CKPLUS = {
    "anger": "angry", "disgust": "disgust", "fear": "fear", "happy": "happy", "sadness": "sad",
    "surprise": "surprise",
}  # fmt: skip
RAVDESS = {
    "01": "neutral", "03": "happy", "04": "sad", "05": "angry", "06": "fear", "07": "disgust",
    "08": "surprise",
}  # fmt: skip
NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds faces/")
    parser.add_argument("--output", type=Path, required=True, help="network (.onnx); checkpoints beside it")
    parser.add_argument("--results", type=Path, help="file of scores (.json) to which this run is added")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=0.06, help="highest learning rate")
    parser.add_argument("--decay", type=float, default=5e-4)
    parser.add_argument("--smoothing", type=float, default=0.1)
    parser.add_argument(
        "--balance", type=float, default=1.0, help="part of the class priors taken out of the loss"
    )
    parser.add_argument("--mixup", type=float, default=0.0, help="Beta parameter")
    parser.add_argument("--framing", type=float, default=1.0, help="strength of shift, scale, rotation")
    parser.add_argument("--light", type=float, default=1.0, help="strength of contrast, gamma, blur, noise")
    parser.add_argument("--average", type=float, default=0.998, help="decay of the averaged weights, a step")
    parser.add_argument("--workers", type=int, default=1, help="processes that share each epoch (CPU)")
    parser.add_argument(
        "--prior", type=float, default=0.0, help="part of the class priors put back at the end"
    )
    parser.add_argument("--note", default="", help="kept with the scores")
    parser.add_argument("--held-out", type=float, default=0.1, help="part kept for the temperature")
    return parser.parse_args()


def faces_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(path) as arrays:
        labels = np.array([NAMES.index(name) for name in arrays["labels"]])
        return arrays["images"], labels


def split(labels: np.ndarray, part: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to learn from and those kept for the temperature, the same for every seed."""
    order = np.random.default_rng(2013).permutation(len(labels))
    cut = round(part * len(labels))
    return np.sort(order[cut:]), np.sort(order[:cut])


def augmented(faces: np.ndarray, rng: np.random.Generator, framing: float, light: float) -> np.ndarray:
    """Return the faces mirrored, moved, turned, cropped, lit, blurred, covered and standardised anew."""
    import cv2

    n, side = len(faces), faces.shape[1]
    mirrored = rng.random(n) < 0.5
    # Beyond 1 the crop is tighter than FER2013's, below it is looser.
    scale = np.exp(rng.uniform(-0.15, 0.3, n) * framing)
    aspect = np.exp(rng.uniform(-0.08, 0.08, n) * framing)
    angle = np.deg2rad(rng.normal(0, 8, n) * framing)
    shift = rng.uniform(-4, 4, (n, 2)) * framing
    middle = (side - 1) / 2
    out = np.empty((n, side, side), np.float32)
    for i in range(n):
        c, s = math.cos(angle[i]), math.sin(angle[i])
        turn = np.array([[c * scale[i] * aspect[i], -s * scale[i]], [s * scale[i], c * scale[i] / aspect[i]]])
        if mirrored[i]:
            turn[:, 0] *= -1
        move = middle + shift[i] - turn @ (middle, middle)
        out[i] = cv2.warpAffine(
            faces[i], np.column_stack([turn, move]), (side, side), borderMode=cv2.BORDER_REFLECT_101
        )
    if light:
        blurred = rng.random(n) < 0.25 * light
        for i in np.flatnonzero(blurred):
            out[i] = cv2.GaussianBlur(out[i], (0, 0), rng.uniform(0.4, 1.2))
        out /= 255
        out **= np.exp(rng.uniform(-0.5, 0.5, (n, 1, 1)) * light)
        # A lamp from one side: a plane of gray over the face.
        ramp = np.linspace(-0.5, 0.5, side, dtype=np.float32)
        lamp = rng.normal(0, 0.12 * light, (n, 2)).astype(np.float32)
        out += lamp[:, :1, None] * ramp[:, None] + lamp[:, 1:, None] * ramp
        noise = np.abs(rng.normal(0, 0.015 * light, n)).astype(np.float32)
        out += noise[:, None, None] * rng.standard_normal(out.shape, np.float32)
    out -= out.mean((1, 2), keepdims=True)
    out /= out.std((1, 2), keepdims=True) + 1e-6
    for i in np.flatnonzero(rng.random(n) < 0.3 * light):
        h, w = rng.integers(5, 17, 2)
        y, x = rng.integers(0, side - h), rng.integers(0, side - w)
        out[i, y : y + h, x : x + w] = rng.normal()
    return out[..., None]


def schedule(done: float, epoch: float) -> float:
    """Return the part of the highest rate: up in one epoch, level, down by half a cosine in the last 60 %."""
    fall = max(0.0, done - 0.4) / 0.6
    return min(1.0, done / epoch) * 0.5 * (1 + math.cos(math.pi * fall))


def torch_logits(model, faces):
    """Return the logits of a Keras model in training, its layers run by torch's own fused operations."""
    import torch
    from torch.nn import functional

    values = {model.inputs[0].name: faces.permute(0, 3, 1, 2)}
    for layer in model.layers[1:]:
        source = layer.input if isinstance(layer.input, list) else [layer.input]
        x = [values[tensor.name] for tensor in source]
        kind = type(layer).__name__
        if kind == "Conv2D":
            kernel = layer.kernel.value.permute(3, 2, 0, 1)
            size, stride = layer.kernel_size[0], layer.strides[0]
            y = functional.conv2d(x[0], kernel, None, stride, (size - stride + 1) // 2)
        elif kind == "BatchNormalization":
            y = functional.batch_norm(
                x[0],
                layer.moving_mean.value,
                layer.moving_variance.value,
                layer.gamma.value,
                layer.beta.value,
                True,
                1 - layer.momentum,
                layer.epsilon,
            )
        elif kind == "ReLU":
            y = torch.relu(x[0])
        elif kind == "Add":
            y = x[0] + x[1]
        elif kind == "MaxPooling2D":
            y = functional.max_pool2d(x[0], 2)
        elif kind == "GlobalAveragePooling2D":
            y = x[0].mean((2, 3))
        elif kind == "Dropout":
            y = functional.dropout(x[0], layer.rate)
        else:
            y = functional.linear(x[0].float(), layer.kernel.value.T, layer.bias.value)
        values[layer.output.name] = y
    return y


def stepper(model, optimizer, offset):
    """Return a function of faces and soft labels that does one step and returns the loss."""
    import keras

    if keras.backend.backend() == "torch":
        import torch

        offset = torch.from_numpy(offset)

        def step(faces, labels):
            with torch.autocast("cpu", torch.bfloat16):
                logits = torch_logits(model, torch.from_numpy(faces))
            loss = -(torch.from_numpy(labels) * torch.log_softmax(logits.float() + offset, 1)).sum(1).mean()
            model.zero_grad()
            loss.backward()
            with torch.no_grad():
                variables = model.trainable_variables
                optimizer.apply([variable.value.grad for variable in variables], variables)
            return float(loss.detach())

        return step

    def loss(labels, logits):
        return -keras.ops.sum(labels * keras.ops.log_softmax(logits + offset), axis=-1)

    model.compile(optimizer=optimizer, loss=loss)
    return lambda faces, labels: float(model.train_on_batch(faces, labels))


def folded_weights(weights):
    """Return kernels and biases by layer, every normalisation made part of its convolution."""
    from stcorner.video.expressionnet import build

    model = build()
    model.set_weights(weights)
    found = {}
    for layer in model.layers:
        kind = type(layer).__name__
        if kind == "Conv2D":
            norm = model.get_layer(f"{layer.name}_norm")
            gamma, beta, mean, variance = norm.get_weights()
            factor = gamma / np.sqrt(variance + norm.epsilon)
            found[layer.name] = (layer.get_weights()[0] * factor, beta - mean * factor)
        elif kind == "Dense":
            found[layer.name] = tuple(layer.get_weights())
    return found


def write_onnx(path, weights, temperature=1.0, offset=0.0):
    """Write the network with folded weights; its logits plus the offset are divided by the temperature."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from stcorner.video.expressionnet import build

    model = build(folded=True)
    nodes, constants, renamed = [], [], {}

    def constant(name, value):
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name))
        return name

    for layer in model.layers[1:]:
        kind, name = type(layer).__name__, layer.name
        source = layer.input if isinstance(layer.input, list) else [layer.input]
        inputs = [renamed.get(tensor.name, "faces") for tensor in source]
        extra = {}
        if kind == "Conv2D":
            kernel, bias = weights[name]
            inputs += [
                constant(f"{name}_kernel", kernel.transpose(3, 2, 0, 1)),
                constant(f"{name}_bias", bias),
            ]
            size, stride = layer.kernel_size[0], layer.strides[0]
            extra = {
                "kernel_shape": [size] * 2,
                "strides": [stride] * 2,
                "pads": [(size - stride + 1) // 2] * 4,
            }
            kind = "Conv"
        elif kind == "ReLU":
            kind = "Relu"
        elif kind == "MaxPooling2D":
            kind, extra = "MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2]}
        elif kind == "GlobalAveragePooling2D":
            nodes.append(helper.make_node("GlobalAveragePool", inputs, [f"{name}_map"], name=f"{name}_map"))
            kind, inputs, extra = "Flatten", [f"{name}_map"], {"axis": 1}
        elif kind == "Dropout":
            renamed[layer.output.name] = inputs[0]
            continue
        elif kind == "Dense":
            kernel, bias = weights[name][0] / temperature, (weights[name][1] + offset) / temperature
            inputs += [constant(f"{name}_kernel", kernel), constant(f"{name}_bias", bias)]
            kind = "Gemm"
        renamed[layer.output.name] = name
        nodes.append(helper.make_node(kind, inputs, [name], name=name, **extra))
    faces = helper.make_tensor_value_info("faces", TensorProto.FLOAT, ["n", 1, 48, 48])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(NAMES)])
    graph = helper.make_graph(nodes, "face_expressions", [faces], [logits], constants)
    document = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="stcorner")
    document.ir_version = 8
    onnx.checker.check_model(document)
    onnx.save(document, str(path))


def log_softmax(logits):
    return logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)


def views(network, faces):
    """Return the logits of faces and of their mirror images."""
    from stcorner.video.expressionnet import standardise

    found = []
    for view in (faces, faces[:, :, ::-1]):
        blob = standardise(view)[:, None]
        parts = []
        for begin in range(0, len(blob), 64):
            network.setInput(blob[begin : begin + 64])
            parts.append(network.forward().astype(np.float64))
        found.append(np.concatenate(parts))
    return np.stack(found)


def log_posteriors(logits, temperature=1.0, offset=0.0):
    """Return what `expression_log_probabilities` makes of the two views."""
    return log_softmax(log_softmax((logits + offset) / temperature).mean(0))


def framed(faces, part):
    """Return the central part of square pictures at the network's size."""
    import cv2

    cut = round(faces.shape[1] * (1 - part) / 2)
    inner = faces[:, cut : faces.shape[1] - cut, cut : faces.shape[1] - cut]
    return np.stack([cv2.resize(one, (48, 48), interpolation=cv2.INTER_AREA) for one in inner])


def uar(truth, predicted) -> float:
    return 100 * float(np.mean([(predicted[truth == label] == label).mean() for label in np.unique(truth)]))


def calibration_error(truth, logs, bins=15) -> float:
    """Return the expected calibration error of the most likely expression, in percent."""
    confidence, right = np.exp(logs.max(1)), logs.argmax(1) == truth
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs((confidence - right)[bin_of == b].sum()) for b in range(bins)]
    return 100 * float(np.sum(gaps)) / len(truth)


def scores(network, data: Path, temperature, offset) -> dict:
    """Return the scores on sets that the network did not learn from."""
    faces, truth = faces_of(data / "faces" / "fer2013_PublicTest.npz")
    logits = views(network, faces)
    logs, raw = log_posteriors(logits, temperature, offset), log_posteriors(logits)
    confusion = np.zeros((len(NAMES), len(NAMES)), int)
    np.add.at(confusion, (truth, logs.argmax(1)), 1)
    found = {
        "public_accuracy": 100 * float((logs.argmax(1) == truth).mean()),
        "public_uar": uar(truth, logs.argmax(1)),
        "public_ece_before": calibration_error(truth, raw),
        "public_ece": calibration_error(truth, logs),
        "public_confusion": confusion.tolist(),
    }
    with np.load(data / "faces" / "ckplus48_half.npz") as arrays:
        known = [i for i, name in enumerate(arrays["labels"]) if name in CKPLUS]
        faces = arrays["images"][known]
        truth = np.array([NAMES.index(CKPLUS[arrays["labels"][i]]) for i in known])
    logs = log_posteriors(views(network, faces), temperature, offset)
    found["ckplus_uar_6"] = uar(truth, logs[:, :6].argmax(1))
    found["ckplus_uar_6_neutral_allowed"] = uar(truth, logs.argmax(1))
    with np.load(data / "faces" / "ravdess_actor05_faces.npz") as arrays:
        clips = [name for name in arrays.files if name.split("-")[2] in RAVDESS]
        faces = np.concatenate([arrays[name] for name in clips])
        truth = np.array([NAMES.index(RAVDESS[name.split("-")[2]]) for name in clips])
    for part in (1.0, 0.9, 0.8, 0.7):
        logs = log_posteriors(views(network, framed(faces, part)), temperature, offset)
        # A picture without a face is black in this set.
        shown = faces.std((1, 2)) > 1
        means = [logs[i : i + 15][shown[i : i + 15]].mean(0) for i in range(0, len(faces), 15)]
        found[f"actor05_uar_7_part_{part}"] = uar(truth, np.argmax(means, axis=1))
    return found


def finish(options, weights, faces, truth, log_prior, epochs) -> None:
    """Write the network, calibrated on faces that it did not learn from, and its scores."""
    import cv2
    from scipy.optimize import minimize_scalar

    folded = folded_weights(weights)
    write_onnx(options.output, folded)
    network = cv2.dnn.readNetFromONNX(str(options.output))
    offset = options.prior * log_prior
    logits = views(network, faces)

    def loss(temperature):
        return -log_posteriors(logits, temperature, offset)[np.arange(len(truth)), truth].mean()

    temperature = float(minimize_scalar(loss, bounds=(0.2, 3), method="bounded", options={"xatol": 0.01}).x)
    found = {
        "epochs": epochs,
        "temperature": temperature,
        **scores(network, options.data, temperature, offset),
    }
    write_onnx(options.output, folded, temperature, offset)
    print(json.dumps(found), flush=True)
    if options.results:
        recipe = {key: value for key, value in vars(options).items() if not isinstance(value, Path)}
        document = json.loads(options.results.read_text()) if options.results.exists() else {"runs": []}
        document["runs"].append({"recipe": recipe, **found})
        options.results.write_text(json.dumps(document, indent=1) + "\n")


def main() -> None:
    options = arguments()
    if options.workers == 1:
        train(options, 0, lambda weights: weights)
        return
    shared = np.memmap(
        options.output.with_suffix(".shared"), np.float32, "w+", shape=(options.workers, 1_000_000)
    )
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(options.workers)

    def work(number: int) -> None:
        def averaged(weights):
            flat = np.concatenate([weight.ravel() for weight in weights])
            shared[number, : len(flat)] = flat
            barrier.wait()
            flat = np.mean(shared[:, : len(flat)], axis=0)
            barrier.wait()
            ends = np.cumsum([weight.size for weight in weights])[:-1]
            parts = np.split(flat, ends)
            return [part.reshape(weight.shape) for part, weight in zip(parts, weights, strict=True)]

        train(options, number, averaged)

    others = [context.Process(target=work, args=(number,)) for number in range(1, options.workers)]
    for one in others:
        one.start()
    work(0)
    for one in others:
        one.join()


def train(options, number: int, averaged) -> None:
    """Train as worker `number`, which sees its share of each epoch; all meet every few steps."""
    from stcorner._base.keras import import_keras
    from stcorner.video.expressionnet import build

    keras = import_keras()
    keras.utils.set_random_seed(options.seed)
    images, labels = faces_of(options.data / "faces" / "fer2013_Training.npz")
    rows, held = split(labels, options.held_out)
    images_held, labels_held = images[held], labels[held]
    images, labels = images[rows], labels[rows]
    prior = np.bincount(labels, minlength=len(NAMES)) / len(labels)
    offset = (options.balance * np.log(prior)).astype(np.float32)
    # Smoothed over the classes as they occur: evenly, it would lift the rare ones that the loss lifts anyway.
    even = prior**options.balance / (prior**options.balance).sum()
    soft = np.eye(len(NAMES)) * (1 - options.smoothing) + options.smoothing * even
    soft = soft.astype(np.float32)

    model = build()
    optimizer = keras.optimizers.SGD(options.rate, momentum=0.9, nesterov=True, weight_decay=options.decay)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    optimizer.build(model.trainable_variables)
    step = stepper(model, optimizer, offset)

    mean = [weight.copy() for weight in model.get_weights()]
    checkpoint = options.output.with_suffix(f".{number}.npz")
    first = 0
    if checkpoint.exists():
        with np.load(checkpoint) as arrays:
            first = int(arrays["epoch"])
            model.set_weights([arrays[f"w{i}"] for i in range(len(mean))])
            mean = [arrays[f"m{i}"] for i in range(len(mean))]
            for i, variable in enumerate(optimizer.variables):
                variable.assign(arrays[f"o{i}"])
        print(f"goes on after epoch {first}", flush=True)

    per_epoch = len(images) // options.batch // options.workers
    total, every, n_steps = options.epochs * per_epoch, 8, first * per_epoch
    for epoch in range(first, options.epochs):
        order = np.random.default_rng([options.seed, epoch]).permutation(len(images))[
            number :: options.workers
        ]
        rng = np.random.default_rng([options.seed, epoch, number])
        began, spent, losses = time.perf_counter(), time.process_time(), []
        for i in range(per_epoch):
            part = order[i * options.batch : (i + 1) * options.batch]
            faces = augmented(images[part], rng, options.framing, options.light)
            target = soft[labels[part]]
            if options.mixup:
                share = np.float32(rng.beta(options.mixup, options.mixup))
                faces = share * faces + (1 - share) * faces[::-1]
                target = share * target + (1 - share) * target[::-1]
            optimizer.learning_rate = options.rate * schedule(n_steps / total, per_epoch / total)
            losses.append(step(np.ascontiguousarray(faces), np.ascontiguousarray(target)))
            n_steps += 1
            if n_steps % every == 0:
                weights = averaged(model.get_weights())
                if options.workers > 1:
                    model.set_weights(weights)
                # Early on, a short memory: the first weights are of no use.
                keep = min(options.average**every, n_steps / (n_steps + 10 * every))
                mean = [keep * a + (1 - keep) * b for a, b in zip(mean, weights, strict=True)]
        arrays = {f"w{i}": value for i, value in enumerate(model.get_weights())}
        arrays |= {f"m{i}": value for i, value in enumerate(mean)}
        arrays |= {
            f"o{i}": np.asarray(keras.ops.convert_to_numpy(v)) for i, v in enumerate(optimizer.variables)
        }
        new = checkpoint.with_suffix(".new.npz")
        np.savez(new, epoch=epoch + 1, **arrays)
        new.replace(checkpoint)
        if number == 0:
            print(
                f"epoch {epoch + 1:3d} loss {np.mean(losses):.4f} wall {time.perf_counter() - began:.1f} s "
                f"cpu {time.process_time() - spent:.1f} s",
                flush=True,
            )
    if number == 0:
        finish(options, mean, images_held, labels_held, np.log(prior), options.epochs)


if __name__ == "__main__":
    main()
