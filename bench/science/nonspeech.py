"""Sounds without speech, made from a seed: noises, tones, music, machines, weather, animals, crowds."""

from __future__ import annotations

import time

import numpy as np

from common import arguments, clips_of, write
from stcorner import Recording
from stcorner.recognizer import load_predictor

SR = 16000


def smooth(x, n):
    return np.convolve(x, np.hanning(n + 2)[1:-1] / np.hanning(n + 2).sum(), "same")


def colored(n, rng, slope):
    f = np.maximum(np.fft.rfftfreq(n, 1 / SR), 30.0)
    return np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * (f / 1000) ** (-slope / 6.02), n)


def bandpass(x, low, high):
    from scipy.signal import butter, sosfilt

    return sosfilt(butter(4, (low, min(high, 7900)), "bandpass", fs=SR, output="sos"), x)


def harmonic(f0, amplitudes):
    """Return a tone whose frequency follows `f0` (n,), with these strengths of partials."""
    phase = 2 * np.pi * np.cumsum(f0) / SR
    return sum(a * np.sin(k * phase) for k, a in enumerate(amplitudes, 1) if k * f0.max() < 7800)


def decay(n, seconds, attack=0.005):
    t = np.arange(n) / SR
    return np.minimum(t / attack, 1) * np.exp(-t / seconds)


def white(n, rng):
    return colored(n, rng, 0.0)


def pink(n, rng):
    return colored(n, rng, 3.0)


def brown(n, rng):
    return colored(n, rng, 6.0)


def blue(n, rng):
    return colored(n, rng, -3.0)


def hiss_band(n, rng):
    low = rng.uniform(200, 3000)
    return bandpass(rng.standard_normal(n), low, low * rng.uniform(1.3, 3))


def silence(n, rng):
    return np.zeros(n)


def dither(n, rng):
    return rng.integers(-1, 2, n) / 32768


def room_tone(n, rng):
    t = np.arange(n) / SR
    return 0.002 * (colored(n, rng, 4.0) + 0.5 * np.sin(2 * np.pi * 100 * t))


def wind(n, rng):
    gust = np.exp(smooth(rng.standard_normal(n), SR) * 60)
    return (
        colored(n, rng, rng.uniform(5, 9)) * gust + 0.02 * bandpass(rng.standard_normal(n), 300, 900) * gust
    )


def rain(n, rng):
    out = 0.1 * colored(n, rng, 0.0)
    for at in rng.integers(0, n - 400, rng.integers(100, 800)):
        out[at : at + 400] += rng.exponential(1.0) * rng.standard_normal(400) * decay(400, 0.004, 0.0005)
    return out


def waves(n, rng):
    t = np.arange(n) / SR
    swell = 0.2 + np.maximum(0, np.sin(2 * np.pi * rng.uniform(0.1, 0.3) * t + rng.uniform(0, 6))) ** 2
    return colored(n, rng, 4.0) * swell


def hum(n, rng):
    f = np.full(n, rng.choice([50.0, 60.0]))
    amplitudes = rng.uniform(0, 1, 12) / np.arange(1, 13)
    return harmonic(f, amplitudes) + 0.01 * rng.standard_normal(n)


def sine(n, rng):
    return np.sin(2 * np.pi * rng.uniform(80, 4000) * np.arange(n) / SR)


def dtmf(n, rng):
    t, out = np.arange(n) / SR, np.zeros(n)
    on = (t % rng.uniform(0.15, 0.4)) < rng.uniform(0.08, 0.14)
    step = np.cumsum(np.diff(on.astype(int), prepend=0) > 0)
    low, high = rng.choice([697, 770, 852, 941], 200), rng.choice([1209, 1336, 1477, 1633], 200)
    for i in np.unique(step):
        part = step == i
        out[part] = np.sin(2 * np.pi * low[i] * t[part]) + np.sin(2 * np.pi * high[i] * t[part])
    return out * on


def clicks(n, rng):
    out = 1e-4 * rng.standard_normal(n)
    out[rng.integers(0, n, rng.integers(5, 60))] = rng.choice([-1, 1])
    return out


def metronome(n, rng):
    out, step = np.zeros(n), int(SR * rng.uniform(0.25, 1.0))
    tick = np.sin(2 * np.pi * rng.uniform(800, 3000) * np.arange(800) / SR) * decay(800, 0.01)
    for at in range(0, n - 800, step):
        out[at : at + 800] += tick
    return out + 1e-4 * rng.standard_normal(n)


