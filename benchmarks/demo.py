"""How long the demo takes from a slider moved to the new face in the browser.

    python -m benchmarks.demo

Serves the model in the box (or --workdir), opens the page in headless Chromium
(`scripts/install_browser.sh`), moves the sliders of the scene in turns by a step, and waits
for the next frame that shows another picture. Beside it, what of that is the network's own
time. Wants the machine for itself, and `pip install -e '.[test]'`.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time

import numpy as np
from absl import app, flags
from playwright.sync_api import Page, sync_playwright

from dcign_tf.editing.editor import SceneEditor
from dcign_tf.pretrained import pretrained_run
from dcign_tf.runs.directory import RunDirectory

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Run directory of train.py; else the model in the box.")
flags.DEFINE_integer("changes", 100, "Timed changes.")

_UNTIMED = 10
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")

# Resolves in the first frame after the picture has changed and been decoded.
_MOVED_TO_SHOWN = """
slider => new Promise(resolve => {
  const image = () => document.querySelector('figure:has(> figcaption) img[alt^="rendering"]');
  const before = image().src, start = performance.now();
  const watch = async () => {
    if (image().src === before) { requestAnimationFrame(watch); return; }
    await image().decode();
    requestAnimationFrame(() => resolve(performance.now() - start));
  };
  const direction = Number(slider.value) < Number(slider.max) ? 1 : -1;
  slider.value = Number(slider.value) + direction * Number(slider.step);
  slider.dispatchEvent(new Event('input', {bubbles: true}));
  watch();
})
"""


def seconds_in_browser(page: Page, changes: int) -> list[float]:
    """From a moved slider to the frame with the new rendering, the sliders in turns."""
    sliders = page.locator("#controls input[type=range]:visible")
    sliders.first.wait_for()
    count = sliders.count()
    times = [
        page.evaluate(_MOVED_TO_SHOWN, sliders.nth(number % count).element_handle())
        for number in range(_UNTIMED + changes)
    ]
    return [milliseconds / 1e3 for milliseconds in times[_UNTIMED:]]


def seconds_of_network(run: RunDirectory, changes: int) -> list[float]:
    """Of decoding one code, as the page's server does it."""
    editor = SceneEditor.of_run(run)
    code = editor.someone(0)
    seconds = []
    for _ in range(_UNTIMED + changes):
        start = time.perf_counter()
        editor.decode(code[np.newaxis])
        seconds.append(time.perf_counter() - start)
    return seconds[_UNTIMED:]


def main(_) -> None:
    run = RunDirectory(FLAGS.workdir) if FLAGS.workdir else pretrained_run()
    chromium = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    command = [sys.executable, "-m", "dcign_tf", "demo", f"--workdir={run.path}"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().split(" is at ")[1].split()[0]
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(url)
            in_browser = seconds_in_browser(page, FLAGS.changes)
            browser.close()
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()
    measured = {
        "slider to new picture": in_browser,
        "of which the network": seconds_of_network(run, FLAGS.changes),
    }
    print(f"{'':24}{'median':>12}{'99 %':>12}")
    for name, seconds in measured.items():
        median, slowest = (1e3 * np.quantile(seconds, q) for q in (0.5, 0.99))
        print(f"{name:24}{median:9.1f} ms{slowest:9.1f} ms")


if __name__ == "__main__":
    app.run(main)
