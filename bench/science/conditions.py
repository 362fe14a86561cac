"""The voice where people record it: a model's scores on clips in noise, bands, rooms and codecs.

Every clip of the test actors is altered in 19 ways, none of which is an augmentation of the package: babble
is of other actors' clips, rooms are boxes with mirrored walls, noise comes from other generators. The model
of each fold of ravdess-luna5 never heard the actors that it is scored on. Every clip counts by its most
probable emotion, also where `predict` would give no label.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from common import KeptNetwork, arguments, cached, clips_of, folds_of, uar, voice_model, write
from stcorner import ClipFeatures, EmotionRecognizer, load_audio
from stcorner.audio.augmentation import clip_seed, code_sound, shift_pitch, stretch_time
from stcorner.extraction.describe import describe_sound
from stcorner.extraction.plan import Plan
from stcorner.recognizer import load_predictor

SR = 16000


def noise_of_slope(n, slope, rng):
    """Return noise whose power falls by `slope` dB an octave above 30 Hz."""
    size = 1 << n.bit_length()
    spectrum = np.fft.rfft(rng.standard_normal(size))
    hertz = np.maximum(np.fft.rfftfreq(size, 1 / SR), 30.0)
    return np.fft.irfft(spectrum * (hertz / 1000) ** (-slope / 6.0206), size)[:n]


def at_ratio(y, noise, snr):
    power = np.mean(y**2) / max(np.mean(noise**2), 1e-20) * 10 ** (-snr / 10)
    return y + noise * math.sqrt(power)


def noisy(y, rng, others, *, slope, snr):
    return at_ratio(y, noise_of_slope(len(y), slope, rng), snr)


def babble(y, rng, others, *, snr):
    """Add six clips of other actors, each from a random moment on."""
    total = np.zeros(len(y))
    for at in rng.choice(len(others), 6, replace=False):
        voice = load_audio(others[at], SR)[0]
        voice = np.tile(voice, 1 + 2 * len(y) // len(voice))
        start = rng.integers(len(voice) - len(y))
        total += voice[start : start + len(y)] / max(np.sqrt(np.mean(voice**2)), 1e-9)
    return at_ratio(y, total, snr)


def band(y, rng, others, *, low, high, order=10):
    from scipy.signal import butter, sosfilt

    if low:
        y = sosfilt(butter(4, low, "highpass", fs=SR, output="sos"), y)
    return sosfilt(butter(order, high, "lowpass", fs=SR, output="sos"), y)


def telephone(y, rng, others):
    """300 to 3400 Hz, then mu-law of 8 bits at a usual level."""
    y = band(y, rng, others, low=300, high=3400)
    y = y / max(np.abs(y).max(), 1e-9) * 0.5
    coded = np.round(127 * np.sign(y) * np.log1p(255 * np.abs(y)) / np.log(256)) / 127
    return np.sign(coded) * np.expm1(np.abs(coded) * np.log(256)) / 255


def room(y, rng, others, *, rt60):
    """Convolve with the mirror images of a source in a box of random size, by Sabine's absorption."""
    from scipy.signal import fftconvolve

    size = np.array([rng.uniform(4, 9), rng.uniform(3, 7), rng.uniform(2.4, 3.5)])
    source, ear = (size * rng.uniform(0.2, 0.8, 3) for _ in range(2))
    volume = size.prod()
    surface = 2 * (size[0] * size[1] + size[0] * size[2] + size[1] * size[2])
    reflection = math.sqrt(max(1 - 0.161 * volume / (surface * rt60), 0.01))
    reach = np.ceil(343 * rt60 / (2 * size)).astype(int)
    axes = []
    for length, s, e, n in zip(size, source, ear, reach, strict=True):
        k = np.arange(-n, n + 1)
        axes.append((np.concatenate([2 * k * length + s - e, 2 * k * length - s - e]),
                     np.concatenate([2 * np.abs(k), np.abs(k - 1) + np.abs(k)])))  # fmt: skip
    impulse = np.zeros(int(1.2 * rt60 * SR) + 1000)
    (x, bx), (yy, by), (z, bz) = axes
    for dz, order in zip(z, bz, strict=True):
        distance = np.sqrt(x[:, None] ** 2 + yy[None] ** 2 + dz**2)
        sample = distance / 343 * SR + rng.uniform(0, 1, distance.shape)
        strength = reflection ** (bx[:, None] + by[None] + order) / np.maximum(distance, 0.3)
        inside = sample < len(impulse)
        np.add.at(impulse, sample[inside].astype(int), strength[inside])
    impulse = impulse - np.convolve(impulse, np.full(64, 1 / 64), "same")  # a loudspeaker gives no 0 Hz
    wet = fftconvolve(y, impulse)[np.flatnonzero(impulse)[0] :][: len(y)]
    return wet * math.sqrt(np.mean(y**2) / max(np.mean(wet**2), 1e-20))


