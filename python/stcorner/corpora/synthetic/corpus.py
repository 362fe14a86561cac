"""Write the synthetic corpus: one mp4 with sound per take, under RAVDESS names."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_choice, check_integer, check_real
from stcorner.corpora.clip import ClipList, canonical_label
from stcorner.corpora.readers.ravdess import EMOTION_CODES, load_ravdess
from stcorner.corpora.readers.synthetic import SYNTHETIC_MANIFEST
from stcorner.corpora.synthetic.face import FPS, draw_portrait, face_track, render
from stcorner.corpora.synthetic.factors import EMOTIONS, Factors, make_actor, perform
from stcorner.corpora.synthetic.movie import AUDIO_ENCODERS, VIDEO_ENCODERS, choose_encoder, write_movie
from stcorner.corpora.synthetic.voice import SAMPLE_RATE, speak, syllable_times
from stcorner.errors import DatasetError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from stcorner.corpora.synthetic.face import Portrait
    from stcorner.corpora.synthetic.factors import Actor

__all__ = ["make_corpus"]

# Raise it when the same parameters no longer give the same clips.
_FORMAT = 1
# Intensity, statement and repetition of the takes in the order in which `n_takes` asks for them.
_TAKES = tuple((i, s, r) for i in (1, 2) for r in (1, 2) for s in (1, 2))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The parameters of `make_corpus` that decide what is written."""

    n_actors: int
    n_takes: int
    emotions: tuple[str, ...]
    size: int
    factors: Factors
    seed: int

    def __post_init__(self) -> None:
        """Refuse what cannot be written or named."""
        check_integer("n_actors", self.n_actors, low=1, high=24)
        check_integer("n_takes", self.n_takes, low=1, high=len(_TAKES))
        if check_integer("size", self.size, low=96, high=512) % 2:
            raise ParameterError(f"size must be even, got {self.size}")
        check_integer("seed", self.seed, low=0)
        for name, value in asdict(self.factors).items():
            check_real(name, value, low=0, high=3)
        for name in self.emotions:
            check_choice("emotions", name, EMOTIONS)
        if not self.emotions or len(set(self.emotions)) < len(self.emotions):
            raise ParameterError(f"emotions must be different labels, at least one, got {self.emotions}")

    def manifest(self) -> dict[str, Any]:
        """Return what identifies the corpus."""
        fields: dict[str, Any] = {"format": _FORMAT, **asdict(self)}
        return {**fields, "emotions": list(self.emotions)}


@dataclass(frozen=True, kw_only=True)
class _Take:
    path: Path
    actor: int
    emotion: str
    intensity: int
    statement: int
    repetition: int


