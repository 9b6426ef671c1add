"""The demo in a real browser: Chromium, headless, driven by Playwright."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcign_tf.datasets.pictures import encode_png
from dcign_tf.editing.editor import SceneEditor
from dcign_tf.errors import UserError
from dcign_tf.readouts.familiarity import UNFAMILIAR
from tests.helpers import ROOT
from tests.helpers.trained_runs import LATENTS, SIZE, write_picture, write_run

playwright = pytest.importorskip(
    "playwright.sync_api", reason="no playwright: pip install -e '.[test]'"
)
pytest.importorskip("gradio", reason="no gradio: pip install -e '.[test]'")

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium: scripts/install_browser.sh installs one"
)
# --no-sandbox: CI runs as root. The rest keeps Chromium itself from asking the outside.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TIMEOUT_MS = 120_000  # of a busy machine
WHITE = np.full((SIZE, SIZE, 1), 255, np.uint8)
SIZES = {"laptop": (1280, 800), "phone": (390, 844)}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "run")[0]


@pytest.fixture(scope="module")
def url(run) -> Iterator[str]:
    """Of the demo, served by another process until the tests have run."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "dcign_tf", "demo", f"--workdir={run.path}", f"--port={port}"]
    process = subprocess.Popen(
        [*command, "--max_upload_mb=0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "http_proxy": "http://127.0.0.1:9"},  # where nobody answers
        # A shell that started the tests in the background would hand down that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        line = process.stdout.readline()
        assert line == f"{run.path} is at http://127.0.0.1:{port}/ until you press Ctrl+C.\n", (
            process.communicate()[1]
        )
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(request, browser, url):
    """The page, loaded; it may have asked nothing of any host but this one."""
    width, height = request.param
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(TIMEOUT_MS)
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url))
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach("
        "entry => { window.shift += entry.value; }))"
        ".observe({type: 'layout-shift', buffered: true});"
    )
    page.goto(url)
    page.get_by_role("slider").first.wait_for()
    picture(page, "Rendering").wait_for()
    page.locator("#examples img").last.wait_for()
    yield page
    page.close()
    assert asked
    hosts = {urllib.parse.urlsplit(address).hostname for address in asked}
    assert hosts - {None} == {"127.0.0.1"}  # None: data and blobs


def on(*devices: str):
    """The test's page, in windows of these sizes."""
    sizes = [SIZES[device] for device in devices]
    return pytest.mark.parametrize("page", sizes, ids=devices, indirect=True)


def picture(page, caption: str):
    return page.locator("figure", has_text=caption).locator("img")


def best_example(run) -> int:
    """The number, from 0, of the example on which the page opens: the one that is drawn best."""
    editor = SceneEditor.of_run(run)
    files = sorted((run.evaluation / "examples").glob("*.png"))
    pictures = np.stack([editor.fit(file) for file in files])
    drawn = editor.decode(editor.encode(pictures))
    return int(np.square(pictures.astype(float) - drawn).mean(axis=(1, 2, 3)).argmin())


def changed_source(page, caption: str, before: str) -> str:
    """The address of a picture once it is no longer the one of before."""
    shown = picture(page, caption)
    playwright.expect(shown).not_to_have_attribute("src", before, timeout=TIMEOUT_MS)
    return shown.get_attribute("src")


@needs_browser
@on("laptop", "phone")
def test_the_page_opens_on_an_example_already_turned(page, run):
    """The one that is drawn best; Reset puts the sliders back to what is read from it."""
    editor = SceneEditor.of_run(run)
    best = editor.fit(run.evaluation / "examples" / f"example{best_example(run) + 1}.png")
    shown = f"data:image/png;base64,{base64.b64encode(encode_png(best)).decode()}"
    assert picture(page, "Picture").get_attribute("src") == shown
    read = round(editor.read(editor.encode(best[np.newaxis])[0])["azimuth_deg"].value)
    slider = page.get_by_role("slider", name="azimuth").first
    turned_to = float(slider.input_value())
    assert abs(turned_to - read) > 30
    rendering = picture(page, "Rendering")
    assert f"azimuth {turned_to:.0f}°".replace("-", "−") in rendering.get_attribute("alt")
    before = rendering.get_attribute("src")
    page.get_by_role("button", name="Reset").click()
    changed_source(page, "Rendering", before)
    assert float(slider.input_value()) == read
    assert page.evaluate("window.shift") < 0.01


