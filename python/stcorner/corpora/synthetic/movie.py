"""Write frames and sound as an mp4 file."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["choose_encoder", "write_movie"]

VIDEO_ENCODERS = ("libx264", "libopenh264", "mpeg4")
AUDIO_ENCODERS = ("aac", "libmp3lame")
_OPTIONS = {"libx264": {"preset": "superfast", "crf": "18"}, "mpeg4": {"qscale": "3"}}


def choose_encoder(names: Sequence[str]) -> str:
    """Return the first encoder of `names` that this build of PyAV has; warn if it is not the first."""
    import av.codec

    for name in names:
        try:
            av.codec.Codec(name, "w")
        except ValueError:
            continue
        if name != names[0]:
            message = f"PyAV has no encoder {names[0]}: clips are written with {name}"
            warnings.warn(message, RuntimeWarning, stacklevel=3)
        return name
    raise MediaError(
        f"writing clips needs one of the encoders {', '.join(names)}, and PyAV has none: install PyAV "
        "from PyPI"
    )


def write_movie(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    sound: NDArray[np.float32],
    *,
    fps: int,
    sample_rate: int,
    encoders: tuple[str, str],
) -> None:
    """Encode RGB frames (y, x, 3) and mono sound; the file appears under its name only when it is whole."""
    import av

    partial = path.with_name(f"{path.stem}.part")
    try:
        with av.open(str(partial), "w", format="mp4") as container:
            # Streams are chosen by name, which the stubs of PyAV cannot follow.
            options = _OPTIONS.get(encoders[0], {})
            video: Any = container.add_stream(encoders[0], rate=fps, options=options)
            video.pix_fmt = "yuv420p"
            # One thread per file: clips are written side by side, and bits must not depend on the machine.
            video.codec_context.thread_count = 1
            audio: Any = container.add_stream(encoders[1], rate=sample_rate, layout="mono")
            audio.bit_rate = 64000
            for number, pixels in enumerate(frames):
                if number == 0:
                    video.height, video.width = pixels.shape[:2]
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts = number
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
            wave = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound)[None], format="fltp", layout="mono")
            wave.sample_rate = sample_rate
            wave.pts = 0
            container.mux(audio.encode(wave))
            container.mux(audio.encode(None))
        partial.replace(path)
    except (av.error.FFmpegError, OSError) as error:
        raise MediaError(f"clip {path} cannot be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
