"""What to compute from each clip: one small value that travels to every worker and into every manifest."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from stcorner._base.validation import check_choice, check_integer, check_real
from stcorner.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from stcorner.corpora.clip import Clip

__all__ = ["BUILT_IN", "SAMPLE_RATE", "Face", "Plan", "check_face", "check_window"]

# The analysis rate of sound. Descriptors are defined up to 8 kHz, which every corpus and telephone call has.
SAMPLE_RATE = 16_000
# Blocks that the package computes itself, and the stream of a file that each is computed from.
BUILT_IN = {
    "audio": "audio", "mel": "audio", "video": "video", "texture": "video", "expression": "video",
}  # fmt: skip
# In tables and models of earlier versions the block "video" holds the texture map, with this normaliser.
_OLD_VIDEO = "texture_"
_OLD_EPS = 1e-5 * 255**2


Face = Literal["largest", "all"] | int


def check_face(face: Any) -> Face:
    """Return which face counts: the largest, each for itself, or one by its id."""
    if isinstance(face, str):
        return "all" if check_choice("face", face, ("largest", "all")) == "all" else "largest"
    return check_integer("face", face, low=0)


def check_window(window: float, hop: float) -> tuple[float, float]:
    """Return length and step of windows in seconds, or raise."""
    length = check_real("window", window, low=0.5, high=60.0)
    return length, check_real("hop", hop, low=0.0, high=length, open_low=True)


def _check_augment(augment: Any) -> tuple[str, ...]:
    """Return the kinds of altered copies, each a kind of `augment_audio` or several joined by "+"."""
    from stcorner.audio.augmentation import AUDIO_KINDS

    kinds = (augment,) if isinstance(augment, str) else tuple(augment or ())
    for kind in kinds:
        for part in str(kind).split("+"):
            check_choice("augment", part, AUDIO_KINDS)
    return tuple(map(str, kinds))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to compute from a clip.

    Parameters
    ----------
    blocks : tuple of str
        Names of `BUILT_IN`, in the order of the columns.
    recipe : str
        Recipe of the block ``"audio"``.
    crop_size : int
        Side of the face crop in pixels, 32 to 512.
    fps : float
        Frames per second at which the face is looked at, 5 to 120.
    face : "largest", "all" or int
        Which face counts; "all" gives each face a row of its own.
    augment : tuple of str
        Kinds of altered copies of the sound.
    labelled_copies : bool
        Whether only clips with a label get them.
    seed : int
        Seed of the altered copies.
    window, hop : float, optional
        Length of windows in seconds, each of which is a sample; None makes one sample of the whole clip.
    max_seconds : float, optional
        Longer clips are refused: one vector says little of them, and their pictures would fill the memory.
    isa : str
        Instruction set that workers must use; empty for any. Sets differ in the last bits.
    old_video : bool
        Whether the block ``"video"`` is the texture map, as in models of earlier versions.
    voices : mapping of a speaker to a list of clips
        What the babble of copies is made of, see `hearing`.
    """

    blocks: tuple[str, ...]
    recipe: str = "rich"
    crop_size: int = 96
    fps: float = 25.0
    face: Face = "largest"
    augment: tuple[str, ...] = ()
    labelled_copies: bool = False
    seed: int = 0
    window: float | None = None
    hop: float | None = None
    max_seconds: float | None = None
    isa: str = ""
    old_video: bool = False
    voices: Mapping[tuple[str, str], Sequence[Clip]] = field(default_factory=dict, repr=False)

    @classmethod
    def checked(
        cls,
        blocks: tuple[str, ...],
        *,
        recipe: str = "rich",
        crop_size: int = 96,
        fps: float = 25.0,
        face: Any = "largest",
        augment: Any = (),
        seed: int = 0,
        window: float | None = None,
        hop: float | None = None,
    ) -> Plan:
        """Return a plan, or raise if a parameter is out of its range."""
        for block in blocks:
            check_choice("blocks", block, tuple(BUILT_IN))
        if window is None and hop is not None:
            raise ParameterError(f"hop must come with window, got {hop!r} alone")
        step = window if hop is None else hop
        if window is not None and step is not None:
            window, step = check_window(window, step)
        heard = any(BUILT_IN[name] == "audio" for name in blocks)
        if heard:
            from stcorner.audio import feature_names

            feature_names(recipe)  # refuses an unknown one
        return cls(
            blocks=tuple(blocks),
            recipe=recipe,
            crop_size=check_integer("crop_size", crop_size, low=32, high=512),
            fps=check_real("fps", fps, low=5, high=120),
            face=check_face(face),
            augment=_check_augment(augment) if heard else (),
            seed=check_integer("seed", seed, low=0),
            window=window,
            hop=step,
        )

    def giving(self, names: Mapping[str, Sequence[str]]) -> Plan:
        """Return the plan whose block ``"video"`` has these columns, perhaps those of an earlier version."""
        return replace(self, old_video=bool(names.get("video")) and names["video"][0].startswith(_OLD_VIDEO))

    def hearing(self, clips: Iterable[Clip]) -> Plan:
        """Return the plan with the clips of each speaker, of which the babble of their copies is made.

        The speaker's own, and not another's: a copy then tells a model nothing of those that it is tested on.
        """
        voices: dict[tuple[str, str], list[Clip]] = {}
        if any("babble" in kind.split("+") for kind in self.augment):
            for clip in clips:
                if clip.subject and clip.recording is None:
                    voices.setdefault(clip.group, []).append(clip)
        return replace(self, voices=voices)

    def face_descriptions(self) -> dict[str, Callable[[NDArray[np.uint8]], NDArray[np.float32]]]:
        """Return what describes a stretch of face crops, by block; the expressions look at single ones."""
        from stcorner.video import orientation_histogram, texture_map_histogram

        known: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.float32]]] = {
            "video": orientation_histogram,
            "texture": texture_map_histogram,
        }
        if self.old_video:
            known["video"] = partial(texture_map_histogram, eps=_OLD_EPS)
        return {block: known[block] for block in self.blocks if block in known}

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams of a file that the blocks need, sound first."""
        needed = {BUILT_IN[block] for block in self.blocks}
        return tuple(stream for stream in ("audio", "video") if stream in needed)

    def blocks_of(self, stream: str) -> tuple[str, ...]:
        """Return the blocks that are computed from a stream."""
        return tuple(block for block in self.blocks if BUILT_IN[block] == stream)

    def feature_names(self) -> dict[str, list[str]]:
        """Return the names of the columns of each block."""
        return {block: _column_names(block, self) for block in self.blocks}

    def document(self) -> dict[str, Any]:
        """Return what decides the numbers, as JSON can hold it: for manifests and for telling runs apart."""
        import stcorner

        values = asdict(replace(self, voices={}))
        del values["voices"]  # the clips of the table themselves
        return {"stcorner": stcorner.__version__, "plan": values}


def _column_names(block: str, plan: Plan) -> list[str]:
    """Return the names of the columns of a built-in block."""
    if block == "audio":
        from stcorner.audio import feature_names

        return list(feature_names(plan.recipe))
    if block == "mel":
        from stcorner.audio import log_mel_patch_names

        return log_mel_patch_names()
    if block == "expression":
        from stcorner.video.expression_summary import expression_summary_names

        return list(expression_summary_names())
    from stcorner.video import orientation_histogram_names, texture_map_names

    texture = block == "texture" or plan.old_video
    return list(texture_map_names() if texture else orientation_histogram_names())
