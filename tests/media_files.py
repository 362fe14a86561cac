"""Media files made for tests: exact pictures and sounds at exact times, and files as people have them.

``python tests/media_files.py`` writes each of the awkward ones, reads it, and prints a table of what it gave;
``--files`` prints every file.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from film_bytes import AV1_MONOCHROME, THEORA_REPEATS
from stcorner.errors import MediaError
from stcorner.media import MediaWarning, iter_audio, load_audio, load_video, probe
from wave_bytes import aiff_bytes, au_bytes, id3_bytes, integers, w64_bytes, wav_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AWKWARD", "Awkward", "check", "clap_and_flash", "noise_pictures", "tone", "write_media"]

MILLISECOND = Fraction(1, 1000)


def write_media(
    path: Path,
    pictures: list[np.ndarray] | np.ndarray | None = None,
    sound: np.ndarray | None = None,
    *,
    fps: int = 25,
    times: np.ndarray | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    picture_format: str | None = None,
    color_range: int | None = None,
    sr: int = 16000,
    audio_codec: str = "aac",
    audio_start: float = 0.0,
    rotation: int = 0,
    mirrored: bool = False,
    pixel_ratio: Fraction | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    form: str | None = None,
) -> Path:
    """Write gray or RGB pictures and mono or (channels, n) sound with the given presentation times."""
    with av.open(str(path), "w", format=form, container_options=container_options or {}) as out:
        video: Any = None  # PyAV knows which stream it is only by the name of the codec
        audio: Any = None
        if pictures is not None:
            video = out.add_stream(codec, rate=fps, options={"threads": "1", **(options or {})})
            video.height, video.width = pictures[0].shape[:2]
            video.pix_fmt = pix_fmt
            if pixel_ratio is not None:
                video.codec_context.sample_aspect_ratio = pixel_ratio
            if color_range is not None:
                video.codec_context.color_range = color_range
            if times is not None:
                video.codec_context.time_base = MILLISECOND
            if rotation or mirrored:
                video.set_display_rotation(rotation, hflip=mirrored)
        if sound is not None:
            y = np.atleast_2d(np.asarray(sound, np.float32))
            audio = out.add_stream(audio_codec, rate=sr)
            audio.layout = {1: "mono", 2: "stereo"}[len(y)]
        if video is not None and pictures is not None:
            for index, picture in enumerate(pictures):
                name = picture_format or ("gray" if picture.ndim == 2 else "rgb24")
                frame = av.VideoFrame.from_ndarray(picture, format=name)
                if times is None:
                    frame.pts, frame.time_base = index, 1 / Fraction(fps)
                else:
                    frame.pts, frame.time_base = round(times[index] * 1000), MILLISECOND
                out.mux(video.encode(frame))
            out.mux(video.encode())
        if audio is not None:
            encoder = audio.codec_context
            sample = av.AudioFormat(encoder.format.name if encoder.format else "s16")
            convert = av.AudioResampler(format=sample, layout=audio.layout, rate=sr)
            for at in range(0, y.shape[1], 1024):
                piece = np.ascontiguousarray(y[:, at : at + 1024])
                sounding = av.AudioFrame.from_ndarray(piece, format="fltp", layout=audio.layout.name)
                sounding.sample_rate = sr
                sounding.time_base = Fraction(1, sr)
                sounding.pts = at + round(audio_start * sr)
                for converted in convert.resample(sounding):
                    out.mux(audio.encode(converted))
            out.mux(audio.encode())
    return path


def noise_pictures(n: int, height: int, width: int, *, seed: int = 0) -> np.ndarray:
    """Smooth moving texture that any codec keeps well."""
    t, y, x = np.meshgrid(np.arange(n), np.arange(height), np.arange(width), indexing="ij")
    phase = np.random.default_rng(seed).uniform(0, 6, 2)
    wave = np.sin((x + t) / 7 + phase[0]) + np.sin((y - t) / 5 + phase[1])
    return np.rint(128 + 50 * wave).astype(np.uint8)


def tone(seconds: float, sr: int = 16000, frequency: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * sr)) / sr)).astype(np.float32)


def clap_and_flash(
    at: float, *, seconds: float = 2.0, fps: int = 25, sr: int = 16000, size: tuple[int, int] = (48, 64)
) -> tuple[np.ndarray, np.ndarray, float]:
    """Dark pictures with a bright stretch, and silence with a burst, both from `at` seconds on."""
    n = round(seconds * fps)
    pictures = np.full((n, *size), 30, np.uint8)
    first = round(at * fps)
    pictures[first : first + 3] = 220
    y = np.zeros(round(seconds * sr), np.float32)
    start = round(first / fps * sr)
    y[start : start + sr // 50] = np.random.default_rng(1).uniform(-0.9, 0.9, sr // 50)
    return pictures, y, first / fps


@dataclass(frozen=True)
class Awkward:
    """A file as people have it, and what reading it must give."""

    row: str
    """Which kind it is, as in the guide to media files."""
    write: Callable[[Path], object]
    """Write the file at a path."""
    y: np.ndarray | None = None
    """Its sound, (n,) or (channels, n); None for a film, or where only the length counts."""
    tolerance: float = 0.0
    seconds: float = 16001 / 16000
    """What `probe` and the sound say; within a block of a lossy codec."""
    slack: float = 1e-6
    frames: int | None = None
    fps: float | None = None
    black: bool = False
    """Whether its darkest picture element is 0 and its lightest 255."""
    remark: str = ""
    refused: str = ""
    """What the error says, where the file is refused."""


def check(path: Path, wanted: Awkward) -> str:
    """Read a file in every way and compare; return what it gave in a few words."""
    if wanted.refused:
        with pytest.raises(MediaError, match=wanted.refused) as refusal:
            load_audio(path, sr=None)
        return f"refused: {str(refusal.value).removeprefix(str(path)).strip()}"
    said = []
    info = probe(path)
    if info.audio is not None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", MediaWarning)
            y, sr = load_audio(path, sr=None, mono=False)
        remarks = [str(one.message) for one in caught]
        assert len(remarks) == bool(wanted.remark), remarks
        assert not wanted.remark or re.search(wanted.remark, remarks[0]), remarks
        if wanted.y is not None:
            np.testing.assert_allclose(y, np.atleast_2d(wanted.y), rtol=0, atol=wanted.tolerance)
        assert abs(y.shape[1] / sr - wanted.seconds) <= wanted.slack, y.shape
        assert info.audio.duration is not None
        assert abs(info.audio.duration - wanted.seconds) <= wanted.slack, info
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MediaWarning)
            rest, _ = load_audio(path, sr=None, mono=False, offset=0.7)
            blocks = np.concatenate(list(iter_audio(path, sr=None, block_seconds=0.3)))
        np.testing.assert_array_equal(rest, y[:, round(0.7 * sr) :])
        np.testing.assert_allclose(blocks, y.mean(axis=0), rtol=0, atol=1e-6)
        said.append(f"{y.shape[1]:,} samples" + (", with a remark" if remarks else ""))
    if wanted.frames is not None:
        video, fps = load_video(path)
        assert len(video) == wanted.frames, video.shape
        assert abs(info.video.fps - fps) < 1e-9, (info, fps)
        assert wanted.fps is None or abs(fps / wanted.fps - 1) < 0.01, fps
        assert info.video.duration is None or abs(info.video.duration - wanted.seconds) <= 0.1, info
        if wanted.black:
            assert (video.min(), video.max()) == (0, 255)
            rgb, _ = load_video(path, gray=False)
            np.testing.assert_array_equal(rgb, np.repeat(video[..., None], 3, axis=3))
        said.append(f"{len(video)} frames at {fps:.4g} fps")
    assert info.duration is not None
    assert abs(info.duration - wanted.seconds) <= max(0.1, wanted.slack), info
    return f"{info.duration:.4g} s, " + ", ".join(said)


Y = (0.5 * np.sin(2 * np.pi * 440 * np.arange(16001) / 16000)).astype(np.float32)
STEREO = np.stack([Y, 0.3 * Y[::-1]])
UNCLOSED = "says that it holds no sound .* not closed"
UNKNOWN = "stands for an unknown length"


def quantised(y: np.ndarray, bits: int = 16) -> np.ndarray:
    return (integers(y, bits) / 2.0 ** (bits - 1)).astype(np.float32)


def _bytes(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def _flac(path: Path, *, total: int) -> None:
    import soundfile

    soundfile.write(path, Y, 16000, format="FLAC")
    data = bytearray(path.read_bytes())
    data[21:26] = ((data[21] >> 4 << 36) | total).to_bytes(5, "big")
    path.write_bytes(data)


def _by_libsndfile(path: Path, *, form: str, subtype: str, sr: int = 16000, y: np.ndarray = Y) -> None:
    import soundfile

    soundfile.write(path, y.T, sr, format=form, subtype=subtype)


def _chained(path: Path, *, links: list[tuple[str, int, int]]) -> None:
    """Join Ogg files of a second and a sample; each link is a codec, a rate and a number of channels."""
    data = b""
    for subtype, sr, channels in links:
        y = np.resize(0.3 * np.sin(2 * np.pi * 440 * np.arange(sr) / sr), (channels, sr))
        _by_libsndfile(path, form="OGG", subtype=subtype, sr=sr, y=y)
        data += path.read_bytes()
    path.write_bytes(data)


def without_rates(path: Path) -> None:
    """Take the default frame duration out of a Matroska, as browsers write it, and the rate out of an FLV."""
    data = path.read_bytes()
    data = re.sub(rb"\x23\xe3\x83\x84(....)", lambda found: b"\xec\x86" + bytes(6), data, flags=re.DOTALL)
    path.write_bytes(data.replace(b"framerate", b"framefate"))


def _without_rate(path: Path, *, times: np.ndarray, **settings: Any) -> None:
    write_media(path, noise_pictures(len(times), 48, 64), times=times, **settings)
    without_rates(path)


def _with_long_subtitles(path: Path, *, tagged: bool, **settings: Any) -> None:
    """Write two seconds of film with a subtitle that lasts until the fourteenth."""
    film, text = (path.with_name(f"{path.name}{ending}") for ending in (".film.mkv", ".vtt"))
    write_media(film, noise_pictures(50, 48, 64), tone(2.0, 48000), sr=48000, **settings)
    text.write_text("WEBVTT\n\n00:00.500 --> 00:01.500\nhello\n\n00:12.000 --> 00:14.000\nbye\n")
    with av.open(str(film)) as seen, av.open(str(text)) as words, av.open(str(path), "w") as out:
        streams = {id(one): out.add_stream_from_template(one) for one in (*seen.streams, *words.streams)}
        for packet in (*seen.demux(), *words.demux()):
            if packet.dts is not None:
                packet.stream = streams[id(packet.stream)]
                out.mux(packet)
    if not tagged:
        path.write_bytes(path.read_bytes().replace(b"DURATION", b"DURATI0N"))


def _monochrome(path: Path, *, pix_fmt: str = "gray", full: bool = False, codec: str = "libx265") -> None:
    """Left half black, right half white."""
    black, white = (0, 255) if full else (16, 235)
    picture = np.full((64, 128), black, np.uint8)
    picture[:, 64:] = white
    with av.open(str(path), "w") as out:
        options = {"x265-params": "log-level=0:lossless=1", "crf": "0", "threads": "1"}
        stream: Any = out.add_stream(codec, rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = *picture.shape, pix_fmt
        stream.codec_context.color_range = 2 if full else 1
        for index in range(5):
            if pix_fmt == "gray":
                frame = av.VideoFrame.from_ndarray(picture, format="gray")
            else:
                frame = av.VideoFrame.from_ndarray(picture.astype(np.uint16) * 4, format="gray10le")
            frame.color_range = 2 if full else 1
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


_CAMERA = np.cumsum([0.0, *([0.037, 0.043, 0.040, 0.041] * 13)])[:50]
_SLOWING = np.cumsum([0.0, *([0.02] * 30), *([0.1] * 20)])
_FILM: dict[str, Any] = {"codec": "libvpx", "audio_codec": "libopus"}


def _plain() -> dict[str, Awkward]:
    exact = quantised(Y)
    wave = partial(wav_bytes, Y)
    found = {}
    for size in (0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFDB, 0xFFFFFFFF):
        remark = {0: UNCLOSED, 0xFFFFFFFF: ""}.get(size, UNKNOWN)
        data = wave(data_size=size, riff_size=(size + 36) & 0xFFFFFFFF)
        found[f"piped_{size:x}.wav"] = Awkward("piped", _bytes(data), exact, remark=remark)
    found |= {
        "crashed.wav": Awkward("piped", _bytes(wave(data_size=0, riff_size=0)), exact, remark=UNCLOSED),
        "riff_too_large.wav": Awkward(
            "piped", _bytes(wave(riff_size=64004)), exact, remark="its sound is whole"
        ),
        "riff_zero.wav": Awkward("piped", _bytes(wave(riff_size=0)), exact),
        "listed.wav": Awkward("piped", _bytes(wave(after=b"LIST\x04\0\0\0INFO")), exact),
        "stray.wav": Awkward("piped", _bytes(wave(after=bytes(5000))), exact, remark="belong to nothing"),
        "crashed_rf64.wav": Awkward(
            "piped",
            _bytes(wave(magic=b"RF64", data_size=0xFFFFFFFF, riff_size=0xFFFFFFFF, ds64=(0, 0))),
            exact,
            remark=UNCLOSED,
        ),
        "long.bw64.wav": Awkward(
            "piped",
            _bytes(wave(magic=b"BW64", data_size=0xFFFFFFFF, riff_size=0xFFFFFFFF, ds64=(32074, 32002))),
            exact,
        ),
        "piped.w64": Awkward(
            "piped", _bytes(w64_bytes(Y, data_size=24, riff_size=0)), exact, remark=UNCLOSED
        ),
        "piped.aiff": Awkward("piped", _bytes(aiff_bytes(Y, data_size=0, frames=0)), exact, remark=UNCLOSED),
        "piped_7fffffff.aiff": Awkward(
            "piped", _bytes(aiff_bytes(Y, data_size=0x7FFFFFFF, frames=0)), exact, remark=UNKNOWN
        ),
        "late_count.aiff": Awkward("piped", _bytes(aiff_bytes(Y, late_count=True)), exact),
        "piped.au": Awkward("piped", _bytes(au_bytes(Y, data_size=0xFFFFFFFF)), exact),
        "dec.au": Awkward("piped", _bytes(au_bytes(Y, little=True)), exact),
        "cut.wav": Awkward("cut off", _bytes(wave()[:20000]), refused="declares 1.00 s and ends at 0.62 s"),
        "cut.aiff": Awkward("cut off", _bytes(aiff_bytes(Y)[:20000]), refused="declares 1.00 s and ends at"),
        "cut.au": Awkward("cut off", _bytes(au_bytes(Y)[:20000]), refused="declares 1.00 s and ends at"),
        "cut.w64": Awkward("cut off", _bytes(w64_bytes(Y)[:20000]), refused="declares 1.00 s and ends at"),
        "piped.flac": Awkward("FLAC through a pipe", partial(_flac, total=0), exact),
        "tagged_piped.flac": Awkward(
            "FLAC through a pipe", partial(_tagged, write=partial(_flac, total=0)), exact
        ),
        "cut.flac": Awkward("cut off", partial(_flac, total=48000), refused="declares 3.00 s and ends at"),
    }
    for bits in (8, 16, 24, 32):
        tolerance = 1e-7 if bits == 32 else 0.0
        y = quantised(STEREO, bits)
        data = wav_bytes(STEREO, container=bits, big=True)
        found[f"big_endian_{bits}.wav"] = Awkward("RIFX", _bytes(data), y, tolerance)
    for bits in (32, 64):
        data = wav_bytes(Y, container=bits, kind="float", big=True)
        found[f"big_endian_float{bits}.wav"] = Awkward("RIFX", _bytes(data), Y)
    data = wav_bytes(Y, big=True, data_size=0, riff_size=0)
    found["big_endian_crashed.wav"] = Awkward("RIFX", _bytes(data), exact, remark=UNCLOSED)
    for valid, container in ((24, 32), (16, 32), (20, 32), (16, 24), (20, 24), (12, 16), (8, 16)):
        data = wav_bytes(STEREO, container=container, valid=valid, extensible=True)
        y = quantised(STEREO, valid)
        found[f"{valid}in{container}.wav"] = Awkward("fewer bits than the container", _bytes(data), y)
    data = wav_bytes(STEREO, container=24, valid=20, extensible=True, big=True)
    found["20in24_big_endian.wav"] = Awkward(
        "fewer bits than the container", _bytes(data), quantised(STEREO, 20)
    )
    for name, data in {
        "wav": wave(),
        "aiff": aiff_bytes(Y),
        "au": au_bytes(Y),
        "w64": w64_bytes(Y),
    }.items():
        tags = id3_bytes(3000, footer=True) + id3_bytes(20) + bytes(100)
        found[f"tagged.{name}"] = Awkward("ID3 in front", _bytes(id3_bytes() + data), exact)
        found[f"twice_tagged.{name}"] = Awkward("ID3 in front", _bytes(tags + data), exact)
    ogg = partial(_by_libsndfile, form="OGG", subtype="VORBIS")
    found["tagged.ogg"] = Awkward("ID3 in front", partial(_tagged, write=ogg), slack=0.03)
    found["tagged.mp4"] = Awkward(
        "ID3 in front", partial(_tagged, write=_film_with_sound), slack=0.1, frames=25
    )
    long = np.tile(Y, 3)
    for form, subtype, sr in (
        ("WAV", "GSM610", 8000), ("WAV", "MS_ADPCM", 16000), ("WAV", "IMA_ADPCM", 16000),
        ("W64", "GSM610", 8000), ("AIFF", "GSM610", 8000), ("AIFF", "IMA_ADPCM", 16000),
        ("AU", "G721_32", 8000), ("WAV", "ULAW", 8000),
    ):  # fmt: skip
        write = partial(_by_libsndfile, form=form, subtype=subtype, sr=sr, y=long)
        name = f"{subtype.lower()}.{form.lower()}"
        found[name] = Awkward("cannot seek", write, seconds=len(long) / sr, slack=0.1)
    return found


def _tagged(path: Path, *, write: Callable[[Path], object]) -> None:
    write(path)
    path.write_bytes(id3_bytes() + path.read_bytes())


def _film_with_sound(path: Path) -> None:
    write_media(path, noise_pictures(25, 48, 64), tone(1.0))


def _films() -> dict[str, Awkward]:
    found = {}
    for name, links in {
        "same.ogg": [("VORBIS", 16000, 1)] * 2,
        "rate.ogg": [("VORBIS", 44100, 1), ("VORBIS", 22050, 1), ("VORBIS", 48000, 1)],
        "codecs.ogg": [("VORBIS", 48000, 1), ("OPUS", 48000, 1)],
        "opus.ogg": [("OPUS", 48000, 1)] * 3,
    }.items():
        write = partial(_chained, links=links)
        found[f"chained_{name}"] = Awkward("chained Ogg", write, seconds=len(links), slack=0.03)
    for suffix in ("mkv", "webm"):
        settings = _FILM if suffix == "webm" else {"codec": "mpeg4"}
        for tagged in (True, False):
            write = partial(_with_long_subtitles, tagged=tagged, **settings)
            name = f"long_subtitles{'' if tagged else '_untagged'}.{suffix}"
            found[name] = Awkward("long subtitles", write, seconds=2.0, slack=0.08, frames=50, fps=25)
    for name, settings in {
        "browser.webm": {"codec": "libvpx"},
        "browser.mkv": {"codec": "libx264"},
        "phone.flv": {"codec": "flv"},
        "windows.wmv": {"codec": "wmv2"},
    }.items():
        for kind, times in (("", _CAMERA), ("slowing_", _SLOWING)):
            rate = (len(times) - 1) / times[-1]
            write = partial(_without_rate, times=times, **settings)
            found[kind + name] = Awkward(
                "no declared rate", write, seconds=times[-1], slack=0.15, frames=len(times), fps=rate
            )
    found["repeats.ogv"] = Awkward(
        "Theora that repeats", _bytes(THEORA_REPEATS), seconds=1.1, frames=11, fps=10
    )
    found["monochrome.ivf"] = Awkward(
        "monochrome", _bytes(AV1_MONOCHROME), seconds=0.3, frames=3, fps=10, black=True
    )
    for codec, pix_fmt in (("libx265", "gray"), ("libx265", "gray10le"), ("libx264", "gray")):
        for full in (False, True):
            write = partial(_monochrome, codec=codec, pix_fmt=pix_fmt, full=full)
            name = f"{codec}_{pix_fmt}{'_full' if full else ''}.mp4"
            found[name] = Awkward("monochrome", write, seconds=0.2, frames=5, fps=25, black=True)
    return found


AWKWARD = {**_plain(), **_films()}


# Situation, what is to come of it, and where that is tested: a kind of file above, or tests of their own.
SITUATIONS = (
    ("subtitles run past the picture", "2 s, 50 frames", "long subtitles"),
    ("FLAC through a pipe", "16,001 samples", "FLAC through a pipe"),
    ("a function that names stcorner is sent to a worker", "works", "robust/test_pickling.py"),
    ("no declared frame rate", "the rate of the pictures", "no declared rate"),
    ("wav through a pipe, or not closed", "16,001 samples, with a remark", "piped"),
    ("big-endian wav", "exact", "RIFX"),
    ("an offset in a codec that cannot seek", "the samples from there", "cannot seek"),
    ("Theora that repeats", "11 frames", "Theora that repeats"),
    ("sound as (samples, channels)", "an error that says y.T", "audio/test_samples_first.py"),
    ("fewer bits than the container", "exact, 1 s", "fewer bits than the container"),
    ("plain scripts without a guard", "works, or one line", "robust/test_main_guard.py"),
    ("ID3 in front of wav, aiff, au", "reads", "ID3 in front"),
    ("monochrome of studio range", "black is 0", "monochrome"),
    ("suffixes of phones and players", "listed", "corpora/test_walk.py -k suffix"),
    ("a segment that ends beyond the file", "a remark, the true end", "extraction/test_segments.py"),
    ("a label that stands for nothing", "refused, with the row", "corpora/test_walk.py -k missing"),
    ("sound stamps 1 % slow or fast", "one clock within a frame", "media/test_drift.py"),
    ("chained Ogg", "all links", "chained Ogg"),
    ("the tail of a clip", "every moment in a window", "extraction/test_window_rule.py"),
    ("a file that was cut off", "refused", "cut off"),
)


def _now(folder: str, name: str) -> str:
    """Write a file, read it, and say what it gave; `WRONG` stands first where it is not what it should."""
    path = Path(folder, name)
    try:
        AWKWARD[name].write(path)
        return check(path, AWKWARD[name])
    except Exception as error:  # the table names every fault
        return f"WRONG: {type(error).__name__} {' '.join(str(error).split())[:150]}"


def _tested(selection: str) -> str:
    tests = Path(__file__).parent
    place, *options = selection.split()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests / place), *options]
    done = subprocess.run(command, cwd=tests.parent, capture_output=True, text=True)
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "no tests"
    return ("" if done.returncode == 0 else "WRONG: ") + last.strip("= ")


def main() -> int:
    """Print a table of the situations, or with ``--files`` of every file; return how many are wrong."""
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        if "--files" in sys.argv:
            lines = [f"| {wanted.row} | {name} | {_now(folder, name)} |" for name, wanted in AWKWARD.items()]
            print(*lines, sep="\n")
            return sum("WRONG" in line for line in lines)
        print("| situation | expected | now |\n|---|---|---|")
        for situation, expected, where in SITUATIONS:
            names = [name for name, wanted in AWKWARD.items() if wanted.row == where]
            said = {name: _now(folder, name) for name in names}
            bad = [f"{name} {now}" for name, now in said.items() if "WRONG" in now]
            first = f"{names[0]}: {said[names[0]]}; all {len(names)} as expected" if names else _tested(where)
            now = "; ".join(bad) or first
            wrong += "WRONG" in now
            print(f"| {situation} | {expected} | {now} |", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
