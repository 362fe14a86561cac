"""What does time tell of an expression? Frames weighed by motion, their order lost, the face blanked out.

Actor 05 of RAVDESS, whom the expression network never saw: 60 takes, 15 crops of each, spread over the take.

*weights*: mean log probabilities of the frames, each frame weighing the same or as much as it moves; nothing
is trained, so the face is new. Seven emotions: the network knows no calm face.

*within*: a classifier trained on other takes of this very actor, eight emotions, five folds. Beside every
number stands the same with the face blanked out, what is left of it then was never the face, and with the
frames of each take in a random order, what is left of it then was never the motion.

*films*: the same weights on the films of the two actors, at 25 frames per second.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
from faces import blanked, out_of_fold

import stcorner
from common import arguments, write
from stcorner.video.expression_summary import ZOOM, pool_expressions
from stcorner.video.expressions import expression_log_probabilities
from stcorner.video.facetable import region_energy

EMOTIONS = {"01": "neutral", "03": "happy", "04": "sad", "05": "angry", "06": "fear", "07": "disgust",
            "08": "surprise"}  # fmt: skip
NAMES = np.array(stcorner.face_expression_names())


def weights_of(energy):
    """Return the weights of frames by name; `energy` is their corner energy over brows, eyes and mouth."""
    total = energy.sum(axis=1).astype(float)
    mean = total.mean() or 1.0
    return {
        "all frames the same": np.ones(len(total)),
        "corner energy": total + 1e-6,
        "1 + corner energy over its mean": 1 + total / mean,
        "squared corner energy": total**2 + 1e-6,
        "the half that moves most": (total >= np.median(total)).astype(float),
        "the half that moves least": (total <= np.median(total)).astype(float),
    }


def uar(truth, predicted):
    return 100 * float(np.mean([(predicted[truth == name] == name).mean() for name in np.unique(truth)]))


def compared(truth, tables):
    """Return UAR by name, and the interval of its difference to the first by bootstrap over clips."""
    rng = np.random.default_rng(0)
    draws = [rng.integers(0, len(truth), len(truth)) for _ in range(2000)]
    first = next(iter(tables.values()))
    rows = []
    for name, predicted in tables.items():
        gains = [uar(truth[rows_], predicted[rows_]) - uar(truth[rows_], first[rows_]) for rows_ in draws]
        low, high = np.percentile(gains, [2.5, 97.5])
        rows.append(
            {"weights": name, "uar": uar(truth, predicted), "gain_interval": [float(low), float(high)]}
        )
        print(f"{name:34s} UAR {rows[-1]['uar']:5.1f}  gain [{low:+.1f}, {high:+.1f}]", flush=True)
    return rows


def weighted(clips, zoom):
    """Return the best expression of each clip under each weighting."""
    said = {}
    for frames, energy in clips:
        logs = expression_log_probabilities(frames, zoom=zoom)
        for name, weight in weights_of(energy).items():
            said.setdefault(name, []).append(NAMES[(weight @ logs).argmax()])
    return {name: np.array(labels) for name, labels in said.items()}


def energy_of(frames, tau):
    return region_energy(stcorner.corner_harris_3d(frames, tau=tau))


def within(clips, y, zoom):
    from sklearn.model_selection import StratifiedKFold

    def pooled(v, kept):
        return pool_expressions(expression_log_probabilities(v, zoom=zoom))[kept]

    describe = {
        "expression, mean over frames (7)": lambda v: pooled(v, slice(0, 7)),
        "expression, with spread and peaks (28)": lambda v: pooled(v, slice(None)),
        "orientations, 1 segment": lambda v: stcorner.orientation_histogram(v, segments=1),
        "orientations, 3 segments": lambda v: stcorner.orientation_histogram(v, segments=3),
        "orientations, motion alone, 3 segments": lambda v: motion_alone(v),
    }
    rng = np.random.default_rng(0)
    orders = [rng.permutation(len(clip)) for clip in clips]
    ways = {
        "as it is": clips,
        "face blanked": [blanked(clip) for clip in clips],
        "frames in random order": [clip[order] for clip, order in zip(clips, orders, strict=True)],
    }
    splits = list(StratifiedKFold(5, shuffle=True, random_state=0).split(y, y))
    rows = []
    for name, function in describe.items():
        found = {"description": name}
        for way, changed in ways.items():
            X = np.stack([function(clip) for clip in changed])
            found[way] = uar(y, out_of_fold(X, y, splits))
        print(found, flush=True)
        rows.append(found)
    return rows


def motion_alone(clip):
    """Return the parts of the orientation histogram that a still face leaves empty."""
    parts = stcorner.orientation_histogram(clip, segments=3).reshape(3, 8, 8, 5, 8)
    return parts[..., [1, 2, 4], :].ravel()


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--zoom", type=float, default=0.7, help="part of the crops' sides that is looked at")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message="The least populated class")
    started = time.perf_counter()
    with np.load(options.data / "faces" / "ravdess_actor05_faces.npz") as arrays:
        takes = {key: arrays[key][arrays[key].std((1, 2)) > 1] for key in sorted(arrays.files)}
    y = np.array([key.split("-")[2] for key in takes])
    known = [key for key in takes if key.split("-")[2] in EMOTIONS]
    truth = np.array([EMOTIONS[key.split("-")[2]] for key in known])
    # Crops lie a quarter of a second apart: the shortest motion that they can show.
    few = [(takes[key], energy_of(takes[key], 0.5)) for key in known]
    content = {"weights": compared(truth, weighted(few, options.zoom))}
    films, shown = [], []
    for path in sorted((options.data / "ravdess" / "av_speech").rglob("*.mp4")):
        if (code := path.stem.split("-")[2]) in EMOTIONS:
            face = stcorner.crop_face(path)
            films.append((face.frames[face.success], energy_of(face.frames[face.success], 1.5)))
            shown.append(EMOTIONS[code])
    said = weighted(films, ZOOM)
    content["films"] = [
        {"weights": name, "right": int((labels == np.array(shown)).sum()), "films": len(shown)}
        for name, labels in said.items()
    ]
    print(content["films"], flush=True)
    content["within"] = within(list(takes.values()), y, options.zoom)
    write(options, "dynamics", content, started)


if __name__ == "__main__":
    main()
