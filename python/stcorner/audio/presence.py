"""Is anybody speaking: how much voice a sound holds, how well it was recorded, and whether it is speech."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.audio import _rich
from stcorner.audio._frames import check_one_channel, check_rate
from stcorner.audio._functionals import runs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["LITTLE_SPEECH", "NO_LABEL", "PRESENCE_COLUMNS", "presence_of", "speech_presence", "speech_traits"]

PRESENCE_COLUMNS = (
    "speech", "voiced_seconds", "speech_share", "level_dbfs", "snr_db", "clipping_share", "bandwidth_hz",
)  # fmt: skip
# Sound in which nobody is heard to speak, too little to tell anything by, or unlike all that a model learnt
# from.
NO_LABEL = ("silent", "no_speech", "music_or_noise", "little_speech", "unfamiliar")
# 1st percentile, median and 99th percentile of each trait over clips of RAVDESS, two-second windows of them
# and the clips in the conditions of bench/science/conditions.py, and over voices of `make_corpus`; three are
# wider, as six clips of CREMA-D need.
TRAITS = {
    "f0_flat": (-3.21, -2.17, -1.20),
    "f0_step": (-2.50, -1.56, -0.77),
    "hnr": (2.2, 9.23, 15.59),
    "delta_mfcc": (0.88, 1.89, 2.77),
    "mfcc_std": (5.25, 11.74, 14.23),
    "energy_std": (2.87, 7.77, 11.2),
    "longest_segment": (-2.0, -0.80, 0.20),
}
# Mean square of the traits, each in units of the distance from its median to the percentile on its side: 99 %
# of the clean clips lie below.
FARTHEST = 0.52
_CAP = 9.0
# Nearer sounds are no speech either if they are noisy, slow and steady, and still as rich in spectra as
# speech: noise over a voice would make all spectra alike, instruments that play together do not.
_NEARER, _DULL = 0.3, -1.6
_DULLNESS = np.array(
    [{"hnr": 1, "delta_mfcc": 1, "energy_std": 1, "mfcc_std": -1}.get(name, 0) for name in TRAITS]
)
LITTLE_SPEECH = 0.3  # seconds voiced: a syllable or two
_NO_SPEECH = 0.1
_SILENCE = 1e-4  # of full scale
_STEP = 0.01
_NEAR = 25  # frames: speech has unvoiced sounds and stops within a quarter of a second of a voiced one


def speech_presence(y: ArrayLike, *, sr: float) -> dict[str, Any]:
    """Detect whether somebody speaks in a sound, and measure the recording.

    Voices combine traits that instruments, machines and weather rarely combine: a pitch that moves, but not
    in jumps or on level tones, some noise in each tone, moving formants, and loudness that follows
    syllables. The distance of the sound from recorded speech in these traits is compared with distances
    among speech. No other sounds were used for training.

    Parameters
    ----------
    y : array_like of shape (n,)
        Sound of one channel, floating point.
    sr : float
        Sample rate in Hz.

    Returns
    -------
    dict
        ``speech``
            ``"ok"``; ``"little_speech"`` (less than 0.3 s voiced); ``"no_speech"`` (less than 0.1 s);
            ``"music_or_noise"`` (voiced or periodic, but not as voices are); ``"silent"`` (no sample
            exceeds -80 dB of full scale).
        ``voiced_seconds``
            Time with a pitch.
        ``speech_share``
            Share of the time, 0 to 1, that is loud and within 0.25 s of a voiced frame.
        ``level_dbfs``
            Root mean square of the loud part in decibels of full scale.
        ``snr_db``
            Level of the loud part over that of the quietest tenth; pauses make it the ratio of signal to
            noise. -10 to 90: low where there is no pause, too.
        ``clipping_share``
            Share of the samples that were cut off at a level, 0 to 1.
        ``bandwidth_hz``
            Highest frequency at which the loud part is less than 60 dB under its strongest.

    Raises
    ------
    ValueError
        If `y` is empty, not finite or not one channel.

    See Also
    --------
    voice_activity : Where the voice is.

    Examples
    --------
    >>> tone = 0.1 * np.sin(2 * np.pi * 200 * np.arange(32000) / 16000)
    >>> found = speech_presence(tone, sr=16000)
    >>> found["speech"], round(found["level_dbfs"])
    ('music_or_noise', -23)
    """
    from stcorner.audio.recipes import resampled

    signal = resampled(check_one_channel(y), check_rate(sr), _rich.SAMPLE_RATE)
    if np.abs(signal - signal.mean()).max() < _SILENCE:
        return {
            **dict.fromkeys(PRESENCE_COLUMNS),
            "speech": "silent",
            "voiced_seconds": 0.0,
            "speech_share": 0.0,
        }
    return presence_of(signal, _rich.tracks(signal))


def presence_of(signal: NDArray[np.float32], tracks: _rich.Tracks) -> dict[str, Any]:
    """Return `speech_presence` of a signal at 16 kHz that is not silent, and its tracks."""
    traits = speech_traits(tracks)
    low, middle, high = (np.array(column) for column in zip(*TRAITS.values(), strict=True))
    far = (traits - middle) / np.where(traits > middle, high - middle, middle - low)
    voiced_seconds = float(np.count_nonzero(tracks.voiced) * _STEP)
    if voiced_seconds < _NO_SPEECH:
        speech = "no_speech"
    elif (away := np.minimum(far**2, _CAP).mean()) > FARTHEST or (away > _NEARER and far @ _DULLNESS < _DULL):
        speech = "music_or_noise"
    else:
        speech = "ok" if voiced_seconds >= LITTLE_SPEECH else "little_speech"
    near = np.convolve(tracks.voiced, np.ones(2 * _NEAR + 1), "same")[: len(tracks.voiced)] > 0
    power = 10.0 ** (tracks.energy.astype(np.float64) / 10)
    quiet = np.sort(power)[: max(1, len(power) // 10)].mean()
    loud = power[tracks.active].mean() if tracks.active.any() else power.mean()
    return {
        "speech": speech,
        "voiced_seconds": round(voiced_seconds, 2),
        "speech_share": float((tracks.active & near).mean()),
        "level_dbfs": _level(signal, tracks.active),
        "snr_db": float(np.clip(10 * np.log10(max(loud - quiet, 1e-12) / max(quiet, 1e-12)), -10, 90)),
        "clipping_share": _clipping(signal),
        "bandwidth_hz": _bandwidth(signal, tracks.active),
    }


def speech_traits(tracks: _rich.Tracks) -> NDArray[np.float64]:
    """Return what tells speech from other sounds, in the order of `TRAITS`."""
    voiced = np.flatnonzero(tracks.voiced)
    step = np.abs(np.diff(tracks.f0[voiced].astype(np.float64))[np.diff(voiced) == 1])
    where = voiced if len(voiced) > 4 else np.flatnonzero(tracks.active)
    if len(step) < 3:
        step = np.zeros(3)
    if not len(where):
        where = np.arange(len(tracks.voiced))
    active = tracks.active if tracks.active.any() else np.ones_like(tracks.active)
    hnr = tracks.lld[:, _rich.LLD_NAMES.index("hnr")]
    return np.array([
        np.log((step < 0.03).mean() + 0.02),  # semitones in 10 ms
        np.log(np.median(step) + 0.02),
        np.median(hnr[where]),
        np.abs(tracks.delta_mfcc[where, :12]).mean(),
        tracks.mfcc[where, :12].std(axis=0).mean(),
        tracks.energy[active].std(),
        np.log(runs(tracks.voiced).max(initial=0) * _STEP + 0.02),
    ])  # fmt: skip


def _level(signal: NDArray[np.float32], active: NDArray[np.bool_]) -> float:
    hop = round(_STEP * _rich.SAMPLE_RATE)
    loud = np.repeat(active, hop)[hop // 2 :][: len(signal)]
    part = signal[: len(loud)][loud] if loud.any() else signal
    return float(20 * np.log10(max(float(np.sqrt(np.mean(part.astype(np.float64) ** 2))), 1e-9)))


def _clipping(signal: NDArray[np.float32]) -> float:
    """Return the share of samples at or above the level at which magnitudes pile up, 0 if they do not."""
    size = np.abs(signal)
    peak = float(size.max())
    counts, _ = np.histogram(size, bins=100, range=(0.0, peak))
    at = 50 + int(np.argmax(counts[50:]))
    usual = counts[at - 12 : at - 2].mean()
    if counts[at] < 10 or counts[at] < 4 * usual:
        return 0.0
    return float((size >= at * peak / 100).mean())


def _bandwidth(signal: NDArray[np.float32], active: NDArray[np.bool_]) -> float:
    n, hop = 512, 320
    if len(signal) < n:
        signal = np.pad(signal, (0, n - len(signal)))
    frames = np.lib.stride_tricks.sliding_window_view(signal, n)[::hop]
    power = (np.abs(np.fft.rfft(frames * np.hanning(n).astype(np.float32), axis=1)) ** 2).mean(axis=0)
    smooth = np.convolve(power, np.full(5, 0.2), "same")
    return float(np.flatnonzero(smooth >= 1e-6 * smooth.max())[-1] * _rich.SAMPLE_RATE / n)