def piano(n, rng, chords=True):
    scale = 220 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12]) / 12) * 2.0 ** rng.integers(-1, 2)
    out, at = np.zeros(n), 0
    while at < n - 2000:
        length = min(n - at, int(SR * rng.choice([0.2, 0.4, 0.8])))
        for f in rng.choice(scale, 3 if chords and rng.random() < 0.4 else 1, replace=False):
            partials = 1 / np.arange(1, 9) ** rng.uniform(1, 2)
            out[at : at + length] += harmonic(np.full(length, f), partials) * decay(length, 0.4)
        at += length
    return out


def melody(n, rng):
    return piano(n, rng, chords=False)


def organ(n, rng):
    out, at = np.zeros(n), 0
    while at < n - 2000:
        length = min(n - at, int(SR * rng.uniform(0.5, 1.5)))
        for f in 130 * 2 ** (rng.choice([0, 3, 4, 7, 10, 12, 16], 3, replace=False) / 12):
            out[at : at + length] += harmonic(np.full(length, f), [1, 0.6, 0.3, 0.4, 0.1, 0.2])
        at += length
    return out


def drums(n, rng):
    out, at = np.zeros(n), 0
    while at < n - 4000:
        kind = rng.integers(3)
        if kind == 0:
            out[at : at + 3200] += harmonic(120 * np.exp(-np.arange(3200) / 1500) + 45, [1.0]) * decay(
                3200, 0.08
            )
        else:
            hit = rng.standard_normal(3200) * decay(3200, 0.06 if kind == 1 else 0.02)
            out[at : at + 3200] += 0.5 * hit
        at += int(SR * rng.choice([0.125, 0.25, 0.5]))
    return out


def strings(n, rng):
    out, at = np.zeros(n), 0
    while at < n - 2000:
        length = min(n - at, int(SR * rng.uniform(0.4, 1.2)))
        t = np.arange(length) / SR
        f = rng.uniform(196, 500) * 2 ** (0.3 / 12 * np.sin(2 * np.pi * 5.5 * t))
        swell = np.minimum(1, np.minimum(t / 0.08, (t[-1] - t) / 0.08))
        out[at : at + length] += harmonic(f, 1 / np.arange(1, 15)) * swell
        at += length
    return bandpass(out, 150, 5000)


