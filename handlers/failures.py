"""Failures: the one table from exceptions to the errors of the contract."""

import logging

from handlers.errors import ActionError, Internal, Unavailable
from models.database import is_unavailable
from models.ids import new_id

log = logging.getLogger("hubbub.failures")


def told(error: Exception) -> ActionError:
    """The error that is told instead; what no handler meant is logged, under an id that the message names."""
    if isinstance(error, ActionError):
        return error
    reference = new_id()
    if is_unavailable(error):
        log.warning("The database did not answer", extra={"reference": reference, "cause": repr(error)})
        return Unavailable("The database cannot be reached now; try again in a moment.")
    log.error("An action failed", exc_info=error, extra={"reference": reference})
    return Internal(f"The server failed; its log tells more under {reference}.")
