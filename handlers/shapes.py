"""Shapes: the things of the contract as JSON Schema, for the reference and for who checks replies against it.

Objects are open: a newer server may say more. Only what JSON Schema draft 7 and 2020-12 understand alike stands here,
because AsyncAPI takes the one and OpenAPI the other.
"""

from collections.abc import Sequence
from typing import Any

from handlers import errors
from handlers.declared import STRATEGIES
from handlers.errors import ActionError
from models.notifications import LEVELS, TYPES

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
ID: Schema = {"type": "string", "minLength": 1, "maxLength": 255}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
SEQ: Schema = {"type": "integer", "minimum": 1}
TIME: Schema = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
    "examples": ["2026-11-21T01:02:03.456Z"],
}
_CLOCK: Schema = {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$", "examples": ["22:00"]}
SECONDS: Schema = {"description": "Seconds.", "type": "number", "exclusiveMinimum": 0}
ANYTHING: Schema = {}
JSON_TYPES = ["array", "boolean", "null", "number", "object", "string"]
STARS: Schema = {"type": "integer", "minimum": 1, "maximum": 5}


def ref(name: str) -> Schema:
    """A reference to one of the shapes by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def maybe(shape: Schema) -> Schema:
    """The shape, or null."""
    return {"anyOf": [shape, {"type": "null"}]}


def words(*choices: str) -> Schema:
    """One of a few words."""
    return {"type": "string", "enum": list(choices)}


def just(value: Any) -> Schema:
    """This value and no other."""
    return {"const": value}


def many(shape: Schema, maximum: int | None = None) -> Schema:
    """A list, of ``maximum`` at most."""
    return {"type": "array", "items": shape} | ({} if maximum is None else {"maxItems": maximum})


def thing(description: str | None = None, optional: Sequence[str] = (), /, **properties: Schema) -> Schema:
    """An object that has these properties, all of them but the ``optional`` ones always."""
    required = [name for name in properties if name not in optional]
    told: Schema = {} if description is None else {"description": description}
    return told | {"type": "object", "properties": properties} | ({"required": required} if required else {})


def page(plural: str, shape: Schema) -> Schema:
    """A list as an action answers it: ``{<plural>: […], hasMore}``."""
    return thing(**{plural: many(shape), "hasMore": FLAG})


RATING = {"averageRating": {"type": "number", "minimum": 0, "maximum": 5}, "ratingCount": COUNT}
MINE = maybe(STARS)
POST_TYPE = words("discussion", "review", "question", "announcement")
_ENTITY = {"entityType": TEXT, "entityId": ID}
_USER = {"id": ID, "name": TEXT, "firstName": TEXT, "lastName": TEXT, "profileImage": maybe(TEXT)}
_UNREAD = {"unreadCount": COUNT, "mentionCount": COUNT, "lastReadSeq": COUNT}
_ROOM = {
    "id": ID,
    "name": maybe(TEXT),
    "description": TEXT,
    "visibility": words("public", "private", "direct"),
    "isActive": FLAG,
    "slowMode": {"type": "integer", "minimum": 0, "maximum": 120},
    "memberCount": COUNT,
    "createdAt": TIME,
    "updatedAt": TIME,
}
_ROLE = words("owner", "moderator", "member")
_WHICH = {"ids": many(ID, 1000), "all": just(True), "unreadCount": COUNT}
SOME_NOTIFICATIONS = thing("Which notifications: ``ids``, or ``all``.", ("ids", "all"), **_WHICH)
SOME_NOTIFICATIONS_READ = thing(
    "Which notifications: ``ids``, or ``all``.", ("ids", "all", "isRead"), **_WHICH, isRead=just(False)
)

BYTES: Schema = {"description": "Bytes, as Yjs encodes them: an attachment.", "not": {"type": JSON_TYPES}}
_RIGHT = words("read", "write")
_DOCUMENT = {
    "id": ID,
    "title": TEXT,
    "version": SEQ,
    "access": thing(
        "Who may read or write it: everybody, and of the others by name the owner sees all, who else itself.",
        everyone=words("none", "read", "write"),
        users={"type": "object", "additionalProperties": _RIGHT},
    ),
    "mine": words("read", "write", "owner"),
    "ownerId": ID,
    "createdAt": TIME,
    "updatedAt": TIME,
}
_SETTLED = thing(
    "How a text that was written from an older version was settled: what it replaced is lost.",
    strategy=words("last-write-wins", "merge"),
    fields=many(TEXT),
    lost={"type": "object"},
)
_STRATEGY = words(*STRATEGIES)
_OBJECT: Schema = {"type": "object", "additionalProperties": True}
_RECORD = {
    "id": ID,
    "collection": TEXT,
    "data": maybe(_OBJECT),
    "version": SEQ,
    "ownerId": maybe(ID),
    "createdAt": TIME,
    "updatedAt": TIME,
    "updatedBy": maybe(ID),
}
_CONFLICT = {
    "id": ID,
    "collection": TEXT,
    "recordId": ID,
    "userId": ID,
    "local": {"description": "What the writer wanted; null for nothing.", **maybe(_OBJECT)},
    "remote": {"description": "What was stored when it was parked.", **maybe(_OBJECT)},
    "base": {"description": "What the writer began with; null also when that is kept no longer.", **maybe(_OBJECT)},
    "version": {"description": "The version of ``remote``.", **COUNT},
    "baseVersion": {"description": "The version of ``base``.", **COUNT},
    "requiresManualResolution": FLAG,
    "status": words("open", "resolved"),
    "resolution": maybe(words("local", "remote", "custom")),
    "createdAt": TIME,
    "resolvedAt": maybe(TIME),
    "resolvedBy": maybe(ID),
}

SHAPES: dict[str, Schema] = {
    "User": thing("A person, as the claims of their token tell.", **_USER),
    "Presence": thing(
        "Whether a person is here, and what they do.",
        userId=ID,
        isOnline=FLAG,
        status=words("online", "away", "offline"),
        lastSeenAt=maybe(TIME),
        currentPage=maybe(TEXT),
        activity=maybe(TEXT),
        user=ref("User"),
    ),
    "Viewers": thing(
        "Who looks at an entity: people, not tabs, and the first five of them.",
        count=COUNT,
        viewers=many(ref("User"), 5),
    ),
    "Room": thing("Where people chat; ``name`` is null for a direct room.", **_ROOM),
    "ListedRoom": thing(
        "A room in a list: of one's own rooms with what is unread in it, and of a direct one with its people.",
        ("roomId", *_UNREAD, "lastMessage", "role", "users"),
        **_ROOM,
        roomId=ID,
        **_UNREAD,
        lastMessage=maybe(ref("Message")),
        role=_ROLE,
        users=many(ref("User")),
    ),
    "Member": thing(
        "Somebody in a room.",
        userId=ID,
        role=_ROLE,
        joinedAt=TIME,
        lastReadSeq=COUNT,
        user=ref("User"),
        presence=ref("Presence"),
    ),
    "Unread": thing("How far somebody has read a room, and what waits there.", roomId=ID, **_UNREAD),
    "Attachment": {
        "description": "An object with a url, and whatever the application keeps with it.",
        "type": "object",
        "properties": {"url": {"type": "string", "maxLength": 2048}},
        "required": ["url"],
        "additionalProperties": True,
    },
    "Reaction": thing(
        "An emoji, how many people answered with it, and the first 20 of them.",
        emoji=TEXT,
        count=SEQ,
        userIds=many(ID, 20),
    ),
    "Message": thing(
        "What was said in a room; its ``seq`` numbers the room's messages, and ``message`` is null once deleted.",
        id=ID,
        seq=SEQ,
        roomId=ID,
        userId=ID,
        message=maybe(TEXT),
        clientId=maybe({"type": "string", "maxLength": 64}),
        replyToId=maybe(ID),
        mentions=many(ID),
        attachments=many(ref("Attachment")),
        reactions=many(ref("Reaction")),
        createdAt=TIME,
        editedAt=maybe(TIME),
        deletedAt=maybe(TIME),
        user=ref("User"),
    ),
    "Comment": thing(
        "What somebody said about an entity, or answered there; ``body`` is null once deleted, and while the comment is"
        " ``pending`` its author and moderators alone see it.",
        id=ID,
        **_ENTITY,
        userId=ID,
        parentId=maybe(ID),
        body=maybe(TEXT),
        clientId=maybe({"type": "string", "maxLength": 64}),
        status=words("approved", "pending", "deleted"),
        replyCount=COUNT,
        createdAt=TIME,
        editedAt=maybe(TIME),
        deletedAt=maybe(TIME),
        user=ref("User"),
    ),
    "Image": thing(
        "A picture of an entity's gallery; while it is ``pending`` its uploader and moderators alone see it, its files"
        " included. The addresses are paths of this server.",
        id=ID,
        **_ENTITY,
        url=TEXT,
        thumbnailUrl=TEXT,
        width=SEQ,
        height=SEQ,
        bytes=SEQ,
        caption=maybe(TEXT),
        status=words("approved", "pending", "deleted"),
        isFeatured=FLAG,
        createdAt=TIME,
        user=ref("User"),
    ),
    "ModerationItem": thing(
        "What waits for moderators, or how they decided: on ``subject``, which ``user`` made; null once it is gone.",
        id=ID,
        kind=TEXT,
        subjectId=ID,
        **_ENTITY,
        cause=words("flag", "word", "upload"),
        status=words("pending", "approved", "rejected", "withdrawn"),
        flagCount=COUNT,
        flags=many(thing("Who objects, of the first 20.", userId=ID, reason=maybe(TEXT), createdAt=TIME), 20),
        reason=maybe(TEXT),
        decidedBy=maybe(ID),
        createdAt=TIME,
        decidedAt=maybe(TIME),
        subject=maybe({"type": "object"}),
        user=maybe(ref("User")),
    ),
    "Sanction": thing(
        "What was laid on somebody: without an end if ``until`` is null.",
        since=TIME,
        until=maybe(TIME),
        reason=maybe(TEXT),
        by=ID,
    ),
    "Standing": thing(
        "What holds for somebody at this moment; their tokens from before ``revokedAt`` count no more.",
        userId=ID,
        muted=maybe(ref("Sanction")),
        banned=maybe(ref("Sanction")),
        revokedAt=maybe(TIME),
    ),
    "Save": thing("What a person has put aside for later.", id=ID, **_ENTITY, createdAt=TIME),
    "Notification": thing(
        "Something that a person is told; ``count`` tells how many were collapsed into it.",
        id=ID,
        title=TEXT,
        message=TEXT,
        type=words(*TYPES),
        level=words(*LEVELS),
        isRead=FLAG,
        link=maybe(TEXT),
        data={"type": "object", "additionalProperties": True},
        count=SEQ,
        createdAt=TIME,
    ),
    "Preferences": thing(
        "What a person wants to be notified of, and when.",
        types=thing(**{each: thing(inApp=FLAG, push=FLAG) for each in TYPES}),
        quietHours=maybe(thing(start=_CLOCK, end=_CLOCK, timeZone=TEXT)),
        mutedRooms=many(ID, 1000),
    ),
    "PushSubscription": thing("A browser that gets a person's pushes.", endpoint=TEXT, createdAt=TIME),
    "Document": thing(
        "A text that several people write; ``content`` is what it was when it was saved last, ``mine`` what its reader"
        " may do.",
        **_DOCUMENT,
        content=TEXT,
    ),
    "SavedDocument": thing(
        "A document whose text was sent whole.", ("conflict",), **_DOCUMENT, content=TEXT, conflict=_SETTLED
    ),
    "ListedDocument": thing("A document in a list, without its text.", **_DOCUMENT),
    "DocumentVersion": thing(
        "A version of a document that somebody gave a name.",
        id=ID,
        documentId=ID,
        name=TEXT,
        version=SEQ,
        createdAt=TIME,
        user=maybe(ref("User")),
    ),
    "Collaborator": thing(
        "Somebody who has a document open: who that is says the server, the cursor and the number in Yjs their editor.",
        userId=ID,
        name=TEXT,
        color={"type": "string", "pattern": "^#[0-9a-f]{6}$"},
        cursor=ANYTHING,
        clientId=maybe(COUNT),
    ),
    "Story": thing(
        "What somebody wrote; while it is ``pending`` its author and moderators alone see it.",
        id=ID,
        title=maybe(TEXT),
        genre=maybe(TEXT),
        body=maybe(TEXT),
        visibility=words("public", "unlisted", "private"),
        status=words("approved", "pending", "deleted"),
        authorId=ID,
        createdAt=TIME,
        updatedAt=TIME,
        publishedAt=maybe(TIME),
        deletedAt=maybe(TIME),
        user=ref("User"),
    ),
    "Post": thing(
        "What somebody says about a story; while it is ``pending`` its author and moderators alone see it.",
        id=ID,
        storyId=ID,
        authorId=ID,
        title=maybe(TEXT),
        body=maybe(TEXT),
        type=POST_TYPE,
        status=words("approved", "pending", "deleted"),
        createdAt=TIME,
        updatedAt=TIME,
        deletedAt=maybe(TIME),
        user=ref("User"),
    ),
    "Record": thing(
        "What is kept in a collection; ``data`` is null once it is deleted.",
        **_RECORD,
    ),
    "SettledRecord": thing(
        "A record that was written; ``conflict`` is there if it was made of a stale version, and something was lost.",
        ("conflict",),
        **_RECORD,
        conflict=thing(
            "How that was settled, and the stored values of the fields that are overwritten; null of one that had been"
            " removed.",
            strategy=_STRATEGY,
            fields=many(TEXT),
            lost=_OBJECT,
        ),
    ),
    "Conflict": thing("A change of a stale version that waits, or waited, to be resolved.", **_CONFLICT),
    "ResolvedConflict": thing(
        "A conflict that is resolved, and what holds since.",
        **_CONFLICT,
        record={"anyOf": [ref("SettledRecord"), ref("Document"), {"type": "null"}]},
    ),
    "SyncResult": thing(
        "What became of a mutation: ``data`` if it is ``ok``, else ``error``.",
        ("data", "error"),
        mutationId=ID,
        ok=FLAG,
        data=ref("SettledRecord"),
        error=ref("Error"),
    ),
    "Typist": thing("Somebody who is typing.", id=ID, name=TEXT),
    "Event": thing(
        "What happened in a channel; ``seq`` counts from 1 in each channel. A signal has none and is never stored.",
        ("seq",),
        event=TEXT,
        channel=TEXT,
        seq=SEQ,
        at=TIME,
        data=ANYTHING,
    ),
    "FieldErrors": {
        "description": "The messages about each field; those about parts of a list or an object stand under its name.",
        "type": "object",
        "additionalProperties": {"anyOf": [many(TEXT), ref("FieldErrors")]},
    },
}

_DETAILS: dict[str, dict[str, Schema]] = {
    "invalid": {"fields": ref("FieldErrors")},
    "conflict": {"current": {"description": "The stored value."}},
    "rate_limited": {"retryAfter": SECONDS},
}

ERRORS: dict[str, type[ActionError]] = {
    each.code: each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, ActionError) and each is not ActionError
}


def _error(kind: type[ActionError]) -> Schema:
    return thing(kind.__doc__, code=just(kind.code), message=TEXT, **_DETAILS.get(kind.code, {}))


SHAPES |= {f"{kind.__name__}Error": _error(kind) for kind in ERRORS.values()}
SHAPES["Error"] = {
    "description": "Why an action failed.",
    "oneOf": [ref(f"{kind.__name__}Error") for kind in ERRORS.values()],
}
SHAPES["Failure"] = thing(ok=just(False), error=ref("Error"))


def success(data: Schema) -> Schema:
    """The reply of an action that answers with ``data``."""
    return thing(ok=just(True), data=data)


def failure(kind: type[ActionError]) -> Schema:
    """The reply of an action that failed in this way."""
    return thing(ok=just(False), error=ref(f"{kind.__name__}Error"))
