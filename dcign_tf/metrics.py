"""Scores of anybody's codes: functions on NumPy arrays, without TensorFlow.

What there is stands in `__all__`, and is described in `dcign_tf.evaluation.metrics`, whose public
name this is.

Example:
    >>> import numpy as np
    >>> from dcign_tf import metrics
    >>> angles = np.linspace(-60, 60, 50)
    >>> round(metrics.correlations(np.tanh(angles / 40), angles)["spearman"], 6)
    1.0
    >>> float(metrics.psnr(1e-3).round(6))
    30.0
"""

from dcign_tf.evaluation.metrics import __all__ as __all__
from dcign_tf.evaluation.metrics import __dir__ as __dir__
from dcign_tf.evaluation.metrics import __getattr__ as __getattr__
