"""The authors' faces: as those rendered here."""

from __future__ import annotations

from dcign_tf.datasets.faces.facts import FACTS

__all__ = ["FACTS"]