def lead(n, rng):
    """A synthesiser's lead voice: a melody of sawtooth with vibrato and glides, through a moving filter."""
    t = np.arange(n) / SR
    notes = np.repeat(rng.choice([0, 2, 3, 5, 7, 10, 12], n // 3200 + 1), 3200)[:n].astype(float)
    pitch = smooth(notes, int(rng.uniform(200, 2000))) + 0.4 * np.sin(2 * np.pi * rng.uniform(4, 7) * t)
    tone = harmonic(rng.uniform(110, 220) * 2 ** (pitch / 12), 1 / np.arange(1, 25))
    return tone * (0.6 + 0.4 * np.sin(2 * np.pi * rng.uniform(0.5, 3) * t)) + 0.002 * rng.standard_normal(n)


def theremin(n, rng):
    glide = smooth(np.cumsum(rng.standard_normal(n)) * 0.02, 4000)
    t = np.arange(n) / SR
    return harmonic(
        300 * 2 ** ((glide - glide.mean() + 0.3 * np.sin(2 * np.pi * 6 * t)) / 12), [1, 0.2, 0.05]
    )


def pulses(n, rng):
    out = np.zeros(n)
    f = rng.uniform(70, 300) * (
        1 + rng.uniform(0, 0.2) * np.sin(2 * np.pi * rng.uniform(0.2, 3) * np.arange(n) / SR)
    )
    out[np.flatnonzero(np.diff(np.floor(np.cumsum(f) / SR)) > 0)] = 1.0
    return out + 1e-3 * rng.standard_normal(n)


def engine(n, rng):
    speed = 30 + 40 * smooth(rng.random(n), 2 * SR) * rng.uniform(0.5, 3)
    tone = harmonic(speed, rng.uniform(0.2, 1, 30) / np.sqrt(np.arange(1, 31)))
    return tone * (1 + 0.2 * rng.standard_normal(n)) + 0.3 * colored(n, rng, 4.0)


def siren(n, rng):
    t = np.arange(n) / SR
    rate = rng.uniform(0.2, 3)
    shape = np.sign(np.sin(2 * np.pi * rate * t)) if rng.random() < 0.4 else np.sin(2 * np.pi * rate * t)
    return harmonic(rng.uniform(500, 900) * 2 ** (rng.uniform(0.2, 0.5) * shape), [1, 0.5, 0.3, 0.1])


def alarm(n, rng):
    t = np.arange(n) / SR
    return np.sign(np.sin(2 * np.pi * rng.uniform(600, 3000) * t)) * ((t % 0.5) < 0.25)


def birds(n, rng):
    out, at = 1e-4 * rng.standard_normal(n), 0
    while at < n - 8000:
        length = int(SR * rng.uniform(0.04, 0.3))
        t = np.arange(length) / length
        f = rng.uniform(2000, 5000) * (1 + 0.3 * np.sin(2 * np.pi * (rng.uniform(0.3, 4) * t + rng.random())))
        out[at : at + length] += harmonic(f, [1.0, 0.1]) * np.sin(np.pi * t) ** 2
        at += length + int(SR * rng.uniform(0.02, 0.5))
    return out


def barks(n, rng):
    out, at, base = 1e-3 * rng.standard_normal(n), 0, rng.uniform(250, 700)
    while at < n - 8000:
        length = int(SR * rng.uniform(0.08, 0.25))
        t = np.arange(length) / length
        f = base * (0.7 + 0.6 * np.sin(np.pi * t)) * rng.uniform(0.9, 1.1)
        tone = harmonic(f, 1 / np.arange(1, 12) ** 0.7) + 0.8 * rng.standard_normal(length)
        out[at : at + length] += bandpass(tone, 400, 2500) * np.sin(np.pi * t**0.5)
        at += length + int(SR * rng.uniform(0.1, 0.8))
    return out


def crickets(n, rng):
    t = np.arange(n) / SR
    beat = np.maximum(0, np.sin(2 * np.pi * rng.uniform(20, 40) * t)) * (
        np.sin(2 * np.pi * rng.uniform(1, 3) * t) > 0
    )
    return np.sin(2 * np.pi * rng.uniform(3500, 5500) * t) * beat


def purr(n, rng):
    t = np.arange(n) / SR
    return (
        colored(n, rng, 4.0)
        * np.maximum(0, np.sin(2 * np.pi * 25 * t))
        * (0.5 + 0.5 * np.sin(2 * np.pi * 0.6 * t) ** 2)
    )


def calls(n, rng, *, f0, seconds, rise, glide, tremor=0.0, noise=0.02):
    """Return cries with resonances that move from `glide[0]` to `glide[1]` Hz, `f0` high, with pauses."""
    from scipy.signal import lfilter

    out, at, f0 = 1e-3 * rng.standard_normal(n), 0, rng.uniform(*f0)
    while at < n - 2 * SR * seconds:
        length = int(SR * seconds * rng.uniform(0.7, 1.4))
        t = np.arange(length) / length
        beat = 1 + tremor * np.sin(2 * np.pi * rng.uniform(7, 11) * t * length / SR)
        pitch = f0 * rise ** np.sin(np.pi * t) * rng.uniform(0.95, 1.05) * beat**0.2
        cry = (harmonic(pitch, 1 / np.arange(1, 40)) + noise * rng.standard_normal(length)) * beat
        state = {ratio: np.zeros(2) for ratio in (1.0, 2.2, 3.8)}
        for start in range(0, length, 160):
            low = np.interp(start / length, (0, 0.5, 1), glide)
            for ratio, kept in state.items():
                radius, angle = np.exp(-np.pi * 120 / SR), 2 * np.pi * min(low * ratio, 7000) / SR
                poles = [1, -2 * radius * np.cos(angle), radius**2]
                part = slice(start, start + 160)
                cry[part], state[ratio] = lfilter([sum(poles)], poles, cry[part], zi=kept)
        cry *= np.sin(np.pi * t) ** 0.5 / max(np.abs(cry).max(), 1e-9)
        out[at : at + length] += cry
        at += length + int(SR * rng.uniform(0.1, 0.6))
    return out


def meows(n, rng):
    return calls(n, rng, f0=(400, 700), seconds=0.7, rise=1.4, glide=(600, 1100, 500))


def moos(n, rng):
    return calls(n, rng, f0=(80, 160), seconds=1.2, rise=1.5, glide=(250, 600, 400))


def bleats(n, rng):
    return calls(n, rng, f0=(200, 350), seconds=0.6, rise=1.1, glide=(700, 800, 700), tremor=0.4)


def howls(n, rng):
    return calls(n, rng, f0=(250, 450), seconds=1.6, rise=1.8, glide=(400, 700, 400), noise=0.005)


def crowd(n, rng):
    """Noise with the long-term spectrum of speech whose bands rise and fall independently."""
    out = np.zeros(n)
    for low in (150, 400, 800, 1500, 2500, 4000):
        rise = np.exp(smooth(rng.standard_normal(n), SR // 4) * 40)
        out += bandpass(rng.standard_normal(n), low, low * 1.8) * rise * (low / 150) ** -0.7
    return out


def applause(n, rng):
    out = np.zeros(n)
    for at in rng.integers(0, n - 600, n // 60):
        out[at : at + 600] += rng.exponential() * rng.standard_normal(600) * decay(600, 0.006, 0.001)
    return bandpass(out, 500, 5000)


def bursts(n, rng):
    out, at = np.zeros(n), 0
    while at < n - 9000:
        length = int(SR * rng.uniform(0.05, 0.5))
        burst = colored(length, rng, rng.uniform(0, 4)) * decay(length, length / SR / 3)
        out[at : at + length] += burst[::-1] if rng.random() < 0.7 else burst
        at += length + int(SR * rng.uniform(0.02, 0.3))
    return out


def steps(n, rng):
    out = 1e-3 * rng.standard_normal(n)
    for at in range(0, n - 3000, int(SR * rng.uniform(0.35, 0.6))):
        out[at : at + 3000] += colored(3000, rng, 5.0) * decay(3000, 0.03)
    return out


def keyboard(n, rng):
    out = 5e-4 * rng.standard_normal(n)
    for at in rng.integers(0, n - 900, n // 2500):
        out[at : at + 900] += (
            bandpass(rng.standard_normal(900), 1000, 6000) * decay(900, 0.008) * rng.uniform(0.3, 1)
        )
    return out


def vacuum(n, rng):
    f = np.full(n, rng.uniform(150, 400)) * (1 + 0.002 * smooth(rng.standard_normal(n), 3000) * 50)
    return colored(n, rng, 2.0) + 0.5 * harmonic(f, [1, 0.7, 0.5, 0.4, 0.3, 0.2])


def helicopter(n, rng):
    t = np.arange(n) / SR
    return colored(n, rng, 4.0) * (0.2 + np.maximum(0, np.sin(2 * np.pi * rng.uniform(10, 20) * t)) ** 3)


def modem(n, rng):
    symbol = np.repeat(rng.choice([1200.0, 2200.0, 1700.0], n // 50 + 1), 50)[:n]
    return np.sin(2 * np.pi * np.cumsum(symbol) / SR)


def sweep(n, rng):
    return harmonic(np.geomspace(60, 6000, n) if rng.random() < 0.5 else np.linspace(4000, 80, n), [1.0])


def band_music(n, rng):
    return piano(n, rng) + drums(n, rng) * 2 + 0.5 * lead(n, rng)


# What thresholds may be chosen with; the others are for measuring.
SEEN = (
    white, pink, brown, hiss_band, room_tone, wind, rain, hum, sine, dtmf, clicks, piano, organ, drums, birds,
    crowd, vacuum, melody, band_music,
)  # fmt: skip
UNSEEN = (
    blue, silence, dither, waves, metronome, strings, lead, theremin, pulses, engine, siren, alarm, barks,
    crickets, purr, meows, moos, bleats, howls, applause, bursts, steps, keyboard, helicopter, modem, sweep,
)  # fmt: skip


def sound(maker, seed, seconds=4.0):
    """Return a sound at 16 kHz, its loudest sample at half of full scale or at what silence has."""
    rng = np.random.default_rng([seed, sum(map(ord, maker.__name__))])
    y = maker(int(seconds * SR), rng)
    if maker in (silence, dither, room_tone):
        return y.astype(np.float32)
    return (y / max(np.abs(y).max(), 1e-9) * rng.uniform(0.05, 0.9)).astype(np.float32)


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--model", default="ravdess-speech")
    parser.add_argument("--every", type=int, default=10, help="of the clips of RAVDESS, one in so many")
    options = parser.parse_args()
    started = time.perf_counter()
    model = load_predictor(options.model)
    sounds = [
        (f"{maker.__name__} {seed}", Recording(sound=(sound(maker, seed), SR), name=maker.__name__))
        for maker in (*SEEN, *UNSEEN)
        for seed in (11, 12)
    ]
    sounds.append(("no_face.mp4", options.data / "video" / "no_face.mp4"))
    speech = {
        "RAVDESS": [clip.path for clip in clips_of(options.data)[:: options.every]],
        "FDA": sorted((options.data / "pitch" / "fda").glob("*.wav")),
        "GRID": sorted((options.data / "video").glob("grid_*.mpg")),
        "CREMA-D": sorted((options.data / "crema-d").glob("*/*.[fm][lp][v3]")),
    }
    rows = model.predict_table([each for _, each in sounds])
    table = [{"sound": name, "status": row["status"], "label": row["label"]}
             for (name, _), row in zip(sounds, rows, strict=True)]  # fmt: skip
    labelled = [row["sound"] for row in table if row["label"] is not None]
    print(f"{len(labelled)} of {len(table)} sounds without speech got a label: {labelled}")
    shares = []
    for name, files in speech.items():
        found = [row["label"] is not None for row in model.predict_table(files)]
        shares.append({"speech": name, "clips": len(found), "labelled %": 100 * float(np.mean(found))})
        print(shares[-1])
    write(options, "nonspeech", {"model": options.model, "sounds": table, "speech": shares}, started)


if __name__ == "__main__":
    main()
