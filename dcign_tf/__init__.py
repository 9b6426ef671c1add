"""The Deep Convolutional Inverse Graphics Network (Kulkarni et al., NIPS 2015).

Examples:
    >>> import dcign_tf
    >>> model = dcign_tf.load_pretrained("faces")
    >>> model.rerender(images, azimuth_deg=30)  # float32 [B, 150, 150, 1] in [0, 1]

What this package offers stands in `__all__`. It is imported when it is first asked for:
`import dcign_tf` itself is quick, and loads no TensorFlow, which the processes that
render do without.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dcign_tf import metrics as metrics
    from dcign_tf.datasets.factor_batches import factor_batches as factor_batches
    from dcign_tf.datasets.registry import open_dataset as open_dataset
    from dcign_tf.evaluation.evaluate import evaluate_run as evaluate_run
    from dcign_tf.evaluation.functions import evaluate as evaluate
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
    "evaluate": "evaluation.functions",
    "evaluate_run": "evaluation.evaluate",
    "export_model": "serving.exporting",
    "factor_batches": "datasets.factor_batches",
    "load_model": "runs.checkpoints",
    "load_pretrained": "pretrained",
    "metrics": "metrics",
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


class _RegisterOnceThereIsKeras(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Has the classes of a .keras file registered as soon as Keras is imported.

    So `keras.saving.load_model` finds them after `import dcign_tf` alone, which imports no Keras.
    """

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != "keras":
            return None
        sys.meta_path.remove(self)  # before all else: it is to be found as if this were not here
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            self._loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        _register()


def _register() -> None:
    if sys.modules["keras"].backend.backend() == "tensorflow":
        importlib.import_module(f"{__name__}.model.dcign")
        importlib.import_module(f"{__name__}.model.muon")


if "keras" in sys.modules:
    _register()
else:
    sys.meta_path.insert(0, _RegisterOnceThereIsKeras())
