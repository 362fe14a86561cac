"""Film the real app in Chromium: python docs/film.py writes docs/img/app.webp and docs/img/report.png.

The sample clip is drawn, so that nobody's recording is published.
"""

from __future__ import annotations

import base64
import io
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
TARGET = ROOT / "docs" / "img"
WIDTH, HEIGHT, SHOWN = 1100, 760, 720  # of the window, and the film's width
STEPS = 24  # pictures of the clip while it plays


def main() -> None:
    """Try the sample clip, play it, read the reasons."""
    from PIL import Image

    from browser import emulate, start_browser

    code = "from stcorner.cli import main; main(['serve', '--port', '0'])"
    app = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    with tempfile.TemporaryDirectory() as folder:
        browser = start_browser(Path(folder))
        try:
            emulate(browser, width=WIDTH, scheme="light")
            command = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", command)
            assert app.stderr is not None
            browser.get(app.stderr.readline().split()[2])
            time.sleep(1)
            film = [(picture(browser), 1500)]
            browser.find_element("id", "sample").click()
            for _ in range(600):
                time.sleep(0.5)
                if browser.find_elements("css selector", "[data-state=running]") and len(film) == 1:
                    film.append((picture(browser), 1200))
                if browser.find_elements("css selector", "[data-state=done]"):
                    break
            time.sleep(2)
            frame = browser.find_element("id", "report")
            top = browser.execute_script(
                "return document.getElementById('report').getBoundingClientRect().top + scrollY"
            )
            browser.execute_script("scrollTo(0, arguments[0])", top)
            browser.switch_to.frame(frame)
            length = browser.execute_script("return duration")
            for step in range(STEPS + 1):
                browser.execute_script("seek(arguments[0])", length * step / STEPS)
                time.sleep(0.15)
                film.append((picture(browser), 110))
                if step == STEPS // 2:
                    film[-1][0].save(TARGET / "report.png", optimize=True)
            browser.switch_to.default_content()
            for lower in (250, 500, 750):
                browser.execute_script("scrollTo(0, arguments[0])", top + lower)
                time.sleep(0.2)
                film.append((picture(browser), 250 if lower < 750 else 2500))
        finally:
            browser.quit()
            app.terminate()
            app.wait(10)
    small = [
        image.resize((SHOWN, round(SHOWN * image.height / image.width)), Image.Resampling.LANCZOS)
        for image, _ in film
    ]
    small[0].save(
        TARGET / "app.webp",
        save_all=True,
        append_images=small[1:],
        duration=[shown for _, shown in film],
        loop=0,
        quality=60,
        method=6,
    )
    print((TARGET / "app.webp").stat().st_size // 1000, "kB", len(film), "pictures")


def picture(browser: Any) -> Any:
    """Return what the window shows."""
    from PIL import Image

    data = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
    return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")


if __name__ == "__main__":
    main()
