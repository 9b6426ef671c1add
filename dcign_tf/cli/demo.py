"""A renderer in the browser: take a picture, move sliders and watch the face turn.

    dcign-tf demo
    dcign-tf demo --workdir=runs/faces-paper --port=8000

Without --workdir it shows the model in the box. The page is for this computer alone,
unless --host says otherwise, and asks nothing of any other. Needs gradio:
pip install 'dcign-tf[demo]'.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Sequence

from absl import flags

from dcign_tf.cli import running, shared_flags
from dcign_tf.errors import UserError

FLAGS = flags.FLAGS
LOCAL = "127.0.0.1"


def define_flags() -> None:
    shared_flags.define_run()
    flags.DEFINE_string("host", LOCAL, "Address to listen on; 0.0.0.0 is every one there is.")
    flags.DEFINE_integer(
        "port", None, "Port to listen on; else the first free one from 7860 on.", 1, 65535
    )
    flags.DEFINE_float("max_upload_mb", 10, "Larger pictures are refused.", 0.01)
    flags.DEFINE_boolean("open", False, "Open the page in a browser.")


def parse_flags(argv: Sequence[str]) -> Callable[[], None]:
    """Parses."""
    shared_flags.reject_arguments(FLAGS(argv)[1:])
    return serve


def serve() -> None:
    """Serves the page until interrupted."""
    if importlib.util.find_spec("gradio") is None:
        raise UserError("The demo needs gradio: pip install 'dcign-tf[demo]'.")
    run = shared_flags.chosen_run()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # uploads are deleted then, too
    with tempfile.TemporaryDirectory(prefix="dcign-demo-") as folder:
        # Read when gradio is imported: it reports nothing, and uploads go with the process. It
        # asks its own server whether it is up; a proxy would not know.
        os.environ.update(GRADIO_ANALYTICS_ENABLED="False", GRADIO_TEMP_DIR=folder, NO_PROXY="*")
        with running.quiet_loading():
            from PIL import Image

            from dcign_tf.demo import page, server
            from dcign_tf.editing.editor import SceneEditor
        Image.MAX_IMAGE_PIXELS = None  # the page has a limit of its own, and says so
        editor = SceneEditor.of_run(run, FLAGS.checkpoint)
        demo = page.Page(editor, page.examples_of(run)).blocks
        url = server.serve(demo, FLAGS.host, FLAGS.port, FLAGS.max_upload_mb)
        print(f"{run.path} is at {url} until you press Ctrl+C.", flush=True)
        if FLAGS.host != LOCAL:
            print(f"Whoever can reach {FLAGS.host} can use it.", flush=True)
        if FLAGS.open:
            import webbrowser

            webbrowser.open(url)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            demo.close(verbose=False)
