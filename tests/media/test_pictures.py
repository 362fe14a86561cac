"""Pixel formats, ranges, turns and sizes: one picture, one result."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from media_files import noise_pictures, tone, write_media
from stcorner.media import MediaWarning, iter_audio, iter_video, load_audio, load_video, probe

FORMATS: dict[str, dict[str, Any]] = {
    "yuv420p": {},
    "yuv422p": {},
    "yuv444p": {},
    "yuv410p": {},
    "yuv420p10le": {},
    "yuv444p12le": {},
    "gray": {},
    "gray16le": {},
    "bgra": {},
    "yuva420p": {},
    "yuva444p10le": {},
    "gbrp": {},
    "rgb48le": {},
}


def in_codec(pix_fmt: str) -> bool:
    import av

    return pix_fmt in {form.name for form in av.Codec("ffv1", "w").video_formats}


@pytest.mark.parametrize("pix_fmt", FORMATS)
@pytest.mark.parametrize("size", [(32, 48), (33, 17)])
def test_every_format_gives_the_same_luma(tmp_path: Path, pix_fmt: str, size: tuple[int, int]) -> None:
    if not in_codec(pix_fmt):
        pytest.skip(f"this FFmpeg's ffv1 does not know {pix_fmt}")
    pictures = noise_pictures(3, *size)
    path = write_media(tmp_path / "a.mkv", pictures, codec="ffv1", pix_fmt=pix_fmt)
    video, fps = load_video(path)
    assert fps == 25
    assert video.shape == pictures.shape
    # Studio range has 219 steps: 255 / 219 / 2 of rounding, and one more for matrices.
    assert np.abs(video.astype(int) - pictures).max() <= 2
    colour, _ = load_video(path, gray=False)
    assert colour.shape == (*pictures.shape, 3)
    assert np.abs(colour.astype(int) - pictures[..., None]).max() <= 3


def test_full_and_studio_range_agree(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (32, 1))[None]
    studio, _ = load_video(write_media(tmp_path / "a.mkv", ramp, codec="ffv1", pix_fmt="yuv420p"))
    full, _ = load_video(write_media(tmp_path / "b.avi", ramp, codec="mjpeg", pix_fmt="yuvj420p"))
    assert np.abs(studio.astype(int) - ramp).max() <= 1
    assert np.abs(full.astype(int) - ramp).max() <= 4  # jpeg
    assert studio.min() == 0
    assert studio.max() == 255


def test_gray_is_the_luma_of_rgb(real_data: Path) -> None:
    clip = real_data / "video/grid_bbaf2n.mpg"
    gray = next(iter_video(clip)).frames.astype(float)
    rgb = next(iter_video(clip, gray=False)).frames.astype(float)
    luma = rgb @ [0.299, 0.587, 0.114]
    assert np.median(np.abs(gray - luma)) < 1.5


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation_is_applied(tmp_path: Path, degrees: int) -> None:
    picture = np.full((48, 64), 40, np.uint8)
    picture[:16, :16] = 230  # top left
    path = write_media(
        tmp_path / "a.mp4", [picture] * 5, rotation=degrees if degrees < 270 else -90, options={"crf": "1"}
    )
    info = probe(path)
    assert info.video.rotation == degrees
    video, _ = load_video(path)
    expected = np.rot90(picture, degrees // 90)
    assert video.shape[1:] == expected.shape == (info.video.height, info.video.width)
    assert np.abs(video[2].astype(int) - expected).mean() < 3


@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
def test_a_mirrored_picture_is_mirrored_back(tmp_path: Path, degrees: int) -> None:
    picture = np.full((48, 64), 40, np.uint8)
    picture[:16, :16] = 230  # top left
    path = write_media(
        tmp_path / "a.mp4", [picture] * 5, rotation=degrees, mirrored=True, options={"crf": "1"}
    )
    video, _ = load_video(path)
    expected = np.rot90(picture, degrees // 90)[:, ::-1]
    assert video.shape[1:] == expected.shape == (probe(path).video.height, probe(path).video.width)
    assert np.abs(video[2].astype(int) - expected).mean() < 3


@pytest.mark.parametrize(
    ("ratio", "size"),
    [((2, 1), (48, 128)), ((1, 2), (96, 64)), ((16, 15), (48, 68)), ((1, 1), (48, 64)), ((50, 1), (48, 64))],
)
def test_pixels_become_square(tmp_path: Path, ratio: tuple[int, int], size: tuple[int, int]) -> None:
    pictures = np.full((3, 48, 64), 40, np.uint8)
    pictures[:, :24, :32] = 230
    settings: dict[str, Any] = {"codec": "mpeg4", "options": {"qscale": "1"}, "pixel_ratio": Fraction(*ratio)}
    path = write_media(tmp_path / "a.mp4", pictures, **settings)
    info = probe(path)
    assert (info.video.height, info.video.width) == size
    for gray in (True, False):
        video, _ = load_video(path, gray=gray)
        assert video.shape[1:3] == size
        height, width = size
        assert video[1, height // 2 - 6, width // 2 - 6].min() > 200
        assert video[1, height // 2 + 6, width // 2 - 6].max() < 70
        assert video[1, height // 2 - 6, width // 2 + 6].max() < 70


def test_the_streams_marked_as_default_are_read(tmp_path: Path) -> None:
    import av

    path = tmp_path / "a.mkv"
    marks = [av.stream.Disposition(0), av.stream.Disposition.default]
    with av.open(str(path), "w") as out:
        pictures, sounds = [], []
        for mark in marks:
            pictures.append(out.add_stream("ffv1", rate=25, width=32, height=16, pix_fmt="gray"))
            sounds.append(out.add_stream("pcm_s16le", rate=8000, layout="mono"))
            pictures[-1].disposition = sounds[-1].disposition = mark
        for value, picture, sound in zip((10, 200), pictures, sounds, strict=True):
            frame = av.VideoFrame.from_ndarray(np.full((16, 32), value, np.uint8), format="gray")
            frame.pts = 0
            out.mux([*picture.encode(frame), *picture.encode()])
            heard = av.AudioFrame.from_ndarray(np.full((1, 320), 100 * value, np.int16), layout="mono")
            heard.sample_rate, heard.pts = 8000, 0
            out.mux([*sound.encode(heard), *sound.encode()])
    assert load_video(path)[0].tolist() == np.full((1, 16, 32), 200).tolist()
    np.testing.assert_allclose(load_audio(path, sr=None)[0], 20000 / 2**15)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (3, 5), (1, 7)])
def test_smallest_pictures(tmp_path: Path, size: tuple[int, int]) -> None:
    pictures = np.full((4, *size), 77, np.uint8)
    path = write_media(tmp_path / "a.mkv", pictures, codec="ffv1", pix_fmt="gray")
    np.testing.assert_array_equal(load_video(path)[0], pictures)


def test_a_change_of_size_is_scaled_to_the_first(tmp_path: Path) -> None:
    one = write_media(tmp_path / "1.ts", np.full((5, 32, 48), 90, np.uint8), codec="mpeg2video")
    two = write_media(tmp_path / "2.ts", np.full((5, 64, 96), 90, np.uint8), codec="mpeg2video")
    both = tmp_path / "both.ts"
    both.write_bytes(one.read_bytes() + two.read_bytes())
    video, _ = load_video(both)
    assert video.shape[1:] == (32, 48)
    assert len(video) >= 9
    times = np.concatenate([block.times for block in iter_video(both)])
    assert (np.diff(times) > 0).all()


COMMON: dict[str, dict[str, Any]] = {
    "phone.3gp": {"codec": "mpeg4"},
    "camcorder.MTS": {"form": "mpegts"},
    "disc.vob": {"codec": "mpeg2video", "audio_codec": "mp2", "sr": 44100},
    "memo.caf": {"audio_codec": "pcm_s16le"},
    "field.w64": {"audio_codec": "pcm_s16le"},
}


def test_what_phones_and_camcorders_write_is_found_in_a_folder(tmp_path: Path) -> None:
    from stcorner.corpora.clip import AUDIO_SUFFIXES, VIDEO_SUFFIXES, find_media

    for name, settings in COMMON.items():
        pictures = noise_pictures(25, 144, 176) if Path(name).suffix.lower() in VIDEO_SUFFIXES else None
        write_media(tmp_path / name, pictures, tone(1.0, settings.get("sr", 16000)), **settings)
    # Not every FFmpeg encodes AMR: fifty blocks of its lowest rate, a head and twelve bytes each.
    (tmp_path / "voice.amr").write_bytes(b"#!AMR\n" + 50 * (b"\x04" + bytes(12)))
    found = find_media(tmp_path, AUDIO_SUFFIXES | VIDEO_SUFFIXES)
    assert {path.name for path in found} == {*COMMON, "voice.amr"}
    for path in found:
        assert len(load_audio(path)[0]) > 12000
        assert (probe(path).video is not None) == (path.suffix.lower() in VIDEO_SUFFIXES)


def test_cover_art_is_no_video(tmp_path: Path) -> None:
    import av

    path = tmp_path / "a.mp3"
    cover = av.CodecContext.create("png", "w")
    cover.width = cover.height = 16
    cover.pix_fmt = "rgb24"
    with av.open(str(path), "w") as out:
        audio = out.add_stream("libmp3lame", rate=16000)
        audio.layout = "mono"
        video = out.add_stream("png")
        video.width = video.height = 16
        video.pix_fmt = "rgb24"
        video.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        for packet in video.encode(picture):
            out.mux(packet)
        frame = av.AudioFrame.from_ndarray(tone(1.0)[None], format="fltp", layout="mono")
        frame.sample_rate = 16000
        convert = av.AudioResampler(
            format=audio.codec_context.format, layout="mono", rate=16000, frame_size=1152
        )
        for piece in [*convert.resample(frame), *convert.resample(None)]:
            out.mux(audio.encode(piece))
        out.mux(audio.encode())
    info = probe(path)
    assert info.video is None
    assert len(load_audio(path)[0]) >= 16000


def test_channels_and_depths(tmp_path: Path, rng: np.random.Generator) -> None:
    import soundfile

    y = rng.uniform(-0.9, 0.9, (4000, 2)).astype(np.float32)
    for subtype, tolerance in [("PCM_U8", 1 / 120), ("PCM_16", 1e-4), ("PCM_24", 1e-6), ("FLOAT", 0)]:
        path = tmp_path / f"{subtype}.wav"
        soundfile.write(path, y, 16000, subtype=subtype)
        both, _ = load_audio(path, mono=False)
        assert both.shape == (2, 4000)
        np.testing.assert_allclose(both.T, y, atol=tolerance)
        np.testing.assert_allclose(load_audio(path)[0], both.mean(axis=0), atol=1e-7)


def test_channels_that_cancel_each_other_are_told(tmp_path: Path, rng: np.random.Generator) -> None:
    import soundfile

    path, y = tmp_path / "a.wav", tone(1.0)
    hiss = rng.normal(0, 0.01, len(y))
    soundfile.write(path, np.stack([y, hiss - y], axis=1), 16000)
    with pytest.warns(MediaWarning, match=r"a\.wav: its channels cancel each other in their mean"):
        load_audio(path)
    with pytest.warns(MediaWarning, match="cancel"):
        load_audio(path, offset=0.2, duration=0.3)
    with pytest.warns(MediaWarning, match="cancel"):
        list(iter_audio(path))
    assert load_audio(path, mono=False)[0].shape == (2, 16000)
    # A voice on one channel of eight, and unrelated channels, are no such case.
    for channels in (np.stack([y, *[0 * y] * 7]), rng.normal(0, 0.1, (3, 16000)), np.zeros((2, 16000))):
        soundfile.write(path, channels.T, 16000)
        load_audio(path)


@pytest.mark.parametrize("sr", [8000, 11025, 16000, 22050, 44100, 48000, 96000])
def test_a_tone_keeps_its_pitch_and_level_at_any_rate(tmp_path: Path, sr: int) -> None:
    import soundfile

    path = tmp_path / "a.wav"
    soundfile.write(path, tone(1.0, sr), sr, subtype="FLOAT")
    y, _ = load_audio(path, sr=16000)
    assert len(y) == pytest.approx(16000, abs=2)
    np.testing.assert_allclose(y[1000:-1000], tone(1.0)[1000 : len(y) - 1000], atol=2e-3)


STRETCHES = [(0.0, 0.5), (0.25, None), (0.3, 0.4), (0.9, 5.0), (4.1, 0.3), (5.99, None)]


@pytest.mark.parametrize(("offset", "duration"), STRETCHES)
@pytest.mark.parametrize("name", ["a.flac", "a.wav", "a.mp4"])
def test_offset_and_duration_cut_the_whole(
    tmp_path: Path, rng: np.random.Generator, name: str, offset: float, duration: float | None
) -> None:
    import soundfile

    path, y = tmp_path / name, rng.uniform(-0.9, 0.9, 6 * 22050).astype(np.float32)
    if name.endswith("mp4"):
        write_media(path, sound=y, sr=22050)
    else:
        soundfile.write(path, y, 22050)
    for sr in (None, 16000, 48000, 7):
        whole, rate = load_audio(path, sr=sr)
        start = round(offset * rate)
        stop = None if duration is None else start + max(1, round(duration * rate))
        if start >= len(whole):
            continue
        part, _ = load_audio(path, sr=sr, offset=offset, duration=duration)
        # A resampler that begins elsewhere rounds elsewhere.
        np.testing.assert_allclose(part, whole[start:stop], rtol=0, atol=1e-6 if sr else 0)


def test_the_end_of_a_long_file_is_not_read_from_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import soundfile

    path = tmp_path / "a.flac"
    y = np.tile(tone(1.0), 200)
    soundfile.write(path, y, 16000)
    read = []
    original = soundfile.SoundFile.read

    def counted(self: Any, *args: int, **kwargs: Any) -> np.ndarray:
        block = original(self, *args, **kwargs)
        read.append(len(block))
        return block

    monkeypatch.setattr(soundfile.SoundFile, "read", counted)
    part, _ = load_audio(path, offset=199.0, duration=0.5)
    assert sum(read) < 2 * 16000
    monkeypatch.undo()
    np.testing.assert_array_equal(part, load_audio(path)[0][199 * 16000 : round(199.5 * 16000)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sr": 0}, "sr must be >= 1 .* got 0"),
        ({"sr": 16000.0}, r"sr must be an integer, got 16000\.0"),
        ({"offset": -1}, "offset must be finite and >= 0, got -1"),
        ({"duration": 0}, "duration must be finite and > 0, got 0"),
        ({"mono": "yes"}, "mono must be True or False, got 'yes'"),
        ({"offset": 2.0}, r"a\.wav ends at 1\.000 s, before offset 2 s"),
    ],
)
def test_refused_parameters(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    import soundfile

    path = tmp_path / "a.wav"
    soundfile.write(path, tone(1.0), 16000)
    with pytest.raises((ValueError, OSError), match=message):
        load_audio(path, **arguments)


def test_refused_path_types() -> None:
    with pytest.raises(ValueError, match=r"path must be a str or os\.PathLike, got int"):
        probe(3)
