"""One call of every public function on inputs made here: what it returns is kept in ``values.json``."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

import stcorner

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CASES", "WITHOUT", "summary"]

# Public functions without a value to keep, and why.
WITHOUT = {
    **dict.fromkeys(
        ["probe", "load_audio", "load_video", "iter_audio", "iter_video", "iter_faces", "crop_face",
         "track_faces", "face_table", "timeline_table", "list_media", "extract", "make_corpus",
         "cross_validate"],
        "the codecs of this machine have a part in the result",
    ),
    **dict.fromkeys(
        ["load_annotations", "load_corpus", "load_cremad", "load_folder", "load_ravdess", "audit_folds",
         "audit_leakage"],
        "reads folders; tests/corpora states every field",
    ),
    **dict.fromkeys(["build_report", "overlay", "plot", "live"], "draws or shows"),
    **dict.fromkeys(["active_isa", "available_isas", "set_isa", "show_versions"], "tells of this machine"),
    **dict.fromkeys(["load_model", "explain_decision"], "test_models.py keeps a model"),
    "pitch_remarks": "words; tests/audio/test_pitch.py reads them",
    "columns": "words; tests/extraction/test_codebook.py reads them",
    "describe_column": "words; tests/audio/test_descriptors.py reads them",
    "speech_presence": "words; tests/audio/test_presence.py reads them",
    "fercnn": "initial weights are Keras's",
    "face_expression_network": "tests/video/test_expressions.py compares it with `face_expressions`",
}  # fmt: skip


@lru_cache(maxsize=1)
def video() -> np.ndarray:
    """Return two moving blobs, uint8 (20, 32, 40)."""
    t, y, x = np.mgrid[:20, :32, :40].astype(float)
    first = np.exp(-((x - 8 - t) ** 2 + (y - 16) ** 2) / 12)
    second = np.exp(-((x - 30) ** 2 + (y - 6 - np.abs(t - 10)) ** 2) / 8)
    return np.rint(20 + 200 * np.clip(first + second, 0, 1)).astype(np.uint8)


@lru_cache(maxsize=1)
def voice() -> np.ndarray:
    """Return half a second of a gliding tone with two overtones and a pause, 16 kHz float32."""
    t = np.arange(8000) / 16000
    phase = 2 * np.pi * (120 * t + 60 * t**2)
    tone = 0.4 * np.sin(phase) + 0.2 * np.sin(2 * phase) + 0.1 * np.sin(5 * phase)
    hiss = 0.003 * np.sin(np.arange(8000.0) ** 2 * 0.37)
    return (tone * (np.abs(t - 0.25) > 0.04) + hiss).astype(np.float32)


@lru_cache(maxsize=1)
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return 48 rows of 6 columns, their labels and their groups."""
    i = np.arange(48)
    X = np.sin(np.outer(i + 1, [0.7, 1.3, 2.1, 3.7, 0.2, 5.9])) + (i % 3)[:, None] * [0.9, 0, 0.4, 0, 0.1, 0]
    return X, np.array(["angry", "happy", "sad"])[i % 3], i // 12


def clips() -> list[stcorner.Clip]:
    """Return 24 clips of eight actors; no file of them exists."""
    from pathlib import Path

    labels = ("angry", "happy", "sad")
    return [
        stcorner.Clip(
            path=Path(f"{actor:02}-{label}.wav"), clip_id=f"{actor:02}-{label}", label=label,
            subject=f"{actor:02}", take=f"{actor:02}-{label}", modality="audio", corpus="golden",
        )
        for actor in range(8)
        for label in labels
    ]  # fmt: skip


def evaluation(shift: float) -> stcorner.Evaluation:
    """Return the evaluation of invented probabilities."""
    listed = clips()
    raw = 1.5 + np.sin(np.arange(72.0).reshape(24, 3) * 1.7 + shift)
    raw[np.arange(24), np.arange(24) % 3] += 0.8
    classes = ("angry", "happy", "sad")
    return stcorner.evaluate_predictions(
        listed, raw / raw.sum(1, keepdims=True), classes, model=f"shifted by {shift}"
    )


def graph() -> Any:
    """Return a graph over the rows."""
    X, y, groups = rows()
    return stcorner.intrinsic_graph(X, y, groups=groups)


def stips() -> stcorner.Stips:
    """Return the points of the video."""
    return stcorner.detect_stips(video())


def folds() -> list[np.ndarray]:
    """Return the test sides of the folds."""
    return [fold.test for fold in stcorner.actor_folds(clips(), "actor-k5", seed=1)]


def search() -> list[float]:
    """Return the scores of a small search."""
    X, y, groups = rows()
    found = stcorner.search_mfa(X, y, groups, grid={"n_components": [1, 2], "n_neighbors": [3]}, n_splits=3)
    return [float(found.best_score), float(found.best_params["n_components"])]


def compared() -> list[float]:
    """Return what a paired comparison tells."""
    test = stcorner.compare_models([evaluation(0.0), evaluation(0.4)])[0]
    return [float(test.difference), float(test.p_value)]


