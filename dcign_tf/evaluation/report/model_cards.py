"""Model cards: what whoever uses a model has to know of it, in Markdown.

Their texts are templates in `templates/`: `model_card.md.jinja` is what all cards say, and
extended by `packaged_model.md.jinja` and `served_model.md.jinja`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jinja2

from dcign_tf.evaluation.report.score_tables import scores_table
from dcign_tf.readouts.calibration import Calibration


def model_card(
    template: str,
    config: Mapping[str, Any],
    environment: Mapping[str, Any],
    calibration: Calibration,
    scores: Mapping[str, Any] | None,
    **details: Any,
) -> str:
    """The model card.

    Args:
        template: name of the file that says it.
        config: of the run, resolved.
        environment: in which the run began.
        calibration: of the model.
        scores: of the same weights, as in `scores.json`; None if there are none.
        details: what else that template tells.
    """
    common = {"config": config, "environment": environment, "calibration": calibration}
    return _TEMPLATES.get_template(template).render(**common, scores=scores, **details)


_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("dcign_tf.evaluation.report"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["scores_table"] = scores_table
