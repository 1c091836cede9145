"""Replies: what each action answers with when it succeeds, for the reference."""

from dataclasses import dataclass

from handlers.shapes import (
    BYTES,
    COUNT,
    FLAG,
    ID,
    MINE,
    RATING,
    SEQ,
    SOME_NOTIFICATIONS,
    SOME_NOTIFICATIONS_READ,
    TEXT,
    TIME,
    Schema,
    many,
    maybe,
    page,
    ref,
    thing,
    words,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The shape of a reply's data, and whether the action may create something (REST: 201)."""

    data: Schema
    creates: bool = False


_CHANNEL = thing(channel=TEXT)
_LIKE = Answer(thing("Whether the actor likes it, and how many people do.", liked=FLAG, count=COUNT))
_SAVE = Answer(thing("Whether the actor has saved it, and how many people have.", saved=FLAG, count=COUNT))
_RATING = Answer(
    thing("The average (0 before the first), how many people rated, and the actor's own value.", **RATING, mine=MINE)
)
_COMMENT = Answer(ref("Comment"))
_IMAGE = Answer(ref("Image"))
_STANDING = Answer(ref("Standing"))
_STORY = Answer(ref("Story"))
_POST = Answer(ref("Post"))
_ONE_DOCUMENT = thing(documentId=ID)
_RECORDS = thing(
    "A page; where one ended because much was looked at, ``next`` is the id before which the next goes on.",
    ("next",),
    records=many(ref("Record")),
    hasMore=FLAG,
    next=ID,
)
_ROW: Schema = {"type": "object", "description": "The declared columns of a table."}

REPLIES: dict[str, Answer] = {
    "channel:subscribe": Answer(
        thing(
            "The events after ``after``, oldest first, and the newest number; what comes later is heard live.",
            ("snapshot",),
            channel=TEXT,
            seq=COUNT,
            recovered=FLAG,
            events=many(ref("Event")),
            snapshot={
                "description": "The channel's present state, true at ``seq``: what its events would have told by then.",
                "anyOf": [
                    thing(None, ("typing", "count", *RATING), typing=many(ref("Typist")), count=COUNT, **RATING),
                    thing(presence=many(ref("Presence"))),
                    ref("Viewers"),
                    thing(document=ref("Document"), collaborators=many(ref("Collaborator"))),
                    _RECORDS,
                    page("records", _ROW),
                ],
            },
        )
    ),
    "channel:unsubscribe": Answer(_CHANNEL),
    "channel:publish": Answer(thing(seq=SEQ), creates=True),
    "channel:publish-batch": Answer(thing(results=many(thing(seq=SEQ), 1000)), creates=True),
    "room:create": Answer(ref("Room"), creates=True),
    "room:list": Answer(page("rooms", ref("ListedRoom"))),
    "room:update": Answer(ref("Room")),
    "room:archive": Answer(ref("Room")),
    "room:join": Answer(
        thing(
            "The room, its newest 50 messages, members (100 at most), and the number that its events go on from.",
            room=ref("Room"),
            messages=many(ref("Message"), 50),
            members=many(ref("Member"), 100),
            seq=COUNT,
        ),
        creates=True,
    ),
    "room:leave": Answer(thing(roomId=ID)),
    "room:invite": Answer(ref("Member"), creates=True),
    "room:remove": Answer(thing(roomId=ID, userId=ID)),
    "room:role": Answer(ref("Member")),
    "room:members": Answer(page("members", ref("Member"))),
    "message:send": Answer(ref("Message"), creates=True),
    "message:history": Answer(page("messages", ref("Message"))),
    "message:edit": Answer(ref("Message")),
    "message:delete": Answer(ref("Message")),
    "message:react": Answer(ref("Message")),
    "message:unreact": Answer(ref("Message")),
    "message:read": Answer(ref("Unread")),
    "message:search": Answer(page("messages", ref("Message"))),
    "typing:start": Answer(_CHANNEL),
    "typing:stop": Answer(_CHANNEL),
    "comment:create": Answer(ref("Comment"), creates=True),
    "comment:list": Answer(page("comments", ref("Comment"))),
    "comment:edit": _COMMENT,
    "comment:delete": _COMMENT,
    "comment:flag": _COMMENT,
    "image:upload": Answer(ref("Image"), creates=True),
    "image:list": Answer(page("images", ref("Image"))),
    "image:delete": _IMAGE,
    "image:feature": _IMAGE,
    "moderation:list": Answer(page("items", ref("ModerationItem"))),
    "moderation:decide": Answer(ref("ModerationItem")),
    "user:mute": _STANDING,
    "user:ban": _STANDING,
    "user:revoke": _STANDING,
    "user:pardon": _STANDING,
    "rating:set": _RATING,
    "rating:get": _RATING,
    "like:toggle": _LIKE,
    "like:set": _LIKE,
    "like:get": _LIKE,
    "save:toggle": _SAVE,
    "save:set": _SAVE,
    "save:get": _SAVE,
    "save:list": Answer(page("saves", ref("Save"))),
    "presence:update": Answer(ref("Presence")),
    "presence:heartbeat": Answer(ref("Presence")),
    "presence:get": Answer({"anyOf": [ref("Presence"), page("presence", ref("Presence"))]}),
    "viewers:track": Answer(ref("Viewers")),
    "viewers:untrack": Answer(ref("Viewers")),
    "viewers:get": Answer(ref("Viewers")),
    "push:subscribe": Answer(ref("PushSubscription"), creates=True),
    "push:unsubscribe": Answer(thing(endpoint=TEXT)),
    "push:key": Answer(thing("What browsers subscribe with, in URL-safe base64.", publicKey=TEXT)),
    "story:create": Answer(ref("Story"), creates=True),
    "story:update": _STORY,
    "story:visibility": _STORY,
    "story:delete": _STORY,
    "story:get": _STORY,
    "story:list": Answer(page("stories", ref("Story"))),
    "post:create": Answer(ref("Post"), creates=True),
    "post:update": _POST,
    "post:delete": _POST,
    "post:list": Answer(page("posts", ref("Post"))),
    "document:create": Answer(ref("Document"), creates=True),
    "document:list": Answer(page("documents", ref("ListedDocument"))),
    "document:get": Answer(ref("Document")),
    "document:save": Answer(ref("SavedDocument")),
    "document:share": Answer(ref("Document")),
    "document:delete": Answer(_ONE_DOCUMENT),
    "document:open": Answer(
        thing(
            "What the client lacks in one update, how far the server's state reaches, and the newest edit's number.",
            document=ref("Document"),
            update=BYTES,
            stateVector=BYTES,
            n=COUNT,
            collaborators=many(ref("Collaborator")),
        )
    ),
    "document:update": Answer(thing(documentId=ID, n=SEQ)),
    "document:awareness": Answer(_ONE_DOCUMENT),
    "document:close": Answer(_ONE_DOCUMENT),
    "document:history": Answer(page("versions", ref("DocumentVersion"))),
    "document:snapshot": Answer(ref("DocumentVersion"), creates=True),
    "document:restore": Answer(ref("Document")),
    "record:list": Answer(_RECORDS),
    "record:get": Answer(ref("Record")),
    "record:upsert": Answer(ref("SettledRecord"), creates=True),
    "record:delete": Answer(ref("SettledRecord")),
    "record:sync": Answer(thing("Of each mutation one, in order.", results=many(ref("SyncResult"), 1000))),
    "conflict:list": Answer(page("conflicts", ref("Conflict"))),
    "conflict:resolve": Answer(ref("ResolvedConflict")),
    "session:refresh": Answer(thing(user=ref("User"), expiresAt=maybe(TIME))),
    "session:get": Answer(
        thing(
            user=ref("User"),
            role=words("user", "moderator", "admin"),
            unreadCount=COUNT,
            mentionCount=COUNT,
            notificationCount=COUNT,
        )
    ),
    "notification:send": Answer(thing(id=ID, recipients=COUNT), creates=True),
    "notification:list": Answer(
        thing(notifications=many(ref("Notification"), 100), unreadCount=COUNT, hasMore=FLAG),
    ),
    "notification:read": Answer(SOME_NOTIFICATIONS_READ),
    "notification:delete": Answer(SOME_NOTIFICATIONS),
    "notification:preferences": Answer(ref("Preferences")),
}
