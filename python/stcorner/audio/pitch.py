"""Fundamental frequency by autocorrelation, and the harmonics-to-noise ratio that it yields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner import _core
from stcorner._base.validation import (
    check_array,
    check_choice,
    check_flag,
    check_integer,
    check_real,
    resolve_n_threads,
)
from stcorner.audio._frames import (
    check_hop,
    check_one_channel,
    check_pitch_range,
    check_rate,
    check_signal,
    decimation,
    frame_layout,
)
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["harmonicity", "pitch_autocorrelation", "pitch_remarks"]

# Chosen by the errors on FDA and on synthetic voices (bench/audio.py); the core's own are Praat's.
NOISE_ADAPTATION = 2.0
REFINE_PERIODS = 3
LOW_PASS = 800.0
_CLEAN_SHARE = 0.7  # of a frame's length, which is enough where the filter leaves few harmonics


def track(
    signal: NDArray[np.float32],
    *,
    sr: float,
    frame_length: int,
    hop_length: int,
    center: bool = True,
    n_threads: int = 0,
    **options: Any,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Run the tracker of the core on checked values; return f0 (NaN where unvoiced) and strength."""
    settings = _core.PitchOptions()
    settings.sample_rate = sr
    for name, value in options.items():
        setattr(settings, name, value)
    length, hop, start, n_frames = frame_layout(signal.shape[-1], frame_length, hop_length, center)
    parts = [
        _core.track_pitch(row, length, hop, start, n_frames, settings, n_threads)
        for row in signal.reshape(-1, signal.shape[-1])
    ]
    shape = (*signal.shape[:-1], n_frames)
    f0 = np.stack([part[0] for part in parts]).reshape(shape)
    strength = np.stack([part[1] for part in parts]).reshape(shape)
    return f0, strength


def clean_length(length: int) -> int:
    """Return the length of the frames of a clean clip, even or odd as those of others."""
    shorter = round(_CLEAN_SHARE * length)
    return shorter + (length - shorter) % 2