def coded(y, rng, others, *, codec, kbit):
    return code_sound(y, sr=SR, codec=codec, kbit=kbit)


def gain(y, rng, others, *, decibels):
    return y * 10 ** (decibels / 20)


def clipped(y, rng, others):
    """Cut off what exceeds the 95th percentile of the magnitude."""
    limit = np.quantile(np.abs(y), 0.95)
    return np.clip(y, -limit, limit)


def without_silence(y, rng, others):
    level = np.convolve(y**2, np.full(400, 1 / 400), "same")
    loud = np.flatnonzero(level > level.max() * 10**-3.5)
    return y[loud[0] : loud[-1] + 1]


def both(y, rng, others):
    """A room, and an air conditioner in it."""
    return noisy(room(y, rng, others, rt60=0.6), rng, others, slope=5.0, snr=15)


CONDITIONS = {
    "clean": None,
    "white noise 10 dB": partial(noisy, slope=0.0, snr=10),
    "white noise 0 dB": partial(noisy, slope=0.0, snr=0),
    "pink noise 10 dB": partial(noisy, slope=3.0, snr=10),
    "babble 10 dB": partial(babble, snr=10),
    "babble 0 dB": partial(babble, snr=0),
    "nothing above 4 kHz": partial(band, low=0, high=3900),
    "telephone, mu-law": telephone,
    "room, RT60 0.4 s": partial(room, rt60=0.4),
    "room, RT60 1.0 s": partial(room, rt60=1.0),
    "mp3, 32 kbit/s": partial(coded, codec="mp3", kbit=32),
    "opus, 12 kbit/s": partial(coded, codec="opus", kbit=12),
    "AMR, 7.95 kbit/s": partial(coded, codec="amr", kbit=7.95),
    "gain -20 dB": partial(gain, decibels=-20),
    "clipped, 5 % of samples": clipped,
    "silence cut off": without_silence,
    "pink noise 0 dB": partial(noisy, slope=3.0, snr=0),
    "brown noise 10 dB": partial(noisy, slope=6.0, snr=10),
    "room 0.6 s and noise 15 dB": both,
}


def another_voice(y, rng, others, *, semitones):
    return shift_pitch(y, sr=SR, semitones=semitones)


def another_rate(y, rng, others, *, factor):
    return stretch_time(y, factor=factor)


def another_speaker(y, rng, others, *, tract=1.0, semitones=0.0, span=1.0, voiced=1.0):
    """Speak a clip anew by the WORLD vocoder, through a longer or shorter vocal tract, at another pitch."""
    import pyworld

    f0, t = pyworld.dio(y, SR)
    f0 = pyworld.stonemask(y, f0, t, SR)
    envelope, breath = pyworld.cheaptrick(y, f0, t, SR), pyworld.d4c(y, f0, t, SR)
    bins = np.arange(envelope.shape[1])
    # A tract that is longer by a factor has its resonances lower by it.
    envelope = np.exp([np.interp(bins * tract, bins, frame) for frame in np.log(envelope)])
    middle = np.median(f0[f0 > 0]) if f0.any() else 1.0
    f0 = voiced * 2 ** (semitones / 12) * np.where(f0 > 0, middle * (f0 / middle) ** span, 0.0)
    spoken = pyworld.synthesize(f0, envelope, breath, SR)[: len(y)]
    return spoken * math.sqrt(np.mean(y**2) / max(np.mean(spoken**2), 1e-20))


# Voices unlike those of the corpus, for `shifts.py`.
SHIFTS = {
    "pitch 5 semitones lower": partial(another_voice, semitones=-5),
    "pitch 5 semitones higher": partial(another_voice, semitones=5),
    "rate 0.7 times": partial(another_rate, factor=0.7),
    "rate 1.5 times": partial(another_rate, factor=1.5),
    "vocoder, nothing changed": another_speaker,
    "vocoder, tract 15 % longer": partial(another_speaker, tract=1.15),
    "vocoder, tract 15 % shorter": partial(another_speaker, tract=1 / 1.15),
    "vocoder, longer and 4 semitones lower": partial(another_speaker, tract=1.15, semitones=-4),
    "vocoder, shorter and 4 semitones higher": partial(another_speaker, tract=1 / 1.15, semitones=4),
    "vocoder, half the range of pitch": partial(another_speaker, span=0.5),
    "vocoder, whispered": partial(another_speaker, voiced=0.0),
}


