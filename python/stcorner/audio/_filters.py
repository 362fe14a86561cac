"""Filter banks and bases of the spectral features, made once per setting."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_choice, check_flag, check_integer, check_real
from stcorner.audio._frames import check_rate
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "auditory_filters",
    "chroma_filters",
    "cosine_basis",
    "estimate_tuning",
    "hz_to_mel",
    "mel_filters",
    "mel_to_hz",
]

# Slaney's scale: 200/3 Hz per mel below 1 kHz, a factor 6.4 per 27 mel above.
_LINEAR, _KNEE, _LOG_STEP = 200.0 / 3.0, 1000.0, np.log(6.4) / 27.0


def hz_to_mel(frequency: Any, *, htk: bool = False) -> NDArray[np.float64]:
    """Return frequencies in Hz on the mel scale."""
    hz = np.asarray(frequency, dtype=np.float64)
    if htk:
        return np.asarray(2595.0 * np.log10(1.0 + hz / 700.0))
    above = _KNEE / _LINEAR + np.log(np.maximum(hz, _KNEE) / _KNEE) / _LOG_STEP
    return np.where(hz >= _KNEE, above, hz / _LINEAR)


def mel_to_hz(mel: Any, *, htk: bool = False) -> NDArray[np.float64]:
    """Return mels as frequencies in Hz."""
    mels = np.asarray(mel, dtype=np.float64)
    if htk:
        return np.asarray(700.0 * (10.0 ** (mels / 2595.0) - 1.0))
    knee = _KNEE / _LINEAR
    return np.where(mels >= knee, _KNEE * np.exp(_LOG_STEP * (np.maximum(mels, knee) - knee)), mels * _LINEAR)


def mel_filters(
    sr: Any, n_fft: int, *, n_mels: Any, fmin: Any, fmax: Any, htk: Any, norm: Any
) -> NDArray[np.float32]:
    """Return triangular filters (n_mels, 1 + n_fft // 2)."""
    rate = check_rate(sr)
    low = check_real("fmin", fmin, low=0.0)
    high = rate / 2 if fmax is None else check_real("fmax", fmax, low=0.0, open_low=True)
    if not low < high <= rate / 2:
        raise ParameterError(
            f"fmax must be > fmin ({low:g} Hz) and <= sr / 2 ({rate / 2:g} Hz), got {high:g}"
        )
    bands = check_integer("n_mels", n_mels, low=1)
    return _mel_filters(
        rate, n_fft, bands, low, high, check_flag("htk", htk), check_choice("norm", norm, ("slaney", None))
    )


@functools.lru_cache(maxsize=32)
def _mel_filters(
    sr: float, n_fft: int, n_mels: int, fmin: float, fmax: float, htk: bool, norm: str | None
) -> NDArray[np.float32]:
    bins = np.arange(n_fft // 2 + 1) * (sr / n_fft)
    edges = mel_to_hz(np.linspace(hz_to_mel(fmin, htk=htk), hz_to_mel(fmax, htk=htk), n_mels + 2), htk=htk)
    with np.errstate(all="ignore"):
        rise = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
        fall = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
        triangles = np.maximum(0.0, np.minimum(rise, fall))
        if norm == "slaney":
            triangles *= (2.0 / (edges[2:] - edges[:-2]))[:, None]
        result: NDArray[np.float32] = triangles.astype(np.float32)
    if not np.isfinite(result).all():
        raise ParameterError(
            f"fmax must be far enough above fmin ({fmin:g} Hz) for {n_mels} bands, got {fmax:g}"
        )
    result.flags.writeable = False
    return result


@functools.lru_cache(maxsize=8)
def auditory_filters(sr: float, n_fft: int) -> NDArray[np.float32]:
    """Return 26 mel filters from 20 Hz to 8 kHz, weighted by the ear's sensitivity at their centres.

    The weights are Hermansky's approximation of the curve of equal loudness.
    """
    high = min(8000.0, sr / 2)
    filters = mel_filters(sr, n_fft, n_mels=26, fmin=min(20.0, 0.1 * high), fmax=high, htk=True, norm=None)
    edges = np.linspace(hz_to_mel(min(20.0, 0.1 * high), htk=True), hz_to_mel(high, htk=True), 28)
    square = (2.0 * np.pi * mel_to_hz(edges[1:-1], htk=True)) ** 2
    weights = (square + 56.8e6) * square**2 / ((square + 6.3e6) ** 2 * (square + 0.38e9))
    weights *= 9.58e26 / (square**3 + 9.58e26)
    result: NDArray[np.float32] = (filters * weights[:, None]).astype(np.float32)
    result.flags.writeable = False
    return result


@functools.lru_cache(maxsize=32)
def cosine_basis(n: int, count: int) -> NDArray[np.float32]:
    """Return the first `count` rows of the orthonormal cosine transform (type 2) of length `n`."""
    angle = np.pi / n * np.arange(count)[:, None] * (np.arange(n) + 0.5)
    basis = np.cos(angle) * np.sqrt(2.0 / n)
    basis[0] *= np.sqrt(0.5)
    result: NDArray[np.float32] = basis.astype(np.float32)
    result.flags.writeable = False
    return result


@functools.lru_cache(maxsize=128)
def chroma_filters(sr: float, n_fft: int, n_chroma: int, tuning: float) -> NDArray[np.float32]:
    """Return Gaussian pitch-class filters (n_chroma, 1 + n_fft // 2), C first.

    Each bin is spread over the classes around its own; bins far from the fifth octave count less. The
    bin at 0 Hz has no pitch: it is put one and a half octaves below its neighbour, as librosa does.
    """
    a_zero = 440.0 / 16.0 * 2.0 ** (tuning / n_chroma)
    position = n_chroma * np.log2(np.arange(1, n_fft) * (sr / n_fft) / a_zero)
    position = np.concatenate([[position[0] - 1.5 * n_chroma], position])
    width = np.concatenate([np.maximum(np.diff(position), 1.0), [1.0]])
    half = np.round(n_chroma / 2.0)
    distance = position - np.arange(n_chroma)[:, None]
    distance = np.remainder(distance + half + 10 * n_chroma, n_chroma) - half
    weights = np.exp(-0.5 * (2.0 * distance / width) ** 2)
    weights /= np.sqrt((weights**2).sum(axis=0))
    weights *= np.exp(-0.5 * ((position / n_chroma - 5.0) / 2.0) ** 2)
    result = np.ascontiguousarray(
        np.roll(weights, -3 * (n_chroma // 12), axis=0)[:, : n_fft // 2 + 1], np.float32
    )
    result.flags.writeable = False
    return result


def estimate_tuning(spectrum: NDArray[Any], sr: float, n_fft: int, classes: int) -> float:
    """Return the commonest deviation of the spectral peaks from A440's scale, in shares of a class.

    Peaks between 150 Hz and 4 kHz that reach a tenth of their frame's largest bin are interpolated by
    parabolas; the upper half of them by height votes in steps of a hundredth.
    """
    first = max(1, int(np.ceil(150.0 * n_fft / sr)))
    stop = min(spectrum.shape[-1] - 1, int(np.ceil(min(4000.0, sr / 2) * n_fft / sr)))
    if stop <= first:
        return 0.0
    limit = np.float32(0.1) * spectrum.max(axis=-1, keepdims=True)
    part = spectrum[..., first - 1 : stop + 1]
    part = np.where(part > limit, part, 0)
    here = part[..., 1:-1]
    where = np.nonzero((here > part[..., :-2]) & (here >= part[..., 2:]))
    raw = spectrum[..., first - 1 : stop + 1]
    left, middle, right = raw[..., :-2][where], raw[..., 1:-1][where], raw[..., 2:][where]
    bend, slope = right + left - 2 * middle, (right - left) / 2
    inside = np.abs(slope) < np.abs(bend)
    shift = np.where(inside, -slope / np.where(inside, bend, 1), 0)
    pitch = ((where[-1] + first + shift) * sr / n_fft).astype(np.float32)
    height = middle + np.float32(0.5) * slope * shift
    if not len(pitch):
        return 0.0
    strong = pitch[height >= np.median(height)]
    residual = np.mod(classes * np.log2(strong / np.float32(440.0 / 16.0)), 1.0)
    residual[residual >= 0.5] -= 1.0
    edges = np.linspace(-0.5, 0.5, 101)
    return float(edges[np.argmax(np.histogram(residual, edges)[0])])
