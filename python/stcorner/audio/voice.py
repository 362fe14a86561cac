"""Quality of a voice and resonances of its tract: pulses, jitter, shimmer, formants, cepstral peak."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner import _core
from stcorner._base.validation import check_array, check_integer, check_real, resolve_n_threads
from stcorner.audio._frames import check_hop, check_one_channel, check_rate
from stcorner.audio.framewise import rms
from stcorner.audio.pitch import harmonicity, pitch_autocorrelation
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "cepstral_peak_prominence",
    "formants",
    "glottal_pulses",
    "jitter",
    "shimmer",
    "voice_quality",
]

# Periods in seconds that count, and how much neighbouring periods and amplitudes may differ, as in Praat.
_SHORTEST, _LONGEST, _PERIOD_FACTOR, _AMPLITUDE_FACTOR = 1e-4, 0.02, 1.3, 1.6
_CEPSTRUM_TOP, _CEPSTRUM_FRAME = 5000.0, 0.1  # Hz, s
_TREND = (0.001, 0.05)  # s
_LEAST_POWER = 1e-8  # of a bin whose frames lie about 1: 16-bit noise is above it
_LOWEST_PEAK, _HIGHEST_PEAK = 60.0, 330.0  # Hz


def cut(signal: NDArray[np.float32], first: int, hop: int, n_frames: int, length: int) -> NDArray[np.float32]:
    """Return the frames (n_frames, length) from sample `first` on, a view; zeros beyond the ends."""
    before = max(0, -first)
    after = max(0, first + (n_frames - 1) * hop + length - len(signal))
    padded = np.pad(signal, (before, after)) if before or after else signal
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[max(0, first) :: hop]
    return frames[:n_frames]


@functools.lru_cache(maxsize=16)
def _gauss(length: int) -> NDArray[np.float64]:
    """Gaussian window that reaches zero at its ends, exp(-12) below its top before that is taken away."""
    place = (np.arange(length) + 0.5) / length * 2.0 - 1.0
    edge = np.exp(-12.0)
    window = (np.exp(-12.0 * place**2) - edge) / (1.0 - edge)
    window.flags.writeable = False
    return np.asarray(window)


def _even_length(seconds: float, rate: float) -> int:
    return max(4, 2 * round(0.5 * seconds * rate))


def band_limited(
    frames: NDArray[np.float32], rate: float, top: float, pre_emphasis_from: float
) -> tuple[NDArray[np.float64], float]:
    """Return spectra of Gaussian-windowed frames up to `top` Hz, and the rate of a signal that holds these.

    High frequencies are raised as by the filter ``x[i] - exp(-2 pi f / rate) x[i - 1]`` at that rate.
    """
    from scipy.fft import rfft

    length = frames.shape[1]
    spectra = rfft(frames * _gauss(length), axis=1)
    half = min(round(top * length / rate), length // 2)
    reduced = 2 * half * rate / length
    kept = spectra[:, : half + 1]
    if pre_emphasis_from > 0:
        turn = np.exp(-2.0 * np.pi * (pre_emphasis_from / reduced + 1j * np.arange(half + 1) / (2 * half)))
        kept = kept * (1.0 - turn)
    return kept, reduced


def frame_formants(
    frames: NDArray[np.float32],
    rate: float,
    *,
    count: int,
    top: float,
    order: int,
    pre_emphasis_from: float,
    n_threads: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return frequencies and bandwidths (t, count) in Hz of the frames (t, length)."""
    from scipy.fft import irfft

    spectra, reduced = band_limited(frames, rate, top, pre_emphasis_from)
    rows = irfft(spectra, axis=1)
    frequencies, bandwidths = _core.burg_formants(rows, order, 50.0 / reduced, count, n_threads)
    return frequencies * reduced, bandwidths * reduced


