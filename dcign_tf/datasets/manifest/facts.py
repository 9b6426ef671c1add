"""The user's own pictures: what is around them is a setting."""

from __future__ import annotations

from dcign_tf.datasets.facts import DatasetFacts

FACTS = DatasetFacts(background=lambda settings: settings["background"])
