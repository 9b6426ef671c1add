"""The one exception that scripts show as a single line instead of a stack trace."""

import re


class UserError(RuntimeError):
    """Something the user can mend; its message says what was wrong, where, and what to do."""


class DataError(UserError):
    """Data cannot be made or read; the message is one line: what, where, what to do."""


def of_tensorflow(message: str) -> str:
    """What an error of TensorFlow says, without the place in its graph."""
    return re.sub(r"\{\{.*?\}\} ?| ?\[Op:\w*\]", "", message).rstrip(".")