def pitch_autocorrelation(
    y: ArrayLike,
    *,
    sr: float,
    fmin: float = 60.0,
    fmax: float = 500.0,
    hop_length: int | None = None,
    frame_length: int | None = None,
    center: bool = True,
    voicing_threshold: float = 0.45,
    silence_threshold: float = 0.03,
    octave_cost: float = 0.05,
    octave_jump_cost: float = 0.35,
    voiced_unvoiced_cost: float = 0.14,
    octave_cost_in_voicing: bool = False,
    noise_adaptation: float = NOISE_ADAPTATION,
    low_pass: float = LOW_PASS,
    max_candidates: int = 15,
    refine_periods: int = REFINE_PERIODS,
    tracker: str = "viterbi",
    reference_level: float | None = None,
    n_threads: int | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32]]:
    """Track the fundamental frequency by the autocorrelation of windowed frames.

    Each frame's autocorrelation is divided by that of its Hann window; its maxima between the lags of
    `fmax` and `fmin`, refined by sinc and then parabolic interpolation, are the candidates. The tracker
    takes the path through candidates and "unvoiced" that costs least.

    Parameters
    ----------
    y : array_like of shape (..., n)
        Audio, floating point; leading axes are channels.
    sr : float
        Sample rate in Hz. From 32 kHz on the signal is decimated first, to between 16 and 32 kHz.
    fmin, fmax : float
        Range of the search in Hz; `fmax` at most a quarter of the rate after decimation.
    hop_length : int, optional
        Samples between frames. Default: 10 ms.
    frame_length : int, optional
        Samples per frame, at least two periods of `fmin`. Default: three, or `low_pass`'s.
    center : bool
        Frame i is centred on sample ``i * hop_length`` (zeros beyond the ends); False puts its first
        sample there.
    voicing_threshold : float
        Strength that "unvoiced" has in a loud frame, 0 to 1.
    silence_threshold : float
        Frames whose largest magnitude is below this share of the reference level tend to unvoiced.
    octave_cost : float
        Advantage of a candidate over one an octave lower; it decides for the higher of two equals.
    octave_jump_cost : float
        Cost per octave of change between neighbouring frames (per 10 ms).
    voiced_unvoiced_cost : float
        Cost of a change between voiced and unvoiced (per 10 ms).
    octave_cost_in_voicing : bool
        Whether `octave_cost` also weakens low voices against "unvoiced", as in Praat.
    noise_adaptation : float
        How far the path allows for the noise that the clip's quiet frames hold. Bins of the spectra are
        weighted by the voice's share in them. This times the ratio of the quiet frames' energy to the loud
        frames' is the share (at most 0.6) by which `voicing_threshold` falls in frames louder than the quiet
        ones; by three and five times that share `octave_jump_cost` and `voiced_unvoiced_cost` rise, and by
        five times, but no more than half, `octave_cost`. Used with ``tracker="viterbi"``; clips without
        noise, without pauses or of fewer than 20 whole frames are left as they are. 0 does without, as Praat.
    low_pass : float
        Frequency in Hz, at least 1.6 times `fmax`, above which hardly anything is left of a clip whose quiet
        frames hold hardly any noise (under -30 dB): it is tracked after a Gaussian filter, in frames of 0.7
        times the default length, `voicing_threshold` raised by 0.27 of its distance from 1 and
        `silence_threshold` threefold. Used where `noise_adaptation` is; 0 does without.
    max_candidates : int
        Candidates kept per frame, 1 to 16.
    refine_periods : int
        The candidates at two, three and so on times the period, up to this many, sharpen the frequency: their
        lags err no more and stand for more periods. 1 takes the first alone, as Praat.
    tracker : {"viterbi", "peak"}
        Least-cost path, or each frame's best candidate by itself (the paper's rule; frames are then
        independent, as a stream needs them).
    reference_level : float, optional
        Magnitude that `silence_threshold` refers to. None: the largest magnitude of the channel.
    n_threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    f0 : ndarray of shape (..., t), float32
        Hz, NaN where unvoiced.
    voiced : ndarray of shape (..., t), bool
        True where there is voice.
    strength : ndarray of shape (..., t), float32
        Normalised autocorrelation of the chosen candidate, or of the best where unvoiced: 0 to 1. Of what
        the weights leave where `noise_adaptation` found noise: set that to 0 to measure the noise.

    Raises
    ------
    ValueError
        If `y` is empty, not finite or of an integer type, or a parameter is out of its range.

    See Also
    --------
    harmonicity : Noise of the voice, from the strength.
    pitch_remarks : What about a recording may spoil its pitch.
    autocorrelate : The function whose maxima are candidates.

    Notes
    -----
    Names and meaning of the costs are those of Praat's "To Pitch (ac)", and so are the defaults, but for
    five which lessen errors on real and synthetic voices (``bench/audio.py``). ``octave_cost=0.01,
    octave_cost_in_voicing=True, noise_adaptation=0.0, refine_periods=1`` is Praat's own setting and gives
    Praat's results.

    References
    ----------
    .. [1] P. Boersma, "Accurate short-term analysis of the fundamental frequency and the
       harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17 (1993) 97-110.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 200 * np.arange(8000) / 16000)
    >>> f0, voiced, strength = pitch_autocorrelation(tone, sr=16000)
    >>> round(float(f0[25]), 2), bool(voiced[25]), round(float(strength[25]), 2)
    (200.0, True, 1.0)
    """
    signal = check_signal(y)
    rate = check_rate(sr)
    low, high = check_pitch_range(rate, fmin, fmax)
    length = (
        int(np.ceil(3 * rate / low))
        if frame_length is None
        else check_integer("frame_length", frame_length, low=1)
    )
    if length < 2 * rate / low + 2:
        raise ParameterError(
            f"frame_length must hold two periods of fmin (> {2 * rate / low + 2:.0f} samples), got "
            f"{length}: raise frame_length or fmin"
        )
    f0, strength = track(
        signal,
        sr=rate,
        frame_length=length,
        hop_length=check_hop(rate, hop_length),
        center=center,
        n_threads=resolve_n_threads(n_threads),
        fmin=low,
        fmax=high,
        voicing_threshold=check_real("voicing_threshold", voicing_threshold, low=0.0, high=1.0),
        silence_threshold=check_real("silence_threshold", silence_threshold, low=0.0, high=1.0),
        octave_cost=check_real("octave_cost", octave_cost, low=0.0),
        octave_jump_cost=check_real("octave_jump_cost", octave_jump_cost, low=0.0),
        voiced_unvoiced_cost=check_real("voiced_unvoiced_cost", voiced_unvoiced_cost, low=0.0),
        cost_in_voicing=check_flag("octave_cost_in_voicing", octave_cost_in_voicing),
        noise_adaptation=check_real("noise_adaptation", noise_adaptation, low=0.0),
        low_pass=check_real("low_pass", low_pass, low=0.0),
        clean_length=clean_length(length) if frame_length is None else 0,
        max_candidates=check_integer("max_candidates", max_candidates, low=1, high=16),
        refine_periods=check_integer("refine_periods", refine_periods, low=1, high=1000),
        find_path=check_choice("tracker", tracker, ("viterbi", "peak")) == "viterbi",
        reference_level=(
            0.0
            if reference_level is None
            else check_real("reference_level", reference_level, low=0.0, open_low=True)
        ),
    )
    return f0, ~np.isnan(f0), strength


