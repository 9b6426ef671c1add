"""The experiments, as an installed package has them.

In a checkout they lie at its top, in `configs/`; this file makes them importable from
there. In a wheel that folder itself takes this one's place (setup.py).
"""

from pathlib import Path

__path__.append(str(Path(__file__).parents[2] / "configs"))
