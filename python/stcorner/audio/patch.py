"""The loudest part of a clip as a log-mel spectrogram of fixed size: what a convolutional network hears."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stcorner._base.validation import check_real
from stcorner.audio.spectral import melspectrogram
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["log_mel_patch", "log_mel_patch_names"]

N_BANDS, N_FRAMES = 48, 128
SR, N_FFT, _HOP = 16_000, 512, 320
# Below the loudest band by more (90 dB) there is nothing but rounding.
_FLOOR = 1e-9
# Frames at either end that are quieter than the loudest by more than this many dB are not looked at.
_QUIET = 30.0
_STEP = 0.5
_RANGE = (-63.5, 64.0)


def log_mel_patch(y: ArrayLike, *, sr: float = SR) -> NDArray[np.float32]:
    """Return the loudest 2.56 s of a clip as a log-mel spectrogram.

    Quiet frames at both ends (30 dB below the loudest) are cut off. Of what is left, the 128 frames whose
    mean level is highest count; a shorter clip stands in the middle, between frames of its lowest value.

    Parameters
    ----------
    y : array_like of shape (n,)
        Mono sound, at least one sample that is not 0.
    sr : float, default=16000
        Sample rate in Hz: 16,000, nothing else.

    Returns
    -------
    ndarray of shape (48, 128), float32
        Decibels in steps of 0.5, -63.5 to 64, relative to the mean of what is shown. Rows are bands on
        Slaney's mel scale from 0 to 8 kHz, columns are frames of 32 ms, 20 ms apart.

    Raises
    ------
    ParameterError
        If the sample rate is another, or the sound is silent, empty, not finite, or not mono.

    See Also
    --------
    MelCNNClassifier : Learns from it.
    log_mel : Spectrograms of any length and any number of bands.

    Examples
    --------
    A tone of 985 Hz in noise is loudest in the band around it, the 16th:

    >>> noise = np.random.default_rng(0).normal(0, 0.01, 16000)
    >>> patch = log_mel_patch(noise + np.sin(2 * np.pi * 985 * np.arange(16000) / 16000))
    >>> patch.shape, int(patch.max(axis=1).argmax()) + 1
    ((48, 128), 16)
    """
    if check_real("sr", sr, low=0, open_low=True) != SR:
        raise ParameterError(f"sr must be {SR} Hz, got {sr:g}: resample first, as load_audio(file, {SR})")
    power = melspectrogram(y, sr=SR, n_fft=N_FFT, hop_length=_HOP, n_mels=N_BANDS)
    if power.ndim != 2:
        raise ParameterError(f"y must be mono, of shape (n,), got {power.ndim - 1} dimensions")
    loudest = float(power.max())
    if loudest <= 0:
        peak = np.abs(np.asarray(y, np.float64)).max()
        raise ParameterError(f"y must not be silent, got a peak of {peak:g}: leave this sound out")
    decibels = 10 * np.log10(power / loudest + _FLOOR)
    level = decibels.mean(axis=0)
    heard = np.flatnonzero(level > level.max() - _QUIET)
    decibels = decibels[:, heard[0] : heard[-1] + 1]
    if decibels.shape[1] > N_FRAMES:
        sums = np.cumsum(np.concatenate([[0.0], level[heard[0] : heard[-1] + 1]]))
        start = int(np.argmax(sums[N_FRAMES:] - sums[:-N_FRAMES]))
        decibels = decibels[:, start : start + N_FRAMES]
    decibels = decibels - decibels.mean()
    missing = N_FRAMES - decibels.shape[1]
    sides = ((0, 0), (missing // 2, missing - missing // 2))
    decibels = np.pad(decibels, sides, constant_values=decibels.min())
    # In coarse steps tables stay small, and a network cannot hear the difference.
    patch: NDArray[np.float32] = np.clip(np.round(decibels / _STEP) * _STEP, *_RANGE).astype(np.float32)
    return patch


def log_mel_patch_names() -> list[str]:
    """Name the values of `log_mel_patch` band by band: ``mel_BAND_FRAME``, both from 1.

    Returns
    -------
    list of str
        6,144 names.

    See Also
    --------
    log_mel_patch : Gives these values.

    Examples
    --------
    >>> log_mel_patch_names()[0], log_mel_patch_names()[-1]
    ('mel_1_1', 'mel_48_128')
    """
    return [f"mel_{band}_{frame}" for band in range(1, N_BANDS + 1) for frame in range(1, N_FRAMES + 1)]
