"""Events: every one that leaves the server, and the channels that they leave on.

This is the reference's source, and the tests hold the handlers to it: what is published must stand here.
"""

from dataclasses import dataclass
from typing import Literal

from handlers.shapes import (
    BYTES,
    COUNT,
    ID,
    POST_TYPE,
    RATING,
    SEQ,
    SOME_NOTIFICATIONS,
    SOME_NOTIFICATIONS_READ,
    TEXT,
    TIME,
    Schema,
    just,
    many,
    maybe,
    ref,
    thing,
    words,
)

Kind = Literal["stored", "signal", "connection"]


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """Channels of one pattern.

    Attributes:
        address: their name, with ``{parts}`` that differ.
        readers: who may subscribe.
        about: a sentence on what is told there.
    """

    address: str
    readers: str
    about: str


@dataclass(frozen=True, slots=True)
class EventKind:
    """Events of one name.

    Attributes:
        name: ``noun:verb``.
        channels: keys of ``CHANNELS``; none for an event that goes to one connection.
        data: the shape of its data.
        about: a sentence on when it comes.
        kind: ``stored`` in the channel's log and numbered; a ``signal`` that is never stored; or to one ``connection``.
    """

    name: str
    channels: tuple[str, ...]
    data: Schema
    about: str
    kind: Kind = "stored"


_EVERYONE = "everyone"
_SIGNED_IN = "everyone who is signed in"

CHANNELS: dict[str, ChannelKind] = {
    "user": ChannelKind(
        "user:{userId}",
        "that user; each of their connections is subscribed from the start",
        "What concerns one person.",
    ),
    "room": ChannelKind(
        "room:{roomId}", "members; everyone who is signed in, if the room is public", "What happens in a room."
    ),
    "comments": ChannelKind("{type}:{id}:comments", _EVERYONE, "Comments on one entity."),
    "rating": ChannelKind("{type}:{id}:rating", _EVERYONE, "The rating of one entity."),
    "likes": ChannelKind("{type}:{id}:likes", _EVERYONE, "Likes of one entity."),
    "saves": ChannelKind("{type}:{id}:saves", _EVERYONE, "How often one entity was saved."),
    "images": ChannelKind("{type}:{id}:images", _EVERYONE, "Pictures of one entity."),
    "viewers": ChannelKind(
        "{type}:{id}:viewers", _EVERYONE, "Who looks at one entity; `:presence` is another name of it."
    ),
    "community": ChannelKind(
        "community", _EVERYONE, "Stories and posts; what a reader may not know of is skipped, and its number with it."
    ),
    "presence": ChannelKind("presence", _SIGNED_IN, "Who comes and goes, of everyone."),
    "presenceOfUser": ChannelKind("presence:{userId}", _SIGNED_IN, "Who comes and goes, of one user."),
    "document": ChannelKind(
        "document:{id}",
        "whoever may read the document",
        "One document: its edits over Socket.IO, its versions and its collaborators through every door.",
    ),
    "app": ChannelKind(
        "app:{name}",
        f"{_SIGNED_IN}; `app:private.{{name}}` with a subscription token",
        "Whatever a backend publishes.",
    ),
    "collection": ChannelKind(
        "collection:{name}",
        "by the collection's policy; where that is `owner`, of each record its owner",
        "Changes of a collection's records.",
    ),
    "table": ChannelKind(
        "table:{schema}.{table}",
        "by the table's policy; where that is `owner`, of each row its owner",
        "Changes of a table of the application's own, which `hubbub watch` watches.",
    ),
    "admin": ChannelKind("admin", "moderators and admins", "What moderators watch."),
}

_ROOM = ("room",)
_USER = ("user",)
_COMMENTS = ("comments",)
_IMAGES = ("images",)
_ADMIN = ("admin",)
_COMMUNITY = ("community",)
_DOCUMENT = ("document",)
_WHICH = {"conflictId": ID, "collection": TEXT, "recordId": ID}
_ROW: Schema = {"type": "object", "description": "The declared columns; what was too large is left out."}
_CHANGED_STORY = thing(storyId=ID, timestamp=TIME)
_CHANGED_POST = thing(postId=ID, storyId=ID, timestamp=TIME)

