"""The one exception that scripts show as a single line instead of a stack trace."""


class UserError(RuntimeError):
    """Something the user can mend; its message says what was wrong, where, and what to do."""


class DataError(UserError):
    """Data cannot be made or read; the message is one line: what, where, what to do."""
