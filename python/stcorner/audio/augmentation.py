"""Altered copies of training clips: another speed, pitch, level, room or noise.

Copies belong into training data only. Everything drawn comes from a seed, so that the same clip gives
the same copy in every run.
"""

from __future__ import annotations

import hashlib
import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import (
    check_array,
    check_choice,
    check_integer,
    check_real,
    check_seed,
    refuse_samples_first,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "AUDIO_KINDS",
    "RECORDINGS",
    "add_babble",
    "add_noise",
    "add_room",
    "augment_audio",
    "change_gain",
    "change_speed",
    "clip_seed",
    "code_sound",
    "limit_band",
    "shift_pitch",
    "stretch_time",
]

SPEEDS = (0.88, 0.94, 1.06, 1.13)
AUDIO_KINDS = (
    "speed", "slower", "faster", "noise", "pitch", "stretch", "gain", "room",
    "white", "pink", "coloured", "babble", "band", "telephone", "hall", "codec", "clipped",
)  # fmt: skip
# Copies for recordings of all kinds, as the shipped models learnt from; some by two alterations.
RECORDINGS = (
    "slower", "faster", "pitch", "stretch",
    "white", "coloured", "babble", "band", "telephone", "hall", "hall+coloured", "codec",
)  # fmt: skip
# Bounds of what each kind of noise draws: its ratio in dB, and by how many dB an octave its power falls.
NOISES: dict[str, tuple[tuple[float, float], tuple[float, float] | None]] = {
    "noise": ((15, 30), None),
    "white": ((0, 20), None),
    "pink": ((0, 20), (1.5, 6.0)),
    "coloured": ((-3, 20), (-1, 8)),
}
# Format and encoder of each codec, the rate that it is given, and kbit/s that it takes.
CODECS = {
    "mp3": ("mp3", "libmp3lame", 16000, (16.0, 48.0)),
    "opus": ("ogg", "libopus", 16000, (6.0, 24.0)),
    "amr": ("amr", "libopencore_amrnb", 8000, (4.75, 12.2)),
}

_FFT = 1024  # of the phase vocoder, samples; at 16 kHz 64 ms
_HOP = _FFT // 4


def clip_seed(seed: int, clip_id: str) -> int:
    """Return a seed for one clip: the same in every run, whatever the order of the clips.

    Examples
    --------
    >>> clip_seed(0, "03-01-05-01-01-01-01") == clip_seed(0, "03-01-05-01-01-01-01")
    True
    >>> clip_seed(0, "a") == clip_seed(1, "a")
    False
    """
    digest = hashlib.sha256(f"{check_seed('seed', seed)}:{clip_id}".encode()).digest()
    return int.from_bytes(digest[:8], "little")