_ALL = (
    EventKind("room:updated", _ROOM, ref("Room"), "The room was changed or archived."),
    EventKind("room:added", _USER, thing(room=ref("Room")), "This person is in a room from now on."),
    EventKind("room:removed", _USER, thing(roomId=ID), "This person is in a room no longer."),
    EventKind("room:unread", _USER, ref("Unread"), "What waits for this person in a room, absolute."),
    EventKind("member:joined", _ROOM, ref("Member"), "Somebody came into the room."),
    EventKind("member:left", _ROOM, thing(userId=ID), "Somebody left the room, or was removed from it."),
    EventKind("member:updated", _ROOM, ref("Member"), "Somebody has another role."),
    EventKind("message:created", _ROOM, ref("Message"), "Somebody sent a message."),
    EventKind("message:edited", _ROOM, ref("Message"), "A message has another text."),
    EventKind("message:deleted", _ROOM, thing(messageId=ID, seq=SEQ), "A message's text is gone; its place stays."),
    EventKind(
        "message:reacted",
        _ROOM,
        thing(messageId=ID, reactions=many(ref("Reaction"))),
        "Somebody answered a message with an emoji, or took that back: all reactions that there are now.",
    ),
    EventKind("message:read", _ROOM, thing(userId=ID, seq=COUNT), "Somebody has read up to this message."),
    EventKind("comment:created", _COMMENTS, ref("Comment"), "Somebody commented, or a moderator let a comment appear."),
    EventKind("comment:edited", _COMMENTS, ref("Comment"), "A comment has another text."),
    EventKind("comment:deleted", _COMMENTS, thing(commentId=ID), "A comment is gone, or waits for a moderator."),
    EventKind("image:added", _IMAGES, ref("Image"), "A picture can be seen: a moderator's own, or one let appear."),
    EventKind("image:deleted", _IMAGES, thing(imageId=ID), "A picture is gone, its files included."),
    EventKind("image:featured", _IMAGES, ref("Image"), "This picture stands for the entity now, and no other does."),
    EventKind("moderation:added", _ADMIN, ref("ModerationItem"), "Something waits for a moderator."),
    EventKind(
        "moderation:updated", _ADMIN, ref("ModerationItem"), "What waits was flagged again, or changed by its author."
    ),
    EventKind(
        "moderation:decided", _ADMIN, ref("ModerationItem"), "Something waits no longer: decided, or taken back."
    ),
    EventKind("rating:changed", ("rating",), thing(**RATING), "Somebody rated the entity, for the first time or anew."),
    EventKind(
        "like:changed",
        ("likes",),
        thing(count=COUNT, action=words("like", "unlike"), userId=ID),
        "Somebody likes the entity, or no longer does.",
    ),
    EventKind(
        "save:changed",
        ("saves",),
        thing(count=COUNT, action=words("save", "unsave")),
        "Somebody saved the entity, or let it go.",
    ),
    EventKind(
        "story:published",
        _COMMUNITY,
        thing(storyId=ID, title=maybe(TEXT), authorId=ID, genre=maybe(TEXT), timestamp=TIME),
        "A story is public now; told again after it ceased to be, it has neither title nor genre.",
    ),
    EventKind(
        "story:updated", _COMMUNITY, _CHANGED_STORY, "A story was changed; while it is not public, for its author."
    ),
    EventKind("story:deleted", _COMMUNITY, _CHANGED_STORY, "A story is gone, or is public no longer."),
    EventKind(
        "post:created",
        _COMMUNITY,
        thing(postId=ID, storyId=ID, authorId=ID, title=maybe(TEXT), type=POST_TYPE, timestamp=TIME),
        "Somebody said something about a story; told again when that is gone, it has no title.",
    ),
    EventKind("post:updated", _COMMUNITY, _CHANGED_POST, "A post was changed."),
    EventKind("post:deleted", _COMMUNITY, _CHANGED_POST, "A post is gone, or waits for a moderator."),
    EventKind(
        "record:changed",
        ("collection",),
        thing(
            eventType=words("INSERT", "UPDATE", "DELETE"),
            id=ID,
            new=maybe(ref("Record")),
            old=maybe(ref("Record")),
            version=SEQ,
        ),
        "A record is there, is another one, or is gone: what it is now and what it was before, whole.",
    ),
    EventKind(
        "table:changed",
        ("table",),
        thing(
            eventType=words("INSERT", "UPDATE", "DELETE"), id=TEXT, new=maybe(_ROW), old=maybe(_ROW), version=just(None)
        ),
        "A row is there, is another one, or is gone: its columns as they are now and as they were.",
    ),
    EventKind(
        "document:added",
        _USER,
        thing(document=ref("ListedDocument")),
        "A document is in this person's list from now on, or stands there with another title or access.",
    ),
    EventKind("document:removed", _USER, thing(documentId=ID), "A document is in this person's list no longer."),
    EventKind("conflict:created", _USER, thing(**_WHICH), "A change of this person's waits to be resolved."),
    EventKind(
        "conflict:resolved",
        _USER,
        thing(**_WHICH, resolution=words("local", "remote", "custom")),
        "A change of this person's that waited is resolved.",
    ),
    EventKind(
        "typing:changed",
        ("room", "comments", "community"),
        thing(users=many(ref("Typist"))),
        "Who types there at this moment: everyone, absolute.",
        "signal",
    ),
    EventKind(
        "notification:created",
        _USER,
        thing(None, ("quiet",), notification=ref("Notification"), unreadCount=COUNT, quiet=just(True)),
        "This person is notified, or an unread notification of theirs is renewed; `quiet` during their quiet hours.",
    ),
    EventKind(
        "notification:read",
        _USER,
        SOME_NOTIFICATIONS_READ,
        "Some notifications of this person, or all, count as read; with `isRead: false` as unread again.",
    ),
    EventKind("notification:deleted", _USER, SOME_NOTIFICATIONS, "Some notifications of this person are gone, or all."),
    EventKind(
        "presence:changed",
        ("presence", "presenceOfUser"),
        {"anyOf": [ref("Presence"), thing(changes=many(ref("Presence")))]},
        "Somebody came, went, or does something else: that person's presence on `presence:{userId}`, and of all whom"
        " it concerns on `presence`, at most once a second.",
        "signal",
    ),
    EventKind(
        "viewers:changed",
        ("viewers",),
        ref("Viewers"),
        "Others look at the entity: how many people there are now, and the first five of them.",
        "signal",
    ),
    EventKind(
        "document:saved",
        _DOCUMENT,
        thing(None, ["title"], documentId=ID, version=SEQ, n=COUNT, title=TEXT),
        "What was edited is the document's text now, a new version; or it has another title. `n` is the newest edit in"
        " that version: an editor that has not heard of it opens the document again.",
    ),
    EventKind(
        "document:updated",
        _DOCUMENT,
        thing(documentId=ID, update=BYTES, userId=ID, n=SEQ),
        "Somebody edited the document: an update as Yjs encodes it, over Socket.IO alone. `n` counts the edits.",
        "signal",
    ),
    EventKind(
        "document:collaborators",
        _DOCUMENT,
        thing(collaborators=many(ref("Collaborator"))),
        "Who has the document open: everyone, absolute.",
        "signal",
    ),
    EventKind(
        "session:expiring",
        (),
        thing(expiresAt=TIME),
        "The connection's token ends within a minute: send `session:refresh`.",
        "connection",
    ),
    EventKind("session:expired", (), thing(expiresAt=TIME), "The token has ended; a disconnect follows.", "connection"),
    EventKind(
        "server:draining",
        (),
        thing(reconnectInMs=COUNT),
        "The server restarts: the connection ends now, and stock clients come back by themselves.",
        "connection",
    ),
)

EVENTS: dict[str, EventKind] = {each.name: each for each in _ALL}
