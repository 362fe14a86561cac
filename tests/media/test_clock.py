"""One clock: what is seen and heard at one moment has one time, whatever the container does."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from media_files import clap_and_flash, noise_pictures, tone, write_media
from stcorner.media import MediaWarning, crop_face, iter_video, load_audio, load_video, probe

if TYPE_CHECKING:
    from pathlib import Path

CONTAINERS: dict[str, dict[str, Any]] = {
    "a.mp4": {},
    "a.mov": {},
    "a.mkv": {"codec": "ffv1", "audio_codec": "flac"},
    "b.mkv": {"codec": "libx264", "audio_codec": "aac"},
    "a.webm": {"codec": "libvpx", "audio_codec": "libopus", "sr": 48000},
    "a.avi": {"codec": "mpeg4", "audio_codec": "libmp3lame"},
    "b.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p", "audio_codec": "pcm_s16le"},
    "a.flv": {"codec": "flv", "audio_codec": "libmp3lame", "sr": 44100},
    "a.mpg": {"codec": "mpeg1video", "audio_codec": "mp2", "sr": 44100},
    "a.ts": {"codec": "mpeg2video", "audio_codec": "mp2", "sr": 44100},
}


def flash_time(path: Path) -> float:
    for block in iter_video(path):
        bright = block.frames.mean(axis=(1, 2)) > 120
        if bright.any():
            return block.times[bright.argmax()]
    raise AssertionError("no flash")


def clap_time(path: Path) -> float:
    y, sr = load_audio(path)
    return (np.abs(y) > 0.3).argmax() / sr


@pytest.mark.parametrize("name", CONTAINERS)
def test_clap_and_flash_have_one_time(tmp_path: Path, name: str) -> None:
    settings = dict(CONTAINERS[name])
    sr = settings.pop("sr", 16000)
    pictures, sound, at = clap_and_flash(1.2, sr=sr)
    path = write_media(tmp_path / name, pictures, sound, sr=sr, **settings)
    assert abs(clap_time(path) - flash_time(path)) < 0.04
    assert abs(clap_time(path) - at) < 0.12  # the zero itself may move by the codec's delay
    info = probe(path)
    assert info.audio.sample_rate == sr
    assert abs(info.offset) < 0.1


@pytest.mark.parametrize("start", [0.5, 1.0])
def test_late_sound_is_preceded_by_silence(tmp_path: Path, start: float) -> None:
    pictures, sound, at = clap_and_flash(1.2)
    late = sound[round(start * 16000) :]
    path = write_media(
        tmp_path / "a.mkv", pictures, late, codec="ffv1", audio_codec="flac", audio_start=start
    )
    assert probe(path).offset == pytest.approx(start, abs=0.002)
    y, sr = load_audio(path)
    assert abs(clap_time(path) - at) < 0.002
    assert flash_time(path) == pytest.approx(at, abs=0.002)
    assert not y[: int(start * sr) - 40].any()


def test_sound_that_starts_first_sets_the_zero(tmp_path: Path) -> None:
    pictures, sound, at = clap_and_flash(1.2)
    times = np.arange(len(pictures)) / 25 + 0.4
    path = write_media(
        tmp_path / "a.mkv", pictures, np.roll(sound, 6400), codec="ffv1", audio_codec="flac", times=times
    )
    assert probe(path).offset == pytest.approx(-0.4, abs=0.002)
    assert flash_time(path) == pytest.approx(at + 0.4, abs=0.002)
    assert clap_time(path) == pytest.approx(at + 0.4, abs=0.002)


def test_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    times = np.cumsum([0, *([0.02, 0.1, 0.05] * 6)])
    path = write_media(tmp_path / "a.mkv", noise_pictures(19, 32, 48), times=times, codec="ffv1")
    found = np.concatenate([block.times for block in iter_video(path, block_length=4)])
    np.testing.assert_allclose(found, times, atol=1e-3)


def test_crops_of_a_variable_rate_are_even_and_nearest_in_time(tmp_path: Path) -> None:
    times = np.cumsum([0, *([0.02, 0.1, 0.05] * 6)])
    pictures = [np.full((48, 48), 10 * index, np.uint8) for index in range(19)]

    class Everywhere:
        def detect(self, gray: np.ndarray) -> np.ndarray:
            return np.array([[0, 0, 48, 48, 1]], np.float32)

    path = write_media(tmp_path / "a.mkv", pictures, times=times, codec="ffv1", pix_fmt="gray")
    clip = crop_face(path, size=16, fps=40.0, detector=Everywhere(), margin=0.0)
    np.testing.assert_allclose(clip.times, np.arange(len(clip.times)) / 40)
    nearest = np.abs(np.round(times, 3) - clip.times[:, None]).argmin(axis=1)
    np.testing.assert_array_equal(clip.frames[:, 8, 8], 10 * nearest)


def test_b_frames_in_an_avi_come_at_even_times(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    write_media(
        path, noise_pictures(50, 48, 64), options={"bf": "3", "b_strategy": "0", "x264-params": "bframes=3"}
    )
    times = np.concatenate([block.times for block in iter_video(path)])
    assert len(times) == 50
    np.testing.assert_allclose(np.diff(times), 1 / 25, atol=1e-6)
    assert 0 <= times[0] < 0.1


def test_a_recording_may_begin_at_any_time(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    pictures, sound, at = clap_and_flash(1.2)
    times = 5000 + np.arange(len(pictures)) / 25
    settings = {"codec": "ffv1", "audio_codec": "flac", "audio_start": 5000.0}
    write_media(path, pictures, sound, times=times, **settings)
    info = probe(path)
    assert info.duration == pytest.approx(2.0, abs=0.1)
    assert info.audio.duration == pytest.approx(2.0, abs=0.1)
    assert clap_time(path) == pytest.approx(at, abs=0.002)
    assert flash_time(path) == pytest.approx(at, abs=0.002)


@pytest.mark.parametrize("form", ["adts", "ac3", "mp3"])
def test_the_length_of_sound_without_a_header_is_measured(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a.sound"
    codec, options = {"adts": ("aac", {}), "ac3": ("ac3", {}), "mp3": ("libmp3lame", {"write_xing": "0"})}[
        form
    ]
    # Quiet first: what FFmpeg guesses from the first bit rates is far off.
    sound = np.concatenate([np.zeros(4 * 44100, np.float32), tone(2.0, 44100)])
    write_media(path, sound=sound, sr=44100, audio_codec=codec, form=form, container_options=options)
    info = probe(path)
    assert info.duration == info.audio.duration == pytest.approx(6.0, abs=0.1)
    y, sr = load_audio(path)
    assert len(y) / sr == pytest.approx(6.0, abs=0.1)


def test_mp3_files_joined_are_read_to_the_end(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mp3", sound=tone(4.0, 44100), sr=44100, audio_codec="libmp3lame")
    path.write_bytes(2 * path.read_bytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MediaWarning)  # the second file's header is no sound
        y, sr = load_audio(path)
    assert len(y) / sr == pytest.approx(8.0, abs=0.2)
    assert probe(path).duration == pytest.approx(8.0, abs=0.2)


def test_a_recording_of_a_browser_has_a_length(tmp_path: Path) -> None:
    path = tmp_path / "a.webm"
    settings = {"codec": "libvpx", "audio_codec": "libopus", "sr": 48000, "container_options": {"live": "1"}}
    write_media(path, noise_pictures(50, 48, 64), tone(2.0, 48000), **settings)
    assert probe(path).duration == pytest.approx(2.0, abs=0.1)
    write_media(path, noise_pictures(50, 48, 64), codec="libvpx", container_options={"live": "1"})
    assert probe(path).video.duration == probe(path).duration == pytest.approx(2.0, abs=0.1)


def test_sound_shorter_than_the_picture(tmp_path: Path) -> None:
    path = write_media(
        tmp_path / "a.mkv", noise_pictures(50, 32, 32), tone(0.7), codec="ffv1", audio_codec="flac"
    )
    y, sr = load_audio(path)
    assert len(y) == round(0.7 * sr)
    assert len(load_video(path)[0]) == 50


def test_a_gap_in_the_sound_is_silence(tmp_path: Path) -> None:
    import av

    path = tmp_path / "a.mkv"
    y = tone(1.0)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=16000)
        stream.layout = "mono"
        for at in range(0, 16000, 1600):
            data = np.rint(y[None, at : at + 1600] * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(data, format="s16", layout="mono")
            frame.sample_rate = 16000
            frame.pts = at + (8000 if at >= 8000 else 0)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    heard, _ = load_audio(path)
    assert len(heard) == 24000
    np.testing.assert_allclose(heard[:8000], y[:8000], atol=1e-4)
    assert not heard[8000:16000].any()
    np.testing.assert_allclose(heard[16000:], y[8000:], atol=1e-4)


@pytest.mark.parametrize("start", [0.0, 0.5])
@pytest.mark.parametrize("n", [5000, 5120, 5121])
def test_an_mp4_ends_where_its_sound_ended(tmp_path: Path, n: int, start: float) -> None:
    pictures = noise_pictures(25, 48, 64) if start else None
    path = write_media(tmp_path / "a.mp4", pictures, tone(1.0)[:n], audio_start=start)
    y, sr = load_audio(path, sr=None)
    # An edit list counts milliseconds; the codec's last block would be up to 64 of them.
    assert len(y) / sr == pytest.approx(start + n / sr, abs=1e-3)