def augment_audio(
    y: ArrayLike,
    *,
    sr: int,
    kinds: str | Sequence[str] = "speed",
    seed: int = 0,
    voices: Sequence[ArrayLike] = (),
) -> NDArray[np.float32]:
    """Return an altered copy of a sound, its alterations drawn at random.

    ============  ==========================================================
    kind          drawn
    ============  ==========================================================
    ``speed``     0.88, 0.94, 1.06 or 1.13 times as fast, pitch and all
    ``slower``    nothing: 0.88 times as fast, pitch and all
    ``faster``    nothing: 1.13 times as fast, pitch and all
    ``noise``     white noise at a signal-to-noise ratio of 15 to 30 dB
    ``pitch``     -2 to 2 semitones, duration kept
    ``stretch``   0.85 to 1.17 times as fast, pitch kept
    ``gain``      -8 to 8 dB
    ``room``      reverberation of 0.15 to 0.6 s, 3 to 12 dB below the voice
    ``white``     white noise at 0 to 20 dB
    ``pink``      noise that falls by 1.5 to 6 dB an octave, at 0 to 20 dB
    ``coloured``  noise that falls by -1 to 8 dB an octave, at -3 to 20 dB
    ``babble``    `voices`, or six made of this one, at 0 to 15 dB
    ``band``      nothing above 2.5 to 6 kHz, nor below 0 to 300 Hz
    ``telephone``  about 300 to 3400 Hz, quantised by mu-law
    ``hall``      reverberation of 0.2 to 1.3 s, from 6 dB below to 15 above
    ``codec``     mp3, Opus or AMR at a low rate, if there is the encoder
    ``clipped``   the loudest 0.5 to 10 % of the samples cut off
    ============  ==========================================================

    Parameters
    ----------
    y : array_like of shape (n,)
        Sound, finite.
    sr : int
        Sampling rate in Hz.
    kinds : str or sequence of str, default="speed"
        What is done, in this order.
    seed : int, default=0
        Of everything drawn; see `clip_seed`.
    voices : sequence of array_like, optional
        Sounds at `sr` of which ``babble`` is made; see `add_babble`.

    Returns
    -------
    ndarray of shape (m,), float32
        ``m`` differs from n where the speed or the duration changes.

    Raises
    ------
    ValueError
        If a kind is unknown or the sound is not one finite channel.

    Notes
    -----
    On 1,200 RAVDESS clips one copy by ``speed`` was worth half a point to one of recall on unseen
    actors, ``slower`` and ``faster`` together one to two more, ``noise`` beside them another half point
    (``bench/science/search.py``).
    """
    sound, rate = _sound(y, sr)
    rng = np.random.default_rng(check_seed("seed", seed))
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        match check_choice("kinds", kind, AUDIO_KINDS):
            case "speed":
                sound = change_speed(sound, sr=rate, factor=float(rng.choice(SPEEDS)))
            case "slower":
                sound = change_speed(sound, sr=rate, factor=SPEEDS[0])
            case "faster":
                sound = change_speed(sound, sr=rate, factor=SPEEDS[-1])
            case "noise" | "white" | "pink" | "coloured":
                snrs, slopes = NOISES[kind]
                snr, slope = rng.uniform(*snrs), rng.uniform(*slopes) if slopes else 0.0
                sound = add_noise(sound, snr=snr, slope=slope, seed=int(rng.integers(2**32)))
            case "pitch":
                sound = shift_pitch(sound, sr=rate, semitones=rng.uniform(-2, 2))
            case "stretch":
                sound = stretch_time(sound, factor=math.exp(rng.uniform(math.log(0.85), math.log(1.17))))
            case "gain":
                sound = change_gain(sound, decibels=rng.uniform(-8, 8))
            case "room":
                sound = add_room(
                    sound,
                    sr=rate,
                    reverberation=rng.uniform(0.15, 0.6),
                    ratio=rng.uniform(3, 12),
                    seed=int(rng.integers(2**32)),
                )
            case "babble":
                snr, drawn = rng.uniform(0, 15), int(rng.integers(2**32))
                sound = add_babble(sound, sr=rate, snr=snr, voices=voices, seed=drawn)
            case "band":
                high = rng.uniform(2500, 6000)
                sound = limit_band(sound, sr=rate, low=max(0.0, rng.uniform(-300, 300)), high=high)
            case "telephone":
                low, high = rng.uniform(200, 400), rng.uniform(3200, 3600)
                sound = _mu_law(limit_band(sound, sr=rate, low=low, high=high), rng.uniform(0.1, 1.0))
            case "hall":
                reverberation = math.exp(rng.uniform(math.log(0.2), math.log(1.3)))
                ratio, drawn = rng.uniform(-15, 6), int(rng.integers(2**32))
                sound = add_room(sound, sr=rate, reverberation=reverberation, ratio=ratio, seed=drawn)
            case "codec":
                codec = str(rng.choice(list(CODECS)))
                low, high = CODECS[codec][-1]
                sound = code_sound(sound, sr=rate, codec=codec, kbit=rng.uniform(low, high))
            case "clipped":
                limit = np.quantile(np.abs(sound), rng.uniform(0.9, 0.995))
                sound = np.clip(sound, -limit, limit)
    return sound


