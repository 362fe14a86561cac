"""What a model says to machines that read plain sentences without emotion, in ten languages.

Needs the Debian packages espeak-ng, flite, festival, and of festvox-: kallpc16k, kdlpc16k, us-slt-hts,
italp16k, itapc16k, czech-dita, czech-ph, suopuhe-lj, suopuhe-mv, ru.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from common import arguments, write
from stcorner.recognizer import load_predictor

SENTENCES = json.loads(Path(__file__).with_name("sentences.json").read_text())
# Of espeak-ng: a variant of the voice, words a minute, pitch (50 is the usual one).
ESPEAK = (
    *(("m1", 175, 50), ("m3", 130, 35), ("m7", 220, 60)),
    *(("f1", 175, 50), ("f2", 130, 60), ("f4", 220, 75)),
)
FLITE = ("kal16", "awb", "rms", "slt")
FESTIVAL = {
    "kal_diphone": ("en", "utf-8"),
    "ked_diphone": ("en", "utf-8"),
    "cmu_us_slt_arctic_hts": ("en", "utf-8"),
    "lp_diphone": ("it", "latin1"),
    "pc_diphone": ("it", "latin1"),
    "czech_dita": ("cs", "latin2"),
    "czech_ph": ("cs", "latin2"),
    "suo_fi_lj_diphone": ("fi", "latin1"),
    "hy_fi_mv_diphone": ("fi", "latin1"),
    "msu_ru_nsh_clunits": ("ru", "utf-8"),
}


def voices():
    """Yield the name, the language, the encoding of the text and the command of each voice."""
    for variant, speed, pitch in ESPEAK:
        for language in SENTENCES:
            command = f"espeak-ng -v {language}+{variant} -s {speed} -p {pitch} -f in.txt -w {{}}"
            yield f"espeak-ng {variant}", language, "utf-8", command.split()
    for voice in FLITE:
        yield f"flite {voice}", "en", "utf-8", f"flite -voice {voice} in.txt {{}}".split()
    for voice, (language, encoding) in FESTIVAL.items():
        command = ["text2wave", "-eval", f"(voice_{voice})", "in.txt", "-o", "{}"]
        yield f"festival {voice}", language, encoding, command


def spoken(folder):
    """Return the voice, the language and the file of each sentence, read aloud."""
    found = []
    for voice, language, encoding, command in voices():
        for number, sentence in enumerate(SENTENCES[language]):
            name = f"{voice} {language} {number}.wav"
            (folder / "in.txt").write_text(sentence + "\n", encoding=encoding)
            done = [part.format(name) for part in command]
            subprocess.run(done, cwd=folder, check=True, capture_output=True)
            found.append((voice, language, folder / name))
    return found


def summary(title, rows, classes):
    """Return the answers to some clips in one row."""
    labels = Counter(row["label"] for row in rows if row["label"])
    best = np.array([max(row[f"p_{name}"] for name in classes) for row in rows if row["label"]])
    top, count = labels.most_common(1)[0] if labels else (None, 0)
    given = max(len(best), 1)
    return {
        "voices": title,
        "clips": len(rows),
        "labelled %": 100 * len(best) / len(rows),
        "abstain %": 100 * sum(row["abstain"] for row in rows if row["label"]) / given,
        "best probability %": 100 * float(best.mean()) if len(best) else None,
        "above 70 % sure %": 100 * float((best > 0.7).sum()) / given,
        "calm or neutral %": 100 * (labels["calm"] + labels["neutral"]) / given,
        "most frequent": top,
        "most frequent %": 100 * count / given,
        "status": dict(Counter(row["status"] for row in rows)),
        "labels": dict(labels),
    }


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--model", default="ravdess-speech")
    options = parser.parse_args()
    started = time.perf_counter()
    model = load_predictor(options.model)
    with tempfile.TemporaryDirectory() as folder:
        found = spoken(Path(folder))
        rows = model.predict_table([path for _, _, path in found])
    table = {"all": rows}
    for (voice, language, _), row in zip(found, rows, strict=True):
        engine = voice.split()[0]
        for title in (engine, voice, f"{engine}, {language}"):
            table.setdefault(title, []).append(row)
    content = [summary(title, some, model.classes) for title, some in table.items()]
    for row in content:
        print(row)
    write(options, "machine_voices", {"model": options.model, "speakers": content}, started)


if __name__ == "__main__":
    main()