def make_corpus(
    out: str | Path,
    *,
    n_actors: int = 8,
    n_takes: int = 3,
    emotions: Sequence[str] = EMOTIONS[:6],
    size: int = 160,
    identity: float = 1.0,
    motion: float = 1.0,
    voice: float = 1.0,
    variation: float = 1.0,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> ClipList:
    """Write a corpus of drawn, talking faces with synthetic voices.

    Actors differ in face, voice and habits; emotions differ in the motion of brows, eyes, mouth and head
    and in pitch, tempo, level and timbre. The voice confuses three pairs of emotions and the face three
    others, so that both together tell more than either. A habit is an actor's way of showing one emotion:
    whoever tests on known actors profits from it, as in real corpora. The corpus is for trying things
    out; nothing about real faces or voices can be learned from it.

    Parameters
    ----------
    out : path
        Folder to write to; made where missing. A folder that already holds the corpus of equal parameters is
        read, not written again.
    n_actors : int, 1 to 24
        Odd numbers have low voices, even ones high voices.
    n_takes : int, 1 to 8
        Clips per actor and emotion; neutral has at most 4, as in RAVDESS.
    emotions : sequence of str
        Labels of RAVDESS; by default angry, disgust, fear, happy, neutral, sad.
    size : int, 96 to 512
        Height and width of the picture in pixels, even.
    identity, motion, voice, variation : float, >= 0
        Strengths of what distinguishes actors, of what an emotion does to the face, of what it does to
        the voice, and of chance from take to take; 0 removes it, 1 is the default.
    seed : int, >= 0
        Equal parameters give equal pictures and sound; bytes are equal where the encoders are.
    n_jobs : int, optional
        Clips written side by side. None or -1: as many as there are cores.
    progress : callable, optional
        Called as `progress(done, total)` after each clip.

    Returns
    -------
    ClipList
        What `load_corpus(out)` returns: clips of modality "both" whose corpus is "synthetic". Pictures have
        25 frames per second, sound has 16 kHz; a clip lasts about 1 to 2 seconds.

    Raises
    ------
    ValueError
        If a parameter is outside its range, or `out` holds something else.
    MediaError
        If a clip cannot be written.

    See Also
    --------
    load_corpus : Reads what it wrote.

    Examples
    --------
    >>> make_corpus("anywhere", n_actors=25)
    Traceback (most recent call last):
    stcorner.errors.ParameterError: n_actors must be >= 1 and <= 24, got 25
    """
    recipe = Recipe(
        n_actors=n_actors,
        n_takes=n_takes,
        emotions=tuple(map(canonical_label, emotions)),
        size=size,
        factors=Factors(identity=identity, motion=motion, voice=voice, variation=variation),
        seed=seed,
    )
    workers = _count_jobs(n_jobs)
    folder = Path(out)
    if not _open_folder(folder, recipe):
        encoders = choose_encoder(VIDEO_ENCODERS), choose_encoder(AUDIO_ENCODERS)
        _write_manifest(folder, {**recipe.manifest(), "encoders": encoders, "complete": False})
        _write_takes(folder, recipe, encoders, workers, progress)
        _write_manifest(folder, {**recipe.manifest(), "encoders": encoders, "complete": True})
    return load_ravdess(folder, corpus="synthetic")


def _count_jobs(n_jobs: int | None) -> int:
    if n_jobs is None or n_jobs == -1:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return check_integer("n_jobs", n_jobs, low=1)


def _open_folder(folder: Path, recipe: Recipe) -> bool:
    """Tell whether the folder holds this corpus, whole; refuse one that holds anything else."""
    if not folder.exists():
        return False
    if not folder.is_dir():
        raise DatasetError(f"out must be a folder, got the file {str(folder)!r}")
    file = folder / SYNTHETIC_MANIFEST
    if not file.exists():
        if any(folder.iterdir()):
            raise DatasetError(
                f"out must be an empty or new folder, got {str(folder)!r} with files in it: give another name"
            )
        return False
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        differing = [name for name, value in recipe.manifest().items() if manifest.get(name) != value]
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise DatasetError(
            f"out holds a damaged {SYNTHETIC_MANIFEST}: {error}: delete the folder and make it anew"
        ) from None
    if differing:
        raise DatasetError(
            f"out must be a new folder, {str(folder)!r} holds a corpus of other {', '.join(differing)}: "
            "give another name, or the same settings"
        )
    return manifest.get("complete") is True and all(take.path.exists() for take in _plan(folder, recipe))


def _write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(manifest, indent=1) + "\n"
    (folder / SYNTHETIC_MANIFEST).write_text(text, encoding="utf-8")


def _plan(folder: Path, recipe: Recipe) -> Iterator[_Take]:
    for actor in range(1, recipe.n_actors + 1):
        for emotion in recipe.emotions:
            code = EMOTION_CODES[emotion]
            for intensity, statement, repetition in _TAKES[: recipe.n_takes]:
                if emotion == "neutral" and intensity == 2:
                    continue  # RAVDESS has no strong neutral
                name = f"01-01-{code}-{intensity:02d}-{statement:02d}-{repetition:02d}-{actor:02d}.mp4"
                yield _Take(
                    path=folder / f"Actor_{actor:02d}" / name,
                    actor=actor,
                    emotion=emotion,
                    intensity=intensity,
                    statement=statement,
                    repetition=repetition,
                )


def _write_takes(
    folder: Path,
    recipe: Recipe,
    encoders: tuple[str, str],
    workers: int,
    progress: Callable[[int, int], object] | None,
) -> None:
    """Write the clips that are not there yet (those of an interrupted call are whole)."""
    cast = {}
    for number in range(1, recipe.n_actors + 1):
        actor = make_actor(number, recipe.seed, recipe.factors)
        cast[number] = actor, draw_portrait(actor, recipe.size)
        (folder / f"Actor_{number:02d}").mkdir(exist_ok=True)
    takes = list(_plan(folder, recipe))
    missing = [take for take in takes if not take.path.exists()]
    done = len(takes) - len(missing)
    # Threads suffice: drawing, filtering and encoding run outside the interpreter's lock.
    pool = ThreadPoolExecutor(workers)
    try:
        pending = [pool.submit(_write_take, take, recipe, *cast[take.actor], encoders) for take in missing]
        for future in as_completed(pending):
            future.result()
            done += 1
            if progress is not None:
                progress(done, len(takes))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _write_take(
    take: _Take, recipe: Recipe, actor: Actor, portrait: Portrait, encoders: tuple[str, str]
) -> None:
    code = int(EMOTION_CODES[take.emotion])
    rng = np.random.default_rng(
        [recipe.seed, take.actor, code, take.intensity, take.statement, take.repetition]
    )
    channels = perform(actor, take.emotion, strong=take.intensity == 2, factors=recipe.factors, rng=rng)
    syllables = syllable_times(take.statement - 1, channels.voice["tempo"], rng)
    sound = speak(actor, channels.voice, syllables, rng)
    track = face_track(channels.face, syllables, len(sound) / SAMPLE_RATE, rng)
    frames = render(actor, portrait, track, rng)
    write_movie(take.path, frames, sound, fps=FPS, sample_rate=SAMPLE_RATE, encoders=encoders)
