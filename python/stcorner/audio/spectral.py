"""Mel spectra, MFCC and chroma over one pass of Fourier transforms; librosa's names and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner import _core
from stcorner._validation import check_array, check_flag, check_integer, check_real, resolve_n_threads
from stcorner.audio._filters import chroma_filters, cosine_basis, estimate_tuning, mel_filters
from stcorner.audio._frames import check_rate, check_signal, frame_layout
from stcorner.audio.framewise import window_samples
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "chroma",
    "melspectrogram",
    "mfcc",
    "power_spectrogram",
    "power_to_db",
    "spectral_features",
]


def power_spectrogram(
    y: ArrayLike,
    *,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: str | ArrayLike = "hann",
    center: bool = True,
    n_threads: int | None = None,
) -> NDArray[np.float32]:
    """Compute the squared magnitude of the short-time Fourier transform.

    Parameters
    ----------
    y : array_like of shape (..., n)
        Audio, floating point; leading axes are channels.
    n_fft, hop_length : int
        Length of the transform and step between frames, in samples.
    win_length : int, optional
        Length of the window, centred in the transform. Default: `n_fft`.
    window : str or array_like of shape (win_length,)
        Name for `scipy.signal.get_window`, or the samples.
    center : bool
        Frame i is centred on sample ``i * hop_length``, with zeros beyond the ends.
    n_threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    ndarray of shape (..., 1 + n_fft // 2, t), float32

    Raises
    ------
    ValueError
        If `y` is empty or not finite, or a length does not fit.

    Examples
    --------
    >>> power_spectrogram([1.0, 0.0, 0.0, 0.0], n_fft=4, hop_length=4, window=[1, 1, 1, 1], center=False)
    array([[1.],
           [1.],
           [1.]], dtype=float32)
    """
    signal = check_signal(y)
    length, hop, start, n_frames = frame_layout(
        signal.shape[-1], check_integer("n_fft", n_fft, low=2), hop_length, center
    )
    width = length if win_length is None else check_integer("win_length", win_length, low=1, high=length)
    weights = window_samples(window, width).astype(np.float32)
    threads = resolve_n_threads(n_threads)
    start += (length - width) // 2
    parts = [
        _power_spectra(row, weights, length, hop, start, n_frames, threads)
        for row in signal.reshape(-1, signal.shape[-1])
    ]
    powers = parts[0][None] if len(parts) == 1 else np.stack(parts)
    if not np.isfinite(powers.max()):
        raise ParameterError("y must have squares that float32 can hold, got magnitudes beyond 1e18")
    return powers.reshape(*signal.shape[:-1], n_frames, length // 2 + 1).swapaxes(-1, -2)


def _power_spectra(
    row: NDArray[np.float32],
    weights: NDArray[np.float32],
    n_fft: int,
    hop: int,
    start: int,
    n_frames: int,
    threads: int,
) -> NDArray[np.float32]:
    rest = n_fft
    for prime in (2, 3, 5):
        while rest % prime == 0:
            rest //= prime
    if rest == 1:
        return _core.power_spectra(row, weights, n_fft, hop, start, n_frames, threads)
    # Lengths with larger primes are rare; scipy's transform knows them all.
    from scipy.fft import rfft

    reach = start + (n_frames - 1) * hop + len(weights)
    padded = np.pad(row, (max(0, -start), max(0, reach - len(row))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, len(weights))[max(0, start) :: hop][:n_frames]
    return np.asarray(np.abs(rfft(frames * weights, n_fft, axis=1)) ** 2)


def _project(values: NDArray[np.float32], basis: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values (..., t, bins) times the transpose of a basis (bands, bins)."""
    rows = np.ascontiguousarray(values).reshape(-1, values.shape[-1])
    return _core.project(rows, basis, 0).reshape(*values.shape[:-1], len(basis))


def _spectrum(y: ArrayLike | None, S: ArrayLike | None, options: dict[str, Any]) -> tuple[NDArray[Any], int]:
    """Return a power spectrogram, frames before bins, and its transform length; `S` is used as it is."""
    if (y is None) == (S is None):
        raise ParameterError("exactly one of y and S must be given")
    if S is None:
        assert y is not None
        power = power_spectrogram(y, **options)
        return power.swapaxes(-1, -2), int(options["n_fft"])
    array = np.asarray(S)
    given = check_array("S", array.swapaxes(-1, -2) if array.ndim > 1 else array, dtype=np.float32)
    if given.ndim < 2 or given.shape[-1] < 2:
        raise ParameterError(f"S must have shape (..., bins, t) with at least 2 bins, got {array.shape}")
    if given.min() < 0:
        raise ParameterError(f"S must be >= 0, got {given.min():g}")
    return given, 2 * (given.shape[-1] - 1)


def melspectrogram(
    y: ArrayLike | None = None,
    *,
    sr: float = 22050,
    S: ArrayLike | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: str | ArrayLike = "hann",
    center: bool = True,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: str | None = "slaney",
) -> NDArray[np.float32]:
    """Compute the power in bands that are evenly spaced on the mel scale.

    Parameters
    ----------
    y : array_like of shape (..., n), optional
        Audio, floating point; leading axes are channels.
    sr : float
        Sample rate in Hz.
    S : array_like of shape (..., bins, t), optional
        A spectrogram to use in place of `y`; the options of the transform are then not read.
    n_fft, hop_length, win_length, window, center
        As in `power_spectrogram`.
    n_mels : int
        Number of bands.
    fmin, fmax : float
        Edges of the lowest and the highest band in Hz; `fmax` None is half the sample rate.
    htk : bool
        The scale 2595 log10(1 + f / 700) in place of Slaney's (linear below 1 kHz).
    norm : "slaney" or None
        Triangles of equal area, or of height 1.

    Returns
    -------
    ndarray of shape (..., n_mels, t), float32

    Raises
    ------
    ValueError
        If neither or both of `y` and `S` are given, or a parameter is out of its range.

    Examples
    --------
    >>> melspectrogram(np.zeros(4096), sr=16000, n_mels=40).shape
    (40, 9)
    """
    options = {
        "n_fft": n_fft,
        "hop_length": hop_length,
        "win_length": win_length,
        "window": window,
        "center": center,
    }
    power, size = _spectrum(y, S, options)
    basis = mel_filters(sr, size, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=norm)
    return _project(power, basis).swapaxes(-1, -2)


def power_to_db(S: ArrayLike, *, amin: float = 1e-10, top_db: float | None = 80.0) -> NDArray[np.float32]:
    """Return 10 log10 of a power.

    Parameters
    ----------
    S : array_like
        Powers, >= 0.
    amin : float, > 0
        Powers below this count as this.
    top_db : float, >= 0, or None
        Values further below the largest are raised to that distance; None leaves them.

    Returns
    -------
    ndarray of the shape of `S`, float32
        Decibels.

    Raises
    ------
    ValueError
        If `S` is not finite or a parameter is out of range.

    Examples
    --------
    >>> power_to_db([1.0, 0.1, 0.0])
    array([  0., -10., -80.], dtype=float32)
    """
    power = check_array("S", S, dtype=np.float32)
    floor = check_real("amin", amin, low=0.0, open_low=True)
    decibel: NDArray[np.float32] = np.maximum(power, np.float32(floor))
    np.log(decibel, out=decibel)  # numpy has vector code for this logarithm, not for the decimal one
    decibel *= np.float32(10.0 / np.log(10.0))
    if top_db is not None:
        drop = check_real("top_db", top_db, low=0.0)
        np.maximum(decibel, decibel.max() - np.float32(drop), out=decibel)
    return decibel


def mfcc(
    y: ArrayLike | None = None,
    *,
    sr: float = 22050,
    S: ArrayLike | None = None,
    n_mfcc: int = 20,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: str | ArrayLike = "hann",
    center: bool = True,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    mel_norm: str | None = "slaney",
    top_db: float | None = 80.0,
) -> NDArray[np.float32]:
    """Compute mel-frequency cepstral coefficients: the cosine transform of the mel spectrum in decibels.

    Parameters
    ----------
    y, sr, n_fft, hop_length, win_length, window, center, n_mels, fmin, fmax, htk
        As in `melspectrogram`.
    mel_norm : "slaney" or None
        The `norm` of `melspectrogram`.
    S : array_like of shape (..., n_mels, t), optional
        A mel spectrogram (power) to use in place of `y`.
    n_mfcc : int
        Number of coefficients, the zeroth included; at most `n_mels`.
    top_db : float or None
        Values more than this below the clip's largest are raised to it; None keeps frames independent.

    Returns
    -------
    ndarray of shape (..., n_mfcc, t), float32

    Raises
    ------
    ValueError
        If neither or both of `y` and `S` are given, or a parameter is out of its range.

    Examples
    --------
    >>> mfcc(np.zeros(4096), sr=16000, n_mfcc=13).shape
    (13, 9)
    """
    if S is None:
        S = melspectrogram(
            y, sr=sr, n_fft=n_fft, hop_length=hop_length, win_length=win_length, window=window, center=center,
            n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=mel_norm,
        )  # fmt: skip
    elif y is not None:
        raise ParameterError("exactly one of y and S must be given")
    power = check_array("S", S, dtype=np.float32)
    if power.ndim < 2:
        raise ParameterError(f"S must have shape (..., n_mels, t), got {power.shape}")
    bands = power.shape[-2]
    count = check_integer("n_mfcc", n_mfcc, low=1, high=bands)
    decibel = power_to_db(power, top_db=top_db)
    return _project(decibel.swapaxes(-1, -2), cosine_basis(bands, count)).swapaxes(-1, -2)


def chroma(
    y: ArrayLike | None = None,
    *,
    sr: float = 22050,
    S: ArrayLike | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: str | ArrayLike = "hann",
    center: bool = True,
    n_chroma: int = 12,
    tuning: float | None = None,
) -> NDArray[np.float32]:
    """Compute the energy in each pitch class, C first, each frame divided by its largest class.

    Parameters
    ----------
    y, sr, S, n_fft, hop_length, win_length, window, center
        As in `melspectrogram`.
    n_chroma : int
        Number of pitch classes per octave.
    tuning : float, optional
        Deviation from A440 in shares of a class. None estimates it from the spectrogram.

    Returns
    -------
    ndarray of shape (..., n_chroma, t), float32
        0 to 1; a silent frame is 0.

    Raises
    ------
    ValueError
        If neither or both of `y` and `S` are given, or a parameter is out of its range.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    >>> int(chroma(tone, sr=16000, tuning=0.0).mean(axis=1).argmax())  # A is 9 semitones above C
    9
    """
    options = {
        "n_fft": n_fft,
        "hop_length": hop_length,
        "win_length": win_length,
        "window": window,
        "center": center,
    }
    power, size = _spectrum(y, S, options)
    rate = check_rate(sr)
    classes = check_integer("n_chroma", n_chroma, low=1)
    shift = estimate_tuning(power, rate, size, classes) if tuning is None else check_real("tuning", tuning)
    raw = _project(power, chroma_filters(rate, size, classes, shift))
    largest = raw.max(axis=-1, keepdims=True)
    raw /= np.where(largest > np.finfo(np.float32).tiny, largest, np.float32(1.0))
    return raw.swapaxes(-1, -2)


def spectral_features(
    y: ArrayLike,
    *,
    sr: float = 22050,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: str | ArrayLike = "hann",
    center: bool = True,
    n_mfcc: int = 20,
    n_mels: int = 128,
    n_chroma: int = 12,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    mel_norm: str | None = "slaney",
    top_db: float | None = 80.0,
    tuning: float | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Compute mel spectrogram, MFCC and chroma over one pass of Fourier transforms.

    Parameters and values are those of `melspectrogram`, `mfcc` and `chroma`.

    Returns
    -------
    dict
        ``mel`` (..., n_mels, t), ``mfcc`` (..., n_mfcc, t), ``chroma`` (..., n_chroma, t), float32.

    Examples
    --------
    >>> {name: values.shape for name, values in spectral_features(np.zeros(4096), sr=16000).items()}
    {'mel': (128, 9), 'mfcc': (20, 9), 'chroma': (12, 9)}
    """
    check_flag("center", center)
    power = power_spectrogram(
        y, n_fft=n_fft, hop_length=hop_length, win_length=win_length, window=window, center=center
    )
    mel = melspectrogram(S=power, sr=sr, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=mel_norm)
    return {
        "mel": mel,
        "mfcc": mfcc(S=mel, n_mfcc=n_mfcc, top_db=top_db),
        "chroma": chroma(S=power, sr=sr, n_chroma=n_chroma, tuning=tuning),
    }
