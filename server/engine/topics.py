"""Names of the bus's topics."""


def topic_of(room: object, namespace: str = "/") -> str:
    """The topic of the bus that carries a room of a namespace, or (room None) the whole namespace.

    Different rooms have different topics, save for a room whose name is a number and one whose name is its digits.
    """
    escaped = namespace.replace("%", "%25").replace(":", "%3A")
    return escaped if room is None else f"{escaped}:{room}"