@needs_browser
@on("phone")
def test_on_a_phone_the_sliders_stand_right_below_the_pictures(page):
    tops = [
        page.locator(part).bounding_box()["y"]
        for part in ("#pictures", ".readings", "#actions", "#upload", "#examples", "#people")
    ]
    slider = page.get_by_role("slider", name="azimuth").first.bounding_box()
    assert tops == sorted(tops)
    assert tops[1] < slider["y"] < min(tops[2], 844 - slider["height"])


@needs_browser
@on("laptop")
def test_a_part_of_an_own_picture_by_the_keyboard(page, run, tmp_path):
    """Four times larger, from the lower right corner: the white one of a black picture."""
    pixels = np.zeros((160, 160), np.uint8)
    pixels[100:, 100:] = 255
    Image.fromarray(pixels).save(tmp_path / "corner.png")
    accordion = page.get_by_role("button", name="Part of your picture")
    accordion.press("Enter")
    zoom = page.get_by_role("slider", name="Zoom")
    zoom.wait_for()
    assert zoom.is_disabled()  # of an example nothing is taken
    before = picture(page, "Picture").get_attribute("src")
    page.locator("#upload input[type=file]").set_input_files(tmp_path / "corner.png")
    source = changed_source(page, "Picture", before)
    for name in ("Left to right", "Top to bottom", "Zoom"):
        slider = page.get_by_role("slider", name=name)
        playwright.expect(slider).to_be_enabled(timeout=TIMEOUT_MS)
        slider.press("End")
    playwright.expect(picture(page, "Picture")).not_to_have_attribute("src", source)
    white = f"data:image/png;base64,{base64.b64encode(encode_png(WHITE)).decode()}"
    playwright.expect(picture(page, "Picture")).to_have_attribute("src", white, timeout=TIMEOUT_MS)
    page.get_by_role("button", name="Thumbnail 2").click()
    changed_source(page, "Picture", white)
    playwright.expect(page.get_by_role("slider", name="Zoom")).to_be_disabled(timeout=TIMEOUT_MS)


def test_models_have_a_page_each(run, monkeypatch):
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    from dcign_tf.demo.page import application

    blocks = application({"Faces": run, "Chairs": run}, "last")
    assert [path for path, *_ in blocks.pages] == ["", "chairs"]


@needs_browser
@on("laptop", "phone")
def test_a_slider_turns_the_face_and_nothing_else_moves(page):
    given, drawn = (picture(page, caption) for caption in ("Picture", "Rendering"))
    first, before = given.get_attribute("src"), drawn.get_attribute("src")
    slider = page.get_by_role("slider", name="azimuth").first
    value = float(slider.input_value())
    slider.focus()
    slider.press("ArrowRight")
    after = changed_source(page, "Rendering", before)
    assert float(slider.input_value()) == value + 1
    assert f"azimuth {value + 1:.0f}°".replace("-", "−") in drawn.get_attribute("alt")
    slider.press("ArrowLeft")
    assert changed_source(page, "Rendering", after) == before
    assert given.get_attribute("src") == first
    assert page.evaluate("window.shift") < 0.01


