"""Using a trained model needs none of the libraries with which one is trained and evaluated."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from PIL import Image

from tests.helpers import ROOT

# An import of one of these fails: TensorFlow and Keras, which would take some, do without then.
WITHOUT = """
import sys
for name in ("matplotlib", "tensorflow_datasets", "embreex", "sklearn", "pandas"):
    sys.modules[name] = None
"""

LOADED = """
import json
print(json.dumps([name for name in sys.modules if name.split(".")[0] == "dcign_tf"]))
"""

USES = {
    "load_pretrained": """
import numpy as np, dcign_tf
model = dcign_tf.load_pretrained("faces")
images = np.zeros((1, 150, 150, 1), np.float32)
assert model.rerender(images, azimuth_deg=10).shape == images.shape
""",
    "rerender": """
from pathlib import Path
from dcign_tf.editing.editor import SceneEditor
from dcign_tf.editing.picture_files import Range, Rerendering
from dcign_tf.pretrained import pretrained_run
run = pretrained_run()
picture = next((run.evaluation / "examples").glob("*.png"))
asked = {"azimuth_deg": Range(20, 20)}
rerendering = Rerendering(SceneEditor.of_run(run), asked, frames=2, show=lambda line: None)
rerendering.write_picture(picture, Path(sys.argv[1]))
""",
}
# What trains, evaluates, renders and draws.
NOT_NEEDED = ("training", "evaluation", "rendering", "cli", "readouts.fitting", "datasets.storage")


@pytest.mark.parametrize("use", USES)
def test_a_model_is_used_without_what_made_it(use, tmp_path):
    output = tmp_path / "turned.png"
    finished = subprocess.run(
        [sys.executable, "-c", WITHOUT + USES[use] + LOADED, str(output)],
        capture_output=True,
        text=True,
        timeout=400,
        cwd=ROOT,
    )
    assert finished.returncode == 0, finished.stderr
    loaded = json.loads(finished.stdout)
    assert "dcign_tf.model.dcign" in loaded
    assert not [n for n in loaded if n.removeprefix("dcign_tf.").startswith(NOT_NEEDED)]
    if use == "rerender":
        with Image.open(output) as turned:
            assert turned.size == (150, 150)
