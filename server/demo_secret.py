"""The demo's own secret: made at the first start and kept, so that guests stay signed in over a restart."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path


def kept_secret(path: Path) -> str:
    """The secret in `path`, a file that only its owner can read; made, with its folder, when there is none.

    Of several processes that start at the same time all return the same secret. Raises OSError.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written whole under another name (mkstemp's mode is 0600), then linked: the first one wins, and nobody ever
        # reads half a secret.
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix="secret.") as draft:
            draft.write(secrets.token_urlsafe(48))
            draft.flush()
            with contextlib.suppress(FileExistsError):
                os.link(draft.name, path)
    return path.read_text().strip()