def formants(
    y: ArrayLike,
    *,
    sr: float,
    n_formants: int = 4,
    max_formant: float = 5500.0,
    order: int = 10,
    frame_length: int | None = None,
    hop_length: int | None = None,
    pre_emphasis_from: float = 50.0,
    n_threads: int | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Estimate the resonances of the vocal tract by linear prediction (Burg).

    Parameters
    ----------
    y : array_like of shape (n,)
        Audio of one channel, floating point.
    sr : float
        Sample rate in Hz.
    n_formants : int
        Formants returned, at most half of `order`.
    max_formant : float
        Upper end of the band in Hz in which `order` / 2 formants lie: about 5500 for women, 5000 for men,
        8000 for children.
    order : int
        Number of poles, 2 to 64.
    frame_length : int, optional
        Samples under the Gaussian window, half of which count. Default: 50 ms.
    hop_length : int, optional
        Samples between frames. Default: 10 ms.
    pre_emphasis_from : float
        Frequency in Hz from which the spectrum is raised by 6 dB an octave; 0 does without.
    n_threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    frequencies, bandwidths : ndarray of shape (t, n_formants), float32
        Hz, NaN where there are fewer; frame i is centred on sample ``i * hop_length``. Where there is no
        voice they mean little.

    Raises
    ------
    ValueError
        If `y` is empty, not finite or not one channel, or a parameter is out of its range.

    See Also
    --------
    voice_quality : Jitter, shimmer and noise of a clip.

    References
    ----------
    .. [1] J. Burg, "Maximum entropy spectral analysis", 37th meeting of the Society of Exploration
       Geophysicists (1967).

    Examples
    --------
    >>> frequencies, bandwidths = formants(np.random.default_rng(0).standard_normal(8000), sr=16000)
    >>> frequencies.shape, bandwidths.shape
    ((51, 4), (51, 4))
    """
    signal, rate = check_one_channel(y), check_rate(sr)
    poles = check_integer("order", order, low=2, high=64)
    count = check_integer("n_formants", n_formants, low=1, high=poles // 2)
    top = check_real("max_formant", max_formant, low=100.0)
    length = (
        _even_length(0.05, rate)
        if frame_length is None
        else check_integer("frame_length", frame_length, low=4, high=1 << 22)
    )
    length += length % 2
    hop = check_hop(rate, hop_length)
    if 2 * min(round(top * length / rate), length // 2) <= poles:
        raise ParameterError(
            f"frame_length must hold more than {poles} samples below max_formant, got {length}"
        )
    n_frames = 1 + len(signal) // hop
    found = [np.empty((0, count))], [np.empty((0, count))]
    threads = resolve_n_threads(n_threads)
    emphasis = check_real("pre_emphasis_from", pre_emphasis_from, low=0.0)
    block = max(1, (1 << 22) // length)  # frames, so that memory does not grow with the clip
    for begin in range(0, n_frames, block):
        number = min(block, n_frames - begin)
        frames = cut(signal, begin * hop - length // 2, hop, number, length)
        parts = frame_formants(
            frames, rate, count=count, top=top, order=poles, pre_emphasis_from=emphasis, n_threads=threads
        )
        for rows, part in zip(found, parts, strict=True):
            rows.append(part)
    return np.concatenate(found[0]).astype(np.float32), np.concatenate(found[1]).astype(np.float32)


def glottal_pulses(
    y: ArrayLike, *, sr: float, fmin: float = 75.0, fmax: float = 500.0
) -> NDArray[np.float64]:
    """Find the pulses of a voice, one a period.

    From the largest excursion in the middle of each voiced stretch, pulse after pulse is sought to either
    side where the waveform's next period correlates best with the last.

    Parameters
    ----------
    y : array_like of shape (n,)
        Audio of one channel, floating point.
    sr : float
        Sample rate in Hz.
    fmin, fmax : float
        Range of f0 in Hz.

    Returns
    -------
    ndarray of shape (m,), float64
        Times in seconds, ascending; empty where no voice is.

    Raises
    ------
    ValueError
        As `pitch_autocorrelation`.

    See Also
    --------
    jitter : Uses them.
    shimmer : Uses them.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 100 * np.arange(8000) / 16000)
    >>> np.diff(glottal_pulses(tone, sr=16000))[5:8].round(5)
    array([0.01, 0.01, 0.01])
    """
    signal, rate = check_one_channel(y), check_rate(sr)
    signal = signal - signal.mean(dtype=np.float64).astype(np.float32)
    hop = max(1, round(0.005 * rate))
    f0, _, _ = pitch_autocorrelation(
        signal, sr=rate, fmin=fmin, fmax=fmax, hop_length=hop, octave_cost=0.01, octave_cost_in_voicing=True,
        noise_adaptation=0.0, refine_periods=1,
    )  # fmt: skip
    return _core.glottal_pulses(signal, f0.astype(np.float64) / rate, hop) / rate


def _periods(pulses: ArrayLike) -> NDArray[np.float64]:
    times = check_array("pulses", pulses, dtype=np.float64, ndim=1, allow_empty=True)
    periods = np.diff(times)
    if (periods <= 0).any():
        raise ParameterError("pulses must be in ascending order, got others: sort them")
    return periods


def _alike(values: NDArray[np.float64], factor: float) -> NDArray[np.bool_]:
    """Whether each of the neighbours differs by less than a factor."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = values[1:] / values[:-1]
    return (ratio < factor) & (ratio > 1.0 / factor)


