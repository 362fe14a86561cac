"""Train the network that reads expressions from faces, on FER2013, and write it as ONNX.

First larger networks learn, each from all but one part of the faces, and say what the faces of that part
show. What they say, mixed with the labels, which err often, is what the network that ships learns from.

It needs Keras, which defines the networks, and torch, which trains them on a GPU or, slowly, on the CPU.
Stopped, the same command goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "torch")

CKPLUS = {
    "anger": "angry", "disgust": "disgust", "fear": "fear", "happy": "happy", "sadness": "sad",
    "surprise": "surprise",
}  # fmt: skip
RAVDESS = {
    "01": "neutral", "03": "happy", "04": "sad", "05": "angry", "06": "fear", "07": "disgust",
    "08": "surprise",
}  # fmt: skip
NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
TEACHER = {"stem": (32, 3, 1), "blocks": ((), (64, 64), (128, 128), (256, 256)), "dropout": 0.4}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds faces/")
    parser.add_argument("--output", type=Path, required=True, help="network (.onnx); checkpoints beside it")
    parser.add_argument("--results", type=Path, help="file of scores (.json) to which this run is added")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--teachers", type=int, default=5, help="parts, one teacher each, or 0: labels alone")
    parser.add_argument("--teacher-epochs", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=1, help="teachers trained at once")
    parser.add_argument("--labels", type=float, default=0.3, help="share of the labels beside the teachers")
    parser.add_argument("--epochs", type=int, default=170)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rate", type=float, default=0.1, help="highest learning rate")
    parser.add_argument("--decay", type=float, default=5e-4)
    parser.add_argument("--smoothing", type=float, default=0.1)
    parser.add_argument("--balance", type=float, default=1.0, help="part of the priors taken out of the loss")
    parser.add_argument("--mixed", type=float, default=0.0, help="part of the faces mixed with another")
    parser.add_argument("--framing", type=float, default=1.0, help="strength of shift, scale, rotation")
    parser.add_argument("--light", type=float, default=1.0, help="strength of contrast, gamma, blur, noise")
    parser.add_argument("--average", type=float, default=0.998, help="decay of the averaged weights, a step")
    parser.add_argument("--prior", type=float, default=0.0, help="part of the priors put back at the end")
    parser.add_argument("--held-out", type=float, default=0.1, help="part kept for the temperature")
    parser.add_argument("--note", default="", help="kept with the scores")
    return parser.parse_args()


def faces_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(path) as arrays:
        labels = np.array([NAMES.index(name) for name in arrays["labels"]])
        return arrays["images"], labels


def parts_of(images: np.ndarray, held_out: float, parts: int) -> np.ndarray:
    """Return the part of each face, -1 for those kept for the temperature; equal pictures stay together."""
    digests = [hashlib.sha256(image.tobytes()).digest() for image in images]
    picture = {digest: number for number, digest in enumerate(dict.fromkeys(digests))}
    place = np.random.default_rng(2013).permutation(len(picture)) / len(picture)
    place = place[[picture[digest] for digest in digests]]
    part = np.floor((place - held_out) / (1 - held_out) * max(parts, 1)).astype(int)
    return np.where(place < held_out, -1, part)


def augmented(images, framing: float, light: float):
    """Return gray faces (n, y, x) mirrored, moved, turned, scaled, lit, blurred, covered and standardised."""
    import torch
    from torch.nn import functional

    device, n, side = images.device, len(images), images.shape[1]
    even = torch.rand(n, 20, device=device)
    normal = torch.randn(n, 5, device=device)

    def between(column: int, low: float, high: float):
        return low + (high - low) * even[:, column]

    # Beyond 1 the crop is tighter than FER2013's, below it is looser.
    scale = torch.exp(between(0, -0.15, 0.3) * framing)
    aspect = torch.exp(between(1, -0.08, 0.08) * framing)
    angle = normal[:, 0] * (8 * math.pi / 180 * framing)
    mirror = 1 - 2 * (even[:, 2] < 0.5).float()
    shift = (even[:, 3:5] - 0.5) * (16 / side * framing)
    across = torch.stack([mirror * torch.cos(angle) * aspect, torch.sin(angle) * aspect], 1)
    down = torch.stack([-mirror * torch.sin(angle) / aspect, torch.cos(angle) / aspect], 1)
    moves = torch.cat([torch.stack([across, down], 1) / scale[:, None, None], shift[..., None]], 2)
    grid = functional.affine_grid(moves, (n, 1, side, side), align_corners=False)
    faces = images[:, None].float() / 255
    faces = functional.grid_sample(faces, grid, padding_mode="reflection", align_corners=False)

    def one(column: int):
        return even[:, column, None, None, None]

    bell = torch.exp(-(torch.arange(-3, 4, device=device) ** 2) / (2 * 1.1**2))
    bell = bell / bell.sum()
    soft = functional.conv2d(
        functional.pad(faces, (3, 3, 3, 3), "reflect"), (bell[:, None] * bell)[None, None]
    )
    faces = torch.where(one(5) < 0.25 * light, faces + one(6) * (soft - faces), faces)
    faces = faces.clamp(1e-4, 1) ** torch.exp((one(7) - 0.5) * light)
    # A lamp from one side: a plane of gray over the face.
    ramp = torch.linspace(-0.5, 0.5, side, device=device)
    lamp = 0.12 * light * normal[:, 1:3, None, None, None]
    faces = faces + lamp[:, 0] * ramp[:, None] + lamp[:, 1] * ramp
    faces = faces + 0.015 * light * normal[:, 3, None, None, None].abs() * torch.randn_like(faces)
    faces = standardised(faces)
    place = torch.arange(side, device=device)
    height, width = (5 + 12 * one(8)).floor(), (5 + 12 * one(9)).floor()
    top, left = (one(10) * (side - height)).floor(), (one(11) * (side - width)).floor()
    row, column = place[:, None], place
    covered = (row >= top) & (row < top + height) & (column >= left) & (column < left + width)
    return torch.where(covered & (one(12) < 0.3 * light), normal[:, 4, None, None, None], faces)


def standardised(faces):
    faces = faces - faces.mean((2, 3), keepdim=True)
    return faces / (faces.std((2, 3), keepdim=True, correction=0) + 1e-6)


def schedule(done: float, epoch: float) -> float:
    """Return the part of the highest rate: up in one epoch, level, down by half a cosine in the last 60 %."""
    fall = max(0.0, done - 0.4) / 0.6
    return min(1.0, done / epoch) * 0.5 * (1 + math.cos(math.pi * fall))


class Network:
    """A Keras model run by torch's own fused operations, its weights in `values` by layer and name."""

    def __init__(self, model, device: str) -> None:
        import keras
        import torch

        self.layers, self.trained, self.device = [], [], device
        self.values = {}
        for layer in model.layers[1:]:
            source = layer.input if isinstance(layer.input, list) else [layer.input]
            self.layers.append((layer, [tensor.name for tensor in source], layer.output.name))
            for weight in layer.weights:
                value = torch.tensor(keras.ops.convert_to_numpy(weight), device=device)
                if weight.name == "kernel" and value.ndim == 4:
                    # He's initial values, as the activations are rectified.
                    fan = value.shape[0] * value.shape[1] * value.shape[2]
                    value = torch.randn(value.permute(3, 2, 0, 1).shape, device=device) * math.sqrt(2 / fan)
                    value = value.to(memory_format=torch.channels_last)
                self.values[f"{layer.name}/{weight.name}"] = value
                if weight.trainable:
                    self.trained.append(f"{layer.name}/{weight.name}")
        self.first = model.inputs[0].name

    def __call__(self, faces, values=None, training=False):
        """Return the logits of (n, 1, y, x) standardised faces."""
        import torch
        from torch.nn import functional

        values = self.values if values is None else values
        kind_of_device = torch.device(self.device).type
        found = {self.first: faces.to(memory_format=torch.channels_last)}
        with torch.autocast(kind_of_device, torch.bfloat16, cache_enabled=False):
            for layer, sources, output in self.layers:
                x = [found[name] for name in sources]
                kind, name = type(layer).__name__, layer.name
                if kind == "Conv2D":
                    size, stride = layer.kernel_size[0], layer.strides[0]
                    y = functional.conv2d(
                        x[0], values[f"{name}/kernel"], None, stride, (size - stride + 1) // 2
                    )
                elif kind == "BatchNormalization":
                    mean, variance = values[f"{name}/moving_mean"], values[f"{name}/moving_variance"]
                    y = functional.batch_norm(
                        x[0], mean, variance, values[f"{name}/gamma"], values[f"{name}/beta"],
                        training, 1 - layer.momentum, layer.epsilon,
                    )  # fmt: skip
                elif kind == "ReLU":
                    y = torch.relu(x[0])
                elif kind == "Add":
                    y = x[0] + x[1]
                elif kind == "MaxPooling2D":
                    y = functional.max_pool2d(x[0], 2)
                elif kind == "GlobalAveragePooling2D":
                    y = x[0].mean((2, 3))
                elif kind == "Dropout":
                    y = functional.dropout(x[0], layer.rate, training)
                else:
                    with torch.autocast(kind_of_device, enabled=False):
                        y = functional.linear(
                            x[0].float(), values[f"{name}/kernel"].T, values[f"{name}/bias"]
                        )
                found[output] = y
        return y