def pitch_remarks(y: ArrayLike, *, sr: float, fmin: float = 60.0, fmax: float = 500.0) -> list[str]:
    """Say what makes the pitch of a clip doubtful.

    A voice above `fmax` is reported an octave or more too low, fully voiced; one loud click makes all other
    sound fall below the threshold of silence, and the clip unvoiced. No f0 shows either.

    Parameters
    ----------
    y : array_like of shape (n,)
        Audio of one channel, floating point.
    sr : float
        Sample rate in Hz.
    fmin, fmax : float
        As given to `pitch_autocorrelation`.

    Returns
    -------
    list of str
        One sentence each; empty where there is nothing to say.

    Raises
    ------
    ValueError
        As `pitch_autocorrelation`.

    See Also
    --------
    pitch_autocorrelation : The pitch that it is about.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 600 * np.arange(16000) / 16000)
    >>> pitch_remarks(tone, sr=16000)
    ['most voiced frames are at about 600 Hz, above fmax (500 Hz): raise fmax']
    >>> pitch_remarks(tone, sr=16000, fmax=800.0)
    []
    """
    signal, rate = check_one_channel(y), check_rate(sr)
    low, high = check_pitch_range(rate, fmin, fmax)
    remarks = []
    _, voiced, _ = pitch_autocorrelation(signal, sr=rate, fmin=low, fmax=high)
    wider = min(3.0 * high, rate / (4 * decimation(rate)))
    if voiced.sum() >= 5 and wider > 1.2 * high:
        again, _, _ = pitch_autocorrelation(signal, sr=rate, fmin=low, fmax=wider)
        both = again[voiced & ~np.isnan(again)]
        above = both[both > 1.02 * high]
        if 2 * len(above) > voiced.sum():
            place = float(np.median(above))
            remarks.append(
                f"most voiced frames are at about {place:.0f} Hz, above fmax ({high:g} Hz): raise fmax"
            )
    size = np.abs(signal - signal.mean(dtype=np.float64).astype(np.float32))
    # All but the loudest 0.1 s: a click and its echo are shorter, a word is longer.
    hop = check_hop(rate, None)
    peaks = np.sort([part.max() for part in np.split(size, range(hop, len(size), hop)) if len(part)])
    level = float(peaks[max(0, len(peaks) - 11)])
    if 0.0 < level < 0.1 * float(peaks[-1]):
        _, heard, _ = pitch_autocorrelation(signal, sr=rate, fmin=low, fmax=high, reference_level=level)
        if heard.sum() >= 10 and heard.sum() > 2 * voiced.sum():
            times = float(peaks[-1]) / level
            remarks.append(
                f"a sound of less than 0.1 s is {times:.0f} times louder than all else, and hides "
                f"{int(heard.sum() - voiced.sum())} voiced frames: give reference_level={level:.2g}"
            )
    return remarks


def harmonicity(strength: ArrayLike, *, floor_db: float = -30.0) -> NDArray[np.float32]:
    """Convert pitch strength to the harmonics-to-noise ratio in decibels.

    Parameters
    ----------
    strength : array_like
        Normalised autocorrelation at the period, 0 to 1, as `pitch_autocorrelation` returns it; with its
        ``noise_adaptation=0.0`` the noise of the recording counts, with more only what is left of it.
    floor_db : float
        Smallest value; the largest is its opposite plus 10, as no finite frame is free of noise.

    Returns
    -------
    ndarray of the shape of `strength`, float32
        10 log10(r / (1 - r)).

    Raises
    ------
    ValueError
        If a strength is not finite or outside 0 to 1.

    See Also
    --------
    pitch_autocorrelation : Gives the strength.

    Examples
    --------
    >>> harmonicity([0.5, 0.99, 0.0]).round(2)
    array([  0.  ,  19.96, -30.  ], dtype=float32)
    """
    r = check_array("strength", strength, dtype=np.float64)
    if r.min() < 0.0 or r.max() > 1.0 + 1e-6:
        raise ParameterError(f"strength must be >= 0 and <= 1, got {r.min():g} to {r.max():g}")
    floor = check_real("floor_db", floor_db, high=0.0)
    low, high = 10.0 ** (floor / 10.0), 10.0 ** ((10.0 - floor) / 10.0)
    ratio = r / np.maximum(1.0 - r, 1e-12)
    return np.asarray(10.0 * np.log10(np.clip(ratio, low, high)), dtype=np.float32)
