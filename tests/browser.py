"""Headless Chromium (Debian: apt-get install chromium chromium-driver) for tests and screenshots."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

__all__ = ["MISSING", "emulate", "screenshot", "start_browser"]

MISSING = not (shutil.which("chromium") and shutil.which("chromedriver"))


def start_browser(profile: Path) -> Any:
    """Start a browser that talks to nobody on its own and logs what pages ask for."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio",
        "--hide-scrollbars", "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={profile}",
        "--window-size=1280,1400",
    ):  # fmt: skip
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return Chrome(options=options, service=Service(shutil.which("chromedriver")))


def emulate(browser: Any, *, width: int, scheme: str) -> None:
    """Show pages so wide, in light or dark."""
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )


def screenshot(browser: Any, path: Path, *, whole: bool = True, tallest: int = 6000) -> None:
    """Write what the browser shows as PNG, by default the page from top to bottom."""
    settings = {"format": "png", "captureBeyondViewport": whole}
    if whole:
        size = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        height = min(tallest, size["height"])
        settings["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": height, "scale": 1}
    data = browser.execute_cdp_cmd("Page.captureScreenshot", settings)["data"]
    Path(path).write_bytes(base64.b64decode(data))
