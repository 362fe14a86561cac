"""A drawn face: head, hair, eyes, brows and mouth, moved by the channels of a performance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from stcorner.corpora.synthetic.factors import Actor
    from stcorner.corpora.synthetic.voice import Syllable

    Image = NDArray[Any]  # what OpenCV returns has no narrower type

__all__ = ["FPS", "Portrait", "draw_portrait", "face_track", "render"]

FPS = 25
_SHIFT = 4  # OpenCV draws at sixteenths of a pixel, so that slow motion does not jump


@dataclass(frozen=True, kw_only=True)
class Portrait:
    """What does not move within an actor's clips, drawn once."""

    size: int
    wall: Image
    head: Image
    mask: Image
    place: dict[str, float]


def draw_portrait(actor: Actor, size: int) -> Portrait:
    """Draw wall, shirt, head and hair of an actor; the features of the face come frame by frame."""
    import cv2

    place = _places(actor, size)
    wall = _wall(actor, size, place)
    head = wall.copy()
    mask = np.zeros((size, size), np.uint8)
    skin, hair = actor.colour["skin"], actor.colour["hair"]
    cx, cy, a, b = (place[key] for key in ("cx", "cy", "a", "b"))
    line, side = 0.1 * actor.shape["hair_line"], 0.05 * actor.shape["hair_side"]
    for canvas, shades in ((head, (hair, skin, skin)), (mask, (255, 255, 255))):
        _ellipse(canvas, cx, cy - 0.12 * b, a * (1.14 + side), b * 1.06, shades[0])
        for sign in (-1, 1):
            _ellipse(canvas, cx + sign * a * 1.0, cy + 0.05 * b, 0.13 * a, 0.17 * b, shades[1])
        _ellipse(canvas, cx, cy, a, b, shades[2])
    fringe = np.zeros((size, size), np.uint8)
    _ellipse(fringe, cx, cy - 0.12 * b, a * 1.12, b * 1.04, 255)
    fringe[int(cy - (0.62 + line) * b) :] = 0
    head[fringe > 0] = hair
    head = _light(head, cx, cy, a, b)
    soft = cv2.GaussianBlur(mask, (0, 0), size / 160).astype(np.float32) / 255
    return Portrait(size=size, wall=wall, head=cv2.GaussianBlur(head, (0, 0), 0.7), mask=soft, place=place)


def _places(actor: Actor, size: int) -> dict[str, float]:
    shape, unit = actor.shape, size / 160
    a = unit * (40 + 3.5 * shape["face_width"])
    b = unit * (54 + 4 * shape["face_height"])
    return {
        "unit": unit,
        "cx": 80 * unit + 3 * unit * shape["posture"],
        "cy": 82 * unit,
        "a": a,
        "b": b,
        "eye_x": 0.42 * a * (1 + 0.1 * shape["eye_gap"]),
        "eye_y": -0.16 * b,
        "eye_w": 0.21 * a * (1 + 0.15 * shape["eye_size"]),
        "eye_h": 0.085 * b * (1 + 0.2 * shape["eye_size"]),
        "brow_y": -0.34 * b * (1 + 0.06 * shape["brow_height"]),
        "brow_w": unit * (2.6 + 0.9 * shape["brow_width"]),
        "nose_y": 0.2 * b * (1 + 0.15 * shape["nose_length"]),
        "mouth_y": 0.52 * b,
        "mouth_w": 0.4 * a * (1 + 0.15 * shape["mouth_width"]),
        "lip": unit * (2.6 + 0.8 * shape["lip"]),
    }


def _ellipse(canvas: Image, x: float, y: float, a: float, b: float, colour: Any) -> None:
    import cv2

    scale = 1 << _SHIFT
    centre = (round(x * scale), round(y * scale))
    axes = (max(1, round(a * scale)), max(1, round(b * scale)))
    cv2.ellipse(canvas, centre, axes, 0, 0, 360, colour, -1, cv2.LINE_AA, _SHIFT)


def _wall(actor: Actor, size: int, place: dict[str, float]) -> Image:
    rows = np.linspace(1.06, 0.88, size)[:, None, None]
    wall = np.clip(np.array(actor.colour["wall"]) * rows, 0, 255)
    wall = np.ascontiguousarray(np.broadcast_to(wall, (size, size, 3)).astype(np.uint8))
    b = place["b"]
    neck = tuple(0.82 * value for value in actor.colour["skin"])
    _ellipse(wall, place["cx"], place["cy"] + 1.62 * b, 1.75 * place["a"], 0.72 * b, actor.colour["shirt"])
    _ellipse(wall, place["cx"], place["cy"] + 0.9 * b, 0.5 * place["a"], 0.35 * b, neck)
    return wall


