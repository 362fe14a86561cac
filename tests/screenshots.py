"""Pictures of every page, light and dark, 1280 and 400 pixels wide: python tests/screenshots.py OUT.

Somebody has to look at them: tests see overflow and errors, not ugliness. With ``--clip`` the pages show
a clip of yours instead of a synthetic one, with ``--evaluations`` evaluations of yours, and with
``--site`` the built documentation (mkdocs build) is photographed too.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import stcorner
from browser import emulate, screenshot, start_browser


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--evaluations", type=Path, nargs="*", default=[])
    parser.add_argument("--site", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        browser = start_browser(Path(folder) / "profile")
        try:
            photograph(browser, options, Path(folder))
        finally:
            browser.quit()


def photograph(browser: Any, options: Any, folder: Path) -> None:
    clip = options.clip
    if clip is None:
        stcorner.make_corpus(folder / "corpus", n_actors=1, n_takes=1)
        clip = sorted((folder / "corpus").rglob("01-*.mp4"))[0]
    pages: dict[str, Any] = {}
    stcorner.build_report(clip, folder / "clip.html", recognizer=stcorner.load_model(None))
    stcorner.build_report(clip, folder / "features.html")
    pages |= {"report-clip": folder / "clip.html", "report-features": folder / "features.html"}
    evaluations = [stcorner.Evaluation.from_json(path) for path in options.evaluations]
    if evaluations:
        stcorner.build_report(evaluations[0], folder / "one.html")
        stcorner.build_report(evaluations, folder / "several.html")
        pages |= {"report-evaluation": folder / "one.html", "report-comparison": folder / "several.html"}
    for page in sorted(options.site.resolve().rglob("index.html")) if options.site else ():
        place = page.parent.relative_to(options.site.resolve())
        pages[f"site-{'-'.join(place.parts) or 'home'}"] = page
    for name, page in pages.items():
        for width, scheme in views():
            emulate(browser, width=width, scheme=scheme)
            browser.get(page.as_uri())
            # The documentation remembers the colours of the last visit.
            browser.execute_script("localStorage.clear(); location.reload()")
            time.sleep(0.8)
            if name == "report-clip":
                browser.execute_script(
                    "player.currentTime = 1.2; document.getElementById('show-response')?.click()"
                )
                time.sleep(0.4)
            keep(browser, options.out, name, width, scheme)
    photograph_app(browser, options.out, clip, folder)


def photograph_app(browser: Any, out: Path, clip: Path, folder: Path) -> None:
    code = "from stcorner.cli import main; main(['serve', '--port', '0'])"
    app = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    try:
        address = app.stderr.readline().split()[2]
        broken = folder / "broken-clip-with-a-rather-long-name-that-has-to-wrap-somewhere.mp4"
        broken.write_bytes(b"<html>")
        states = (("empty", None), ("failed", broken), ("done", clip))
        for state, file in states:
            if file is not None:
                browser.get(address)
                browser.find_element("id", "file").send_keys(str(file))
                for _ in range(300):
                    time.sleep(0.2)
                    if browser.find_elements("css selector", f"[data-state={state}]"):
                        break
            for width, scheme in views():
                emulate(browser, width=width, scheme=scheme)
                browser.get(address)
                time.sleep(0.5)
                if state == "done":
                    browser.find_element("css selector", "[data-state=done] button").click()
                    time.sleep(1.5)
                else:
                    browser.execute_script("document.getElementById('record').focus({focusVisible: true})")
                keep(browser, out, f"app-{state}", width, scheme)
    finally:
        app.terminate()
        app.wait(10)


def views() -> Any:
    return [(width, scheme) for width in (1280, 400) for scheme in ("light", "dark")]


def keep(browser: Any, out: Path, name: str, width: int, scheme: str) -> None:
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    screenshot(browser, out / f"{name}-{width}-{scheme}.png")
    print(f"{name} {width} {scheme}" + (f": {wide} pixels wide" if wide > width else ""), flush=True)


if __name__ == "__main__":
    main()
