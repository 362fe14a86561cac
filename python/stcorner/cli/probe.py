"""``stcorner probe``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["probe"]


def probe(files: list[Path], /, *, json: bool = False) -> int:
    """Show the streams, rates, durations and sizes of media files.

    Parameters
    ----------
    files
        Audio or video files, or folders of them.
    json
        Print JSON instead of a table.
    """
    from stcorner.cli._output import complain, print_json, print_table
    from stcorner.errors import MediaError
    from stcorner.extraction.finding import find_clips

    rows: list[dict[str, Any]] = []
    failed = 0
    for clip in find_clips(files):
        try:
            rows.append(_row(clip.path))
        except MediaError as error:
            failed += 1
            rows.append({"file": str(clip.path), "error": str(error)})
            complain(str(error))
    if json:
        print_json(rows)
    elif good := [row for row in rows if "error" not in row]:
        print_table(good)
    return 1 if failed else 0


def _row(file: Path) -> dict[str, Any]:
    from stcorner.media import probe as probe_media

    info = probe_media(file)
    audio, video = info.audio, info.video
    return {
        "file": str(file),
        "format": info.format,
        "seconds": info.duration,
        "audio": audio and audio.codec,
        "sr": audio and audio.sample_rate,
        "channels": audio and audio.channels,
        "video": video and video.codec,
        "width": video and video.width,
        "height": video and video.height,
        "fps": video and video.fps,
        "rotation": video and video.rotation,
        "offset": info.offset,
    }
