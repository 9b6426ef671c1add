"""The Deep Convolutional Inverse Graphics Network (Kulkarni et al., NIPS 2015).

Example:
    >>> import dcign_tf
    >>> model = dcign_tf.load_pretrained("faces")
    >>> model.rerender(images, azimuth_deg=30)  # float32 [B, 150, 150, 1] in [0, 1]

What this package offers stands in `__all__`. It is imported when it is first asked for:
`import dcign_tf` itself is quick, and loads no TensorFlow, which the processes that
render do without.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dcign_tf.datasets.factor_batches import factor_batches as factor_batches
    from dcign_tf.datasets.registry import open_dataset as open_dataset
    from dcign_tf.evaluation import metrics as metrics
    from dcign_tf.evaluation.evaluate import evaluate as evaluate
    from dcign_tf.factors import GraphicsCode as GraphicsCode
    from dcign_tf.model.clamping import clamp_inactive as clamp_inactive
    from dcign_tf.model.dcign import DCIGN as DCIGN
    from dcign_tf.model.layers import UnpoolConv2D as UnpoolConv2D
    from dcign_tf.model.networks import build_decoder as build_decoder
    from dcign_tf.model.networks import build_encoder as build_encoder
    from dcign_tf.pretrained import load_pretrained as load_pretrained
    from dcign_tf.runs.checkpoints import load_model as load_model
    from dcign_tf.serving.exporting import export_model as export_model

__version__ = "0.1.0"
_MODULES = {
    "DCIGN": "model.dcign",
    "GraphicsCode": "factors",
    "UnpoolConv2D": "model.layers",
    "build_decoder": "model.networks",
    "build_encoder": "model.networks",
    "clamp_inactive": "model.clamping",
    "evaluate": "evaluation.evaluate",
    "export_model": "serving.exporting",
    "factor_batches": "datasets.factor_batches",
    "load_model": "runs.checkpoints",
    "load_pretrained": "pretrained",
    "metrics": "evaluation.metrics",
    "open_dataset": "datasets.registry",
}
"""Where each name is to be found: once more, for a type checker runs no `__getattr__`."""
__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    """Imports what is offered, once (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    value = globals()[name] = module if name == "metrics" else getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
