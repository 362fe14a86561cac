"""Where speech is: by energy and by periodicity, without a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_real
from stcorner.audio._frames import check_one_channel, check_rate, check_signal
from stcorner.audio.framewise import rms
from stcorner.audio.pitch import pitch_autocorrelation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["trim_silence", "voice_activity"]

_STEP = 0.01  # seconds between frames
_CONTRAST_DB = 12.0  # a clip whose loud and quiet frames differ by less has no pauses to tell by energy


def voice_activity(
    y: ArrayLike,
    *,
    sr: float,
    range_db: float = 32.0,
    strength_threshold: float = 0.5,
    min_pause: float = 0.2,
    min_speech: float = 0.05,
) -> NDArray[np.bool_]:
    """Mark the frames that hold speech.

    A frame is active if it is loud, that is less than `range_db` under the clip's loud frames and clearly
    above its quiet ones, or if it is periodic and not far quieter. Short pauses are then closed and short
    bursts dropped.

    Parameters
    ----------
    y : array_like of shape (n,)
        Audio of one channel, floating point.
    sr : float
        Sample rate in Hz.
    range_db : float
        Distance in decibels from the 97th percentile of the frames' energy down to silence.
    strength_threshold : float
        Pitch strength from which a frame counts as periodic, 0 to 1.
    min_pause, min_speech : float
        Shortest pause and shortest stretch of speech in seconds.

    Returns
    -------
    ndarray of shape (t,), bool
        One value per 10 ms; frame i is centred on ``i * round(0.01 * sr)`` samples.

    Raises
    ------
    ValueError
        If `y` is empty, not finite or not one channel, or a parameter is out of its range.

    See Also
    --------
    trim_silence : Cut the silence away.

    Examples
    --------
    >>> tone = 0.1 * np.sin(2 * np.pi * 200 * np.arange(8000) / 16000)
    >>> active = voice_activity(np.concatenate([np.zeros(8000), tone, np.zeros(8000)]), sr=16000)
    >>> bool(active[25]), bool(active[75]), bool(active[125])
    (False, True, False)
    """
    signal = check_one_channel(y)
    rate = check_rate(sr)
    reach = check_real("range_db", range_db, low=0.0, open_low=True)
    periodic_from = check_real("strength_threshold", strength_threshold, low=0.0, high=1.0)
    pause = check_real("min_pause", min_pause, low=0.0, high=1e6)
    burst = check_real("min_speech", min_speech, low=0.0, high=1e6)
    hop = max(1, round(_STEP * rate))
    signal = signal - signal.mean(dtype=np.float64).astype(np.float32)
    level = rms(signal, frame_length=max(2, 2 * round(0.0125 * rate)), hop_length=hop)
    if level.max() <= 0.0:
        return np.zeros(len(level), bool)
    energy = 20.0 * np.log10(level + 1e-9 * level.max())
    loud, quiet = np.percentile(energy, [97, 5])
    _, _, strength = pitch_autocorrelation(
        signal, sr=rate, hop_length=hop, fmax=min(500.0, rate / 4), tracker="peak"
    )
    active = (strength > periodic_from) & (energy > loud - reach)
    if loud - quiet > _CONTRAST_DB:
        active |= energy > max(loud - reach, quiet + 6.0)
    active = _flip_short(active, value=False, shortest=round(pause / _STEP), ends=False)
    return _flip_short(active, value=True, shortest=round(burst / _STEP), ends=True)


def _flip_short(mask: NDArray[np.bool_], *, value: bool, shortest: int, ends: bool) -> NDArray[np.bool_]:
    """Invert the runs of `value` that are shorter than `shortest`; those at the ends only if asked."""
    result = mask.copy()
    edges = np.flatnonzero(np.diff(np.concatenate([[not value], mask, [not value]]).astype(np.int8)))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        at_end = begin == 0 or end == len(mask)
        if end - begin < shortest and (ends or not at_end):
            result[begin:end] = not value
    return result


def trim_silence(
    y: ArrayLike, *, sr: float, margin: float = 0.05, **options: Any
) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """Cut the silence before and after the speech.

    Parameters
    ----------
    y : array_like of shape (n,)
        Audio of one channel, floating point.
    sr : float
        Sample rate in Hz.
    margin : float
        Seconds kept on either side.
    **options
        As for `voice_activity`.

    Returns
    -------
    trimmed : ndarray of shape (m,), float32
        Empty where nothing is active.
    interval : (int, int)
        First sample and end of the part within `y`; (0, 0) where nothing is active.

    Raises
    ------
    ValueError
        As `voice_activity`.

    See Also
    --------
    voice_activity : Where speech is.

    Examples
    --------
    >>> tone = 0.1 * np.sin(2 * np.pi * 200 * np.arange(8000) / 16000)
    >>> part, (start, end) = trim_silence(np.concatenate([np.zeros(16000), tone]), sr=16000)
    >>> 15000 <= start <= 16000, end
    (True, 24000)
    """
    signal = check_signal(y)
    keep = check_real("margin", margin, low=0.0)
    frames = np.flatnonzero(voice_activity(signal, sr=sr, **options))
    if not len(frames):
        return signal[:0], (0, 0)
    hop = max(1, round(_STEP * float(sr)))
    start = max(0, int(frames[0]) * hop - round(keep * float(sr)))
    end = min(len(signal), (int(frames[-1]) + 1) * hop + round(keep * float(sr)))
    return signal[start:end], (start, end)
