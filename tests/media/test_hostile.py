"""Files that want to break a reader: each gives a result or an error that names the file."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from media_files import noise_pictures, tone, write_media
from peak_memory import PEAK_KIB
from stcorner.errors import MediaError
from stcorner.media import MediaWarning, crop_face, iter_video, load_audio, load_video, probe

if TYPE_CHECKING:
    from collections.abc import Callable

READERS: dict[str, Callable[..., Any]] = {
    "probe": probe,
    "load_audio": load_audio,
    "load_video": load_video,
    "crop_face": crop_face,
}

GOOD: dict[str, dict[str, Any]] = {
    "mp4": {"container_options": {"movflags": "+faststart"}},
    "mkv": {"codec": "ffv1", "audio_codec": "flac"},
    "avi": {"codec": "mpeg4", "audio_codec": "libmp3lame"},
    "flv": {"codec": "flv", "audio_codec": "libmp3lame", "sr": 44100},
    "mpg": {"codec": "mpeg1video", "audio_codec": "mp2", "sr": 44100},
    "ts": {"codec": "mpeg2video", "audio_codec": "mp2", "sr": 44100},
}


def outcomes(path: Path | str) -> dict[str, str]:
    """Name, and "ok" or the message, of every reader; anything but a MediaError comes through."""
    result = {}
    for name, reader in READERS.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", MediaWarning)
                value = reader(path)
        except MediaError as error:
            result[name] = str(error)
        else:
            result[name] = "ok"
            if name == "load_audio":
                assert np.isfinite(value[0]).all()
    assert all(message == "ok" or Path(path).name in message for message in result.values())
    return result


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("good")
    made = {}
    for form, settings in GOOD.items():
        sr = settings.get("sr", 16000)
        made[form] = write_media(folder / f"a.{form}", noise_pictures(50, 48, 64), tone(2.0, sr), **settings)
    import soundfile

    for form in ("wav", "flac", "mp3", "ogg"):
        made[form] = folder / f"a.{form}"
        soundfile.write(made[form], tone(2.0), 16000)
    return made


@pytest.mark.parametrize("form", [*GOOD, "wav", "flac", "mp3", "ogg"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.98])
def test_cut_off(tmp_path: Path, good: dict[str, Path], form: str, share: float) -> None:
    data = good[form].read_bytes()
    path = tmp_path / f"cut {share} é.{form}"
    path.write_bytes(data[: int(len(data) * share)])
    result = outcomes(path)
    declares = form not in {"mpg", "ts", "mp3"}  # the others do not say how long they are
    if declares and share in (0.3, 0.7):
        assert result["load_audio"] != "ok"
        assert form in {"wav", "flac", "ogg"} or result["load_video"] != "ok"


@pytest.mark.parametrize("name", ["a.mp3", "a.avi"])
def test_headers_that_count_frames_tell_of_a_cut(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "a.mp3":
        write_media(path, sound=tone(4.0, 44100), sr=44100, audio_codec="libmp3lame")
    else:
        write_media(path, noise_pictures(100, 48, 64), codec="mjpeg", pix_fmt="yuvj420p")
    reader = load_audio if name == "a.mp3" else load_video
    reader(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(MediaError, match=r"is cut off or damaged: it declares 4\.\d\d s and ends at [12]\."):
        reader(path)


@pytest.mark.parametrize("form", [*GOOD, "wav", "flac", "mp3", "ogg"])
@pytest.mark.parametrize("seed", [0, 1])
def test_flipped_bytes(tmp_path: Path, good: dict[str, Path], form: str, seed: int) -> None:
    data = bytearray(good[form].read_bytes())
    dice = random.Random(seed)
    for _ in range(20):
        data[dice.randrange(len(data))] = dice.randrange(256)
    path = tmp_path / f"flipped.{form}"
    path.write_bytes(data)
    outcomes(path)


TEXTS = {
    "zeros.mp4": bytes(5000),
    "noise.mkv": np.random.default_rng(0).bytes(5000),
    "one byte.wav": b"R",
    "page.mp4": b"<!DOCTYPE html><html><body>404 Not Found</body></html>" * 20,
    "art.txt": b"hello\n" * 1000,
    "list.m3u8": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "concat.mp4": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "riff.wav": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "ebml.mkv": bytes.fromhex(
        "1a45dfa3a34286810142f7810142f2810442f381084282886d6174726f736b614287810442858102"
    ),
    "moov.mp4": b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2\x00\x00\x00\x08moov",
    "subtitles.srt": b"1\n00:00:01,000 --> 00:00:02,000\nHello\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_no_media(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(TEXTS[name])
    assert "ok" not in outcomes(path).values()


def test_a_still_image_is_called_one(tmp_path: Path) -> None:
    import cv2

    for name in ("a.jpg", "a.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((8, 8), np.uint8))
        with pytest.raises(MediaError, match=rf"{name} is not a readable media file: a still image"):
            probe(tmp_path / name)


def test_wrong_extension_does_not_matter(tmp_path: Path, good: dict[str, Path]) -> None:
    for form, other in [("wav", "mp4"), ("mp4", "wav"), ("flac", "mp3"), ("mkv", "txt")]:
        path = tmp_path / f"{form}.{other}"
        path.write_bytes(good[form].read_bytes())
        assert outcomes(path)["load_audio"] == "ok"


def test_names_with_spaces_unicode_and_colons(tmp_path: Path, good: dict[str, Path]) -> None:
    for name in ("with space.mp4", "naïve 日本 😀.mp4", "http:x.mp4", "-dash.mp4", "100%.mp4", "a\nb.mp4"):
        path = tmp_path / name
        path.write_bytes(good["mp4"].read_bytes())
        assert outcomes(path)["load_video"] == "ok"
        assert outcomes(str(path))["load_audio"] == "ok"


def test_not_a_file(tmp_path: Path, good: dict[str, Path]) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "broken.mp4").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    for name, message in {
        "empty.mp4": r"is empty \(0 bytes\)",
        "folder.mp4": "is not a regular file",
        "broken.mp4": "does not exist",
        "loop.mp4": "cannot be read",
        "gone.mp4": "does not exist",
    }.items():
        for reader in READERS.values():
            with pytest.raises(MediaError, match=message):
                reader(tmp_path / name)
    (tmp_path / "link.mp4").symlink_to(good["mp4"])
    assert outcomes(tmp_path / "link.mp4")["load_video"] == "ok"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this platform")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(MediaError, match="is not a regular file"):
        load_audio(tmp_path / "pipe.wav")


def test_a_null_byte_in_the_name() -> None:
    with pytest.raises(MediaError, match="cannot be read"):
        probe("a\0b.mp4")


def test_no_samples_and_bad_samples(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16000)
    with pytest.raises(MediaError, match=r"none\.wav must hold sound"):
        load_audio(tmp_path / "none.wav")
    soundfile.write(tmp_path / "nan.wav", np.array([0.1, np.nan, 0.2]), 16000, subtype="FLOAT")
    with pytest.raises(MediaError, match=r"nan\.wav holds samples that are NaN"):
        load_audio(tmp_path / "nan.wav")


def test_integers_of_64_bits_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.wav"
    form = struct.pack("<HHIIHH", 1, 1, 8000, 64000, 8, 64)
    body = b"WAVEfmt \x10\0\0\0" + form + b"data" + struct.pack("<I", 8000) + bytes(8000)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    with pytest.raises(MediaError, match=r"unknown form \(s64"):
        load_audio(path)


def test_less_sound_than_one_sample_of_the_rate(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "one.wav", np.array([0.25]), 48000)
    with pytest.raises(MediaError, match=r"one\.wav is too short: it holds less than one sample at 16000 Hz"):
        load_audio(tmp_path / "one.wav")


def name_in_latin_1(folder: Path) -> Path:
    """Path with a name that is no UTF-8, as archives from old systems give."""
    path = folder / os.fsdecode(b"caf\xe9.wav")
    try:
        path.touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    return path


@pytest.mark.skipif(os.name != "posix", reason="names are text on this platform")
@pytest.mark.parametrize("form", ["wav", "mp4"])
def test_a_name_that_is_no_unicode(tmp_path: Path, good: dict[str, Path], form: str) -> None:
    path = name_in_latin_1(tmp_path)
    path.write_bytes(good[form].read_bytes())
    np.testing.assert_array_equal(load_audio(path)[0], load_audio(good[form])[0])
    assert probe(path).audio.sample_rate == 16000


def test_sound_of_one_sample(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "a.wav", np.array([0.25]), 16000, subtype="FLOAT")
    np.testing.assert_array_equal(load_audio(tmp_path / "a.wav")[0], [0.25])
    assert outcomes(tmp_path / "a.wav")["probe"] == "ok"


def test_zero_and_absurd_frame_rates(tmp_path: Path) -> None:
    pictures = b"".join(b"FRAME\n" + bytes([60]) * 16 * 16 for _ in range(5))
    for rate in ("0:0", "0:1", "1:0", "1000000:1", "1:1000000"):
        path = tmp_path / f"{rate.replace(':', '_')}.y4m"
        path.write_bytes(f"YUV4MPEG2 W16 H16 F{rate} Ip Cmono\n".encode() + pictures)
        result = outcomes(path)
        if result["load_video"] == "ok":
            video, fps = load_video(path)
            assert len(video) == 5
            assert 0 < fps < 1e7


@pytest.mark.parametrize("name", ["a.mkv", "a.ts"])
def test_negative_times(tmp_path: Path, name: str) -> None:
    import av

    path = tmp_path / name
    with av.open(str(path), "w", container_options={"avoid_negative_ts": "disabled"}) as out:
        stream = out.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        for index, picture in enumerate(noise_pictures(10, 16, 32)):
            frame = av.VideoFrame.from_ndarray(picture, format="gray")
            frame.pts = index - 5
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    times = np.concatenate([block.times for block in iter_video(path)])
    # FFmpeg says that this mkv starts at 0, which is not so: its times stay as they are.
    start = {"a.mkv": -0.2, "a.ts": 0.0}[name]
    np.testing.assert_allclose(times, start + np.arange(10) / 25, atol=1e-6)
    assert outcomes(path)["crop_face"] == "ok"


def test_streaming_headers_without_length(tmp_path: Path, good: dict[str, Path]) -> None:
    data = bytearray(good["wav"].read_bytes())
    data[4:8] = struct.pack("<I", 0xFFFFFFFF)
    data[40:44] = struct.pack("<I", 0xFFFFFFFF)
    path = tmp_path / "piped.wav"
    path.write_bytes(data)
    np.testing.assert_array_equal(load_audio(path)[0], load_audio(good["wav"])[0])


def huge(folder: Path, good: dict[str, Path]) -> list[str]:
    """Files that declare far more than they hold."""
    y4m = b"YUV4MPEG2 W60000 H60000 F25:1 Ip C420jpeg\nFRAME\n" + bytes(1000)
    (folder / "size.y4m").write_bytes(y4m)
    jpeg = write_media(folder / "jpeg.avi", noise_pictures(3, 48, 64), codec="mjpeg", pix_fmt="yuvj420p")
    data = bytearray(jpeg.read_bytes())
    at = 0
    while (at := data.find(b"\xff\xc0", at + 1)) > 0:
        data[at + 5 : at + 9] = struct.pack(">HH", 65500, 65500)
    jpeg.write_bytes(data)
    vp8 = write_media(folder / "vp8.webm", noise_pictures(3, 48, 64), codec="libvpx")
    data = bytearray(vp8.read_bytes())
    at = data.find(b"\x9d\x01\x2a")
    data[at + 3 : at + 7] = struct.pack("<HH", 16383, 16383)
    vp8.write_bytes(data)
    data = bytearray(good["flac"].read_bytes())
    data[21:26] = bytes([data[21] | 0x0F, 0xFF, 0xFF, 0xFF, 0xFF])  # 2 ** 36 samples
    (folder / "samples.flac").write_bytes(data)
    data = bytearray(good["wav"].read_bytes())
    data[40:44] = struct.pack("<I", 0x70000000)
    data[4:8] = struct.pack("<I", 0x70000000 + 36)
    (folder / "samples.wav").write_bytes(data)
    return ["size.y4m", "jpeg.avi", "vp8.webm", "samples.flac", "samples.wav"]


def test_huge_declared_sizes_take_no_memory(tmp_path: Path, good: dict[str, Path]) -> None:
    names = huge(tmp_path, good)
    code = (
        PEAK_KIB
        + """
