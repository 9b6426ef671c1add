"""What tests of several modules share: fakes, tiny models, and files made by hand."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""Of the checkout."""
