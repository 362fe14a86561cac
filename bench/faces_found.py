"""Faces found on real clips and on made stress, wrong boxes counted, and ids that cross a cut.

python bench/faces_found.py                    all of it
python bench/faces_found.py made               frames turned, dark, backlit, small, blurred, mouth covered
python bench/faces_found.py nobody             boxes in frames without a face, and with a head of ten pixels
python bench/faces_found.py clips              every clip, followed from end to end
python bench/faces_found.py cuts               clips joined: does an id cross from one person to another?
python bench/faces_found.py made --label old   keep the figures under this name
python bench/faces_found.py made --sheets DIR  also draw what was found

Figures go to bench/results/faces_found.json (or --out) under the label, beside machine and versions.
BlazeFace takes part where the extra `face` is installed. The clips are in STCORNER_DATA, or in shared/data
beside the checkout.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

import stcorner
from common import machine
from stcorner.media import HaarDetector, track_faces
from stcorner.media.picture import decoded_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

RESULTS = Path(__file__).with_name("results") / "faces_found.json"
CLIPS = (
    "video/single_face.mp4", "video/face_noface.mov", "video/carphone.mp4", "video/grid_bbaf2n.mpg",
    "video/grid_lbax4n.mpg", "video/grid_pwij3p.mpg", "crema-d/VideoFlash/1001_DFA_ANG_XX.flv",
    "crema-d/VideoFlash/1001_DFA_HAP_XX.flv", "ravdess/av_speech/Actor_01/01-01-08-01-01-02-01.mp4",
    "ravdess/av_speech/Actor_01/02-01-02-01-01-02-01.mp4",
    "ravdess/av_speech/Actor_05/01-01-03-01-01-02-05.mp4",
    "ravdess/av_speech/Actor_05/01-01-06-02-01-01-05.mp4",
)  # fmt: skip
NOBODY = ("video/no_face.mp4",)
BODY = ("video/kth_person01_boxing_d1.avi",)  # a person whose head has ten pixels
EVERY, PER_CLIP = 12, 5


def data() -> Path:
    named = os.environ.get("STCORNER_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        sys.exit(f"no clips: {folder} is not a folder (set STCORNER_DATA)")
    return folder


def detectors() -> dict[str, Any]:
    found: dict[str, Any] = {"haar": HaarDetector()}
    if hasattr(stcorner, "BlazeFaceDetector"):
        try:
            found["blazeface"] = stcorner.BlazeFaceDetector()
        except ImportError:
            print("the extra `face` is not installed: without BlazeFace")
    return found


def frames_of(name: str, every: int = EVERY, most: int = PER_CLIP) -> Iterator[tuple[np.ndarray, float]]:
    for k, (gray, when) in enumerate(decoded_frames(data() / name, gray=True)):
        if k >= every * most:
            return
        if k % every == 0:
            yield np.array(gray), when


def references(name: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return frames, and centre and side of the face in each.

    The people sit so still that it is the median of the frontal cascade over the frames, but for the one who
    drives: there each frame keeps its own box.
    """
    detector = HaarDetector()
    pairs = [(gray, detector.detect(gray)) for gray, _ in frames_of(name)]
    squares = [
        (gray, np.array([box[0] + box[2] / 2, box[1] + box[3] / 2, (box[2] * box[3]) ** 0.5]))
        for gray, boxes in pairs
        if len(boxes)
        for box in boxes[:1].astype(float)
    ]
    middle = np.median([square for _, square in squares], axis=0)
    still = np.ptp([square[:2] for _, square in squares], axis=0).max() < 0.3 * middle[2]
    return [(gray, middle) for gray, _ in pairs] if still else squares


