"""Who speaks and how: the three factors of the synthetic corpus, as numbers.

Every channel is a deviation in units of "clearly seen or heard". What is drawn or said follows from

    identity * actor + strength * gain(actor) * emotion + identity * habit(actor, emotion) + chance(take)

where the strength is `motion` for the face and `voice` for the sound: each factor can be turned off alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["EMOTIONS", "FACE", "VOICE", "Actor", "Factors", "Performance", "make_actor", "perform"]

VOICE = ("pitch", "range", "tempo", "level", "brightness", "breath", "tremor", "ending")
FACE = (
    "brow_raise",
    "brow_frown",
    "brow_beat",
    "eye_open",
    "smile",
    "mouth_open",
    "shake",
    "nod",
    "tremble",
    "sink",
)

# The voice hardly tells angry from happy, fear from disgust, neutral from sad; the face hardly tells angry
# from disgust, fear from sad, happy from neutral. So either modality leaves doubts that the other removes, as
# the arousal in a voice and the valence in a face do.
_SAID = {  # pitch, range, tempo, level, brightness, breath, tremor, ending
    "angry": (1.1, 0.9, 0.7, 1.2, 1.2, -0.6, -0.2, -0.5),
    "disgust": (-0.3, -0.2, -0.9, 0.1, 0.1, 1.0, 0.5, -0.7),
    "fear": (0.0, -0.4, -0.5, -0.1, 0.0, 1.1, 0.9, -0.3),
    "happy": (1.2, 1.2, 0.5, 0.9, 0.9, -0.4, -0.3, -0.1),
    "neutral": (-0.6, -0.8, 0.0, -0.6, -0.7, -0.2, -0.3, 0.0),
    "sad": (-0.8, -1.1, -0.3, -0.9, -0.9, 0.1, 0.0, -0.3),
    "calm": (-1.1, -0.5, -1.0, -0.3, -0.5, 0.3, -0.4, 0.3),
    "surprise": (0.9, 1.0, -0.4, 0.4, 0.4, 0.6, 0.1, 1.4),
}
_SHOWN = {  # brow_raise, brow_frown, brow_beat, eye_open, smile, mouth_open, shake, nod, tremble, sink
    "angry": (-0.7, 1.4, 0.9, 0.1, -0.6, 0.7, 1.0, 0.2, 0.1, 0.0),
    "disgust": (-0.6, 1.2, 0.7, -0.3, -0.7, 0.3, 1.1, 0.0, 0.0, 0.1),
    "fear": (1.0, -0.2, 0.1, 0.8, -0.4, -0.3, 0.0, -0.5, 1.2, 0.5),
    "happy": (0.4, -0.5, 0.2, 0.0, 1.2, 0.4, -0.3, 0.9, -0.2, -0.2),
    "neutral": (0.1, -0.3, -0.1, 0.1, 0.7, 0.1, -0.3, 0.6, -0.2, -0.1),
    "sad": (0.8, 0.0, 0.0, -0.1, -0.6, -0.5, 0.0, -0.6, 0.8, 0.9),
    "calm": (-0.2, -0.4, -0.3, -0.3, 0.3, 0.0, -0.5, 0.0, -0.4, 0.2),
    "surprise": (1.5, -0.5, 0.6, 1.2, 0.1, 1.1, -0.2, -0.2, 0.2, -0.6),
}
EMOTIONS = tuple(_SAID)


@dataclass(frozen=True, kw_only=True)
class Factors:
    """Strengths of the factors: 0 removes one, 1 is the default."""

    identity: float = 1.0
    motion: float = 1.0
    voice: float = 1.0
    variation: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Actor:
    """What stays the same in all clips of one person; shapes and colours are shares of a range."""

    number: int
    sex: str
    shape: dict[str, float]
    colour: dict[str, tuple[float, float, float]]
    pitch: float
    tract: float
    breath: float
    brightness: float
    gains: dict[str, float]
    voice_habit: NDArray[np.float64]
    face_habit: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Performance:
    """The channels of one take; both sides of it share the same times."""

    voice: dict[str, float]
    face: dict[str, float]


_SHAPES = (
    "face_width",
    "face_height",
    "eye_gap",
    "eye_size",
    "brow_height",
    "brow_width",
    "nose_length",
    "mouth_width",
    "lip",
    "hair_line",
    "hair_side",
    "posture",
)
_PALETTES = {
    "skin": (
        (245, 214, 190),
        (232, 190, 160),
        (214, 168, 132),
        (188, 138, 104),
        (160, 112, 82),
        (226, 178, 148),
    ),
    "hair": ((38, 28, 24), (84, 56, 36), (132, 92, 52), (176, 138, 84), (60, 60, 66), (110, 46, 28)),
    "wall": (
        (176, 190, 204),
        (206, 198, 178),
        (152, 176, 158),
        (196, 172, 176),
        (140, 150, 176),
        (214, 214, 208),
    ),
    "shirt": ((52, 70, 110), (120, 44, 48), (50, 96, 72), (96, 88, 80), (34, 38, 46), (168, 120, 60)),
}


def make_actor(number: int, seed: int, factors: Factors) -> Actor:
    """Draw a person; the same number and seed give the same one whatever the other strengths are."""
    rng = np.random.default_rng([seed, number])
    male = number % 2 == 1
    strength = factors.identity
    shape = {name: strength * rng.uniform(-1, 1) for name in _SHAPES}
    colour = {}
    for name, palette in _PALETTES.items():
        middle = np.mean(palette, axis=0)
        drawn = palette[int(rng.integers(len(palette)))] + rng.uniform(-8, 8, 3)
        mixed = np.clip(middle + min(strength, 1.0) * (drawn - middle), 0, 255)
        colour[name] = (float(mixed[0]), float(mixed[1]), float(mixed[2]))
    octaves = np.log2((118 if male else 205) / 155) + rng.uniform(-0.22, 0.22)
    gains = {name: float(np.exp(strength * rng.normal(0, 0.25))) for name in ("face", "voice")}
    return Actor(
        number=number,
        sex="male" if male else "female",
        shape=shape,
        colour=colour,
        pitch=float(155 * 2 ** (strength * octaves)),
        tract=float(1 + strength * ((-0.06 if male else 0.09) + rng.uniform(-0.05, 0.05))),
        breath=float(strength * rng.uniform(-1, 1)),
        brightness=float(strength * rng.uniform(-1, 1)),
        gains=gains,
        voice_habit=strength * rng.normal(0, 0.42, (len(EMOTIONS), len(VOICE))),
        face_habit=strength * rng.normal(0, 0.4, (len(EMOTIONS), len(FACE))),
    )


def perform(
    actor: Actor, emotion: str, *, strong: bool, factors: Factors, rng: np.random.Generator
) -> Performance:
    """Draw one take of an emotion."""
    at = EMOTIONS.index(emotion)
    said, shown = np.array(_SAID[emotion]), np.array(_SHOWN[emotion])
    force = 1.2 if strong else 0.9
    voice = factors.voice * force * actor.gains["voice"] * said + actor.voice_habit[at]
    face = factors.motion * force * actor.gains["face"] * shown + actor.face_habit[at]
    voice = voice + factors.variation * rng.normal(0, 0.24, len(VOICE))
    face = face + factors.variation * rng.normal(0, 0.2, len(FACE))
    return Performance(
        voice=dict(zip(VOICE, voice.tolist(), strict=True)),
        face=dict(zip(FACE, face.tolist(), strict=True)),
    )
