"""From media file to row: the whole way against decoding, two processes against one, an hour in memory.

python bench/pipeline.py               all of it, some six minutes on two quiet cores
python bench/pipeline.py clip          whole extraction of a RAVDESS mp4 against decoding and finding the face
python bench/pipeline.py throughput    files per second of one and two processes on the RAVDESS flac clips
python bench/pipeline.py memory        peak memory of `extract` and `timeline` on an hour of talking face

Each prints its figures and keeps them in bench/results/pipeline.json (or --out), beside machine and versions.
The clips are in STCORNER_DATA, or in shared/data beside the checkout.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from common import machine

RESULTS = Path(__file__).with_name("results") / "pipeline.json"
# Frames per second of one CPU thread by py-feat's own page docs/benchmarks/speed-clean-cpu.md (2026-06).
PY_FEAT_FPS = {"Detectorv2": (9.0, 12.9), "RetinaFace path": (4.2, 10.5), "img2pose": (1.5, 1.8)}


def data() -> Path:
    named = os.environ.get("STCORNER_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        sys.exit(f"no clips: {folder} is not a folder (set STCORNER_DATA)")
    return folder


def decode_and_detect(path: Path, every: int) -> int:
    """Plain use of PyAV and the same detector: all frames to gray, the face looked for in every n-th."""
    import av

    from stcorner.media import HaarDetector

    detector, n = HaarDetector(), 0
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        for n, frame in enumerate(container.decode(video=0), 1):
            gray = frame.to_ndarray(format="gray")
            if (n - 1) % every == 0:
                detector.detect(gray)
    return n


def clip(repetitions: int) -> dict[str, object]:
    import cv2

    from stcorner import Clip
    from stcorner.extraction.describe import describe_clip
    from stcorner.media import crop_face
    from stcorner.recognizer import EmotionRecognizer

    cv2.setNumThreads(1)
    path = data() / "ravdess/av_speech/Actor_01/01-01-01-01-01-01-01.mp4"
    cases = {
        "decode, face 5 times per second": lambda: decode_and_detect(path, 6),
        "decode, face in every frame": lambda: decode_and_detect(path, 1),
    }
    plain = list(cases)
    for blocks in (("audio", "video"), ("audio", "expression")):
        plan = EmotionRecognizer(blocks=blocks, augment=None).extraction_plan()
        (row,) = describe_clip(Clip.of(path), plan)
        if row.status != dict.fromkeys(blocks, "ok"):
            sys.exit(f"the clip did not give a whole row: {row.status}")
        name = f"extract --blocks {','.join(blocks)}"
        cases[name] = lambda plan=plan: describe_clip(Clip.of(path), plan)
    n_frames = decode_and_detect(path, 1000)
    # Wall time where the machine is quiet; processor time tells the same on a busy one.
    wall: dict[str, list[float]] = {name: [] for name in cases}
    cpu: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(repetitions):
        for name, run in cases.items():
            begin = time.perf_counter(), time.process_time()
            run()
            wall[name].append(time.perf_counter() - begin[0])
            cpu[name].append(time.process_time() - begin[1])
    result: dict[str, object] = {"clip": path.name, "frames": n_frames}
    for kind, times in (("wall", wall), ("cpu", cpu)):
        median = {name: statistics.median(values) for name, values in times.items()}
        ours = [name for name in median if name not in plain]
        result[f"{kind}_seconds"] = median
        result[f"{kind}_fps"] = {name: n_frames / median[name] for name in ours}
        result[f"{kind}_ratio"] = {
            name: {each: median[name] / median[each] for each in plain} for name in ours
        }
    result["detection_share"] = crop_face(path).detection_share
    result["py_feat_published_cpu_fps"] = PY_FEAT_FPS
    return result


def throughput(limit: int | None, repetitions: int) -> dict[str, object]:
    import stcorner

    clips = stcorner.list_media(data() / "ravdess/audio_speech")[:limit]
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(repetitions):
        for n_jobs, times in seconds.items():
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "features.parquet"
                run = stcorner.extract(clips, out, modality="audio", n_jobs=n_jobs)
            if run.n_errors:
                sys.exit(f"{run.n_errors} clips failed")
            times.append(run.seconds)
    rates = {n_jobs: len(clips) / statistics.median(times) for n_jobs, times in seconds.items()}
    hours = sum(stcorner.probe(path).duration or 0 for path in clips[:100]) / min(100, len(clips)) / 3600
    return {
        "clips": len(clips),
        "seconds": seconds,
        "files_per_second": rates,
        "speedup": rates[2] / rates[1],
        "clips_per_core_hour": 3600 * rates[1],
        "hours_of_sound_per_core_hour": 3600 * rates[1] * hours,
    }


def write_hour(path: Path, minutes: int) -> None:
    """Repeat a real talking face, sound and picture, without decoding it again."""
    import av

    source = data() / "crema-d/VideoFlash/1001_DFA_ANG_XX.flv"
    with av.open(str(path), "w") as out:
        video = out.add_stream("mpeg4", rate=30)
        video.width, video.height, video.pix_fmt = 480, 360, "yuv420p"
        audio = out.add_stream("aac", rate=44100)
        audio.layout = "mono"
        with av.open(str(source)) as container:
            pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
        packets = []
        for number, picture in enumerate(pictures[:60]):
            frame = av.VideoFrame.from_ndarray(picture, format="gray")
            frame.pts = number
            packets += [(packet.pts, packet.is_keyframe, bytes(packet)) for packet in video.encode(frame)]
        with av.open(str(source)) as container:
            sound = [frame.to_ndarray() for frame in container.decode(audio=0)]
        import numpy as np

        y = np.concatenate(sound, axis=1)[:, : 2 * 44100]
        resampler = av.AudioResampler("fltp", "mono", 44100, frame_size=1024)
        for second in range(0, 60 * minutes, 2):
            for number, key, payload in packets:
                packet = av.Packet(payload)
                packet.stream, packet.time_base = video, video.codec_context.time_base
                packet.pts = packet.dts = second * 30 + number
                packet.is_keyframe = key
                out.mux(packet)
            frame = av.AudioFrame.from_ndarray(
                np.rint(y * 32767).astype(np.int16), format="s16", layout="mono"
            )
            frame.sample_rate, frame.pts = 44100, second * 44100
            for piece in resampler.resample(frame):
                out.mux(audio.encode(piece))
        out.mux(audio.encode())


# Each prints rows, failed rows, and the peak memory in MB after a quarter and at the end.
PEAK = """
import re, resource, sys, stcorner
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
if __name__ == "__main__":
    rows = failed = 0
    quarter = None
