"""The fenced blocks of README.md and docs/: finding them, running them, showing what they print.

``python tests/page_blocks.py PAGE...`` runs the Python of the pages and writes what each block printed into
the ``text`` block right below it, where there is one.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import stcorner

FENCE = re.compile(
    r"(?:^<!-- (?P<mark>[^>]*) -->\n)?^```(?P<language>\w+)[^\n]*\n(?P<code>.*?)^```", re.M | re.S
)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


class Block(NamedTuple):
    """A fenced block of a page, the mark above it, the line it starts on, and where its code lies."""

    language: str
    code: str
    mark: str
    line: int
    start: int
    end: int


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page in order."""
    text = page.read_text()
    return [
        Block(
            m["language"],
            m["code"],
            m["mark"] or "",
            text.count("\n", 0, m.start("code")) + 1,
            m.start(),
            m.end(),
        )
        for m in FENCE.finditer(text)
    ]


def run_page(page: Path) -> list[tuple[Block, str, Block | None]]:
    """Run the Python of a page in one namespace; return each block, what it printed, what the page shows."""
    names: dict[str, object] = {"__name__": "__docs__"}
    text = page.read_text()
    every = blocks(page)
    ran = []
    for block, below in zip(every, [*every[1:], None], strict=True):
        if block.language != "python":
            continue
        # Empty lines in front, so that a traceback names the page's own line.
        code = compile("\n" * (block.line - 1) + block.code, str(page), "exec")
        if block.mark.startswith("needs"):
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, names)
        shown = below is not None and below.language == "text" and not text[block.end : below.start].strip()
        ran.append((block, printed.getvalue(), below if shown else None))
    return ran


def agree(shown: str, printed: str, *, tolerance: float = 0.05) -> bool:
    """Say whether two outputs have the same words and, within the tolerance, the same numbers."""
    if NUMBER.sub("#", " ".join(shown.split())) != NUMBER.sub("#", " ".join(printed.split())):
        return False
    pairs = zip(map(float, NUMBER.findall(shown)), map(float, NUMBER.findall(printed)), strict=True)
    return all(abs(a - b) <= tolerance * max(abs(a), abs(b)) + 0.02 for a, b in pairs)


def fill_folder(folder: Path, corpus: Path) -> None:
    """Put in place what the pages speak of: ``corpus/``, ``clip.mp4`` and ``clip.wav``."""
    import shutil

    import soundfile

    (folder / "corpus").symlink_to(corpus)
    videos = sorted(corpus.rglob("01-*.mp4"))
    shutil.copy(videos[0], folder / "clip.mp4")
    y, sr = stcorner.load_audio(videos[0], sr=48000)
    soundfile.write(folder / "clip.wav", y, sr)


def fill_interviews(folder: Path, corpus: Path) -> None:
    """Put six recordings of two people in place, real ones where they are at hand."""
    import shutil

    import soundfile

    from media_files import write_media
    from two_faces import side_by_side

    data = Path(os.environ.get("STCORNER_DATA", Path(__file__).parents[2] / "shared" / "data"))
    one, two = folder / "interviews" / "p01" / "1. Gespräch", folder / "interviews" / "p02"
    one.mkdir(parents=True)
    two.mkdir()
    made = sorted(corpus.rglob("01-*.mp4"))
    films = sorted((data / "video").glob("grid_*.mpg"))
    left, right = films[:2] or (made[0], made[-1])
    side_by_side(left, right, one / "zu zweit.mp4")
    y, sr = stcorner.load_audio(made[1], sr=44100)
    soundfile.write(one / "Größe.wav", y, sr)
    soundfile.write(two / "allein.wav", y, sr)
    found = {
        one / "Begrüßung.mp4": sorted((data / "ravdess").glob("av_speech/*/01-*.mp4")),
        two / "Ärger.mpg": films,
        two / "Abschied.flv": sorted((data / "crema-d").glob("VideoFlash/*.flv")),
    }
    for target, sources in found.items():
        if sources:
            shutil.copy(sources[0], target)
            continue
        pictures, fps = stcorner.load_video(made[2], gray=False)
        kinds = {".flv": ("flv1", "mp3"), ".mpg": ("mpeg1video", "mp2"), ".mp4": ("libx264", "aac")}
        codec, audio_codec = kinds[target.suffix]
        write_media(
            target, pictures=pictures, fps=round(fps), sound=y, sr=sr, codec=codec, audio_codec=audio_codec
        )


def main() -> None:
    pages = [Path(name).resolve() for name in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as name:
        corpus, folder = Path(name) / "made", Path(name) / "work"
        stcorner.make_corpus(corpus, n_actors=4, n_takes=2, size=128)  # as the fixture `small_corpus`
        folder.mkdir()
        fill_folder(folder, corpus)
        os.chdir(folder)
        for page in pages:
            text = page.read_text()
            for _, printed, shown in reversed(run_page(page)):
                if shown is not None and not agree(shown.code, printed):
                    text = f"{text[: shown.start]}```text\n{printed}```{text[shown.end :]}"
            page.write_text(text)


if __name__ == "__main__":
    main()
