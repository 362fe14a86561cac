"""Files as people have them: each gives what it holds, or an error that says what to do."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from media_files import AWKWARD, check, tone, write_media
from stcorner.errors import MediaError
from stcorner.media import iter_video, load_audio, load_video, probe
from wave_bytes import wav_bytes

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    AWKWARD[name].write(path)
    check(path, AWKWARD[name])


REAL: dict[str, tuple[int | None, int | None, float | None, str]] = {
    # samples at the file's rate, frames, frames per second, remark
    "c_stream.flac": (16001, None, None, ""),
    "chrome_like.webm": (96967, 50, 24.9, ""),
    "data0_riff0.wav": (16001, None, None, "not closed"),
    "data_7ffff000.wav": (16001, None, None, "unknown length"),
    "data_ffff.wav": (16001, None, None, ""),
    "data_ok_riffdouble.wav": (16001, None, None, "its sound is whole"),
    "ext24in32.wav": (16001, None, None, ""),
    "rf64.wav": (16001, None, None, ""),
    "rifx.wav": (16001, None, None, ""),
    "sub_long.mkv": (90112, 50, 25.0, ""),
    "sub_long.mp4": (88200, 50, 25.0, ""),
    "tel_GSM610.wav": (24320, None, None, ""),
}


@pytest.mark.parametrize("name", REAL)
def test_examples_of_others(real_data: Path, name: str) -> None:
    path = real_data / "awkward" / name
    samples, frames, fps, remark = REAL[name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        y, sr = load_audio(path, sr=None)
    assert len(y) == samples
    assert [bool(re.search(remark, str(one.message))) for one in caught] == [True] * bool(remark)
    info = probe(path)
    assert info.audio.duration == pytest.approx(len(y) / sr, abs=0.03)
    if frames:
        video, found = load_video(path)
        assert len(video) == frames
        assert found == info.video.fps == pytest.approx(fps, rel=0.01)
        assert info.duration == pytest.approx(2.0, abs=0.05)


def test_a_wave_that_was_cut_off_is_refused(real_data: Path) -> None:
    path = real_data / "awkward" / "truncated.wav"
    with pytest.raises(MediaError, match=r"declares 1\.00 s and ends at 0\.62 s; copy it again"):
        load_audio(path)
    assert probe(path).duration == pytest.approx(0.6236, abs=1e-3)


def test_a_big_endian_wave_is_the_little_endian_one(real_data: Path) -> None:
    y, _ = load_audio(real_data / "awkward" / "rifx.wav", sr=None)
    same, _ = load_audio(real_data / "awkward" / "rf64.wav", sr=None)
    np.testing.assert_array_equal(y, same)


def test_links_of_a_chain_are_heard_one_after_the_other(tmp_path: Path) -> None:
    import soundfile

    data = b""
    for sr, frequency in ((44100, 300.0), (22050, 900.0), (48000, 600.0)):
        soundfile.write(tmp_path / "one.ogg", tone(2.0, sr, frequency), sr)
        data += (tmp_path / "one.ogg").read_bytes()
    path = tmp_path / "chained.ogg"
    path.write_bytes(data)
    info = probe(path)
    assert info.duration == pytest.approx(6.0, abs=0.05)
    assert info.audio.sample_rate == 44100
    for rate in (16000, None):
        y, sr = load_audio(path, sr=rate)
        assert sr == (rate or 44100)
        assert len(y) / sr == pytest.approx(6.0, abs=0.05)
        for start, frequency in ((0.5, 300.0), (2.5, 900.0), (4.5, 600.0)):
            part = y[round(start * sr) : round((start + 1) * sr)]
            spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
            assert np.argmax(spectrum) * sr / len(part) == pytest.approx(frequency, abs=2)
            assert np.std(part) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_a_link_with_other_channels(tmp_path: Path) -> None:
    import soundfile

    data = b""
    for channels in (1, 2):
        y = np.repeat(tone(1.0)[:, None], channels, axis=1)
        soundfile.write(tmp_path / "one.ogg", y, 16000)
        data += (tmp_path / "one.ogg").read_bytes()
    path = tmp_path / "chained.ogg"
    path.write_bytes(data)
    assert len(load_audio(path)[0]) == pytest.approx(32000, abs=800)
    with pytest.raises(MediaError, match=r"from 1 to 2 channel\(s\): read it with mono=True"):
        load_audio(path, mono=False)


def test_theora_repeats_the_picture_at_its_times(tmp_path: Path) -> None:
    path = tmp_path / "a.ogv"
    AWKWARD["repeats.ogv"].write(path)
    times = np.concatenate([block.times for block in iter_video(path)])
    np.testing.assert_allclose(times, np.arange(11) / 10, atol=1e-6)
    video, _ = load_video(path)
    assert video[0, 16, 28] > video[0, 16, 4] + 60
    np.testing.assert_array_equal(video, np.repeat(video[:1], 11, axis=0))


def test_a_rate_of_a_clock_is_no_rate_of_pictures(tmp_path: Path) -> None:
    # 240 pictures a second are a camera's, where the container counts them.
    path = write_media(tmp_path / "a.mp4", np.zeros((60, 48, 64), np.uint8), fps=480)
    assert probe(path).video.fps == load_video(path)[1] == pytest.approx(480)


MESSAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "gone.wav": (lambda path: None, "a relative name counts from the current folder"),
    "loop.wav": (lambda path: path.symlink_to(path), "copy it to another disk"),
    "empty.wav": (lambda path: path.touch(), "copy it again from where it came"),
    "folder.wav": (lambda path: path.mkdir(), "save what it gives to a file first"),
    "text.wav": (lambda path: path.write_text("hello" * 100), "convert it with ffmpeg"),
    "cut.wav": (AWKWARD["cut.wav"].write, "copy it again, or keep what is left with ffmpeg"),
    "film.mp4": (
        lambda path: write_media(path, np.zeros((5, 48, 64), np.uint8)),
        "stcorner probe FILE shows what it has",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_errors_say_what_to_do(tmp_path: Path, name: str) -> None:
    write, advice = MESSAGES[name]
    write(tmp_path / name)
    with pytest.raises(MediaError, match=re.escape(advice)) as caught:
        load_audio(tmp_path / name)
    assert name in str(caught.value)


def test_the_guide_names_every_kind() -> None:
    guide = Path(__file__).parents[2].joinpath("docs", "guides", "media.md").read_text()
    kinds = {line.split("|")[1].strip() for line in guide.splitlines() if line.startswith("|")}
    assert {wanted.row for wanted in AWKWARD.values()} <= kinds


@pytest.mark.parametrize("size", [None, 0, 0xFFFFFFFF])
def test_a_wave_of_more_than_4_gib(tmp_path: Path, size: int | None) -> None:
    """32 bits cannot count so many bytes: what stands there is the rest of the division, or nothing."""
    path = tmp_path / "long.wav"
    samples = 2**31 + 100_000
    head = wav_bytes(np.zeros(0), data_size=2 * samples % 2**32 if size is None else size, riff_size=0)
    with path.open("wb") as file:
        file.write(head)
        file.seek(2 * (samples - 16000), 1)
        file.write(wav_bytes(tone(1.0))[44:])
    assert probe(path).duration == pytest.approx(samples / 16000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y, _ = load_audio(path, sr=None, offset=(samples - 16000) / 16000)
    np.testing.assert_allclose(y, tone(1.0), atol=1 / 2**15)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(tone(1.0)))

    def refuse(self: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(MediaError, match=r"a\.wav cannot be read: Permission denied; .* chmod u\+r FILE"):
        load_audio(path)