def _light(head: Image, cx: float, cy: float, a: float, b: float) -> Image:
    """Shade the head: bright brow and cheeks, dark sockets and sides, as light from above makes them."""
    size = len(head)
    y, x = np.mgrid[:size, :size]
    u, v = (x - cx) / a, (y - cy) / b
    light = 1.06 - 0.22 * (u**2 + 0.6 * v**2)
    for sign in (-1, 1):
        light -= 0.3 * np.exp(-(((u - sign * 0.42) / 0.3) ** 2) - ((v + 0.17) / 0.14) ** 2)
        light += 0.1 * np.exp(-(((u - sign * 0.45) / 0.25) ** 2) - ((v - 0.18) / 0.18) ** 2)
        light -= 0.16 * np.exp(-(((u - sign * 0.16) / 0.07) ** 2) - ((v - 0.24) / 0.06) ** 2)
    light += 0.12 * np.exp(-((u / 0.09) ** 2) - ((v - 0.02) / 0.22) ** 2)
    light -= 0.1 * np.exp(-((u / 0.3) ** 2) - ((v - 0.72) / 0.07) ** 2)
    return np.asarray(np.clip(head * light[:, :, None], 0, 255), dtype=np.uint8)


def face_track(
    channels: dict[str, float], syllables: Sequence[Syllable], duration: float, rng: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """Turn the channels of a take into what each frame shows.

    The expression rises at the beginning and swells with the speech, the head beats on syllables or at rates
    of its own, the mouth opens with the vowels.
    """
    time = np.arange(round(duration * FPS)) / FPS
    onset = rng.uniform(0.2, 0.4)
    rise = 1 / (1 + np.exp(-(time - onset) / 0.07))
    opening, beat = np.zeros(len(time)), np.zeros(len(time))
    for at, (start, end, _, vowel) in enumerate(syllables):
        middle, width = 0.55 * end + 0.45 * start, 0.3 * (end - start)
        bump = np.exp(-0.5 * ((time - middle) / width) ** 2)
        opening += bump * {"a": 1.0, "o": 0.8, "e": 0.6, "i": 0.4}[vowel]
        beat += bump * (at % 2)
    # What is shown swells with every other syllable: corners in time need motion, not a still grimace.
    pulse = rise * (0.4 + 1.2 * np.minimum(beat, 1))
    phase = rng.uniform(0, 2 * np.pi, 4)
    wave = [np.sin(2 * np.pi * rate * time + p) for rate, p in zip((2.1, 1.3, 8.5, 6.5), phase, strict=True)]
    strength = {name: float(np.clip(value, -2.5, 2.5)) for name, value in channels.items()}
    blink = np.zeros(len(time))
    if rng.uniform() < 0.6:
        blink = np.exp(-0.5 * ((time - rng.uniform(0.2, duration)) / 0.05) ** 2)
    return {
        "brow_raise": 2.5 * strength["brow_raise"] * pulse + 1.6 * strength["brow_beat"] * beat,
        "brow_frown": 2.3 * strength["brow_frown"] * pulse,
        "eye_open": np.clip(1 + 0.25 * strength["eye_open"] * pulse, 0.6, 1.6) * (1 - 0.9 * blink),
        "smile": 3.2 * strength["smile"] * pulse,
        "mouth_open": 4.5 * np.exp(0.35 * strength["mouth_open"]) * opening,
        "x": 1.5 * max(0.0, 0.35 + strength["shake"]) * rise * wave[0]
        + 0.35 * max(0.0, strength["tremble"]) * wave[2],
        "y": 1.5 * max(0.0, 0.35 + strength["nod"]) * beat
        + 1.5 * strength["sink"] * rise
        + 0.3 * max(0.0, strength["tremble"]) * wave[3],
        "roll": 0.6 * wave[1] + 0.8 * strength["shake"] * wave[0] * rise,
    }


def render(
    actor: Actor, portrait: Portrait, track: dict[str, NDArray[np.float64]], rng: np.random.Generator
) -> Iterator[Image]:
    """Yield the frames, RGB uint8 of shape (size, size, 3)."""
    import cv2

    size, unit = portrait.size, portrait.place["unit"]
    noise = rng.normal(0, 1.0, (2 * size, 2 * size, 1)).round().astype(np.int16)
    for at in range(len(track["x"])):
        now = {name: float(values[at]) for name, values in track.items()}
        head: Image = portrait.head.copy()
        _features(head, actor, portrait.place, now)
        turn: Image = cv2.getRotationMatrix2D(
            (portrait.place["cx"], portrait.place["cy"] + portrait.place["b"]), now["roll"], 1
        )
        turn[:, 2] += (now["x"] * unit, now["y"] * unit)
        head = cv2.warpAffine(head, turn, (size, size), borderMode=cv2.BORDER_REPLICATE)
        mask = cv2.warpAffine(portrait.mask, turn, (size, size))
        frame = cv2.blendLinear(head, portrait.wall, mask, 1 - mask)
        y, x = rng.integers(0, size, 2)
        yield np.clip(frame + noise[y : y + size, x : x + size], 0, 255).astype(np.uint8)


def _features(head: Image, actor: Actor, place: dict[str, float], now: dict[str, float]) -> None:
    """Draw eyes, brows, nose and mouth into a copy of the head."""
    unit, cx, cy = place["unit"], place["cx"], place["cy"]
    dark = tuple(0.32 * value for value in actor.colour["hair"])
    for sign in (-1, 1):
        x, y = cx + sign * place["eye_x"], cy + place["eye_y"]
        height = place["eye_h"] * now["eye_open"]
        _ellipse(
            head,
            x,
            y,
            place["eye_w"] * 1.12,
            height * 1.25 + unit,
            tuple(0.55 * c for c in actor.colour["skin"]),
        )
        _ellipse(head, x, y, place["eye_w"], height, (226, 224, 220))
        iris = min(height, 0.55 * place["eye_w"])
        _ellipse(head, x, y, iris, iris, dark)
        _brow(head, place, sign, now, dark)
    _mouth(head, actor, place, now)


def _brow(
    head: Image,
    place: dict[str, float],
    sign: int,
    now: dict[str, float],
    colour: tuple[float, ...],
) -> None:
    unit = place["unit"]
    y = place["cy"] + place["brow_y"]
    inner = now["brow_frown"] - now["brow_raise"]
    outer = -0.3 * now["brow_frown"] - 0.8 * now["brow_raise"]
    x = place["cx"] + sign * place["eye_x"]
    points = [
        (x - sign * (1.25 * place["eye_w"] + 0.5 * unit * max(now["brow_frown"], 0)), y + unit * (1 + inner)),
        (x, y + unit * (-1.5 + 0.5 * (inner + outer))),
        (x + sign * 1.35 * place["eye_w"], y + unit * (1.5 + outer)),
    ]
    _line(head, points, colour, place["brow_w"])


def _mouth(head: Image, actor: Actor, place: dict[str, float], now: dict[str, float]) -> None:
    import cv2

    unit, y = place["unit"], place["cy"] + place["mouth_y"]
    width = place["mouth_w"] * (1 + 0.06 * now["smile"])
    opened, curve = unit * max(now["mouth_open"], 0.0), unit * now["smile"]
    u = np.linspace(-1, 1, 9)
    corner = -curve * (u**2 - 0.4)
    upper = y + corner - 0.35 * opened * (1 - u**2)
    lower = y + corner + 0.65 * opened * (1 - u**2)
    x = place["cx"] + width * u
    outline = np.concatenate([np.stack([x, upper], 1), np.stack([x, lower], 1)[::-1]])
    scaled = np.round(outline * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(head, [scaled], (62, 26, 28), cv2.LINE_AA, _SHIFT)
    red = tuple(
        0.62 * value * tint for value, tint in zip(actor.colour["skin"], (1.1, 0.72, 0.74), strict=True)
    )
    for edge in (upper, lower):
        _line(head, list(zip(x, edge, strict=True)), red, place["lip"])


def _line(head: Image, points: list[tuple[float, float]], colour: tuple[float, ...], width: float) -> None:
    import cv2

    scaled = np.round(np.array(points) * (1 << _SHIFT)).astype(np.int32)
    cv2.polylines(head, [scaled], False, colour, max(1, round(width)), cv2.LINE_AA, _SHIFT)
