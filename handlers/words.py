"""Words: what a text may not say, or not before a moderator has read it."""

from handlers.base import Context
from handlers.errors import Invalid


def screen(ctx: Context, **texts: str | None) -> bool:
    """Whether the texts, each under its field's name, must wait for a moderator; those of moderators never do.

    Raises ``Invalid`` naming the fields that hold what is refused.
    """
    verdicts = {name: ctx.services.words.judge(text) for name, text in texts.items() if text}
    refused = [name for name, verdict in verdicts.items() if verdict == "refuse"]
    if refused:
        raise Invalid(
            "This text holds what may not be said here.",
            {name: ["Holds a word that is not allowed here."] for name in refused},
        )
    return "hold" in verdicts.values() and not ctx.actor.is_moderator