Y = {"sr": 16000}
CASES: dict[str, Callable[[], Any]] = {
    "corner_harris_3d": lambda: stcorner.corner_harris_3d(video()),
    "structure_tensor_3d": lambda: stcorner.structure_tensor_3d(video(), sigma=1.5, tau=1.0),
    "corner_peaks_3d": lambda: stcorner.corner_peaks_3d(stcorner.corner_harris_3d(video())),
    "detect_stips": lambda: [stips().coordinates, stips().response, stips().sigma],
    "describe_stips": lambda: stcorner.describe_stips(video(), stips()),
    "face_expressions": lambda: stcorner.face_expressions(video()),
    "face_expression_names": stcorner.face_expression_names,
    "orientation_histogram": lambda: stcorner.orientation_histogram(video(), grid=(2, 2), segments=2),
    "orientation_histogram_names": lambda: stcorner.orientation_histogram_names(grid=(2, 2), segments=2),
    "texture_map_histogram": lambda: stcorner.texture_map_histogram(video(), grid=(2, 2), segments=2),
    "texture_map_names": lambda: stcorner.texture_map_names(grid=(2, 2), segments=2),
    "zero_crossing_rate": lambda: stcorner.zero_crossing_rate(voice()),
    "rms": lambda: stcorner.rms(voice()),
    "zcr_and_rms": lambda: list(stcorner.zcr_and_rms(voice(), frame_length=400, hop_length=160)),
    "autocorrelate": lambda: stcorner.autocorrelate(voice(), frame_length=512, hop_length=256),
    "pitch_autocorrelation": lambda: list(stcorner.pitch_autocorrelation(voice(), **Y)),
    "harmonicity": lambda: stcorner.harmonicity(stcorner.pitch_autocorrelation(voice(), **Y)[2]),
    "power_spectrogram": lambda: stcorner.power_spectrogram(voice(), n_fft=512),
    "log_mel": lambda: stcorner.log_mel(voice(), **Y),
    "log_mel_patch": lambda: stcorner.log_mel_patch(voice(), sr=16000),
    "log_mel_patch_names": lambda: np.array(stcorner.log_mel_patch_names()),
    "melspectrogram": lambda: stcorner.melspectrogram(voice(), **Y),
    "power_to_db": lambda: stcorner.power_to_db(stcorner.melspectrogram(voice(), **Y)),
    "mfcc": lambda: stcorner.mfcc(voice(), **Y),
    "chroma": lambda: stcorner.chroma(voice(), **Y),
    "spectral_features": lambda: list(stcorner.spectral_features(voice(), **Y).values()),
    "delta": lambda: stcorner.delta(stcorner.mfcc(voice(), **Y)),
    "frame_table": lambda: list(stcorner.frame_table(voice(), **Y).values()),
    "formants": lambda: [np.nan_to_num(part) for part in stcorner.formants(voice(), **Y, n_formants=2)],
    "glottal_pulses": lambda: stcorner.glottal_pulses(voice(), **Y),
    "jitter": lambda: list(stcorner.jitter(stcorner.glottal_pulses(voice(), **Y)).values()),
    "shimmer": lambda: list(stcorner.shimmer(voice(), stcorner.glottal_pulses(voice(), **Y), **Y).values()),
    "cepstral_peak_prominence": lambda: stcorner.cepstral_peak_prominence(voice(), **Y),
    "voice_quality": lambda: list(stcorner.voice_quality(voice(), **Y).values()),
    "voice_activity": lambda: stcorner.voice_activity(voice(), **Y),
    "trim_silence": lambda: stcorner.trim_silence(voice(), **Y)[0],
    "clip_features, egemaps": lambda: stcorner.clip_features(voice(), **Y, recipe="egemaps"),
    "clip_features": lambda: [
        stcorner.clip_features(voice(), **Y, recipe=recipe) for recipe in ("rich", "paper162")
    ],
    "feature_names": lambda: stcorner.feature_names("rich"),
    "intrinsic_graph": lambda: graph().toarray(),
    "penalty_graph": lambda: stcorner.penalty_graph(*rows()[:2], groups=rows()[2]).toarray(),
    "graph_laplacian": lambda: stcorner.graph_laplacian(graph()).toarray(),
    "search_mfa": search,
    "actor_folds": folds,
    "map_labels": lambda: [clip.label for clip in stcorner.map_labels(clips(), {"angry": "anger"})],
    "protocol_names": stcorner.protocol_names,
    "evaluate_predictions": lambda: [evaluation(0.0).uar, evaluation(0.0).war, evaluation(0.0).macro_f1],
    "compare_models": compared,
}


def summary(result: Any) -> list[dict[str, Any]]:
    """Return shape, extent, sum and some values of each array in a result."""
    parts = result if isinstance(result, list) and np.ndim(result[0]) else [result]
    return [_of_array(np.asarray(part)) for part in parts]


def _of_array(array: np.ndarray) -> dict[str, Any]:
    if array.dtype.kind == "U":
        import hashlib

        whole = hashlib.sha256("\n".join(array.tolist()).encode()).hexdigest()
        return {"shape": list(array.shape), "first": str(array[0]), "last": str(array[-1]), "sha256": whole}
    flat = array.reshape(-1).astype(float)
    known = flat[np.isfinite(flat)]
    at = np.unique(np.linspace(0, flat.size - 1, 9).astype(int)) if flat.size else np.zeros(0, int)
    return {
        "shape": list(array.shape),
        "undefined": int(flat.size - known.size),
        "largest": float(np.abs(known).max(initial=0.0)),
        "mean": float(known.mean()) if known.size else 0.0,
        "values": [None if np.isnan(flat[i]) else float(f"{flat[i]:.9g}") for i in at],
    }
