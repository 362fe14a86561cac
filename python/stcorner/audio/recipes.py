"""Clip vectors: one row of named numbers per clip, whatever its length."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_choice
from stcorner.audio import _egemaps, _rich
from stcorner.audio._frames import check_rate, check_signal
from stcorner.audio._functionals import summarise
from stcorner.audio.framewise import zcr_and_rms
from stcorner.audio.spectral import chroma, melspectrogram, mfcc
from stcorner.audio.transform import power_spectrogram
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["PAPER_FUNCTIONALS", "RECIPES", "clip_features", "feature_names"]

RECIPES = ("rich", "paper162", "notebook162", "egemaps")
_NOTEBOOK_RATE, _NOTEBOOK_OFFSET, _NOTEBOOK_SECONDS = 22050, 0.6, 2.5
PAPER_FUNCTIONALS = ("mean", "std", "p10", "p50", "p90", "slope")


def clip_features(y: ArrayLike, *, sr: float, recipe: str = "rich") -> NDArray[np.float32]:
    """Describe a clip by one vector.

    Parameters
    ----------
    y : array_like of shape (n,) or (channels, n)
        Audio, floating point, at any rate; channels are averaged.
    sr : float
        Sample rate in Hz; the recipe's own rate is reached by resampling.
    recipe : {"rich", "paper162", "notebook162", "egemaps"}
        ``"rich"``: 525 values at 16 kHz: functionals of 20 voice and spectrum descriptors and of MFCC
        1-20, f0, timing, energy, correlations; independent of gain.
        ``"paper162"``: ZCR, log energy, f0, MFCC 1-12 and their deltas, times 6 functionals: what the
        paper's text says.
        ``"notebook162"``: means of ZCR, chroma 12, MFCC 20, RMS and mel 128 at 22.05 kHz over the 2.5 s
        after the first 0.6 s: what the paper's numbers came from. Depends on gain.
        ``"egemaps"``: the 88 values of the extended Geneva minimalistic acoustic parameter set at 16 kHz,
        from its published definitions [1]_ and under openSMILE's names. Depends on gain.

    Returns
    -------
    ndarray of shape (525,), (162,) or (88,), float32
        In the order of `feature_names`; always finite.

    Raises
    ------
    ValueError
        If `y` is empty, not finite, of an integer type, or (``"notebook162"``) not longer than 0.6 s.

    See Also
    --------
    feature_names : Names of the values.
    frame_table : Values per frame in place of one vector.

    References
    ----------
    .. [1] F. Eyben et al., "The Geneva minimalistic acoustic parameter set (GeMAPS) for voice research and
       affective computing", IEEE Transactions on Affective Computing 7 (2016) 190-202.

    Examples
    --------
    >>> clip_features(np.zeros(16000), sr=16000).shape
    (525,)
    """
    check_choice("recipe", recipe, RECIPES)
    signal = check_signal(y)
    rate = check_rate(sr)
    if signal.ndim > 2:
        raise ParameterError(f"y must have shape (n,) or (channels, n), got {signal.shape}")
    mono = signal if signal.ndim == 1 else signal.mean(axis=0, dtype=np.float32)
    if recipe == "notebook162":
        return _notebook162(mono, rate)
    if recipe == "egemaps":
        return _egemaps.egemaps(resampled(mono, rate, _egemaps.SAMPLE_RATE))[0]
    return _of_tracks(_rich.tracks(resampled(mono, rate, _rich.SAMPLE_RATE)), recipe)


def tracked_features(
    y: NDArray[np.float32], *, recipe: str = "rich"
) -> tuple[NDArray[np.float32], _rich.Tracks]:
    """Return `clip_features` of sound (n,) at 16 kHz, and its tracks, computed once."""
    tracks = _rich.tracks(check_signal(y))
    if recipe in ("rich", "paper162"):
        return _of_tracks(tracks, recipe), tracks
    return clip_features(y, sr=_rich.SAMPLE_RATE, recipe=recipe), tracks


def _of_tracks(tracks: _rich.Tracks, recipe: str) -> NDArray[np.float32]:
    return _rich.rich(tracks) if recipe == "rich" else _paper162(tracks)


@functools.cache
def _names(recipe: str) -> tuple[str, ...]:
    if recipe == "rich":
        return _rich.NAMES
    if recipe == "egemaps":
        return _egemaps.NAMES
    if recipe == "notebook162":
        pitch_classes = ("c", "cs", "d", "ds", "e", "f", "fs", "g", "gs", "a", "as", "b")
        return (
            "zcr_mean",
            *(f"chroma_{name}_mean" for name in pitch_classes),
            *(f"mfcc_{i}_mean" for i in range(20)),
            "rms_mean",
            *(f"mel_{i}_mean" for i in range(128)),
        )
    mel = [f"mfcc_{i}" for i in range(1, 13)]
    tracks = ["zcr", "energy_db", "f0_semitones", *mel, *(f"delta_{name}" for name in mel)]
    return tuple(f"{track}_{functional}" for track in tracks for functional in PAPER_FUNCTIONALS)


def feature_names(recipe: str = "rich") -> list[str]:
    """Return the names of the values of `clip_features`, in order.

    Parameters
    ----------
    recipe : {"rich", "paper162", "notebook162", "egemaps"}
        As in `clip_features`.

    Returns
    -------
    list of str
        One name for each value.

    Raises
    ------
    ValueError
        If the recipe is unknown.

    See Also
    --------
    describe_column : Meaning, unit and range of a name.

    Examples
    --------
    >>> [len(feature_names(recipe)) for recipe in RECIPES]
    [525, 162, 162, 88]
    """
    return list(_names(check_choice("recipe", recipe, RECIPES)))


def resampled(y: NDArray[np.float32], sr: float, target: int) -> NDArray[np.float32]:
    if sr == target:
        return y
    import soxr

    result = np.asarray(soxr.resample(y, sr, target, quality="HQ"), dtype=np.float32)
    # A handful of samples may shrink to none.
    return result if len(result) else y[:1]


def _notebook162(y: NDArray[np.float32], sr: float) -> NDArray[np.float32]:
    part = y[int(_NOTEBOOK_OFFSET * sr) :][: int(_NOTEBOOK_SECONDS * sr)]
    if not len(part):
        raise ParameterError(
            f"y must be longer than {_NOTEBOOK_OFFSET} s for recipe 'notebook162', got {len(y) / sr:.3f} "
            "s: give a longer clip, or another recipe"
        )
    return notebook_means(resampled(part, sr, _NOTEBOOK_RATE))


def notebook_means(clip: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the 162 means of the whole of `clip`, which is at 22,050 Hz and already cut."""
    power = power_spectrogram(clip)
    mel = melspectrogram(S=power, sr=_NOTEBOOK_RATE)
    zcr, level = zcr_and_rms(clip, frame_length=2048, hop_length=512)
    tracks: list[NDArray[Any]] = [
        zcr[None],
        chroma(S=np.sqrt(power), sr=_NOTEBOOK_RATE),  # of magnitudes: the notebook squares nothing
        mfcc(S=mel),
        level[None],
        mel,
    ]
    return np.concatenate([track.mean(axis=-1) for track in tracks]).astype(np.float32)


def _paper162(tracks: _rich.Tracks) -> NDArray[np.float32]:
    cepstrum = tracks.mfcc[:, :12]
    zcr_energy = tracks.lld[:, :2]
    every = np.concatenate([zcr_energy, cepstrum, tracks.delta_mfcc[:, :12]], axis=1)
    rows = summarise(every, PAPER_FUNCTIONALS)
    if tracks.voiced.any():
        pitch = summarise(tracks.f0[tracks.voiced, None], PAPER_FUNCTIONALS)
    else:
        pitch = np.zeros((1, len(PAPER_FUNCTIONALS)), np.float32)
    return np.concatenate([rows[:2], pitch, rows[2:]]).ravel().astype(np.float32)
