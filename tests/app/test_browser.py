"""The page in a real browser: Debian's packages chromium and chromium-driver, driven by selenium."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow
pytest.importorskip("selenium", reason="pip install selenium")

from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

from browser import MISSING, emulate, start_browser  # noqa: E402
from stcorner.evaluation import Evaluation  # noqa: E402
from stcorner.recognizer import load_model, shipped_models  # noqa: E402
from stcorner.report import build_report  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

if MISSING:
    pytest.skip("no browser: apt-get install chromium chromium-driver", allow_module_level=True)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    driver = start_browser(tmp_path / "profile")
    yield driver
    driver.quit()


def _requests(driver: Any) -> Any:
    events = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


def _pixels(driver: Any) -> Any:
    """Sum of the overlay's pixels: changes when what is drawn changes."""
    return driver.execute_script(
        "const c = document.getElementById('overlay');"
        "const pixels = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "return pixels.reduce((sum, v, i) => (sum + v * (i % 251)) % 1e9, 0)"
    )


@pytest.fixture
def clip(real_data: Path) -> Path:
    if not shipped_models():
        pytest.skip("this build ships no model to decide with")
    return real_data / "ravdess" / "av_speech" / "Actor_05" / "01-01-06-02-01-01-05.mp4"


def test_upload_watch_seek_download(server: str, browser: Any, clip: Path) -> None:
    browser.get(server)
    browser.find_element(By.ID, "file").send_keys(str(clip))
    WebDriverWait(browser, 120).until(lambda d: d.find_element(By.ID, "result").is_displayed())
    browser.switch_to.frame("report")
    WebDriverWait(browser, 20).until(lambda d: d.find_elements(By.CSS_SELECTOR, ".curve"))
    WebDriverWait(browser, 20).until(
        lambda d: d.execute_script("return document.getElementById('player').readyState >= 2")
    )
    muted, loudest = browser.execute_async_script(
        "const done = arguments[0], player = document.getElementById('player');"
        "const file = Uint8Array.from(atob(player.src.split(',')[1]), (c) => c.charCodeAt(0));"
        "new AudioContext().decodeAudioData(file.buffer).then((sound) => done(["
        "  player.muted, sound.getChannelData(0).reduce((most, y) => Math.max(most, Math.abs(y)), 0)]))"
    )
    assert not muted
    assert loudest > 0.01, "the clip is heard"

    titles = [node.text for node in browser.find_elements(By.CSS_SELECTOR, ".curve .name")]
    assert any("f0" in title for title in titles)
    assert any("waveform" in title for title in titles)

    curves = browser.find_element(By.ID, "curves")
    seen = {}
    for share in (0.3, 0.6):
        browser.execute_script("arguments[0].scrollIntoView()", curves)
        box = curves.rect
        browser.execute_script(
            "const b = arguments[0].getBoundingClientRect();"
            "const place = {clientX: b.left + arguments[1] * b.width, clientY: b.top + 5};"
            "const press = new PointerEvent('pointerdown', {...place, pointerId: 1, bubbles: true});"
            "arguments[0].dispatchEvent(press)",
            curves, share,
        )  # fmt: skip
        WebDriverWait(browser, 10).until(
            lambda d: not d.execute_script("return document.getElementById('player').seeking")
        )
        now = browser.execute_script("return document.getElementById('player').currentTime")
        length = browser.execute_script("return document.getElementById('player').duration")
        assert now == pytest.approx(share * length, abs=0.1)
        cursor = browser.find_element(By.ID, "cursor").rect
        assert cursor["x"] - box["x"] == pytest.approx(share * box["width"], abs=box["width"] * 0.03)
        values = tuple(node.text for node in browser.find_elements(By.CSS_SELECTOR, ".curve .value"))
        seen[share] = (_pixels(browser), values)
    assert seen[0.3][0] != seen[0.6][0], "the overlay moves"
    assert seen[0.3][1] != seen[0.6][1], "the read-outs move"

    curves.send_keys(Keys.HOME)
    assert browser.execute_script("return document.getElementById('player').currentTime") == 0
    curves.send_keys(Keys.ARROW_RIGHT)
    assert browser.execute_script("return document.getElementById('player').currentTime") == pytest.approx(
        0.1
    )

    browser.switch_to.default_content()
    link = next(a for a in browser.find_elements(By.CSS_SELECTOR, "#downloads a") if a.text == "Parquet")
    cookie = browser.get_cookie("stcorner_session")["value"]
    request = urllib.request.Request(
        link.get_attribute("href"), headers={"Cookie": f"stcorner_session={cookie}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        data = answer.read()
    pq = pytest.importorskip("pyarrow.parquet")
    table = pq.read_table(io.BytesIO(data))
    assert table.num_rows == 1
    assert {"label", "p_fear"} <= set(table.column_names)

    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    sent = [url for url in _requests(browser) if url.startswith(("http", "ws"))]
    assert sent, "the log of requests is on"
    assert [url for url in sent if not url.startswith(f"{server}/")] == []


def _lines(driver: Any, state: str) -> Any:
    return driver.find_elements(By.CSS_SELECTOR, f"#history [data-state={state}]")


def test_problems_stay_and_the_keyboard_keeps_its_place(server: str, browser: Any, tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    (tmp_path / "empty.wav").touch()
    for name in ("one & <b>.wav", "two.wav"):
        soundfile.write(tmp_path / name, 0.2 * np.sin(np.arange(16_000) * 0.06), 16_000)
    browser.get(server)
    choose = browser.find_element(By.ID, "file")
    choose.send_keys("\n".join(str(tmp_path / name) for name in ("empty.wav", "one & <b>.wav")))
    WebDriverWait(browser, 60).until(lambda d: _lines(d, "done"))
    assert "empty.wav: the file is empty" in browser.find_element(By.ID, "problems").text
    assert browser.find_element(By.ID, "message").text.startswith("one & <b>.wav is done")
    first = browser.find_element(By.CSS_SELECTOR, "#history button")
    assert first.accessible_name == "Show one & <b>.wav"

    # Focus stays where it is while another clip moves through its states.
    browser.execute_script("arguments[0].focus()", first)
    choose.send_keys(str(tmp_path / "two.wav"))
    WebDriverWait(browser, 60).until(lambda d: len(_lines(d, "done")) == 2)
    assert browser.execute_script("return document.activeElement === arguments[0]", first)
    assert browser.find_element(By.ID, "problems").text == ""

    # The report that is shown is the one that the title names, also after a step back.
    first.click()
    title = browser.find_element(By.ID, "result-title")
    WebDriverWait(browser, 10).until(lambda d: title.text == "Report of one & <b>.wav")
    browser.get("about:blank")
    browser.back()
    WebDriverWait(browser, 10).until(lambda d: len(_lines(d, "done")) == 2)

    # Deleted in another tab: said in words, not shown as JSON.
    browser.execute_script(
        "const list = fetch('/api/jobs').then((answer) => answer.json());"
        "return list.then(({jobs}) => fetch(`/api/jobs/${jobs[0].id}`, {method: 'DELETE'}))"
    )
    browser.find_element(By.CSS_SELECTOR, "#history button").click()
    WebDriverWait(browser, 10).until(
        lambda d: "two.wav: its report has been deleted" in d.find_element(By.ID, "problems").text
    )
    WebDriverWait(browser, 10).until(lambda d: len(_lines(d, "done")) == 1)
    severe = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert all("404" in message for message in severe), severe


def test_report_opens_fast_and_offline(browser: Any, clip: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    build_report(clip, page, recognizer=load_model(None))
    assert page.stat().st_size < 8e6
    loaded = []
    for _ in range(3):
        browser.get("about:blank")
        browser.get(page.as_uri())
        loaded.append(
            browser.execute_script(
                "const t = performance.getEntriesByType('navigation')[0]; return t.loadEventEnd - t.startTime"
            )
        )
        WebDriverWait(browser, 2).until(
            lambda d: d.execute_script("return document.getElementById('player').readyState >= 2")
        )
    assert min(loaded) < 2_000, loaded  # milliseconds; the least of three, for machines that are busy
    assert len(browser.find_elements(By.CSS_SELECTOR, ".curve")) >= 6
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_a_server_that_is_gone_is_said_to_be(browser: Any) -> None:
    code = "from stcorner.cli import main; main(['serve', '--port', '0'])"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        browser.get(process.stderr.readline().split()[2])
        send = "uploadAll([new File(['<html>'], 'a.mp4')])"
        browser.execute_script(send)
        WebDriverWait(browser, 60).until(lambda d: _lines(d, "failed"))
        assert browser.find_element(By.ID, "problems").text.count("a.mp4") == 1
        process.terminate()
    browser.find_element(By.CSS_SELECTOR, "#history button").click()
    message = browser.find_element(By.ID, "message")
    WebDriverWait(browser, 10).until(lambda d: message.text == "The server does not answer.")
    uncaught = [entry for entry in browser.get_log("browser") if "Uncaught" in entry["message"]]
    assert uncaught == []


def _luminance(colour: Any) -> float:
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.asarray(colour) / 255]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def _colour(text: str) -> Any:
    return np.array([float(v) for v in text[text.index("(") + 1 : -1].split(",")[:3]])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_counts_can_be_read_on_the_darkest_cell(reports: Any, browser: Any, scheme: str) -> None:
    emulate(browser, width=1280, scheme=scheme)
    browser.get(reports[1])
    paper, ink, cell = (
        _colour(text) for text in browser.execute_script(
            "const style = (name) => getComputedStyle(document.querySelector(name));"
            "return [style('body').backgroundColor, style('svg text').fill, style('svg .count').fill]"
        )
    )  # fmt: skip
    ground = _luminance(0.74 * cell + 0.26 * paper)  # the opacity of a class that is always recalled
    dark, light = sorted([ground, _luminance(ink)])
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_paper_stays_light_and_nothing_is_cut_on_it(reports: Any, browser: Any) -> None:
    emulate(browser, width=720, scheme="dark")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "media": "print", "features": [{"name": "prefers-color-scheme", "value": "dark"}],
    })  # fmt: skip
    for page in reports:
        browser.get(page)
        ink = _colour(browser.execute_script("return getComputedStyle(document.body).color"))
        assert _luminance(ink) < 0.05, "a browser leaves dark grounds out, but not light letters"
    assert browser.execute_script(
        "const tables = [...document.querySelectorAll('.scroll')];"
        "return tables.every((each) => getComputedStyle(each).overflowX === 'visible')"
    )


@pytest.fixture(scope="module")
def reports(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A report of a clip without a decision, and one of two evaluations."""
    folder = tmp_path_factory.mktemp("pages")
    build_report(sorted(small_corpus.rglob("01-*.mp4"))[0], folder / "clip.html")
    rng = np.random.default_rng(0)
    names = [f"an emotion of number {i}" for i in range(8)]
    evaluations = [
        Evaluation(
            model=model, protocol="actor-k5", classes=names, clip_ids=[str(i) for i in range(80)],
            y_true=names * 10, groups=[str(i // 8) for i in range(80)], folds=["1"] * 80,
            probabilities=rng.dirichlet(np.ones(8), 80),
        )
        for model in ("one", "AModelWithANameThatIsFarTooLongForATelephoneAndHasNoPlaceToBreak")
    ]  # fmt: skip
    build_report(evaluations, folder / "evaluations.html")
    return [(folder / name).as_uri() for name in ("clip.html", "evaluations.html")]


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off(server: str, reports: Any, browser: Any, width: int, scheme: str) -> None:
    emulate(browser, width=width, scheme=scheme)
    for page in (*reports, server):
        browser.get(page)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width, page
    dark = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (dark == "rgb(20, 23, 27)") == (scheme == "dark")