def _perturbation(
    values: NDArray[np.float64], valid: NDArray[np.bool_], alike: NDArray[np.bool_], width: int
) -> float:
    """Mean difference of a value and the mean of the `width` about it, over the mean of all valid ones.

    A width of 1 stands for the difference of neighbours. Only runs of valid values count whose neighbours
    are alike.
    """
    span = 2 if width == 1 else width
    if len(values) < span or not valid.any():
        return float("nan")
    windows = np.lib.stride_tricks.sliding_window_view
    good = windows(valid, span).all(axis=1) & windows(alike, span - 1).all(axis=1)
    rows = windows(values, span)[good]
    if not len(rows):
        return float("nan")
    change = rows[:, 1] - rows[:, 0] if width == 1 else rows[:, width // 2] - rows.mean(axis=1)
    return float(np.abs(change).mean() / values[valid].mean())


def jitter(pulses: ArrayLike) -> dict[str, float]:
    """Measure how unsteady the periods of a voice are.

    Parameters
    ----------
    pulses : array_like of shape (m,)
        Times in seconds, as from `glottal_pulses`.

    Returns
    -------
    dict
        ``local``: mean absolute difference of neighbouring periods; ``rap`` and ``ppq5``: of a period and
        the mean of the three or five about it; each over the mean period, 0 and up. NaN where there are too
        few. Periods outside 0.1 to 20 ms, and neighbours that differ by more than 1.3, do not count.

    Raises
    ------
    ValueError
        If the pulses do not ascend.

    See Also
    --------
    shimmer : Perturbation of the amplitude.
    glottal_pulses : The periods that are compared.

    References
    ----------
    .. [1] P. Boersma, D. Weenink, Praat's manual, "Voice 2. Jitter".

    Examples
    --------
    >>> {name: round(value, 4) for name, value in jitter([0.0, 0.010, 0.021, 0.031, 0.042]).items()}
    {'local': 0.0952, 'rap': 0.0635, 'ppq5': nan}
    """
    periods = _periods(pulses)
    valid = (periods >= _SHORTEST) & (periods <= _LONGEST)
    alike = _alike(periods, _PERIOD_FACTOR)
    widths = {"local": 1, "rap": 3, "ppq5": 5}
    return {name: _perturbation(periods, valid, alike, width) for name, width in widths.items()}


def _amplitudes(
    signal: NDArray[np.float32], rate: float, times: NDArray[np.float64], periods: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Root mean squares about all pulses but the outer two, and whether both their periods count."""
    valid = (periods >= _SHORTEST) & (periods <= _LONGEST)
    both = valid[:-1] & valid[1:] & _alike(periods, _PERIOD_FACTOR)
    found = np.zeros(len(both))
    for i in np.flatnonzero(both):
        left, right = times[i + 1] - 0.2 * periods[i], times[i + 1] + 0.2 * periods[i + 1]
        place = np.arange(max(0, int(np.ceil(left * rate))), min(len(signal), int(right * rate) + 1))
        window = 0.5 - 0.5 * np.cos(2.0 * np.pi * (place / rate - left) / (right - left))
        if window.sum() > 0:
            found[i] = np.sqrt(((signal[place] * window) ** 2).sum() / (window**2).sum())
    return found, both & (found > 0)


def shimmer(y: ArrayLike, pulses: ArrayLike, *, sr: float) -> dict[str, float]:
    """Measure how unsteady the amplitudes of a voice's periods are.

    Parameters
    ----------
    y : array_like of shape (n,)
        Audio of one channel, floating point.
    pulses : array_like of shape (m,)
        Times in seconds, as from `glottal_pulses`.
    sr : float
        Sample rate in Hz.

    Returns
    -------
    dict
        ``local``: mean absolute difference of the amplitudes of neighbouring periods; ``apq3`` and
        ``apq11``: of an amplitude and the mean of the three or eleven about it; each over the mean
        amplitude, 0 and up. ``local_db``: mean absolute ratio of neighbours in dB. NaN where there are too
        few. Neighbours that differ by more than 1.6 do not count.

    Raises
    ------
    ValueError
        If `y` is empty, not finite or not one channel, or the pulses do not ascend.

    See Also
    --------
    jitter : Perturbation of the period.
    glottal_pulses : The periods that are compared.

    References
    ----------
    .. [1] P. Boersma, D. Weenink, Praat's manual, "Voice 3. Shimmer".

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 100 * np.arange(8000) / 16000)
    >>> round(shimmer(tone, glottal_pulses(tone, sr=16000), sr=16000)["local"], 3)
    0.0
    """
    signal, rate = check_one_channel(y), check_rate(sr)
    periods = _periods(pulses)
    if len(periods) < 2:
        return dict.fromkeys(("local", "local_db", "apq3", "apq11"), float("nan"))
    signal = signal - signal.mean(dtype=np.float64).astype(np.float32)
    times = np.asarray(pulses, dtype=np.float64)
    amplitudes, valid = _amplitudes(signal, rate, times, periods)
    alike = _alike(amplitudes, _AMPLITUDE_FACTOR)
    found = {
        name: _perturbation(amplitudes, valid, alike, width)
        for name, width in {"local": 1, "apq3": 3, "apq11": 11}.items()
    }
    pairs = alike & valid[:-1] & valid[1:]
    ratio = np.abs(20.0 * np.log10(amplitudes[1:][pairs] / amplitudes[:-1][pairs]))
    found["local_db"] = float(ratio.mean()) if len(ratio) else float("nan")
    return {name: found[name] for name in ("local", "local_db", "apq3", "apq11")}


@functools.lru_cache(maxsize=4)
def _trend(n: int, rate: float) -> tuple[slice, NDArray[np.float64], NDArray[np.float64]]:
    """Quefrencies of the line of least squares, and what gives its slope and its mean place."""
    low, high = int(np.ceil(_TREND[0] * rate)), min(n - 1, int(_TREND[1] * rate))
    place = np.arange(low, high + 1, dtype=np.float64)
    centred = place - place.mean()
    return slice(low, high + 1), centred / (centred @ centred), place


def cepstra(frames: NDArray[np.float32], rate: float) -> tuple[NDArray[np.float64], float]:
    """Return power cepstra (t, quefrencies) of frames, and their quefrencies per second."""
    from scipy.fft import irfft

    spectra, reduced = band_limited(frames, rate, _CEPSTRUM_TOP, 50.0)
    power = spectra.real**2 + spectra.imag**2
    cepstrum = irfft(np.log(power + _LEAST_POWER), axis=1)[:, : power.shape[1]]
    return cepstrum * cepstrum, reduced


def prominence(power: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """Return the height in dB of the cepstral peak over the line of least squares, (t,)."""
    decibel = 10.0 * np.log10(power + 1e-30)
    where, slope_of, place = _trend(power.shape[1], rate)
    slope = decibel[:, where] @ slope_of
    level = decibel[:, where].mean(axis=1)
    low = int(np.ceil(rate / _HIGHEST_PEAK))
    high = min(int(rate / _LOWEST_PEAK), power.shape[1] - 2)
    rows = np.arange(len(power))
    peak = low + decibel[:, low : high + 1].argmax(axis=1)
    left, middle, right = (decibel[rows, peak + i] for i in (-1, 0, 1))
    bend = left - 2.0 * middle + right
    shift = np.clip(np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, -1.0), 0.0), -0.5, 0.5)
    height = middle - 0.25 * (left - right) * shift
    return np.asarray(height - (level + slope * (peak + shift - place.mean())))


def cepstral_peak_prominence(
    y: ArrayLike, *, sr: float, time_average: float = 0.02, quefrency_average: float = 0.0005
) -> float:
    """Measure the smoothed cepstral peak prominence (CPPS): how clearly a voice is periodic.

    Power cepstra of 0.1 s Gaussian frames, 2 ms apart, of the band to 5 kHz are averaged over time and
    quefrency; the peak between 60 and 330 Hz stands this far above the line of least squares through 1 to
    50 ms, on average over the frames.

    Parameters
    ----------
    y : array_like of shape (n,)
        Audio of one channel, floating point; at least 0.1 s.
    sr : float
        Sample rate in Hz, at least 10 kHz.
    time_average, quefrency_average : float
        Widths of the averages in seconds.

    Returns
    -------
    float
        Decibels; frames 80 dB below the loudest sample do not count, and NaN if there are no others.

    Raises
    ------
    ValueError
        If `y` is too short, empty, not finite or not one channel, or a parameter is out of its range.

    See Also
    --------
    voice_quality : All measures of a clip.

    References
    ----------
    .. [1] J. Hillenbrand, R. A. Houde, "Acoustic correlates of breathy vocal quality: dysphonic voices and
       continuous speech", Journal of Speech and Hearing Research 39 (1996) 311-321.

    Examples
    --------
    >>> pulse_train = np.r_[[1.0], np.zeros(99)].tolist() * 160
    >>> cepstral_peak_prominence(pulse_train, sr=16000) > 20
    True
    """
    signal, rate = check_one_channel(y), check_real("sr", sr, low=2.0 * _CEPSTRUM_TOP, high=1e7)
    hop, length = max(1, round(0.002 * rate)), _even_length(_CEPSTRUM_FRAME, rate)
    if len(signal) < length:
        raise ParameterError(
            f"y must have at least {length} samples (0.1 s), got {len(signal)}: give a longer sound"
        )
    across = check_real("time_average", time_average, low=0.0, high=10.0)
    along = check_real("quefrency_average", quefrency_average, low=0.0, high=0.01)
    n_frames = 1 + (len(signal) - length) // hop
    signal = signal / max(float(np.abs(signal).max()), 1e-30)
    level = rms(signal, frame_length=length, hop_length=hop, center=False)
    if not (heard := level > 1e-4).any():
        return float("nan")
    block = max(1, (1 << 22) // length)
    parts = [
        cepstra(cut(signal, begin * hop, hop, min(block, n_frames - begin), length), rate)
        for begin in range(0, n_frames, block)
    ]
    power, reduced = np.concatenate([part for part, _ in parts]), parts[0][1]
    smooth = _averaged(_averaged(power, round(across * rate / hop), 0), round(along * reduced), 1)
    return float(prominence(smooth[heard], reduced).mean())


def _averaged(values: NDArray[np.float64], width: int, axis: int) -> NDArray[np.float64]:
    """Return the moving average over an odd number of neighbours, the ends repeated."""
    if width < 2:
        return values
    from scipy.ndimage import uniform_filter1d

    span = width + 1 - width % 2
    # Its running sums may end a little below zero.
    return np.asarray(np.maximum(uniform_filter1d(values, span, axis=axis, mode="nearest"), 0.0))


def voice_quality(y: ArrayLike, *, sr: float, fmin: float = 75.0, fmax: float = 500.0) -> dict[str, float]:
    """Measure the quality of a voice over a whole clip.

    Parameters
    ----------
    y : array_like of shape (n,)
        Audio of one channel, floating point.
    sr : float
        Sample rate in Hz.
    fmin, fmax : float
        Range of f0 in Hz.

    Returns
    -------
    dict
        ``jitter_local``, ``jitter_rap``, ``jitter_ppq5``, ``shimmer_local``, ``shimmer_apq3``,
        ``shimmer_apq11`` (shares), ``shimmer_local_db`` (dB), ``hnr`` (mean harmonics-to-noise ratio of the
        frames that are not silent, dB), ``cpps`` (dB) and ``n_pulses``. NaN where there is too little
        voice, and ``cpps`` below 0.1 s or 10 kHz.

    Raises
    ------
    ValueError
        As `pitch_autocorrelation`.

    See Also
    --------
    jitter : One of its measures.
    shimmer : One of its measures.
    cepstral_peak_prominence : One of its measures.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 100 * np.arange(8000) / 16000)
    >>> found = voice_quality(tone, sr=16000)
    >>> found["jitter_local"] < 1e-3, found["hnr"] > 30
    (True, True)
    """
    signal, rate = check_one_channel(y), check_rate(sr)
    pulses = glottal_pulses(signal, sr=rate, fmin=fmin, fmax=fmax)
    found = {f"jitter_{name}": value for name, value in jitter(pulses).items()}
    found |= {f"shimmer_{name}": value for name, value in shimmer(signal, pulses, sr=rate).items()}
    _, voiced, strength = pitch_autocorrelation(
        signal, sr=rate, fmin=fmin, fmax=fmax, frame_length=int(np.ceil(4.5 * rate / fmin)),
        voicing_threshold=0.0, silence_threshold=0.1, octave_cost=0.0, octave_jump_cost=0.0,
        voiced_unvoiced_cost=0.0, noise_adaptation=0.0,
    )  # fmt: skip
    found["hnr"] = float(harmonicity(strength[voiced]).mean()) if voiced.any() else float("nan")
    enough = rate >= 2.0 * _CEPSTRUM_TOP and len(signal) >= _even_length(_CEPSTRUM_FRAME, rate)
    found["cpps"] = cepstral_peak_prominence(signal, sr=rate) if enough else float("nan")
    return {**found, "n_pulses": float(len(pulses))}


def perturbation(
    signal: NDArray[np.float32], f0: NDArray[Any], *, rate: float, first: int, hop: int, n_threads: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return jitter and shimmer in dB within 30 ms of the frames' centres, NaN where f0 in Hz is."""
    shares = np.ascontiguousarray(f0 / np.float32(rate), dtype=np.float32)
    return _core.frame_perturbation(signal, shares, first, hop, round(0.03 * rate), n_threads)
