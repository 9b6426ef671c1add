"""The command that serves a renderer in the browser."""

from __future__ import annotations

import functools
import importlib.util
import os
import tempfile
import threading

from absl import flags

from dcign_tf.cli.definition import (
    calibration_of,
    chosen_run,
    command,
    number,
    run_or_model,
    string,
)
from dcign_tf.cli.running import quiet_loading
from dcign_tf.errors import UserError
from dcign_tf.pretrained import pretrained_names, pretrained_run
from dcign_tf.quantities import display_name
from dcign_tf.runs.directory import RunDirectory

FLAGS = flags.FLAGS
_LOCAL = "127.0.0.1"
_PORT = "Port to listen on; else the first free one from 7860 on."


@command(
    *run_or_model(),
    string("host", "Address to listen on; 0.0.0.0 is every one there is.", _LOCAL),
    functools.partial(flags.DEFINE_integer, "port", None, _PORT, 1, 65535),
    number("max_upload_mb", "Larger pictures are refused.", 10.0, least=0.01),
    functools.partial(flags.DEFINE_boolean, "open", False, "Open the page in a browser."),
)
def demo() -> None:
    """A renderer in the browser: take a picture, move sliders and watch the face turn.

        dcign-tf demo
        dcign-tf demo --workdir=runs/faces-paper --port=8000

    Without --workdir and --model it shows the models in the box, a page each. They are for this
    computer alone, unless --host says otherwise, and ask nothing of any other. Needs gradio:
    pip install 'dcign-tf[demo]'.
    """
    if importlib.util.find_spec("gradio") is None:
        raise UserError("The demo needs gradio: pip install 'dcign-tf[demo]'.")
    models = _models()
    for run in models.values():
        calibration_of(run)  # says at once if there is none
    with tempfile.TemporaryDirectory(prefix="dcign-demo-") as folder:
        # Read when gradio is imported: it reports nothing, and uploads go with the process. It
        # asks its own server whether it is up; a proxy would not know.
        os.environ.update(GRADIO_ANALYTICS_ENABLED="False", GRADIO_TEMP_DIR=folder)
        os.environ.update(NO_PROXY="*", no_proxy="*")  # of which the second counts for more
        with quiet_loading():
            from dcign_tf.demo import page, server
        served = page.application(models, FLAGS.checkpoint)
        url = server.serve(served, FLAGS.host, FLAGS.port, FLAGS.max_upload_mb)
        first, *_ = models.values()
        print(f"{first.path} is at {url} until you press Ctrl+C.", flush=True)
        if FLAGS.host != _LOCAL:
            print(f"Whoever can reach {FLAGS.host} can use it.", flush=True)
        if FLAGS.open:
            import webbrowser

            webbrowser.open(url)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            served.close(verbose=False)


def _models() -> dict[str, RunDirectory]:
    """What is shown, by what its page is called."""
    if FLAGS.workdir or FLAGS["model"].present:
        run = chosen_run()
        return {display_name(run.path.name).capitalize(): run}
    return {name.capitalize(): pretrained_run(name) for name in pretrained_names()}