def rolled(degrees: float) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    def turn(gray: np.ndarray, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        matrix = cv2.getRotationMatrix2D((float(face[0]), float(face[1])), degrees, 1.0)
        return cv2.warpAffine(gray, matrix, gray.shape[::-1], borderMode=cv2.BORDER_REFLECT_101), face

    return turn


def dimmed(gain: float) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    def dim(gray: np.ndarray, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        noise = np.random.default_rng(0).normal(0, 1.0, gray.shape)
        return np.clip(gray * gain + noise, 0, 255).astype(np.uint8), face

    return dim


def backlit(gray: np.ndarray, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[: gray.shape[0], : gray.shape[1]]
    near = np.exp(-((((x - face[0]) ** 2 + (y - face[1]) ** 2) / (0.75 * face[2]) ** 2) ** 2))
    noise = np.random.default_rng(0).normal(0, 1.0, gray.shape)
    return np.clip(gray * (1.7 - 1.5 * near) + 60 * (1 - near) + noise, 0, 255).astype(np.uint8), face


def covered(gray: np.ndarray, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y, side = face
    out = gray.copy()
    corners = np.array([[-0.42, 0.08], [0.42, 0.08], [0.36, 0.5], [0.0, 0.62], [-0.36, 0.5]]) * side + [x, y]
    cv2.fillPoly(out, [np.rint(corners).astype(np.int32)], 178)
    return out, face


def small(gray: np.ndarray, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A face of 36 pixels in 640 x 360."""
    factor = 36 / face[2]
    part = cv2.resize(gray, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)[:360, :640]
    out = np.full((360, 640), int(np.median(gray[0])), np.uint8)
    top, left = (360 - part.shape[0]) // 2, (640 - part.shape[1]) // 2
    out[top : top + part.shape[0], left : left + part.shape[1]] = part
    return out, np.array([face[0] * factor + left, face[1] * factor + top, 36.0])


def blurred(gray: np.ndarray, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return cv2.GaussianBlur(gray, (0, 0), 0.05 * face[2]), face


STRESS: dict[str, Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]] = {
    "as it is": lambda gray, face: (gray, face),
    "roll 15": rolled(15), "roll 30": rolled(-30), "roll 45": rolled(45),
    "dark": dimmed(0.15), "very dark": dimmed(0.05), "backlit": backlit, "mouth covered": covered,
    "small": small, "blurred": blurred,
}  # fmt: skip


def hits(boxes: np.ndarray, face: np.ndarray) -> tuple[bool, int]:
    """Whether the face is among the boxes, and the number of boxes that are none."""
    right: list[bool] = [
        bool(np.hypot(box[0] + box[2] / 2 - face[0], box[1] + box[3] / 2 - face[1]) < 0.4 * face[2])
        and bool(0.55 < (box[2] * box[3]) ** 0.5 / face[2] < 1.8)
        for box in np.asarray(boxes, dtype=float)
    ]
    return any(right), len(right) - sum(right)


def made(sheets: Path | None) -> dict[str, Any]:
    pairs = [pair for name in CLIPS for pair in references(name)]
    result: dict[str, Any] = {"frames": len(pairs)}
    for name, detector in detectors().items():
        found: dict[str, Any] = {}
        for stress, change in STRESS.items():
            n = wrong = 0
            begin = time.process_time()
            tiles = []
            for gray, face in pairs:
                picture, place = change(gray, face)
                boxes = detector.detect(picture)
                hit, others = hits(boxes, place)
                n, wrong = n + hit, wrong + others
                if sheets:
                    tiles.append(drawn(picture, boxes, hit))
            found[stress] = {
                "found_percent": round(100 * n / len(pairs), 1),
                "wrong_boxes": wrong,
                "cpu_ms": round(1e3 * (time.process_time() - begin) / len(pairs), 1),
            }
            print(f"{name:10s} {stress:14s} {found[stress]}", flush=True)
            if sheets:
                save(sheets / f"{name} {stress}.png", tiles)
        result[name] = found
    return result


def nobody(sheets: Path | None) -> dict[str, Any]:
    """Count the boxes in frames without a face, upright and turned, and with a head of ten pixels."""
    result: dict[str, Any] = {}
    for name, detector in detectors().items():
        result[name] = {}
        for kind, files in (("nobody", NOBODY), ("ten pixels", BODY)):
            frames = [gray for file in files for gray, _ in frames_of(file)]
            middles = [np.array([gray.shape[1] / 2, gray.shape[0] / 2, 1.0]) for gray in frames]
            frames += [rolled(30)(gray, middle)[0] for gray, middle in zip(frames, middles, strict=True)]
            boxes = [detector.detect(gray) for gray in frames]
            result[name][kind] = {"frames": len(frames), "boxes": sum(len(one) for one in boxes)}
            if sheets:
                tiles = [drawn(gray, one, False) for gray, one in zip(frames, boxes, strict=True)]
                save(sheets / f"{name} {kind}.png", tiles)
        print(f"{name:10s} {result[name]}", flush=True)
    return result


def drawn(gray: np.ndarray, boxes: np.ndarray, hit: bool) -> np.ndarray:
    picture = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
    width = max(1, gray.shape[1] // 120)
    for box in np.asarray(boxes):
        x, y, w, h = (round(float(value)) for value in box[:4])
        cv2.rectangle(picture, (x, y), (x + w, y + h), (0, 220, 0) if hit else (0, 0, 255), width)
        for eye in np.asarray(box[5:9]).reshape(-1, 2):
            cv2.circle(picture, (round(float(eye[0])), round(float(eye[1]))), 2 * width, (255, 160, 0), -1)
    height = 120
    return cv2.resize(picture, (160, height), interpolation=cv2.INTER_AREA)


def save(path: Path, tiles: list[np.ndarray], columns: int = 10) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tiles = tiles + [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[k : k + columns]) for k in range(0, len(tiles), columns)]
    cv2.imwrite(str(path), np.vstack(rows))


def clips(sheets: Path | None) -> dict[str, Any]:
    """Follow each clip: frames in which somebody is seen, and how many ids there are."""
    result: dict[str, Any] = {}
    for name, detector in detectors().items():
        found: dict[str, Any] = {}
        for clip in (*CLIPS, *NOBODY, *BODY):
            begin = time.process_time()
            n = sum(1 for _ in decoded_frames(data() / clip, gray=True))
            decoding = time.process_time() - begin
            begin = time.process_time()
            tracks = track_faces(data() / clip, detector=detector)
            seconds = time.process_time() - begin
            seen = set().union(*(set(track.frames.tolist()) for track in tracks)) if tracks else set()
            found[clip] = {
                "frames": n,
                "with_a_face": len(seen),
                "ids": len(tracks),
                "cpu_ms_per_frame": round(1e3 * (seconds - decoding) / n, 2),
            }
            print(f"{name:10s} {clip:52s} {found[clip]}", flush=True)
        picture = cv2.imread(str(data() / "video/multi_face.jpg"), cv2.IMREAD_GRAYSCALE)
        boxes = detector.detect(picture)
        found["video/multi_face.jpg"] = {"faces": len(boxes)}
        print(f"{name:10s} multi_face.jpg: {len(boxes)} faces")
        if sheets:
            sheets.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(
                str(sheets / f"{name} multi_face.png"), cv2.resize(drawn(picture, boxes, True), (640, 480))
            )
        result[name] = found
    return result


def cuts(_: Path | None) -> dict[str, Any]:
    """Join the starts of clips and count the ids that are seen on both sides of a cut."""
    from stcorner.media._container import check_path

    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    from media_files import write_media

    n, people = 30, (0, 3, 5, 6, 8, 10)
    parts = {}
    for index in people:
        video = np.stack([gray for gray, _ in frames_of(CLIPS[index], 1, n)])
        parts[CLIPS[index]] = np.stack(
            [cv2.resize(gray, (320, 240), interpolation=cv2.INTER_AREA) for gray in video]
        )
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        film = np.concatenate([part for one in parts.values() for part in (one,)] + [parts[CLIPS[8]]])
        path = write_media(Path(folder) / "film.mp4", film, options={"crf": "18"})
        edges = np.arange(n, len(film), n)
        for name, detector in detectors().items():
            tracks = track_faces(check_path(path), detector=detector)
            crossing = sum(bool(((edges > t.frames[0]) & (edges <= t.frames[-1])).any()) for t in tracks)
            seen = len(set().union(*(set(t.frames.tolist()) for t in tracks)))
            result[name] = {
                "cuts": len(edges),
                "ids": len(tracks),
                "ids_across_a_cut": crossing,
                "frames": len(film),
                "with_a_face": seen,
            }
            print(name, result[name])
    if find_spec("stcorner.media._cuts") is None:  # an older version
        return result
    jumps = {clip: _jumps(np.array(g) for g, _ in decoded_frames(data() / clip, gray=True))
             for clip in (*CLIPS, *NOBODY, *BODY)}  # fmt: skip
    result["frames_of_clips"] = sum(n for n, _ in jumps.values())
    result["jumps_in_clips"] = {clip: found for clip, (_, found) in jumps.items() if found}
    result["jumps_at_all_cuts_alone"] = _jumps(film)[1] == edges.tolist()
    print(result["jumps_in_clips"], result["jumps_at_all_cuts_alone"])
    return result


def _jumps(frames: Iterable[np.ndarray]) -> tuple[int, list[int]]:
    """Number of the frames, and at which of them the picture jumps."""
    from stcorner.media._cuts import CutFinder

    finder = CutFinder()
    found = [one for k, gray in enumerate(frames) for one in finder.push(gray, k / 25)] + finder.flush()
    return len(found), [k for k, one in enumerate(found) if one.jump]


PARTS = {"made": made, "nobody": nobody, "clips": clips, "cuts": cuts}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], default=[])
    parser.add_argument("--label", default="now")
    parser.add_argument("--sheets", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    kept = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    for part in arguments.part or PARTS:
        kept.setdefault(arguments.label, {})[part] = PARTS[part](arguments.sheets)
    kept[arguments.label]["machine"] = machine()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