"""
EXTRACT = (
    PEAK
    + """
    run = stcorner.extract(sys.argv[1], sys.argv[2], window=3.0, n_jobs=1)
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(run.n_rows, run.n_errors, peak(), worker)
"""
)
TIMELINE = (
    PEAK
    + """
    model = stcorner.load_model(sys.argv[2])
    for row in model.timeline(sys.argv[1], window=3.0, hop=3.0):
        rows, failed = rows + 1, failed + (row["status"] == "failed")
        if row["start"] > float(sys.argv[3]) / 4 and quarter is None:
            quarter = peak()
    print(rows, failed, quarter, peak())
"""
)


def memory(minutes: int) -> dict[str, object]:
    import stcorner

    clips = [data() / f"crema-d/VideoFlash/1001_DFA_{label}_XX.flv" for label in ("ANG", "HAP")]
    labels = ("angry", "happy")
    result: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        path, model = Path(folder) / "hour.mp4", Path(folder) / "two.stcorner"
        write_hour(path, minutes)
        result["video_seconds"] = duration = stcorner.probe(path).duration or 0.0
        parts = [
            stcorner.Clip(
                path=clip,
                clip_id=clip.stem,
                label=label,
                subject="1",
                take=label,
                modality="both",
                corpus="-",
            )
            for clip, label in zip(clips, labels, strict=True)
        ]
        stcorner.EmotionRecognizer(augment="noise").fit(parts).save(model)
        runs = {"extract": (EXTRACT, Path(folder) / "f.parquet"), "timeline": (TIMELINE, model)}
        begin = time.perf_counter()
        started = {}
        for name, (code, argument) in runs.items():  # both at once: an hour of video each takes minutes
            script = Path(folder) / f"{name}.py"
            script.write_text(code)
            arguments = [sys.executable, str(script), str(path), str(argument), str(duration)]
            started[name] = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        for name, process in started.items():
            rows, failed, first, second = map(float, process.communicate()[0].split())
            seconds = time.perf_counter() - begin
            peaks = (
                ("peak_mb_parent", "peak_mb_worker") if name == "extract" else ("peak_mb_quarter", "peak_mb")
            )
            result[name] = {
                "rows": rows,
                "failed": failed,
                "seconds": seconds,
                "times_real_time": duration / seconds,
                peaks[0]: first,
                peaks[1]: second,
            }
    return result


def keep(out: Path, name: str, result: dict[str, object]) -> None:
    kept = json.loads(out.read_text()) if out.is_file() else {}
    kept[name] = {**result, "machine": machine()}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(kept, indent=1, default=str) + "\n")
    print(json.dumps({name: result}, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    # Not `choices`: before Python 3.12 they refuse that nothing is named, which means all.
    parser.add_argument("what", nargs="*", metavar="{clip,throughput,memory}", help="default: all")
    parser.add_argument("--out", type=Path, default=RESULTS, help="file of results")
    parser.add_argument("--repetitions", type=int, default=7, help="of clip; throughput: 3 at most")
    parser.add_argument("--limit", type=int, help="clips of throughput; default: all")
    parser.add_argument("--minutes", type=int, default=60, help="length of the video of memory")
    chosen = parser.parse_args()
    rows = {
        "clip": lambda: clip(chosen.repetitions),
        "throughput": lambda: throughput(chosen.limit, min(3, chosen.repetitions)),
        "memory": lambda: memory(chosen.minutes),
    }
    if unknown := set(chosen.what) - set(rows):
        parser.error(f"what must be of {', '.join(rows)}, got {', '.join(sorted(unknown))}")
    for name in chosen.what or rows:
        keep(chosen.out, name, rows[name]())


if __name__ == "__main__":
    main()