def change_speed(y: ArrayLike, *, sr: int, factor: float) -> NDArray[np.float32]:
    """Play a sound `factor` times as fast (0.25 to 4): duration, pitch and formants change together.

    Examples
    --------
    >>> len(change_speed(np.ones(1000), sr=16000, factor=1.25))
    800
    """
    import soxr

    sound, rate = _sound(y, sr)
    factor = check_real("factor", factor, low=0.25, high=4.0)
    return np.asarray(soxr.resample(sound, rate * factor, rate), dtype=np.float32)


def add_noise(y: ArrayLike, *, snr: float, slope: float = 0.0, seed: int = 0) -> NDArray[np.float32]:
    """Add noise at a ratio of `snr` decibels between the powers of sound and noise.

    Its power falls by `slope` decibels an octave, above 1/512 of the sampling rate: 0 is white, 3 pink,
    6 brown.

    Examples
    --------
    >>> noisy = add_noise(np.ones(10000), snr=20.0)
    >>> bool(abs(np.mean((noisy - 1) ** 2) - 0.01) < 1e-3)
    True
    """
    sound, _ = _sound(y, 1)
    slope = check_real("slope", slope, low=-12, high=24)
    # A power of two: transforms of other lengths can take many times as long.
    size = 1 << len(sound).bit_length() if slope else len(sound)
    noise = np.random.default_rng(seed).standard_normal(size)
    if slope:
        frequency = np.maximum(np.fft.rfftfreq(size), 1 / 512)
        noise = np.fft.irfft(np.fft.rfft(noise) * frequency ** (-slope / (20 * math.log10(2))))[: len(sound)]
    return _mixed(sound, noise, snr)


def add_babble(
    y: ArrayLike,
    *,
    sr: int,
    snr: float,
    n_voices: int = 6,
    voices: Sequence[ArrayLike] = (),
    seed: int = 0,
) -> NDArray[np.float32]:
    """Add the talk of several voices, each faster or slower, from another moment on.

    Parameters
    ----------
    y : array_like of shape (n,)
        Sound.
    sr : int
        Sampling rate in Hz.
    snr : float
        Ratio of the powers of sound and babble in decibels.
    n_voices : int, default=6
        How many talk, 1 to 20.
    voices : sequence of array_like, optional
        Sounds at `sr` that talk in turn, all equally loud; by default the sound itself.
    seed : int, default=0
        Of speeds and moments.

    Returns
    -------
    ndarray of shape (n,), float32
    """
    sound, rate = _sound(y, sr)
    rng = np.random.default_rng(seed)
    total = np.zeros(len(sound))
    talking = [each for each, _ in (_sound(voice, sr) for voice in voices) if each.any()] or [sound]
    for i in range(check_integer("n_voices", n_voices, low=1, high=20)):
        factor = math.exp(rng.uniform(math.log(0.7), math.log(1.4)))
        voice = change_speed(talking[i % len(talking)], sr=rate, factor=factor)
        level = max(float(np.sqrt(np.mean(voice**2))), 1e-15)
        total += np.roll(np.resize(voice, len(sound)), rng.integers(len(sound))) / level
    return _mixed(sound, total, snr)


def _mixed(sound: NDArray[np.float32], noise: NDArray[np.float64], snr: float) -> NDArray[np.float32]:
    power, other = (float(np.mean(part.astype(np.float64) ** 2)) for part in (sound, noise))
    ratio = 10 ** (-check_real("snr", snr, low=-60, high=120) / 10)
    return (sound + noise * math.sqrt(ratio * power / max(other, 1e-30))).astype(np.float32)


def limit_band(y: ArrayLike, *, sr: int, low: float = 0.0, high: float | None = None) -> NDArray[np.float32]:
    """Keep the frequencies from `low` to `high` Hz (None: all above), by Butterworth filters of order 8.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 3000 * np.arange(16000) / 16000)
    >>> bool(np.abs(limit_band(tone, sr=16000, high=1500.0)[2000:]).max() < 0.01)
    True
    """
    from scipy.signal import butter, sosfilt

    sound, rate = _sound(y, sr)
    low = check_real("low", low, low=0)
    if low > 0:
        sound = sosfilt(butter(8, min(low, 0.49 * rate), "highpass", fs=rate, output="sos"), sound)
    if high is not None and check_real("high", high, low=low, open_low=True) < rate / 2:
        sound = sosfilt(butter(8, high, "lowpass", fs=rate, output="sos"), sound)
    return np.asarray(sound, dtype=np.float32)


