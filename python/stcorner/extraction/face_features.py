"""Features of the face: where and when corners appear in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.extraction.rows import MissingModalityError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stcorner.extraction.rows import ExtractionPlan, Source

__all__ = ["face_feature_names", "face_features", "face_vector"]

# Shorter stretches of a face (in frames of the plan's rate) are too few for corners in time.
_MIN_FRAMES = 12


def face_feature_names(plan: ExtractionPlan) -> list[str]:
    """Return the names of the columns that `face_vector` gives."""
    from stcorner.video import texture_map_names

    return list(texture_map_names())


def face_features(source: Source, plan: ExtractionPlan) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Find the face of a clip and describe it.

    Raises
    ------
    MissingModalityError
        If there is no face for long enough.
    """
    from stcorner.media import crop_face

    clip = crop_face(
        source.path,
        size=plan.crop_size,
        fps=plan.fps,
        rule=plan.face,
        start=source.start or 0.0,
        end=source.end,
    )
    vector, found = face_vector(clip.frames, clip.success, plan, name=str(source.path))
    return vector, {**found, "face_id": clip.face_id}


def face_vector(
    frames: NDArray[np.uint8], seen: NDArray[np.bool_], plan: ExtractionPlan, *, name: str
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Describe a cropped face, shape (t, y, x): the longest stretch in which it was there throughout.

    Frames without the face are black; a jump between them and the face would be one large corner.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], seen, [False]]).astype(np.int8)))
    stretches = list(zip(edges[::2], edges[1::2], strict=True))
    start, stop = max(stretches, key=lambda pair: pair[1] - pair[0], default=(0, 0))
    if stop - start < _MIN_FRAMES:
        longest = f", the longest stretch has {stop - start} frames" if stop > start else ""
        raise MissingModalityError("no_face", "face", f"{name}: no face was found{longest}")
    from stcorner.video import texture_map_histogram

    vector = np.asarray(texture_map_histogram(frames[start:stop]), dtype=np.float32)
    return vector, {"n_frames": int(stop - start), "status": "ok" if seen.all() else "partial"}