class Training:
    """Weights, their running mean and momenta, and one step of learning, on a GPU as a CUDA graph."""

    def __init__(self, options, network: Network, images, targets, offset) -> None:
        import torch

        self.options, self.network, self.images, self.targets = options, network, images, targets
        self.offset = offset
        values = network.values
        self.trained = [values[name].requires_grad_() for name in network.trained]
        self.decayed = [value for value in self.trained if value.ndim > 1]
        with torch.no_grad():
            self.speeds = [torch.zeros_like(value) for value in self.trained]
            self.means = {name: value.detach().clone() for name, value in values.items()}
        device = images.device
        self.rows = torch.zeros(options.batch, dtype=torch.long, device=device)
        self.rate, self.gain, self.loss = (torch.zeros((), device=device) for _ in range(3))
        self.graph = None
        if device.type == "cuda":
            before = [value.detach().clone() for value in self.state().values()]
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(3):
                    self.once()
            torch.cuda.current_stream().wait_stream(side)
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.once()
            self.restore(before)

    def state(self) -> dict:
        speeds = {f"speed {i}": speed for i, speed in enumerate(self.speeds)}
        means = {f"mean {name}": value for name, value in self.means.items()}
        return self.network.values | speeds | means

    def restore(self, arrays) -> None:
        import torch

        with torch.no_grad():
            for value, old in zip(self.state().values(), arrays, strict=True):
                value.copy_(torch.as_tensor(old))

    def once(self) -> None:
        import torch

        options = self.options
        with torch.no_grad():
            faces = augmented(self.images[self.rows], options.framing, options.light)
            targets = self.targets[self.rows]
            if options.mixed:
                draw = torch.rand(2, len(faces), device=faces.device)
                share = 1 - 0.5 * ((draw[0] < options.mixed) * draw[1])[:, None]
                faces = torch.lerp(faces.flip(0), faces, share[..., None, None])
                targets = torch.lerp(targets.flip(0), targets, share)
        logs = torch.log_softmax(self.network(faces, training=True).float() + self.offset, 1)
        loss = -(targets * logs).sum(1).mean()
        slopes = list(torch.autograd.grad(loss, self.trained))
        with torch.no_grad():
            decayed = [slope for slope, value in zip(slopes, self.trained, strict=True) if value.ndim > 1]
            torch._foreach_add_(decayed, self.decayed, alpha=options.decay)
            torch._foreach_mul_(self.speeds, 0.9)
            torch._foreach_add_(self.speeds, slopes)
            torch._foreach_add_(slopes, self.speeds, alpha=0.9)
            torch._foreach_mul_(slopes, -self.rate)
            torch._foreach_add_(self.trained, slopes)
            changes = torch._foreach_sub(list(self.network.values.values()), list(self.means.values()))
            torch._foreach_mul_(changes, self.gain)
            torch._foreach_add_(list(self.means.values()), changes)
            self.loss += loss.detach()

    def step(self, rows, rate: float, gain: float) -> None:
        self.rows.copy_(rows)
        self.rate.fill_(rate)
        self.gain.fill_(gain)
        if self.graph is None:
            self.once()
        else:
            self.graph.replay()


