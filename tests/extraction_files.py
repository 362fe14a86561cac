"""Trees of clips for tests of extraction, and what a run left."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from stcorner.extraction.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable

    import stcorner

__all__ = ["StalePlan", "Trap", "hashes", "kill_at_clip_2", "table", "voice", "write_tree"]


def voice(seconds: float, seed: int) -> np.ndarray:
    """Buzz with a moving pitch: enough of a voice for every descriptor."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * 16000)) / 16000
    phase = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * rng.uniform(0.5, 2) * t)) / 16000
    y = sum(np.sin(k * phase) / k for k in range(1, 8)) + 0.01 * rng.standard_normal(len(t))
    return (0.2 * y).astype(np.float32)


def write_tree(root: Path, n: int = 6) -> Path:
    import soundfile

    for i in range(n):
        path = root / f"Actor_{i % 3:02d}" / f"clip {i} é.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, voice(0.8, i), 16000)
    return root


def table(path: Path) -> list[Any]:
    from pyarrow import parquet

    return parquet.read_table(path).to_pylist()


def hashes(run: stcorner.Extraction) -> dict[str, str]:
    return json.loads(Path(run.manifest).read_text())["sha256"]


def kill_at_clip_2(clips: Any, plan: Any) -> Any:
    """Stand in for the work of a batch, with a file that kills whoever reads it."""
    from stcorner.extraction.work import work_on

    if any("clip 2" in clip.path.name for clip in clips):
        os.kill(os.getpid(), signal.SIGKILL)
    return [work_on(clip, plan) for clip in clips]


@dataclass(frozen=True, kw_only=True)
class StalePlan(Plan):
    """A fault of the code of the third clip: `blocks_of` is asked for once a clip."""

    asked: ClassVar[int] = 0

    def blocks_of(self, stream: str) -> tuple[str, ...]:
        StalePlan.asked += 1
        if StalePlan.asked > 2:
            StalePlan.asked = 0  # a scheduler may try once more in the same process
            raise AttributeError("module 'stcorner._core' has no attribute 'newer'")
        return super().blocks_of(stream)


class Trap:
    """Kills or stops the process that receives it."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return spring, (self.kind,)


def spring(kind: Any) -> None:
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)