def _mu_law(sound: NDArray[np.float32], peak: float) -> NDArray[np.float32]:
    """Quantise to 8 bits by mu-law, the loudest sample at `peak` of full scale; the level stays."""
    scale = float(np.abs(sound).max()) / peak
    if scale == 0:
        return sound
    level = np.log1p(255 * np.abs(sound / scale)) / math.log(256)
    steps = np.sign(sound) * np.round(level * 127) / 127
    coded = np.sign(steps) * np.expm1(np.abs(steps) * math.log(256)) / 255 * scale
    return np.asarray(coded, dtype=np.float32)


def code_sound(y: ArrayLike, *, sr: int, codec: str, kbit: float) -> NDArray[np.float32]:
    """Encode a sound and decode it again.

    Parameters
    ----------
    y : array_like of shape (n,)
        Sound.
    sr : int
        Sampling rate in Hz.
    codec : {"mp3", "opus", "amr"}
        AMR is the narrow band of mobile telephones.
    kbit : float
        Rate in kbit/s; the codec takes the nearest that it has.

    Returns
    -------
    ndarray of shape (n,), float32
        The sound as it was where PyAV comes without the encoder.
    """
    import av
    import av.codec
    import soxr

    sound, rate = _sound(y, sr)
    kind, encoder, inner, (low, high) = CODECS[check_choice("codec", codec, tuple(CODECS))]
    kbit = check_real("kbit", kbit, low=1, high=512)
    if encoder not in av.codec.codecs_available:
        return sound
    peak = float(np.abs(sound).max())
    if peak == 0:
        return sound
    given = soxr.resample(sound / peak * np.float32(0.7), rate, inner)
    pcm = np.round(given * 32767).astype(np.int16)[None]
    if not pcm.size:
        return sound
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as out:
        stream: Any = out.add_stream(encoder, rate=inner, layout="mono")
        stream.bit_rate = round(1000 * min(max(kbit, low), high))
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate = inner
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=inner,
                                      frame_size=stream.codec_context.frame_size or None)  # fmt: skip
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as back:
        decoder = av.AudioResampler(format="flt", layout="mono")
        parts = [part.to_ndarray()[0] for frame in back.decode(audio=0) for part in decoder.resample(frame)]
        decoded_rate = back.streams.audio[0].codec_context.sample_rate
    decoded = soxr.resample(np.concatenate(parts), decoded_rate, rate) * (peak / 0.7)
    return np.pad(decoded, (0, max(0, len(sound) - len(decoded))))[: len(sound)].astype(np.float32)


def change_gain(y: ArrayLike, *, decibels: float) -> NDArray[np.float32]:
    """Multiply a sound by ``10 ** (decibels / 20)``; nothing is clipped.

    Examples
    --------
    >>> change_gain([0.1, -0.2], decibels=20.0).tolist()
    [1.0, -2.0]
    """
    sound, _ = _sound(y, 1)
    return (sound * np.float32(10 ** (check_real("decibels", decibels, low=-120, high=120) / 20))).astype(
        np.float32
    )