def train(options, kind: dict, name: str, seed, images, targets, prior) -> tuple[Network, dict]:
    """Return a network and the mean of its weights, learnt from faces with targets (n, 7)."""
    import keras
    import torch

    from stcorner.video.expressionnet import build

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cudnn.benchmark = True
    keras.utils.set_random_seed(seed)
    offset = torch.tensor(options.balance * np.log(prior), dtype=torch.float32, device=device)
    training = Training(
        options,
        Network(build(**kind), device),
        torch.from_numpy(images).to(device),
        torch.from_numpy(targets.astype(np.float32)).to(device),
        offset,
    )
    checkpoint = options.output.parent / f"{name}.npz"
    first = 0
    if checkpoint.exists():
        with np.load(checkpoint) as arrays:
            first = int(arrays["epoch"])
            training.restore([arrays[key] for key in training.state()])
        print(f"{name} goes on after epoch {first}", flush=True)
    per_epoch = len(images) // options.batch
    total, done = options.epochs * per_epoch, first * per_epoch
    began = time.perf_counter()
    for epoch in range(first, options.epochs):
        torch.manual_seed(1000 * seed + epoch)
        order = torch.randperm(len(images)).to(device)
        training.loss.zero_()
        for i in range(per_epoch):
            rate = options.rate * schedule(done / total, 1 / options.epochs)
            # Early on, a short memory: the first weights are of no use.
            gain = max(1 - options.average, 80 / (done + 80))
            training.step(order[i * options.batch : (i + 1) * options.batch], rate, gain)
            done += 1
        every = max(1, options.epochs // 5)
        if device == "cpu" or (epoch + 1) % every == 0 or epoch + 1 == options.epochs:
            arrays = {key: value.detach().cpu().numpy() for key, value in training.state().items()}
            new = checkpoint.with_suffix(".new.npz")
            np.savez(new, epoch=epoch + 1, **arrays)
            new.replace(checkpoint)
            loss = float(training.loss) / per_epoch
            print(f"{name} epoch {epoch + 1} loss {loss:.4f} {time.perf_counter() - began:.1f} s", flush=True)
    return training.network, training.means


def said(network: Network, means: dict, images, offset, n_views: int = 8) -> np.ndarray:
    """Return the mean probabilities (n, 7) of faces as they are, mirrored, and augmented a little."""
    import torch

    shift = torch.tensor(offset, dtype=torch.float32, device=network.device)
    torch.manual_seed(0)
    found = []
    with torch.no_grad():
        for begin in range(0, len(images), 512):
            faces = torch.from_numpy(images[begin : begin + 512]).to(network.device)
            plain = standardised(faces[:, None].float())
            views = [plain, plain.flip(3), *(augmented(faces, 0.5, 0) for _ in range(n_views - 2))]
            shown = [torch.softmax(network(view, means).float() + shift, 1) for view in views]
            found.append(torch.stack(shown).mean(0).cpu().numpy())
    return np.concatenate(found)


def teach(job) -> Path:
    """Train the teacher of a part, unless it has spoken, and write what it says of all faces."""
    options, number, images, targets, prior, part = job
    spoken = options.output.parent / f"teacher{number}-said.npy"
    if not spoken.exists():
        seen = np.flatnonzero((part >= 0) & (part != number))
        network, means = train(
            options, TEACHER, f"teacher{number}", 100 + number, images[seen], targets[seen], prior
        )
        found = said(network, means, images, options.balance * np.log(prior))
        new = spoken.with_suffix(".new.npy")
        np.save(new, found.astype(np.float32))
        new.replace(spoken)
    return spoken


def taught(options, images, labels, targets, prior, part) -> np.ndarray:
    """Return targets mixed from the labels and what each face's teacher, who never saw it, says of it."""
    theirs = argparse.Namespace(**{**vars(options), "epochs": options.teacher_epochs})
    jobs = [(theirs, number, images, targets, prior, part) for number in range(options.teachers)]
    if options.jobs > 1:
        with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
            files = pool.map(teach, jobs, chunksize=1)
    else:
        files = [teach(job) for job in jobs]
    spoken = np.stack([np.load(file) for file in files])
    heard = spoken[np.maximum(part, 0), np.arange(len(part))]
    inside = part >= 0
    right = [(heard.argmax(1) == labels)[inside].mean(), (spoken.mean(0).argmax(1) == labels)[~inside].mean()]
    print(f"teachers: right on faces that they never saw {right[0]:.4f}, together {right[1]:.4f}", flush=True)
    return options.labels * targets + (1 - options.labels) * heard


def folded_weights(values: dict, layers) -> dict:
    """Return kernels and biases by layer, every normalisation made part of its convolution."""
    arrays = {name: value.detach().cpu().numpy().astype(np.float64) for name, value in values.items()}
    epsilon = {layer.name: layer.epsilon for layer, *_ in layers if hasattr(layer, "epsilon")}
    found = {}
    for layer, *_ in layers:
        kind, name = type(layer).__name__, layer.name
        if kind == "Conv2D":
            gamma, beta, mean, variance = (
                arrays[f"{name}_norm/{part}"] for part in ("gamma", "beta", "moving_mean", "moving_variance")
            )
            factor = gamma / np.sqrt(variance + epsilon[f"{name}_norm"])
            found[name] = (arrays[f"{name}/kernel"] * factor[:, None, None, None], beta - mean * factor)
        elif kind == "Dense":
            found[name] = (arrays[f"{name}/kernel"], arrays[f"{name}/bias"])
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
                constant(f"{name}_kernel", kernel),
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


def finish(options, network, means, faces, truth, log_prior) -> None:
    """Write the network, calibrated on faces that it did not learn from, and its scores."""
    import cv2
    from scipy.optimize import minimize_scalar

    folded = folded_weights(means, network.layers)
    write_onnx(options.output, folded)
    reader = cv2.dnn.readNetFromONNX(str(options.output))
    offset = options.prior * log_prior
    logits = views(reader, faces)

    def loss(temperature):
        return -log_posteriors(logits, temperature, offset)[np.arange(len(truth)), truth].mean()

    temperature = float(minimize_scalar(loss, bounds=(0.2, 3), method="bounded", options={"xatol": 0.01}).x)
    chosen = log_posteriors(logits, temperature, offset).argmax(1)
    found = {
        "temperature": temperature,
        "held_out_accuracy": 100 * float((chosen == truth).mean()),
        "held_out_uar": uar(truth, chosen),
    }
    if options.results:
        found |= scores(reader, options.data, temperature, offset)
    write_onnx(options.output, folded, temperature, offset)
    print(options.output.stem, json.dumps(found), flush=True)
    if options.results:
        recipe = {key: value for key, value in vars(options).items() if not isinstance(value, Path)}
        document = json.loads(options.results.read_text()) if options.results.exists() else {"runs": []}
        document["runs"].append({"recipe": recipe, **found})
        options.results.write_text(json.dumps(document, indent=1) + "\n")


def main() -> None:
    options = arguments()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    images, labels = faces_of(options.data / "faces" / "fer2013_Training.npz")
    part = parts_of(images, options.held_out, options.teachers)
    inside = part >= 0
    prior = np.bincount(labels[inside], minlength=len(NAMES)) / inside.sum()
    # Smoothed over the classes as they occur: evenly, it would lift the rare ones that the loss lifts anyway.
    even = prior**options.balance / (prior**options.balance).sum()
    targets = np.eye(len(NAMES))[labels] * (1 - options.smoothing) + options.smoothing * even
    if options.teachers:
        targets = taught(options, images, labels, targets, prior, part)
    network, means = train(
        options, {}, options.output.stem, options.seed, images[inside], targets[inside], prior
    )
    finish(options, network, means, images[~inside], labels[~inside], np.log(prior))


if __name__ == "__main__":
    main()
