"""Where sound and pictures come from: a file played in real time, a camera, a microphone."""

from __future__ import annotations

import heapq
import math
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from stcorner._base.validation import check_choice, check_integer, check_real
from stcorner.errors import MediaError, MissingExtraError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence
    from threading import Event
    from typing import Any

    from numpy.typing import NDArray

__all__ = ["CameraSource", "Captured", "FileSource", "MicrophoneSource", "Source"]

# Sound of a file is handed over in blocks as short as a sound card's.
_BLOCK_SECONDS = 0.1
_WAIT = 0.5
# Waits that a clock can count, and times of frames that it can tell apart.
_SLOWEST, _FASTEST = 0.01, 1000.0


class Captured(NamedTuple):
    """A picture or a block of sound, and when it was there.

    Attributes
    ----------
    stream : {"audio", "video"}
        What it is.
    data : ndarray or None
        Samples (n,), float32, or a gray picture (y, x), uint8; None says that the stream has ended.
    time, until : float
        Seconds of its beginning and end on the clock that all sources of a session share.
    sr : int
        Samples per second of sound, 0 for pictures.
    at : float
        `time.perf_counter` when it was captured.
    """

    stream: str
    data: NDArray[Any] | None
    time: float
    until: float
    sr: int
    at: float


class Source(Protocol):
    """What `LiveSession` asks of a source."""

    streams: tuple[str, ...]
    lossless: bool

    def capture(self, begin: float, stop: Event) -> Iterator[Captured]:
        """Yield what is captured until it ends or `stop` is set; `begin` is 0 s of the clock.

        Parameters
        ----------
        begin : float
            Reading of `time.monotonic` that is 0 s of the session's clock.
        stop : threading.Event
            Set to end the capture.

        Yields
        ------
        Captured
            A block of sound or a picture, when it is there.
        """
        ...


