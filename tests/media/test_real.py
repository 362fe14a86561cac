"""Real clips of every container that the corpora use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from stcorner.media import iter_audio, iter_video, load_audio, load_video, probe

if TYPE_CHECKING:
    from pathlib import Path

CLIPS = {
    "ravdess/av_speech/Actor_01/01-01-01-01-01-01-01.mp4": ("h264", 720, 1280, "aac", 2),
    "crema-d/VideoFlash/1001_DFA_ANG_XX.flv": ("vp6f", 360, 480, "mp3float", 1),
    "video/grid_bbaf2n.mpg": ("mpeg1video", 288, 360, "mp2", 2),
    "video/kth_person01_boxing_d1.avi": ("mpeg4", 120, 160, None, 0),
    "video/face_noface.mov": ("hevc", 540, 960, "aac", 2),
}


@pytest.mark.parametrize("name", CLIPS)
def test_probe_and_load_agree(real_data: Path, name: str) -> None:
    codec, height, width, audio_codec, channels = CLIPS[name]
    info = probe(real_data / name)
    assert (info.video.codec, info.video.height, info.video.width) == (codec, height, width)
    video, fps = load_video(real_data / name)
    assert video.shape[1:] == (height, width)
    assert video.dtype == np.uint8
    assert fps == pytest.approx(info.video.fps)
    assert len(video) / fps == pytest.approx(info.video.duration, abs=2.1 / fps)
    if audio_codec is None:
        assert info.audio is None
        return
    assert (info.audio.codec, info.audio.channels) == (audio_codec, channels)
    y, sr = load_audio(real_data / name)
    assert sr == 16000
    assert info.audio.duration is not None
    assert len(y) / sr == pytest.approx(info.audio.start_time + info.audio.duration, abs=0.06)


def test_stereo_wav_is_the_mean_of_its_channels(real_data: Path) -> None:
    wav = real_data / "ravdess/audio_speech_48k/Actor_20/03-01-03-01-02-01-20.wav"
    both, sr = load_audio(wav, sr=None, mono=False)
    assert both.shape[0] == 2
    assert sr == 48000
    np.testing.assert_array_equal(load_audio(wav, sr=None)[0], both.mean(axis=0, dtype=np.float32))


def test_resampled_blocks_equal_one_call_of_soxr(real_data: Path) -> None:
    import soundfile
    import soxr

    wav = real_data / "ravdess/audio_speech_48k/Actor_20/03-01-03-01-02-01-20.wav"
    whole, rate = soundfile.read(wav, dtype="float32")
    once = soxr.resample(whole.mean(axis=1, dtype=np.float32), rate, 16000, quality="HQ")
    y, _ = load_audio(wav)
    np.testing.assert_allclose(y, once, atol=2e-7)
    np.testing.assert_array_equal(np.concatenate(list(iter_audio(wav, block_seconds=0.37))), y)


@pytest.mark.parametrize("block_length", [1, 7, 1000])
def test_blocks_equal_the_whole(real_data: Path, block_length: int) -> None:
    path = real_data / "video/grid_bbaf2n.mpg"
    whole, _ = load_video(path)
    blocks = list(iter_video(path, block_length=block_length))
    np.testing.assert_array_equal(np.concatenate([block.frames for block in blocks]), whole)
    times = np.concatenate([block.times for block in blocks])
    np.testing.assert_allclose(np.diff(times), 0.04, atol=1e-4)
