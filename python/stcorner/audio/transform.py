"""Short-time Fourier transforms: power spectra, as they are or gathered into bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stcorner import _core
from stcorner._base.validation import check_integer, resolve_n_threads
from stcorner.audio._filters import cosine_basis
from stcorner.audio._frames import LARGEST_SAMPLE, check_signal, frame_layout
from stcorner.audio.framewise import window_samples
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["TINY", "cepstrum", "decibels", "power_spectrogram", "project", "spectra"]

_DECIBEL = 10.0 / float(np.log(10.0))
_LARGEST = np.float32(385.3)  # dB, of the largest power that float32 holds
_SAFE = 1e38  # with room for rounding
TINY = float(np.finfo(np.float32).tiny)


def spectra(
    y: ArrayLike,
    *,
    n_fft: int,
    hop_length: int,
    win_length: int | None,
    window: str | ArrayLike,
    center: bool,
    basis: NDArray[np.float32] | None = None,
    least: float | None = None,
    n_cepstra: int | None = None,
    n_threads: int | None = None,
) -> NDArray[np.float32]:
    """Return power spectra (..., t, bins), or their products with a basis (..., t, bands).

    With `least` these are in decibels, and none below that power; with `n_cepstra`, their first coefficients.
    """
    signal = check_signal(y)
    length, hop, start, n_frames = frame_layout(
        signal.shape[-1], check_integer("n_fft", n_fft, low=2), hop_length, center
    )
    width = length if win_length is None else check_integer("win_length", win_length, low=1, high=length)
    weights = window_samples(window, width).astype(np.float32)
    threads = resolve_n_threads(n_threads)
    starts = start + (length - width) // 2 + hop * np.arange(n_frames)
    cosines = inner = None
    if n_cepstra is not None and basis is not None:
        cosines = cosine_basis(len(basis), n_cepstra)
        most = (LARGEST_SAMPLE * float(np.abs(weights).sum())) ** 2 * float(basis.sum(axis=1).max())
        if _is_smooth(length) and most < _SAFE:  # in one pass nobody sees the powers
            inner = cosines
    parts = []
    for row in signal.reshape(-1, signal.shape[-1]):
        if not _is_smooth(length):
            powers = _other_length(row, weights, starts, length)
            powers = powers if basis is None else _core.project(powers, basis, threads)
            parts.append(powers if least is None else decibels(powers, least, threads))
        elif basis is None:
            parts.append(_core.power_spectra(row, weights, starts, length, threads))
        else:
            log = (1.0, 0.0) if least is None else (least, _DECIBEL)
            parts.append(_core.band_spectra(row, weights, starts, length, basis, *log, inner, threads))
    result = parts[0][None] if len(parts) == 1 else np.stack(parts)
    if inner is None and not result.max() < (np.inf if least is None else _LARGEST):
        raise ParameterError(f"y must have powers below 3.4e38, got more with n_fft {length}")
    if inner is None and cosines is not None:
        result = project(result, cosines, threads)
    return result.reshape(*signal.shape[:-1], *result.shape[1:])


def _is_smooth(n: int) -> bool:
    """Whether `n` is a product of 2, 3 and 5."""
    for prime in (2, 3, 5):
        while n % prime == 0:
            n //= prime
    return n == 1


def _other_length(
    row: NDArray[np.float32], weights: NDArray[np.float32], starts: NDArray[np.intp], n_fft: int
) -> NDArray[np.float32]:
    """Do with scipy, whose transform knows all lengths, those that the core does not."""
    from scipy.fft import rfft

    before = max(0, -int(starts[0]))
    padded = np.pad(row, (before, max(0, int(starts[-1]) + len(weights) - len(row))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, len(weights))[before + starts]
    return np.asarray(np.abs(rfft(frames * weights, n_fft, axis=1)) ** 2)


def decibels(power: NDArray[np.float32], least: float, n_threads: int = 1) -> NDArray[np.float32]:
    """Return 10 log10 of powers, each at least `least`, a normal number."""
    return _core.logarithms(np.ascontiguousarray(power), least, _DECIBEL, n_threads).reshape(power.shape)


def project(
    values: NDArray[np.float32], basis: NDArray[np.float32], n_threads: int = 0
) -> NDArray[np.float32]:
    """Return values (..., t, bins) times the transpose of a basis (bands, bins), summed in a fixed order."""
    rows = np.ascontiguousarray(values).reshape(-1, values.shape[-1])
    return _core.project(rows, basis, n_threads).reshape(*values.shape[:-1], len(basis))


def cepstrum(
    levels: NDArray[np.float32], count: int, *, first: int = 0, n_threads: int = 0
) -> NDArray[np.float32]:
    """Return coefficients `first` to `count` - 1 of mel spectra (..., t, bands) in dB."""
    basis = np.ascontiguousarray(cosine_basis(levels.shape[-1], count)[first:])
    return project(levels, basis, n_threads)


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
    ndarray of shape (..., n_fft // 2 + 1, t), float32
        Power, in squared units of the signal.

    Raises
    ------
    ValueError
        If `y` is empty or not finite, or a length does not fit.

    See Also
    --------
    melspectrogram : The same in bands.

    Examples
    --------
    >>> power_spectrogram([1.0, 0.0, 0.0, 0.0], n_fft=4, hop_length=4, window=[1, 1, 1, 1], center=False)
    array([[1.],
           [1.],
           [1.]], dtype=float32)
    """
    powers = spectra(
        y, n_fft=n_fft, hop_length=hop_length, win_length=win_length, window=window, center=center,
        n_threads=n_threads,
    )  # fmt: skip
    return powers.swapaxes(-1, -2)
