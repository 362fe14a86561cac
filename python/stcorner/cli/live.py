"""``stcorner live``."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from stcorner.cli._options import parse_face

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stcorner.live import LiveSession, Source
    from stcorner.recognizer import Predictor

__all__ = ["live"]

_BAR = 30


def live(
    file: Path | None = None,
    /,
    *,
    camera: int | None = None,
    microphone: bool | None = None,
    model: Annotated[str | None, Parameter(alias="-m")] = None,
    window: float = 2.0,
    hop: float = 0.5,
    face: str | None = None,
    speed: float = 1.0,
    duration: float | None = None,
    max_frames: int = 50,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    to: tuple[str, ...] = (),
    json: bool = False,
) -> int:
    """Show probabilities live, from a camera, a microphone or a played file.

    Runs to the end of the file, or until Ctrl-C, and then says how late the answers were.

    Parameters
    ----------
    file
        Audio or video file to play as if it were captured now.
    camera
        Number of a camera instead: 0 is the first.
    microphone
        With --camera: record sound too, with the package sounddevice. Default: if it is installed.
    model
        A *.stcorner file or the name of a shipped model. Default: ravdess-av.
    window
        Seconds of each window.
    hop
        Seconds between the starts of windows.
    face
        Which face: largest, a number, or all, which gives each a row. Default: as the model.
    speed
        Speed of a played file; 2 is twice as fast.
    duration
        Seconds after which to stop.
    max_frames
        Frames in the queue at most; beyond, the oldest are dropped.
    output
        Write each update to this file as a line of JSON.
    to
        Send each update to another program: stdout for lines of JSON, udp://127.0.0.1:PORT for datagrams of
        JSON, lsl for a stream of the lab streaming layer. May be given several times.
    json
        Print the summary as JSON, and no updates.
    """
    from stcorner._base.files import check_not_input
    from stcorner._base.validation import check_real
    from stcorner.cli._output import note, print_json, say
    from stcorner.errors import ParameterError
    from stcorner.live import LiveRecognizer, LiveSession
    from stcorner.live.outlets import written_to
    from stcorner.recognizer import load_predictor

    if output is not None:
        for read in (file, model):
            check_not_input("--output", output, None if read is None else Path(read))
    piped = "stdout" in to
    if piped and json:
        raise ParameterError(
            "--json must come without --to stdout, as both write to the same stream: leave one of them out"
        )
    limit = None if duration is None else check_real("--duration", duration, low=0.0, open_low=True)
    recognizer = load_predictor(model)
    if face is not None:
        recognizer = replace(recognizer, plan=replace(recognizer.plan, face=parse_face(face)))
    sources = _sources(recognizer, file, camera, microphone, speed)
    streams = [stream for source in sources for stream in source.streams]
    live = LiveRecognizer(
        recognizer, window=window, hop=hop, streams=streams, name=str(file or f"camera {camera}")
    )
    session = LiveSession(live, sources, max_frames=max_frames)
    labels = list(recognizer.classes)
    with (
        written_to(to, output, labels) as outlets,
        _screen(labels, session, quiet=json or piped) as show,
        contextlib.suppress(KeyboardInterrupt),  # how a camera is left: what was measured is told
        contextlib.closing(session.updates()) as updates,
    ):
        for row in updates:
            for outlet in outlets:
                outlet.write(row)
            show(row)
            if limit is not None and row["end"] >= limit:
                break
    summary = session.summary()
    if json:
        print_json(summary)
    elif piped:
        note(_told(summary))
    else:
        say(_told(summary))
    if output is not None:
        note(f"wrote {summary['windows']} updates to {output}")
    return 0


def _sources(
    recognizer: Predictor,
    file: Path | None,
    camera: int | None,
    microphone: bool | None,
    speed: float,
) -> list[Source]:
    """Return where the streams that the model uses come from."""
    from stcorner.cli._output import complain
    from stcorner.errors import MediaError, MissingExtraError, ParameterError
    from stcorner.live import CameraSource, FileSource, MicrophoneSource

    used = recognizer.plan.streams
    if (file is None) == (camera is None):
        raise ParameterError("FILE or --camera must be given, one of the two")
    if file is not None:
        if microphone:
            raise ParameterError(
                "--microphone must come with --camera, got a file: leave it out, the file's own sound is used"
            )
        streams = [stream for stream in FileSource(file).streams if stream in used]
        if not streams:
            raise ParameterError(
                f"FILE must have a stream that the model uses {used}, got {str(file)!r}: `stcorner probe "
                "FILE` shows what it has; give another --model"
            )
        return [FileSource(file, streams=streams, speed=speed)]
    sources: list[Source] = [CameraSource(camera or 0)] if "video" in used else []
    if "audio" in used and microphone is not False:
        try:
            sources.append(MicrophoneSource())
        except (MissingExtraError, MediaError) as error:
            if microphone or not sources:
                raise
            complain(f"without sound: {error}")
    if not sources:
        raise ParameterError(
            f"--no-microphone must leave a stream that the model uses, got {used}: leave --no-microphone "
            "out, or give a model of the face"
        )
    return sources


@contextlib.contextmanager
def _screen(
    labels: list[str], session: LiveSession, *, quiet: bool
) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Show the last update in place on a terminal, a line for each elsewhere."""
    if quiet:
        yield lambda row: None
    elif sys.stdout.isatty():
        from rich.live import Live

        from stcorner.cli._output import console

        with Live(console=console(), auto_refresh=False, transient=True) as screen:
            yield lambda row: screen.update(_panel(row, labels, session), refresh=True)
    else:
        from stcorner._base.text import shown
        from stcorner.cli._output import say

        yield lambda row: say(shown(_line(row, labels)))