def add_room(
    y: ArrayLike, *, sr: int, reverberation: float = 0.3, ratio: float = 6.0, seed: int = 0
) -> NDArray[np.float32]:
    """Add the tail of a room: noise that decays exponentially, convolved with the sound.

    Parameters
    ----------
    y : array_like of shape (n,)
        Sound.
    sr : int
        Sampling rate in Hz.
    reverberation : float, default=0.3
        Time in seconds in which the tail falls by 60 dB, 0.01 to 5.
    ratio : float, default=6.0
        Energy of the direct sound over that of the tail, in decibels.
    seed : int, default=0
        Of the noise.

    Returns
    -------
    ndarray of shape (n,), float32
        With the power of `y`; what rings on after the end is cut.
    """
    sound, rate = _sound(y, sr)
    reverberation = check_real("reverberation", reverberation, low=0.01, high=5)
    ratio = check_real("ratio", ratio, low=-60, high=120)
    time = np.arange(1, max(2, int(reverberation * rate))) / rate
    tail = np.random.default_rng(seed).standard_normal(len(time)) * 10 ** (-3 * time / reverberation)
    tail *= 10 ** (-ratio / 20) / np.sqrt((tail**2).sum())
    impulse = np.concatenate([[1.0], tail])
    size = 1 << (len(sound) + len(impulse) - 1).bit_length()
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(impulse, size), size)[: len(sound)]
    power = np.mean(wet**2)
    if power > 0:
        wet *= math.sqrt(float(np.mean(sound.astype(np.float64) ** 2)) / power)
    return wet.astype(np.float32)


def stretch_time(y: ArrayLike, *, factor: float) -> NDArray[np.float32]:
    r"""Play a sound `factor` times as fast (0.25 to 4) at its own pitch, by a phase vocoder.

    Frames of the short-time spectrum are read `factor` hops apart and laid one hop apart; the phase of
    each bin advances by the measured phase difference of the frames around the place that is read.

    References
    ----------
    .. [1] M. Dolson, "The phase vocoder: a tutorial", Computer Music Journal 10 (1986) 14-27.

    Examples
    --------
    >>> len(stretch_time(np.ones(1000), factor=0.8))
    1250
    """
    sound, _ = _sound(y, 1)
    factor = check_real("factor", factor, low=0.25, high=4.0)
    window = np.hanning(_FFT + 1)[:-1]
    n_frames = 1 + len(sound) // _HOP
    padded = np.pad(sound.astype(np.float64), (_FFT // 2, _FFT // 2 + 2 * _HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[: (n_frames + 1) * _HOP : _HOP]
    spectrum = np.fft.rfft(frames * window, axis=1)

    places = np.arange(0, n_frames, factor)
    below = places.astype(int)
    above = np.minimum(below + 1, len(spectrum) - 1)
    share = (places - below)[:, None]
    size = (1 - share) * np.abs(spectrum[below]) + share * np.abs(spectrum[above])
    advance = np.angle(spectrum[above]) - np.angle(spectrum[below])
    phase = np.angle(spectrum[0]) + np.concatenate(
        [np.zeros((1, advance.shape[1])), np.cumsum(advance[:-1], axis=0)]
    )
    pieces = np.fft.irfft(size * np.exp(1j * phase), axis=1) * window

    out = np.zeros((len(places) - 1) * _HOP + _FFT)
    weight = np.zeros_like(out)
    for i, piece in enumerate(pieces):
        out[i * _HOP : i * _HOP + _FFT] += piece
        weight[i * _HOP : i * _HOP + _FFT] += window**2
    length = round(len(sound) / factor)
    out = (out / np.maximum(weight, 1e-3))[_FFT // 2 : _FFT // 2 + length]
    return np.pad(out, (0, length - len(out))).astype(np.float32)


def shift_pitch(y: ArrayLike, *, sr: int, semitones: float) -> NDArray[np.float32]:
    """Raise (or lower) the pitch by `semitones` (-24 to 24) and keep the duration.

    Examples
    --------
    >>> len(shift_pitch(np.ones(1000), sr=16000, semitones=3.0))
    1000
    """
    sound, rate = _sound(y, sr)
    factor = 2 ** (check_real("semitones", semitones, low=-24, high=24) / 12)
    shifted = change_speed(stretch_time(sound, factor=1 / factor), sr=rate, factor=factor)
    return np.pad(shifted, (0, max(0, len(sound) - len(shifted))))[: len(sound)]


def _sound(y: ArrayLike, sr: int) -> tuple[NDArray[np.float32], int]:
    refuse_samples_first("y", y)
    return check_array("y", y, dtype=np.float32, ndim=1), check_integer("sr", sr, low=1)
