"""Mel spectra, MFCC and chroma over one pass of Fourier transforms; librosa's names and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from stcorner._base.validation import check_array, check_integer, check_real, refuse_mask
from stcorner.audio._filters import chroma_filters, estimate_tuning, mel_filters
from stcorner.audio._frames import check_rate
from stcorner.audio.transform import cepstrum, decibels, project, spectra
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "chroma",
    "log_mel",
    "melspectrogram",
    "mfcc",
    "power_to_db",
    "spectral_features",
]

_FARTHEST = 50  # frames of context


def _transform(
    n_fft: int, hop_length: int, win_length: int | None, window: str | ArrayLike, center: bool
) -> dict[str, Any]:
    """Name the options of the transforms, as `spectra` takes them."""
    return {
        "n_fft": check_integer("n_fft", n_fft, low=2),
        "hop_length": hop_length,
        "win_length": win_length,
        "window": window,
        "center": center,
    }


def _given(S: ArrayLike) -> NDArray[Any]:
    """Return a spectrogram that the caller made, frames before bins."""
    refuse_mask("S", S)
    array = np.asarray(S)
    given = check_array("S", array.swapaxes(-1, -2) if array.ndim > 1 else array, dtype=np.float32)
    if given.ndim < 2 or given.shape[-1] < 2:
        raise ParameterError(f"S must have shape (..., bins, t) with at least 2 bins, got {array.shape}")
    if given.min() < 0:
        raise ParameterError(f"S must be >= 0, got {given.min():g}")
    return given


def _in_bands(
    y: ArrayLike | None,
    S: ArrayLike | None,
    options: dict[str, Any],
    make_basis: Callable[[int, NDArray[Any] | None], NDArray[np.float32]],
    *,
    needs_power: bool = False,
    least: float | None = None,
) -> NDArray[np.float32]:
    """Gather a signal's or a given spectrogram's power into the bands of a basis, (..., t, bands).

    With `least` in decibels, none below that power.

    `make_basis` gets the transform's length and, where `needs_power` says so or `S` is given, the power.
    """
    if (y is None) == (S is None):
        raise ParameterError("exactly one of y and S must be given")
    if y is not None and not needs_power:
        return spectra(y, **options, basis=make_basis(options["n_fft"], None), least=least)
    power = _given(S) if S is not None else spectra(cast("ArrayLike", y), **options)
    size = 2 * (power.shape[-1] - 1) if S is not None else options["n_fft"]
    bands = project(power, make_basis(size, power))
    return bands if least is None else decibels(bands, least)


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
    n_fft, hop_length : int
        Length of the transform and step between frames, in samples.
    win_length : int, optional
        Length of the window, centred in the transform. Default: `n_fft`.
    window : str or array_like of shape (win_length,)
        Name for `scipy.signal.get_window`, or the samples.
    center : bool
        Frame i is centred on sample ``i * hop_length``, with zeros beyond the ends.
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
        Power, in squared units of the signal.

    Raises
    ------
    ValueError
        If neither or both of `y` and `S` are given, or a parameter is out of its range.

    See Also
    --------
    power_spectrogram : The spectrum before the bands.
    mfcc : Cepstral coefficients of it.
    spectral_features : Mel, MFCC and chroma in one pass.

    Examples
    --------
    >>> melspectrogram(np.zeros(4096), sr=16000, n_mels=40).shape
    (40, 9)
    """
    options = _transform(n_fft, hop_length, win_length, window, center)

    def filters(size: int, _: NDArray[Any] | None) -> NDArray[np.float32]:
        return mel_filters(sr, size, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=norm)

    return _in_bands(y, S, options, filters).swapaxes(-1, -2)


def power_to_db(S: ArrayLike, *, amin: float = 1e-10, top_db: float | None = 80.0) -> NDArray[np.float32]:
    """Return 10 log10 of a power.

    Parameters
    ----------
    S : array_like
        Powers, >= 0.
    amin : float, 1.18e-38 to 3.4e38
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

    See Also
    --------
    log_mel : Spectrum and decibels in one pass.

    Examples
    --------
    >>> power_to_db([1.0, 0.1, 0.0])
    array([  0., -10., -80.], dtype=float32)
    """
    power = check_array("S", S, dtype=np.float32)
    single = np.finfo(np.float32)
    floor = check_real("amin", amin, low=float(single.tiny), high=float(single.max))
    return _within(decibels(power, floor), top_db)


