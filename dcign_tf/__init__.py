"""The Deep Convolutional Inverse Graphics Network (Kulkarni et al., NIPS 2015).

The mathematics: `factors`, `clamping`, `layers`, `networks`, `losses`, `model`.
The data: `rendering` (a mesh in, an image out), `datasets` (batches in which one
factor varies). The work: `training`, `experiment`, `run_directory`, `evaluation`.
A trained model: `load_pretrained`, and what can be done with it, `scene_editor`.

Importing this package imports no TensorFlow: the processes that render need none.
"""

from dcign_tf.pretrained import load_pretrained

__all__ = ["load_pretrained"]
__version__ = "0.1.0"
