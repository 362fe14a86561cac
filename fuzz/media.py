"""Media files whose headers say what is not so: small files of many kinds, overwritten or cut off."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np

from fuzz.source import Source
from media_files import AWKWARD, noise_pictures, tone, write_media
from stcorner.errors import MediaError
from stcorner.media import iter_audio, iter_video, probe

__all__ = ["media"]

# Kinds of headers, not of sound.
_AWKWARD = (
    "piped_0.wav", "big_endian_16.wav", "20in24.wav", "long.bw64.wav", "crashed_rf64.wav", "piped.w64",
    "late_count.aiff", "piped.au", "piped.flac", "tagged.wav", "ms_adpcm.wav", "chained_rate.ogg",
    "long_subtitles.mkv", "browser.webm", "phone.flv", "windows.wmv", "repeats.ogv", "monochrome.ivf",
)  # fmt: skip
_FILMS = ("film.mp4", "film.mov", "film.avi", "film.mkv", "film.mpg", "film.ts")
# What a block of sound or pictures may take, and how much is read of a file that says that it goes on.
_LARGEST_BLOCK, _MOST_BLOCKS = 1 << 27, 20


@lru_cache(maxsize=1)
def _files() -> list[tuple[str, bytes]]:
    made = []
    with tempfile.TemporaryDirectory() as folder:
        for name in (*_AWKWARD, *_FILMS):
            path = Path(folder, name)
            if name in AWKWARD:
                AWKWARD[name].write(path)
            else:
                codec = "mpeg2video" if name.endswith(("mpg", "ts")) else "mpeg4"
                sound = "mp2" if codec == "mpeg2video" else "libmp3lame"
                write_media(
                    path,
                    noise_pictures(5, 48, 64),
                    tone(0.2, 44100),
                    sr=44100,
                    codec=codec,
                    audio_codec=sound,
                )
            made.append((path.suffix, path.read_bytes()))
    return made


def _integer(source: Source) -> bytes:
    size = source.choice((1, 2, 4, 8))
    value = source.choice(
        (0, 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1, 7, 44100)
    )
    return (value & ((1 << 8 * size) - 1)).to_bytes(size, source.choice(("little", "big")))


def media(data: bytes) -> None:
    """Read a file whose header, or any other place, is overwritten: values, or a `MediaError`."""
    source = Source(data)
    suffix, content = source.choice(_files())
    changed = bytearray(content)
    for _ in range(source.byte() % 6):
        place = source.byte() << 8 | source.byte()
        at = place % min(512, len(changed)) if source.byte() % 4 else place % len(changed)
        patch = _integer(source) if source.byte() % 2 else bytes([source.byte()])
        changed[at : at + len(patch)] = patch
    if source.byte() % 8 == 0:
        del changed[len(changed) * source.byte() // 256 :]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder, f"file{suffix}")
        path.write_bytes(changed)
        with contextlib.suppress(MediaError):
            info = probe(path)
            assert info.duration is None or info.duration >= 0
        with contextlib.suppress(MediaError):
            for block in islice(iter_audio(path), _MOST_BLOCKS):
                assert block.nbytes <= _LARGEST_BLOCK
                assert np.isfinite(block).all()
        with contextlib.suppress(MediaError):
            last = -np.inf
            for part in islice(iter_video(path), _MOST_BLOCKS):
                assert part.frames.nbytes <= _LARGEST_BLOCK or len(part.frames) == 1
                assert np.diff(part.times, prepend=last).min() > 0
                last = part.times[-1]
