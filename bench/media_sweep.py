"""Read 200 files of many containers and codecs at random places, and compare with the program ``ffmpeg``.

``python bench/media_sweep.py [COUNT]`` writes the files with ffmpeg, which must be installed, reads each with
`load_audio` and `load_video`, whole and from a random offset, and prints every difference.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

from stcorner.errors import StcornerError
from stcorner.media import iter_video, load_audio, load_video, probe

# Container, codec of the sound, codec of the picture, rates and numbers of channels that it takes.
ANY = (8000, 11025, 16000, 22050, 44100, 48000)
KINDS: list[tuple[str, str, str, tuple[int, ...], tuple[int, ...]]] = [
    ("wav", "pcm_s16le", "", ANY, (1, 2, 6)),
    ("wav", "pcm_u8", "", ANY, (1, 2)),
    ("wav", "pcm_s24le", "", ANY, (1, 2)),
    ("wav", "pcm_f32le", "", ANY, (1, 2)),
    ("wav", "pcm_f64le", "", ANY, (1,)),
    ("wav", "pcm_mulaw", "", (8000, 16000), (1, 2)),
    ("wav", "adpcm_ms", "", (8000, 16000), (1, 2)),
    ("wav", "adpcm_ima_wav", "", (8000, 16000), (1, 2)),
    ("wav", "libgsm_ms", "", (8000,), (1,)),
    ("wav", "g726", "", (8000,), (1,)),
    ("wav", "libmp3lame", "", (16000, 44100), (1, 2)),
    ("w64", "pcm_s16le", "", ANY, (1, 2)),
    ("w64", "pcm_s32le", "", ANY, (1, 2)),
    ("aiff", "pcm_s16be", "", ANY, (1, 2)),
    ("aiff", "pcm_s24be", "", ANY, (1, 2)),
    ("aiff", "pcm_alaw", "", (8000, 16000), (1,)),
    ("au", "pcm_s16be", "", ANY, (1, 2)),
    ("au", "pcm_mulaw", "", (8000,), (1,)),
    ("caf", "pcm_s16be", "", ANY, (1, 2)),
    ("caf", "alac", "", (44100, 48000), (1, 2)),
    ("voc", "pcm_s16le", "", (8000, 16000), (1, 2)),
    ("flac", "flac", "", ANY, (1, 2, 6)),
    ("oga", "flac", "", ANY, (1, 2)),
    ("ogg", "libvorbis", "", (16000, 44100, 48000), (1, 2)),
    ("opus", "libopus", "", (48000,), (1, 2)),
    ("spx", "libspeex", "", (8000, 16000), (1,)),
    ("mp3", "libmp3lame", "", (16000, 22050, 44100, 48000), (1, 2)),
    ("mp2", "mp2", "", (16000, 44100, 48000), (1, 2)),
    ("aac", "aac", "", (16000, 44100, 48000), (1, 2)),
    ("m4a", "aac", "", (16000, 44100, 48000), (1, 2)),
    ("m4a", "alac", "", (44100, 48000), (1, 2)),
    ("ac3", "ac3", "", (44100, 48000), (1, 2)),
    ("eac3", "eac3", "", (44100, 48000), (1, 2)),
    ("wma", "wmav2", "", (22050, 44100), (1, 2)),
    ("wv", "wavpack", "", ANY, (1, 2)),
    ("tta", "tta", "", ANY, (1, 2)),
    ("mkv", "libvorbis", "libtheora", (44100,), (1, 2)),
    ("mka", "libopus", "", (48000,), (1, 2)),
    ("mka", "pcm_s24le", "", ANY, (1, 2)),
    ("mp4", "aac", "libx264", (44100, 48000), (1, 2)),
    ("mp4", "libmp3lame", "mpeg4", (44100, 48000), (1, 2)),
    ("mov", "pcm_s16le", "mjpeg", ANY, (1, 2)),
    ("mov", "alac", "prores", (44100, 48000), (2,)),
    ("3gp", "aac", "h263", (16000, 44100), (1,)),
    ("mkv", "flac", "ffv1", ANY, (1, 2)),
    ("mkv", "ac3", "libx265", (44100, 48000), (2,)),
    ("webm", "libvorbis", "libvpx", (44100, 48000), (1, 2)),
    ("webm", "libopus", "libvpx-vp9", (48000,), (1, 2)),
    ("avi", "libmp3lame", "mpeg4", (22050, 44100), (1, 2)),
    ("avi", "pcm_s16le", "huffyuv", ANY, (1, 2)),
    ("flv", "libmp3lame", "flv", (22050, 44100), (1, 2)),
    ("flv", "aac", "libx264", (44100,), (2,)),
    ("mpg", "mp2", "mpeg1video", (44100, 48000), (1, 2)),
    ("ts", "aac", "libx264", (48000,), (2,)),
    ("m2ts", "ac3", "mpeg2video", (48000,), (2,)),
    ("vob", "mp2", "mpeg2video", (48000,), (2,)),
    ("wmv", "wmav2", "wmv2", (44100,), (1, 2)),
    ("ogv", "libvorbis", "libtheora", (44100, 48000), (1, 2)),
    ("mxf", "pcm_s16le", "mpeg2video", (48000,), (2,)),
    ("nut", "pcm_s16le", "mpeg4", ANY, (1, 2)),
]
EXACT = ("pcm_", "flac", "alac", "tta", "wavpack", "adpcm", "libgsm", "g726")


def ffmpeg(*arguments: str) -> bytes:
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", *arguments]
    done = subprocess.run(command, capture_output=True, timeout=120)
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace").strip().splitlines()[-1])
    return done.stdout


def write(
    path: Path, kind: tuple[str, str, str, tuple[int, ...], tuple[int, ...]], dice: random.Random
) -> None:
    _, sound, picture, rates, channels = kind
    sr, count, seconds = dice.choice(rates), dice.choice(channels), round(dice.uniform(0.8, 3.0), 2)
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[count]
    tones = f"aevalsrc=0.4*sin(2*PI*(200+150*t)*t)+0.1*random(0):s={sr}:d={seconds}"
    tones += f",aformat=channel_layouts={layout}"
    inputs = ["-f", "lavfi", "-i", tones]
    size = "352x288" if picture in ("h263", "mpeg2video", "mpeg1video") else "160x120"
    if picture:
        fps = dice.choice(("25", "30")) if picture not in ("mpeg1video", "mpeg2video") else "25"
        inputs += ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={fps}:duration={seconds}"]
        inputs += ["-c:v", picture, "-pix_fmt", "yuvj420p" if picture == "mjpeg" else "yuv420p"]
        if picture == "prores":
            inputs[-1] = "yuv422p10le"
    ffmpeg(*inputs, "-c:a", sound, "-ar", str(sr), "-strict", "-2", str(path))


def compare_sound(path: Path, sound: str, dice: random.Random) -> list[str]:
    y, sr = load_audio(path, sr=None, mono=False)
    info = probe(path)
    if info.audio is None:
        return ["probe finds no sound"]
    raw = ffmpeg("-i", str(path), "-map", "0:a:0", "-f", "f32le", "-c:a", "pcm_f32le", "-")
    other = np.frombuffer(raw, np.float32).reshape(-1, y.shape[0]).T
    found = []
    # Where the sound starts late on the file's clock, silence stands before it; ffmpeg writes none.
    leads = {0, max(0, y.shape[1] - other.shape[1])}
    error, shift = min((_apart(y[:, lead:], other), lead) for lead in leads)
    if abs(y.shape[1] - shift - other.shape[1]) > (0 if sound.startswith(EXACT) else 0.03 * sr):
        found.append(f"{y.shape[1] - shift} samples, ffmpeg {other.shape[1]}")
    if error > (1e-6 if sound.startswith(EXACT) else 2e-3):
        found.append(f"samples differ by {error:.2g}")
    if info.audio.duration is None or abs(info.audio.duration - y.shape[1] / sr) > 0.08:
        found.append(f"probe says {info.audio.duration} s for {y.shape[1] / sr:.3f} s")
    offset = dice.uniform(0.05, 0.9) * y.shape[1] / sr
    part, _ = load_audio(path, sr=None, mono=False, offset=offset, duration=0.3)
    first = round(offset * sr)
    if not np.array_equal(part, y[:, first : first + round(0.3 * sr)]):
        found.append(f"other samples from {offset:.3f} s on")
    resampled, _ = load_audio(path, sr=16000, offset=offset)
    whole, _ = load_audio(path, sr=16000)
    first = round(offset * 16000)
    n = min(len(resampled), len(whole) - first)
    if len(resampled) != len(whole) - first or np.abs(resampled[:n] - whole[first : first + n]).max() > 2e-6:
        found.append(f"other samples at 16 kHz from {offset:.3f} s on")
    return found


def _apart(y: np.ndarray, other: np.ndarray) -> float:
    n = min(y.shape[1], other.shape[1])
    return float(np.abs(y[:, :n] - other[:, :n]).max())


def compare_pictures(path: Path) -> list[str]:
    video, fps = load_video(path)
    info = probe(path)
    height, width = video.shape[1:]
    scale = f"scale={width}:{height}:out_range=full"
    options = ["-map", "0:v:0", "-fps_mode", "passthrough", "-vf", scale, "-pix_fmt", "gray"]
    raw = ffmpeg("-i", str(path), *options, "-f", "rawvideo", "-")
    other = np.frombuffer(raw, np.uint8).reshape(-1, height, width)
    found = []
    if len(video) != len(other):
        found.append(f"{len(video)} pictures, ffmpeg {len(other)}")
    n = min(len(video), len(other))
    error = np.abs(video[:n].astype(int) - other[:n]).mean(axis=(1, 2)).max()
    if error > 1.5:
        found.append(f"pictures differ by {error:.2f} grey levels")
    times = np.concatenate([block.times for block in iter_video(path)])
    if len(times) > 2 and abs((len(times) - 1) / (times[-1] - times[0]) / fps - 1) > 0.03:
        found.append(f"{fps:g} fps, its times say {(len(times) - 1) / (times[-1] - times[0]):g}")
    if info.video is None or abs(info.video.fps - fps) > 1e-9:
        found.append("probe and load_video differ in fps")
    return found


def main(count: int) -> int:
    """Print a line for each difference; return their number."""
    warnings.simplefilter("ignore")
    dice = random.Random(7)
    different = read = 0
    with tempfile.TemporaryDirectory() as folder:
        for index in range(count):
            kind = KINDS[index % len(KINDS)]
            path = Path(folder, f"{index}.{kind[0]}")
            try:
                write(path, kind, dice)
            except RuntimeError as error:
                print(f"{path.name} {kind[1]} {kind[2]}: ffmpeg does not write it: {error}")
                continue
            read += 1
            try:
                found = compare_sound(path, kind[1], dice) + (compare_pictures(path) if kind[2] else [])
            except StcornerError as error:
                found = [str(error)]
            different += bool(found)
            for line in found:
                print(f"{path.name} {kind[1]} {kind[2]}: {line}")
            path.unlink()
    containers = {kind[0] for kind in KINDS}
    print(f"{read} files of {len(containers)} containers, {len(KINDS)} kinds: {different} differ")
    return different


if __name__ == "__main__":
    sys.exit(min(1, main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)))