@needs_browser
@on("phone")
def test_a_text_file_that_is_called_a_picture(page, tmp_path):
    (tmp_path / "notes.png").write_text("no picture")
    before = picture(page, "Picture").get_attribute("src")
    upload = page.locator("#upload input[type=file]")
    upload.set_input_files(tmp_path / "notes.png")
    page.get_by_role("alert").get_by_text("notes.png is no picture of a known format").wait_for()
    Image.new("1", (8000, 8000)).save(tmp_path / "notes.png")  # of a few thousand bytes
    upload.set_input_files(tmp_path / "notes.png")
    page.get_by_role("alert").get_by_text("notes.png has 8000×8000 pixels; at most").wait_for()
    assert picture(page, "Picture").get_attribute("src") == before
    Image.new("L", (40, 60)).save(tmp_path / "black.png")
    upload.set_input_files(tmp_path / "black.png")
    black = changed_source(page, "Picture", before)
    page.get_by_role("alert").get_by_text(UNFAMILIAR).wait_for()
    write_picture(tmp_path / "face.png", seed=9, size=(40, 60))
    upload.set_input_files(tmp_path / "face.png")
    changed_source(page, "Picture", black)
    playwright.expect(page.get_by_role("alert")).to_have_count(0, timeout=TIMEOUT_MS)
    assert page.evaluate("window.shift") < 0.01


@needs_browser
@on("laptop")
def test_too_large_a_picture_is_refused(page, url, tmp_path):
    """By the page, and by the server, whoever asks it."""
    (tmp_path / "large.png").write_bytes(bytes(200_000))
    before = picture(page, "Picture").get_attribute("src")
    page.locator("#upload input[type=file]").set_input_files(tmp_path / "large.png")
    page.get_by_text("exceed the maximum allowed size").first.wait_for()
    assert picture(page, "Picture").get_attribute("src") == before
    for size, status in ((200_000, 413), (50_000, 200)):
        file = {"name": "large.png", "mimeType": "image/png", "buffer": bytes(size)}
        answer = page.request.post(f"{url}gradio_api/upload", multipart={"files": file})
        assert answer.status == status


@needs_browser
@on("laptop")
def test_examples_people_animation_and_downloads(page, run):
    first = picture(page, "Picture").get_attribute("src")
    other = 2 - best_example(run)
    page.get_by_role("button", name=f"Thumbnail {other}").click()
    second = changed_source(page, "Picture", first)
    assert second != first
    rendering = picture(page, "Rendering").get_attribute("src")
    page.get_by_role("button", name="From the prior").click()
    page.get_by_text("Drawn from N(0, 1)").wait_for()
    rendering = changed_source(page, "Rendering", rendering)
    page.get_by_role("button", name="One at random").click()
    page.get_by_text("there is no picture").wait_for()
    rendering = changed_source(page, "Rendering", rendering)
    page.get_by_role("button", name="Play elevation").click()
    playing = changed_source(page, "Rendering", rendering)
    assert playing.startswith("data:image/gif;base64,")
    with page.expect_download() as download:
        page.get_by_role("link", name="GIF").click()
    assert download.value.suggested_filename == "rendering.gif"
    assert Path(download.value.path()).read_bytes().startswith(b"GIF89a")
    with page.expect_download() as download:
        page.get_by_role("link", name="MP4").click()
    assert b"ftyp" in Path(download.value.path()).read_bytes()[:16]
    with page.expect_download() as download:
        page.get_by_role("link", name="code").click()
    code = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert len(code["z"]) == LATENTS
    assert code["scene"]["azimuth_deg"] == 0
    page.get_by_role("button", name="Reset").click()
    assert changed_source(page, "Rendering", playing) == rendering
    page.get_by_role("button", name="Play elevation").click()
    page.get_by_role("slider", name="azimuth").first.press("End")
    # What was asked for last is shown last, however long the animation takes.
    playwright.expect(picture(page, "Rendering")).to_have_attribute(
        "alt", re.compile("^rendering: azimuth 60°"), timeout=TIMEOUT_MS
    )


