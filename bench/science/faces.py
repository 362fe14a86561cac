"""Which description of a face carries over to a new face?

CK+: 59 people (half of the corpus), 7 expressions, ten folds that share no person, three seeds of the
folds, the default classifier. Pictures are 48 x 48 and enlarged to 96, where a space-time description has
no time to see; the texture map, which is even where nothing moves, gets the last three frames of each
sequence.

RAVDESS, actor 05: 60 takes, five folds of takes within the one actor. Beside every number stands the same
with the face blanked out: what is left of it then was never the face.

``--with-peers`` needs scikit-image (extra ``bench``).
"""

from __future__ import annotations

import json
import time
import warnings

import numpy as np

import stcorner
from common import arguments, line, scores, write
from stcorner import DiscriminantClassifier

SIDE = 96


def enlarge(picture):
    import cv2

    return cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)


def local_patterns(picture):
    """Return uniform local binary patterns (8 points, radius 2) on 8 x 8 cells; shares."""
    from skimage.feature import local_binary_pattern

    codes = local_binary_pattern(picture, 8, 2, method="nri_uniform").astype(int)
    cells = [np.array_split(rows, 8, axis=1) for rows in np.array_split(codes, 8, axis=0)]
    counts = [np.bincount(cell.ravel(), minlength=59) / cell.size for row in cells for cell in row]
    return np.concatenate(counts)


def gradients(picture):
    """Return scikit-image's HOG, 9 directions, 8 x 8 cells of the face, blocks of 2 x 2 cells."""
    from skimage.feature import hog

    side = picture.shape[0] // 8
    return hog(picture, 9, (side, side), (2, 2))


def descriptions(segments: int, peers: bool):
    """Return the functions from a clip to a row, by name."""
    found = {
        "texture map": lambda v: stcorner.texture_map_histogram(v, segments=segments),
        "texture map, eps 100": lambda v: stcorner.texture_map_histogram(v, segments=segments, eps=100.0),
        "orientation histogram": lambda v: stcorner.orientation_histogram(v, segments=segments),
    }
    if peers:
        found["LBP"] = lambda v: np.mean([local_patterns(frame) for frame in v], axis=0)
        found["HOG"] = lambda v: np.mean([gradients(frame) for frame in v], axis=0)
    return found


def out_of_fold(X, y, splits):
    """Return the class of every row from the fold that holds it out."""
    predicted = np.empty(len(y), dtype=y.dtype)
    for train, test in splits:
        model = DiscriminantClassifier(calibration_folds=0).fit(X[train], y[train])
        predicted[test] = model.predict(X[test])
    return predicted


def row(name, X, y, subjects, seeds, splitter):
    """Return the scores of one description: the mean over the seeds, and the first seed's interval."""
    found = [scores(y, out_of_fold(X, y, list(splitter(seed))), subjects) for seed in range(seeds)]
    first = found[0]
    for key in ("uar", "war", "macro_f1"):
        first[key] = float(np.mean([each[key] for each in found]))
    first.pop("per_actor_war")
    print(line(name, first), flush=True)
    uars = [each["uar"] for each in found]
    return {"description": name, "features": X.shape[1], "uar_of_seeds": uars, **first}


def zero_shot(probabilities, names, y):
    """Return the best class of those that both sides know, for the rows that show one of them."""
    short = {
        label: next((i for i, n in enumerate(names) if n[:3] == label[:3]), None) for label in np.unique(y)
    }
    known = [label for label in short if short[label] is not None]
    rows = np.isin(y, known)
    best = probabilities[rows][:, [short[label] for label in known]].argmax(axis=1)
    return rows, np.asarray(known)[best]


def cohn_kanade(path, options):
    from sklearn.model_selection import StratifiedGroupKFold

    with np.load(path) as arrays:
        images, y, subjects, sequence = (arrays[k] for k in ("images", "labels", "subject", "sequence"))

    def disjoint(labels, people):
        def splits(seed):
            folds = StratifiedGroupKFold(10, shuffle=True, random_state=seed)
            return folds.split(labels, labels, people)

        return splits

    shares = stcorner.face_expressions(images)
    known, predicted = zero_shot(shares, stcorner.face_expression_names(), y)
    found = scores(y[known], predicted, subjects[known])
    found.pop("per_actor_war")
    print(line("expression network, never trained here", found), flush=True)
    rows = [{"description": "expression network, never trained here", "features": 0, **found}]
    X = np.log(np.maximum(shares, 1e-6))
    rows.append(row("expression network as features", X, y, subjects, options.seeds, disjoint(y, subjects)))
    if options.expressions_alone:
        return rows
    pictures = np.stack([enlarge(image) for image in images])
    for name, describe in descriptions(1, options.with_peers).items():
        if name.startswith("texture"):
            continue
        X = np.stack([describe(picture[None]) for picture in pictures])
        rows.append(row(name, X, y, subjects, options.seeds, disjoint(y, subjects)))
    names, first = np.unique(sequence, return_index=True)
    clips = [pictures[sequence == name] for name in names]
    for name, describe in descriptions(1, False).items():
        X = np.stack([describe(clip) for clip in clips])
        name = f"{name}, three frames"
        rows.append(
            row(name, X, y[first], subjects[first], options.seeds, disjoint(y[first], subjects[first]))
        )
    return rows


def blanked(clip):
    """Return the clip with an even ellipse where the face is."""
    height, width = clip.shape[1:]
    y, x = np.mgrid[:height, :width]
    inside = ((y - height / 2) / (0.48 * height)) ** 2 + ((x - width / 2) / (0.38 * width)) ** 2 < 1
    out = clip.copy()
    out[:, inside] = int(clip.mean())
    return out


def one_actor(path, options):
    from sklearn.model_selection import StratifiedKFold

    with np.load(path) as arrays:
        keys = sorted(arrays.files)
        clips = [arrays[key] for key in keys]
    y = np.array([key.split("-")[2] for key in keys])
    takes = np.array(keys)

    def splits(seed):
        return StratifiedKFold(5, shuffle=True, random_state=seed).split(y, y)

    rows = []
    for name, describe in descriptions(3, options.with_peers).items():
        for what, change in (("", lambda clip: clip), (", face blanked", blanked)):
            X = np.stack([describe(change(clip)) for clip in clips])
            rows.append(row(name + what, X, y, takes, options.seeds, splits))
    return rows


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--with-peers", action="store_true")
    parser.add_argument(
        "--expressions-alone", action="store_true", help="measure that network anew, keep the other rows"
    )
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message="The least populated class")
    started = time.perf_counter()
    faces = options.data / "faces"
    content = {"ckplus": cohn_kanade(faces / "ckplus48_half.npz", options)}
    if options.expressions_alone:
        kept = json.loads((options.results / "science_faces.json").read_text())
        new = {found["description"] for found in content["ckplus"]}
        content["ckplus"] += [found for found in kept["ckplus"] if found["description"] not in new]
        content["actor05"] = kept["actor05"]
    else:
        content["actor05"] = one_actor(faces / "ravdess_actor05_faces.npz", options)
    write(options, "faces", content, started)


if __name__ == "__main__":
    main()