def _within(decibel: NDArray[np.float32], top_db: float | None) -> NDArray[np.float32]:
    """Raise what lies further below the largest value."""
    if top_db is not None:
        drop = min(check_real("top_db", top_db, low=0.0), 1e4)  # no two float32 powers are further apart
        np.maximum(decibel, decibel.max() - np.float32(drop), out=decibel)
    return decibel


def _checked_context(context: Any) -> tuple[int, int]:
    try:
        left, right = context
    except (TypeError, ValueError):
        raise ParameterError(f"context must be two integers, (left, right), got {context!r}") from None
    return (
        check_integer("context[0]", left, low=0, high=_FARTHEST),
        check_integer("context[1]", right, low=0, high=_FARTHEST),
    )


def _stacked(rows: NDArray[np.float32], context: tuple[int, int]) -> NDArray[np.float32]:
    """Return (..., n, t) of frames (..., t, n), each stacked with those about it."""
    if any(context):
        t = rows.shape[-2]
        near = np.arange(t)[:, None] + np.arange(-context[0], context[1] + 1)
        rows = rows[..., near.clip(0, t - 1), :].reshape(*rows.shape[:-1], -1)
    return rows.swapaxes(-1, -2)


def log_mel(
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
    amin: float = 1e-10,
    top_db: float | None = None,
    context: tuple[int, int] = (0, 0),
) -> NDArray[np.float32]:
    """Compute the mel spectrum in decibels, in one pass over the frames.

    Parameters
    ----------
    y : array_like of shape (..., n), optional
        Audio, floating point; leading axes are channels.
    sr : float
        Sample rate in Hz.
    S : array_like of shape (..., bins, t), optional
        A spectrogram to use in place of `y`; the options of the transform are then not read.
    n_fft, hop_length : int
        Length of the transform and step between frames, in samples.
    win_length : int, optional
        Length of the window, centred in the transform. Default: `n_fft`.
    window : str or array_like of shape (win_length,)
        Name for `scipy.signal.get_window`, or the samples.
    center : bool
        Frame i is centred on sample ``i * hop_length``, with zeros beyond the ends.
    n_mels : int
        Number of bands.
    fmin, fmax : float
        Edges of the lowest and the highest band in Hz; `fmax` None is half the sample rate.
    htk : bool
        The scale 2595 log10(1 + f / 700) in place of Slaney's (linear below 1 kHz).
    norm : "slaney" or None
        Triangles of equal area, or of height 1.
    amin : float, 1.18e-38 to 3.4e38
        Powers below this count as this.
    top_db : float, >= 0, or None
        Values further below the largest are raised to that distance; None leaves them.
    context : (int, int), 0 to 50 each
        Frames before and after each that are stacked with it, the oldest on top; the first and the last frame
        stand for those beyond the ends.

    Returns
    -------
    ndarray of shape (..., (left + 1 + right) * n_mels, t), float32
        What `power_to_db` makes of `melspectrogram`.

    Raises
    ------
    ValueError
        As `melspectrogram` and `power_to_db`, or if `context` is not two such integers.

    See Also
    --------
    melspectrogram : Powers instead of decibels.
    power_to_db : The conversion alone.

    Examples
    --------
    >>> round(float(log_mel(np.zeros(4096), sr=16000, n_mels=40).max()))
    -100
    >>> log_mel(np.zeros(4096), sr=16000, n_mels=40, context=(5, 2)).shape
    (320, 9)
    """
    around = _checked_context(context)
    options = _transform(n_fft, hop_length, win_length, window, center)
    single = np.finfo(np.float32)
    least = check_real("amin", amin, low=float(single.tiny), high=float(single.max))

    def filters(size: int, _: NDArray[Any] | None) -> NDArray[np.float32]:
        return mel_filters(sr, size, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=norm)

    return _stacked(_within(_in_bands(y, S, options, filters, least=least), top_db), around)


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
    context: tuple[int, int] = (0, 0),
) -> NDArray[np.float32]:
    """Compute mel-frequency cepstral coefficients: the cosine transform of the mel spectrum in decibels.

    Parameters
    ----------
    y : array_like of shape (..., n), optional
        Audio, floating point; leading axes are channels.
    sr : float
        Sample rate in Hz.
    S : array_like of shape (..., n_mels, t), optional
        A mel spectrogram (power) to use in place of `y`.
    n_mfcc : int
        Number of coefficients, the zeroth included; at most `n_mels`.
    n_fft, hop_length : int
        Length of the transform and step between frames, in samples.
    win_length : int, optional
        Length of the window, centred in the transform. Default: `n_fft`.
    window : str or array_like of shape (win_length,)
        Name for `scipy.signal.get_window`, or the samples.
    center : bool
        Frame i is centred on sample ``i * hop_length``, with zeros beyond the ends.
    n_mels : int
        Number of bands.
    fmin, fmax : float
        Edges of the lowest and the highest band in Hz; `fmax` None is half the sample rate.
    htk : bool
        The scale 2595 log10(1 + f / 700) in place of Slaney's (linear below 1 kHz).
    mel_norm : "slaney" or None
        The `norm` of `melspectrogram`.
    top_db : float or None
        Values more than this below the clip's largest are raised to it; None keeps frames independent.
    context : (int, int), 0 to 50 each
        Frames before and after each that are stacked with it, the oldest on top; the first and the last frame
        stand for those beyond the ends.

    Returns
    -------
    ndarray of shape (..., (left + 1 + right) * n_mfcc, t), float32
        Coefficients, without unit.

    Raises
    ------
    ValueError
        If neither or both of `y` and `S` are given, or a parameter is out of its range.

    See Also
    --------
    delta : Slopes over time.
    spectral_features : Mel, MFCC and chroma in one pass.

    Examples
    --------
    >>> mfcc(np.zeros(4096), sr=16000, n_mfcc=13).shape
    (13, 9)
    >>> mfcc(np.zeros(4096), sr=16000, n_mfcc=13, context=(4, 4)).shape
    (117, 9)
    """
    around = _checked_context(context)
    if y is not None and S is None and top_db is None:  # no frame needs another
        options = _transform(n_fft, hop_length, win_length, window, center)
        bands = mel_filters(sr, options["n_fft"], n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=mel_norm)
        count = check_integer("n_mfcc", n_mfcc, low=1, high=len(bands))
        return _stacked(spectra(y, **options, basis=bands, least=1e-10, n_cepstra=count), around)
    if S is None:
        levels = log_mel(
            y, sr=sr, n_fft=n_fft, hop_length=hop_length, win_length=win_length, window=window, center=center,
            n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=mel_norm, top_db=top_db,
        )  # fmt: skip
    elif y is not None:
        raise ParameterError("exactly one of y and S must be given")
    else:
        levels = power_to_db(S, top_db=top_db)
    if levels.ndim < 2:
        raise ParameterError(f"S must have shape (..., n_mels, t), got {levels.shape}")
    count = check_integer("n_mfcc", n_mfcc, low=1, high=levels.shape[-2])
    return _stacked(cepstrum(levels.swapaxes(-1, -2), count), around)


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
    y : array_like of shape (..., n), optional
        Audio, floating point; leading axes are channels.
    sr : float
        Sample rate in Hz.
    S : array_like of shape (..., bins, t), optional
        A spectrogram to use in place of `y`; the options of the transform are then not read.
    n_fft, hop_length : int
        Length of the transform and step between frames, in samples.
    win_length : int, optional
        Length of the window, centred in the transform. Default: `n_fft`.
    window : str or array_like of shape (win_length,)
        Name for `scipy.signal.get_window`, or the samples.
    center : bool
        Frame i is centred on sample ``i * hop_length``, with zeros beyond the ends.
    n_chroma : int
        Number of pitch classes per octave.
    tuning : float, optional
        Deviation from A440 in shares of a class, -64 to 64. None estimates it from the spectrogram.

    Returns
    -------
    ndarray of shape (..., n_chroma, t), float32
        0 to 1; a silent frame is 0.

    Raises
    ------
    ValueError
        If neither or both of `y` and `S` are given, or a parameter is out of its range.

    See Also
    --------
    spectral_features : Mel, MFCC and chroma in one pass.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    >>> int(chroma(tone, sr=16000, tuning=0.0).mean(axis=1).argmax())  # A is 9 semitones above C
    9
    """
    options = _transform(n_fft, hop_length, win_length, window, center)
    rate = check_rate(sr)
    classes = check_integer("n_chroma", n_chroma, low=1)

    def filters(size: int, power: NDArray[Any] | None) -> NDArray[np.float32]:
        return _tones(rate, size, classes, tuning, power)

    return _by_largest(_in_bands(y, S, options, filters, needs_power=tuning is None)).swapaxes(-1, -2)


def _tones(
    rate: float, size: int, classes: int, tuning: float | None, power: NDArray[Any] | None
) -> NDArray[np.float32]:
    """Make the filters of the pitch classes; without a tuning it is estimated from the power."""
    if tuning is not None:
        return chroma_filters(rate, size, classes, check_real("tuning", tuning, low=-64.0, high=64.0))
    assert power is not None
    return chroma_filters(rate, size, classes, estimate_tuning(power, rate, size, classes))


def _by_largest(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide each frame (..., t, classes) by its largest class."""
    largest = raw.max(axis=-1, keepdims=True)
    raw /= np.where(largest > np.finfo(np.float32).tiny, largest, np.float32(1.0))
    return raw


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

    Values are those of `melspectrogram`, `mfcc` and `chroma`.

    Parameters
    ----------
    y : array_like of shape (..., n), optional
        Audio, floating point; leading axes are channels.
    sr : float
        Sample rate in Hz.
    n_fft, hop_length : int
        Length of the transform and step between frames, in samples.
    win_length : int, optional
        Length of the window, centred in the transform. Default: `n_fft`.
    window : str or array_like of shape (win_length,)
        Name for `scipy.signal.get_window`, or the samples.
    center : bool
        Frame i is centred on sample ``i * hop_length``, with zeros beyond the ends.
    n_mfcc : int
        Number of coefficients, the zeroth included; at most `n_mels`.
    n_mels : int
        Number of bands.
    n_chroma : int
        Number of pitch classes per octave.
    fmin, fmax : float
        Edges of the lowest and the highest band in Hz; `fmax` None is half the sample rate.
    htk : bool
        The scale 2595 log10(1 + f / 700) in place of Slaney's (linear below 1 kHz).
    mel_norm : "slaney" or None
        The `norm` of `melspectrogram`.
    top_db : float or None
        Values more than this below the clip's largest are raised to it; None keeps frames independent.
    tuning : float, optional
        Deviation from A440 in shares of a class, -64 to 64. None estimates it from the spectrogram.

    Returns
    -------
    dict
        ``mel`` (..., n_mels, t), ``mfcc`` (..., n_mfcc, t), ``chroma`` (..., n_chroma, t), float32.

    See Also
    --------
    melspectrogram : The first result alone.
    mfcc : The second result alone.
    chroma : The third result alone.

    Examples
    --------
    >>> {name: values.shape for name, values in spectral_features(np.zeros(4096), sr=16000).items()}
    {'mel': (128, 9), 'mfcc': (20, 9), 'chroma': (12, 9)}
    """
    options = _transform(n_fft, hop_length, win_length, window, center)
    rate = check_rate(sr)
    classes = check_integer("n_chroma", n_chroma, low=1)

    def filters(size: int, power: NDArray[Any] | None) -> NDArray[np.float32]:
        bands = mel_filters(rate, size, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=mel_norm)
        return np.concatenate([bands, _tones(rate, size, classes, tuning, power)])

    both = _in_bands(y, None, options, filters, needs_power=tuning is None)
    mel, raw = both[..., :-classes].swapaxes(-1, -2), both[..., -classes:].copy()
    return {
        "mel": mel,
        "mfcc": mfcc(S=mel, n_mfcc=n_mfcc, top_db=top_db),
        "chroma": _by_largest(raw).swapaxes(-1, -2),
    }