@needs_browser
@on("laptop")
def test_a_number_typed_beside_a_slider(page):
    """Whatever it is, the rendering is that of the value which the field has when it is left."""
    field = page.get_by_label("number input for Azimuth")
    for typed, azimuth_deg in (("999", 60), ("-", 0), ("-12", -12)):
        field.press("Control+A")
        page.keyboard.type(typed)
        field.press("Tab")
        playwright.expect(field).to_have_value(str(azimuth_deg), timeout=TIMEOUT_MS)
        shown = f"rendering: azimuth {azimuth_deg}°".replace("-", "−")
        playwright.expect(picture(page, "Rendering")).to_have_attribute(
            "alt", re.compile(shown), timeout=TIMEOUT_MS
        )
    assert page.locator(".toast-body").count() == 0


@needs_browser
@on("phone")
def test_identity_by_the_keyboard_alone(page):
    before = picture(page, "Rendering").get_attribute("src")
    accordion = page.get_by_role("button", name="Identity")
    accordion.focus()
    page.keyboard.press("Enter")
    slider = page.get_by_role("slider", name="Direction 1")
    slider.wait_for()
    slider.focus()
    page.keyboard.press("End")
    changed_source(page, "Rendering", before)
    assert float(slider.input_value()) == 3
    assert picture(page, "Rendering").bounding_box()["width"] > SIZE


@pytest.mark.parametrize("event", [{"fn_index": 999}, {"fn_index": -1}, {}])
def test_an_event_that_the_page_does_not_have(url, event):
    body = json.dumps({"data": [], "session_hash": "abc", **event}).encode()
    asked = urllib.request.Request(
        f"{url}gradio_api/queue/join", body, {"content-type": "application/json"}
    )
    with pytest.raises(urllib.error.HTTPError, match=r"HTTP Error 40[04]"):
        urllib.request.urlopen(asked, timeout=60)


@pytest.mark.parametrize("in_pieces", [False, True], ids=["whole", "in pieces"])
def test_too_large_a_request_is_refused_whatever_it_is_of(url, in_pieces):
    body = json.dumps({"data": ["x" * 3_000_000], "fn_index": 0, "session_hash": "abc"}).encode()
    pieces = (body[start : start + 65_536] for start in range(0, len(body), 65_536))
    asked = urllib.request.Request(
        f"{url}gradio_api/queue/join",
        pieces if in_pieces else body,
        {"content-type": "application/json"},
    )
    with pytest.raises(urllib.error.URLError, match=r"413|Broken pipe|reset by peer"):
        urllib.request.urlopen(asked, timeout=60)


def test_an_upload_is_deleted_when_it_is_old(run, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    from dcign_tf.demo import page, server

    monkeypatch.setattr(page, "_UPLOADS_KEPT_S", (1, 1))  # looked at each second, kept for one
    blocks = page.application({"faces": run}, "last")
    url = server.serve(blocks, "127.0.0.1", None, max_upload_mb=1)
    try:
        head = b'--+\r\ncontent-disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        body = head + b"1\r\n--+--"
        headers = {"content-type": "multipart/form-data; boundary=+"}
        asked = urllib.request.Request(f"{url}gradio_api/upload", body, headers)
        (path,) = json.load(urllib.request.urlopen(asked, timeout=60))
        assert Path(path).is_relative_to(tmp_path)
        deadline = time.monotonic() + 60
        while Path(path).exists() and time.monotonic() < deadline:
            time.sleep(0.2)
        assert not Path(path).exists()
        assert list(tmp_path.rglob("example*.png"))  # of the page itself
    finally:
        blocks.close()


def test_a_port_that_is_taken(monkeypatch):
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    import gradio

    from dcign_tf.demo import server

    with gradio.Blocks() as blocks:
        gradio.Markdown("A page")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"Cannot listen on 127\.0\.0\.1:{port}: .*--port"):
            server.serve(blocks, "127.0.0.1", port, max_upload_mb=1)