def altered(clip, name, everyone):
    """Return the sound of a clip under a condition, the same in every run."""
    y = load_audio(clip.path, SR)[0].astype(np.float64)
    change = {**CONDITIONS, **SHIFTS}[name]
    if change is None:
        return y.astype(np.float32)
    others = [other.path for other in everyone if other.subject != clip.subject]
    rng = np.random.default_rng(clip_seed(1, f"{name}:{clip.clip_id}"))
    return change(y, rng, others).astype(np.float32)


BLOCKS = ("audio", "mel")


def describe(pair, everyone):
    """Return the blocks of a clip under a condition, and what `speech_presence` finds there."""
    clip, name = pair
    vectors, found = describe_sound(altered(clip, name, everyone), Plan.checked(BLOCKS))
    return *(vectors[block] for block in BLOCKS), found["speech"]


def features_of(options, clips, name):
    """Return the features of one clip in `every` under a condition, computed once."""

    def compute():
        with ProcessPoolExecutor(options.jobs) as pool:
            rows = pool.map(
                partial(describe, everyone=clips), [(c, name) for c in clips[:: options.every]], chunksize=20
            )
            *columns, speech = zip(*rows, strict=True)
        blocks = {name: np.stack(rows) for name, rows in zip(BLOCKS, columns, strict=True)}
        return {**blocks, "speech": np.asarray(speech)}

    key = f"blocks-{options.every}-" + "".join(c if c.isalnum() else "_" for c in name)
    found = cached(options.cache, key, compute)
    return ClipFeatures(
        clips=clips[:: options.every],
        blocks={block: found[block] for block in BLOCKS},
        names=Plan.checked(BLOCKS).feature_names(),
        details=[{"speech": each, "errors": [], "warnings": []} for each in found["speech"].tolist()],
    )


def calibration_error(shares, right, bins=10):
    """Return the expected calibration error, in percent."""
    best = shares.max(axis=1)
    place = np.minimum((bins * best).astype(int), bins - 1)
    gaps = [abs(best[place == k].mean() - right[place == k].mean()) * (place == k).mean()
            for k in range(bins) if (place == k).any()]  # fmt: skip
    return 100 * float(sum(gaps))


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--model", help="a *.stcorner file or name: score it on --actors instead of folds")
    parser.add_argument("--actors", default="", help="actors that the model never heard, such as 01,05")
    parser.add_argument("--features", type=Path, help="table of `stcorner extract`, copies included")
    parser.add_argument("--every", type=int, default=5, help="of the clips, one in so many is tested")
    parser.add_argument("--default", action="store_true", help="learn from the default copies alone")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    KeptNetwork.folder = options.cache / "networks"
    started = time.perf_counter()
    clips = clips_of(options.data)
    tested = np.arange(0, len(clips), options.every)
    if options.model:
        actors = set(options.actors.split(","))
        heard = [
            (load_predictor(options.model), np.flatnonzero([clips[i].subject in actors for i in tested]))
        ]
    else:
        model = voice_model()
        features = (
            ClipFeatures.from_parquet(options.features)
            if options.features
            else model.extract(clips, n_jobs=options.jobs)
        )
        heard = []
        for fold in folds_of(clips):
            learner = EmotionRecognizer("audio") if options.default else voice_model()
            fitted = learner.fit(features[fold.train]).predictor_
            heard.append((fitted, np.flatnonzero(np.isin(tested, fold.test))))
            print(f"{len(heard)} of 5 folds learnt", flush=True)
    table = []
    for name in CONDITIONS:
        rows = features_of(options, clips, name)
        parts = [(fitted, rows[places]) for fitted, places in heard if len(places)]
        shares = np.concatenate([fitted.predict_proba(part) for fitted, part in parts])
        withheld = np.concatenate(
            [[row["label"] is None for row in fitted.rows(part)] for fitted, part in parts]
        )
        order = np.concatenate([places for _, places in heard])
        y = np.asarray([clips[i].label for i in tested[order]])
        classes = np.asarray(heard[0][0].classes)
        right = classes[shares.argmax(axis=1)] == y
        table.append({
            "condition": name,
            "UAR %": uar(y, right),
            "ECE %": calibration_error(shares, right),
            "no label %": 100 * float(withheld.mean()),
        })  # fmt: skip
        print(f"{name:28s} " + "  ".join(f"{k} {v:5.1f}" for k, v in table[-1].items() if k != "condition"))
    mean = float(np.mean([row["UAR %"] for row in table]))
    print(f"mean UAR {mean:.1f}; clips without a label count by their most probable emotion")
    write(
        options,
        "conditions_default" if options.default else "conditions",
        {"clips": len(tested), "mean UAR %": mean, "conditions": table},
        started,
    )


if __name__ == "__main__":
    main()
