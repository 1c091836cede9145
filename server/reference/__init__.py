"""The reference: what Hubbub takes and sends, generated from the registry of actions and the table of events."""

from server.reference.door import ReferenceDoor

__all__ = ["ReferenceDoor"]