class FileSource:
    """A file played as if it were captured now.

    Parameters
    ----------
    path : str or os.PathLike
        Audio or video file.
    streams : sequence of {"audio", "video"}, optional
        What of it to play. Default: what it has.
    speed : float or None, default=1.0
        Times real time, 0.01 to 1000. None plays as fast as the session takes it: nothing is dropped then.

    Raises
    ------
    MediaError
        If the file cannot be read or does not have a stream.

    See Also
    --------
    LiveSession : Reads it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        streams: Sequence[str] | None = None,
        speed: float | None = 1.0,
    ) -> None:
        from stcorner.media import probe

        info = probe(path)
        self.path = info.path
        there = {"audio": info.audio, "video": info.video}
        for stream in streams or ():
            if there[check_choice("streams", stream, tuple(there))] is None:
                raise MediaError(
                    f"{self.path} must have a stream of {stream}, and has none: `stcorner probe` shows what "
                    "it has"
                )
        wanted = there if streams is None else streams
        self.streams = tuple(name for name, found in there.items() if found is not None and name in wanted)
        self.speed = None if speed is None else check_real("speed", speed, low=_SLOWEST, high=_FASTEST)
        self.lossless = self.speed is None

    def capture(self, begin: float, stop: Event) -> Iterator[Captured]:
        """Yield sound and pictures when they are due.

        Parameters
        ----------
        begin : float
            Reading of `time.monotonic` that is 0 s of the session's clock.
        stop : threading.Event
            Set to end the capture.

        Yields
        ------
        Captured
            A block of sound or a picture, when it is due.
        """
        parts = [self._sound() if stream == "audio" else self._pictures() for stream in self.streams]
        for event in heapq.merge(*parts, key=lambda event: event.until):
            if self.speed is not None:
                stop.wait(max(0.0, begin + event.until / self.speed - perf_counter()))
            if stop.is_set():
                return
            yield event._replace(at=perf_counter())

    def _sound(self) -> Iterator[Captured]:
        from stcorner.media._decoding import decoded_sound

        time = 0.0
        for block, sr, at in decoded_sound(self.path):
            mono = block.mean(axis=0, dtype=np.float32) if len(block) > 1 else block[0]
            step = max(1, round(_BLOCK_SECONDS * sr))
            for first in range(0, len(mono), step):
                part = mono[first : first + step]
                time = (at + first + len(part)) / sr
                yield Captured("audio", part, (at + first) / sr, time, sr, 0.0)
        yield Captured("audio", None, time, time, 0, 0.0)

    def _pictures(self) -> Iterator[Captured]:
        from stcorner.media.picture import decoded_frames

        time = 0.0
        for gray, time in decoded_frames(self.path, gray=True):
            # The array may be the decoder's own, which it writes to again.
            yield Captured("video", gray.copy(), time, time, 0, 0.0)
        yield Captured("video", None, time, time, 0, 0.0)


class CameraSource:
    """A camera, through OpenCV.

    Parameters
    ----------
    index : int, default=0
        Which camera, as the system counts, >= 0.
    width : int, optional
        Pixels across to ask for, 16 to 8192; the camera gives the nearest that it has.

    Raises
    ------
    MediaError
        When it is used, if there is no such camera or it stops.

    See Also
    --------
    LiveSession : Reads it.
    """

    streams: tuple[str, ...] = ("video",)
    lossless = False

    def __init__(self, index: int = 0, *, width: int | None = None) -> None:
        self.index = check_integer("index", index, low=0)
        self.width = None if width is None else check_integer("width", width, low=16, high=8192)

    def capture(self, begin: float, stop: Event) -> Iterator[Captured]:
        """Yield each picture as the camera gives it.

        Parameters
        ----------
        begin : float
            Reading of `time.monotonic` that is 0 s of the session's clock.
        stop : threading.Event
            Set to end the capture.

        Yields
        ------
        Captured
            One picture.
        """
        import cv2

        camera = cv2.VideoCapture(self.index)
        try:
            if not camera.isOpened():
                raise MediaError(
                    f"camera {self.index} cannot be opened: check that it is connected and that no other "
                    "program uses it"
                )
            if self.width is not None:
                camera.set(cv2.CAP_PROP_FRAME_WIDTH, self.width)
            while not stop.is_set():
                found, picture = camera.read()
                now = perf_counter()
                if not found:
                    raise MediaError(
                        f"camera {self.index} gives no more pictures: check its cable and start again"
                    )
                gray = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
                yield Captured("video", gray, now - begin, now - begin, 0, now)
        finally:
            camera.release()


class MicrophoneSource:
    """A microphone, through the package sounddevice.

    Parameters
    ----------
    device : int or str, optional
        As sounddevice names it. Default: the system's.
    sr : int, default=16000
        Samples per second, 8000 to 192,000.

    Raises
    ------
    MissingExtraError
        If sounddevice is not installed.
    MediaError
        If the PortAudio library is missing or, when it is used, if it cannot be opened.

    See Also
    --------
    LiveSession : Reads it.
    """

    streams: tuple[str, ...] = ("audio",)
    lossless = False

    def __init__(self, device: int | str | None = None, *, sr: int = 16000) -> None:
        try:
            import sounddevice
        except ImportError:
            raise MissingExtraError("a microphone", "sounddevice", "live") from None
        except OSError as error:  # the package is there, the library that it calls is not
            raise MediaError(
                f"a microphone needs the PortAudio library, which this system lacks ({error}): on Debian and "
                "Ubuntu, apt install libportaudio2"
            ) from None
        self._library = sounddevice
        self.device = device
        self.sr = check_integer("sr", sr, low=8000, high=192_000)

    def capture(self, begin: float, stop: Event) -> Iterator[Captured]:
        """Yield blocks of a tenth of a second.

        Parameters
        ----------
        begin : float
            Reading of `time.monotonic` that is 0 s of the session's clock.
        stop : threading.Event
            Set to end the capture.

        Yields
        ------
        Captured
            A tenth of a second of sound.
        """
        import queue

        arrived: queue.Queue[tuple[NDArray[np.float32], float]] = queue.Queue()

        def take(data: NDArray[np.float32], *_: object) -> None:
            arrived.put((data[:, 0].copy(), perf_counter()))

        try:
            opened = self._library.InputStream(
                samplerate=self.sr, device=self.device, channels=1, dtype="float32", callback=take,
                blocksize=round(_BLOCK_SECONDS * self.sr),
            )  # fmt: skip
        except Exception as error:  # PortAudioError, and ValueError for an unknown device
            raise MediaError(
                f"the microphone cannot be opened: {error}: check that it is connected and that you may use "
                "it"
            ) from None
        # Blocks follow each other without a gap; only the first is placed by the clock.
        time = math.nan
        with opened:
            while not stop.is_set():
                try:
                    samples, now = arrived.get(timeout=_WAIT)
                except queue.Empty:
                    continue
                length = len(samples) / self.sr
                if math.isnan(time) or now - begin - length - time > _WAIT:  # sound was lost
                    time = max(0.0, now - begin - length)
                yield Captured("audio", samples, time, time + length, self.sr, now)
                time += length
