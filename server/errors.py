"""Why a start ends before anything is served."""


class StartupError(Exception):
    """What is wrong, and what to do about it. One line for an operator, shown as it is; the exit status is 2."""