def _panel(row: dict[str, Any], labels: list[str], session: LiveSession) -> Any:
    from rich.text import Text

    lines = [f"{row['start']:8.1f} - {row['end']:.1f} s   {row['label'] or row['message']}"]
    for label in labels:
        share = row[f"p_{label}"] or 0.0
        lines.append(f"{label:>10} {'█' * round(share * _BAR):<{_BAR}} {share:.2f}")
    if shares := {name: share for name, share in row.items() if name.startswith("expression_") and share}:
        best = max(shares, key=lambda name: shares[name])
        lines.append(f"{'the face':>10} shows {best.removeprefix('expression_')}, {shares[best]:.2f}")
    lines.append(_told(session.summary()))
    return Text("\n".join(lines))


def _line(row: dict[str, Any], labels: list[str]) -> str:
    """Return an update as a line.

    Examples
    --------
    >>> row = {"start": 0.5, "end": 2.5, "label": "sad", "p_sad": 0.81, "latency": 0.712, "dropped_frames": 3}
    >>> _line(row, ["sad"])
    '0.5-2.5 s: sad 0.81, latency 0.71 s, 3 dropped'
    """
    what = row["message"] if row["label"] is None else f"{row['label']} {row['p_' + row['label']]:.2f}"
    late = f"latency {row['latency']:.2f} s, {row['dropped_frames']} dropped"
    return f"{row['start']:g}-{row['end']:g} s: {what}, {late}"


def _told(summary: dict[str, Any]) -> str:
    """Return the summary as a line.

    Examples
    --------
    >>> _told({"windows": 0, "frames": 0, "dropped_frames": 0, "dropped_sound_seconds": 0.0,
    ...        "latency_median": None, "latency_p95": None})
    '0 windows, 0 frames and 0 dropped'
    """
    text = f"{summary['windows']} windows, {summary['frames']} frames and {summary['dropped_frames']} dropped"
    if summary["dropped_sound_seconds"]:
        text += f", {summary['dropped_sound_seconds']:.1f} s of sound dropped"
    if summary["latency_median"] is not None:
        median, most = summary["latency_median"], summary["latency_p95"]
        text += f"; latency median {median:.2f} s, 95 % below {most:.2f} s"
    return text
