"""What a handler may return beside plain data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Then:
    """The acknowledgement's data, and what is called once it is on its way.

    Whatever the steps send to the client arrives behind the acknowledgement.
    """

    data: Any
    steps: list[Callable[[], None]] = field(default_factory=list)
