"""The cookie that load balancers may use to find a session's worker."""

from typing import Any


def sid_cookie(sid: str, cookie: str | dict[str, Any]) -> str:
    """Return the Set-Cookie value for a session.

    :param cookie: the cookie's name, or a dictionary of `name` and attributes whose values are a string, True or a
        function that returns one of them.
    """
    attributes = {"name": cookie, "path": "/", "SameSite": "Lax"} if isinstance(cookie, str) else cookie
    text = f"{attributes.get('name', 'io')}={sid}"
    for attribute, given in attributes.items():
        value = given() if callable(given) else given
        if attribute == "name" or value is False:
            continue
        text += f"; {attribute}" if value is True else f"; {attribute}={value}"
    return text