import json, sys, warnings
from stcorner.media import crop_face, load_audio, load_video, probe
from stcorner.errors import MediaError
import av, cv2, soundfile, soxr
warnings.simplefilter("ignore")
before = peak_kib()
out = {}
for path in sys.argv[1:]:
    for reader in (probe, load_audio, load_video, crop_face):
        try:
            reader(path)
            out.setdefault(path, []).append("ok")
        except MediaError as error:
            out.setdefault(path, []).append(str(error))
print(json.dumps([out, peak_kib() - before]))
"""
    )
    paths = [str(tmp_path / name) for name in names]
    run = subprocess.run(
        [sys.executable, "-c", code, *paths], capture_output=True, text=True, timeout=120, check=True
    )
    results, grown = json.loads(run.stdout)
    assert grown < 200 * 1024, f"{grown} KiB"
    for path, (_, sound, pictures, faces) in results.items():
        if path.endswith((".y4m", ".avi", ".webm")):
            assert pictures != "ok"
            assert faces != "ok"
        else:
            assert sound != "ok"


@pytest.mark.parametrize(
    "before", [b"", struct.pack(">I4s", 8, b"wide"), struct.pack(">I4sQ", 1, b"free", 16)]
)
def test_a_packed_index_is_refused_by_the_length_it_declares(tmp_path: Path, before: bytes) -> None:
    packed = zlib.compress(bytes(3 << 20), 9)
    order = struct.pack(">I4s4s", 12, b"dcom", b"zlib")
    order += struct.pack(">I4sI", 12 + len(packed), b"cmvd", 1 << 30) + packed
    index = struct.pack(">I4sI4s", 16 + len(order), b"moov", 8 + len(order), b"cmov") + order
    film = tmp_path / "film.mov"
    film.write_bytes(before + struct.pack(">I4s4sI", 16, b"ftyp", b"qt  ", 0) + index)
    for read in (probe, load_audio, crop_face):
        with pytest.raises(MediaError, match="packs an index of 1073741824 bytes"):
            read(film)
