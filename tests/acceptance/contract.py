"""The shapes of the wire contract, checked to the letter: what is missing and what is too much fails alike."""

import re
from typing import Any

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
ROLES = {"owner", "moderator", "member"}
STATUSES = {
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "invalid": 422,
    "conflict": 409,
    "too_large": 413,
    "rate_limited": 429,
    "unavailable": 503,
    "internal": 500,
}
OWN_KEYS_OF_ERRORS = {"invalid": {"fields"}, "conflict": {"current"}, "rate_limited": {"retryAfter"}}

USER = {"id", "name", "firstName", "lastName", "profileImage"}
PRESENCE = {"userId", "isOnline", "status", "lastSeenAt", "currentPage", "activity", "user"}
ROOM = {
    *("id", "name", "description", "visibility", "isActive", "slowMode", "memberCount", "createdAt", "updatedAt"),
}
MEMBER = {"userId", "role", "joinedAt", "lastReadSeq", "user", "presence"}
MESSAGE = {
    *("id", "seq", "roomId", "userId", "message", "clientId", "replyToId", "mentions", "attachments", "reactions"),
    *("createdAt", "editedAt", "deletedAt", "user"),
}
NOTIFICATION = {
    *("id", "title", "message", "type", "level", "isRead", "link", "data", "count", "createdAt"),
}
TYPES = {"BOOKING", "TOUR", "PAYMENT", "SYSTEM", "PROMOTION", "MESSAGE"}
LEVELS = {"info", "success", "warning", "error"}
STORY = {
    *("id", "title", "genre", "body", "visibility", "status", "authorId"),
    *("createdAt", "updatedAt", "publishedAt", "deletedAt", "user"),
}
POST = {
    *("id", "storyId", "authorId", "title", "body", "type", "status", "createdAt", "updatedAt", "deletedAt", "user"),
}
# The data of the events of inventory C.
COMMUNITY = {
    "story:published": {"storyId", "title", "authorId", "genre", "timestamp"},
    "story:updated": {"storyId", "timestamp"},
    "story:deleted": {"storyId", "timestamp"},
    "post:created": {"postId", "storyId", "authorId", "title", "type", "timestamp"},
    "post:updated": {"postId", "storyId", "timestamp"},
    "post:deleted": {"postId", "storyId", "timestamp"},
}
COMMENT = {
    *("id", "entityType", "entityId", "userId", "parentId", "body", "clientId", "status", "replyCount", "createdAt"),
    *("editedAt", "deletedAt", "user"),
}
MODERATION_ITEM = {
    *("id", "kind", "subjectId", "entityType", "entityId", "cause", "status", "flagCount", "flags", "reason"),
    *("decidedBy", "createdAt", "decidedAt", "subject", "user"),
}
IMAGE = {
    *("id", "entityType", "entityId", "url", "thumbnailUrl", "width", "height", "bytes", "caption", "status"),
    *("isFeatured", "createdAt", "user"),
}
RECORD = {"id", "collection", "data", "version", "ownerId", "createdAt", "updatedAt", "updatedBy"}
CONFLICT = {
    *("id", "collection", "recordId", "userId", "local", "remote", "base", "version", "baseVersion"),
    *("requiresManualResolution", "status", "resolution", "createdAt", "resolvedAt", "resolvedBy"),
}
DOCUMENT = {"id", "title", "content", "version", "access", "mine", "ownerId", "createdAt", "updatedAt"}
VERSION = {"id", "documentId", "name", "version", "createdAt", "user"}
COLLABORATOR = {"userId", "name", "color", "cursor", "clientId"}
UNREAD = {"roomId", "unreadCount", "mentionCount", "lastReadSeq"}

# The REST door of each action of sections 5 and 8, and of what the tests need beside it.
ROUTES = {
    "room:create": ("POST", "/api/chat/rooms"),
    "room:list": ("GET", "/api/chat/rooms"),
    "room:join": ("POST", "/api/chat/rooms/{roomId}/members"),
    "room:leave": ("DELETE", "/api/chat/rooms/{roomId}/members/me"),
    "room:invite": ("POST", "/api/chat/rooms/{roomId}/members/{userId}"),
    "room:remove": ("DELETE", "/api/chat/rooms/{roomId}/members/{userId}"),
    "room:role": ("PATCH", "/api/chat/rooms/{roomId}/members/{userId}"),
    "room:members": ("GET", "/api/chat/rooms/{roomId}/members"),
    "room:update": ("PATCH", "/api/chat/rooms/{roomId}"),
    "room:archive": ("DELETE", "/api/chat/rooms/{roomId}"),
    "message:send": ("POST", "/api/chat/messages"),
    "message:history": ("GET", "/api/chat/messages"),
    "message:edit": ("PATCH", "/api/chat/messages/{messageId}"),
    "message:delete": ("DELETE", "/api/chat/messages/{messageId}"),
    "message:react": ("PUT", "/api/chat/messages/{messageId}/reactions/{emoji}"),
    "message:unreact": ("DELETE", "/api/chat/messages/{messageId}/reactions/{emoji}"),
    "message:read": ("PUT", "/api/chat/rooms/{roomId}/read"),
    "message:search": ("GET", "/api/chat/search"),
    "channel:publish": ("POST", "/api/publish"),
    "rating:set": ("POST", "/api/{type}/{id}/rating"),
    "rating:get": ("GET", "/api/{type}/{id}/rating"),
    "like:toggle": ("POST", "/api/{type}/{id}/like"),
    "like:set": ("PUT", "/api/{type}/{id}/like"),
    "like:get": ("GET", "/api/{type}/{id}/like"),
    "save:toggle": ("POST", "/api/{type}/{id}/save"),
    "save:set": ("PUT", "/api/{type}/{id}/save"),
    "save:get": ("GET", "/api/{type}/{id}/save"),
    "save:list": ("GET", "/api/saves"),
    "notification:send": ("POST", "/api/notifications"),
    "notification:list": ("GET", "/api/notifications"),
    "notification:read": ("PATCH", "/api/notifications"),
    "notification:delete": ("DELETE", "/api/notifications"),
    "notification:preferences": ("PUT", "/api/notifications/preferences"),
    "session:get": ("GET", "/api/me"),
    "story:create": ("POST", "/api/stories"),
    "story:list": ("GET", "/api/stories"),
    "story:get": ("GET", "/api/stories/{storyId}"),
    "story:update": ("PATCH", "/api/stories/{storyId}"),
    "story:delete": ("DELETE", "/api/stories/{storyId}"),
    "story:visibility": ("PUT", "/api/stories/{storyId}/visibility"),
    "post:create": ("POST", "/api/stories/{storyId}/posts"),
    "post:list": ("GET", "/api/stories/{storyId}/posts"),
    "post:update": ("PATCH", "/api/posts/{postId}"),
    "post:delete": ("DELETE", "/api/posts/{postId}"),
    "comment:create": ("POST", "/api/{type}/{id}/comments"),
    "comment:list": ("GET", "/api/{type}/{id}/comments"),
    "comment:edit": ("PATCH", "/api/comments/{commentId}"),
    "comment:delete": ("DELETE", "/api/comments/{commentId}"),
    "comment:flag": ("POST", "/api/comments/{commentId}/flag"),
    "image:list": ("GET", "/api/{type}/{id}/images"),
    "image:delete": ("DELETE", "/api/images/{imageId}"),
    "image:feature": ("PUT", "/api/{type}/{id}/featured-image"),
    "moderation:list": ("GET", "/api/moderation"),
    "moderation:decide": ("POST", "/api/moderation/{itemId}"),
    "user:mute": ("POST", "/api/admin/users/{userId}/mute"),
    "user:ban": ("POST", "/api/admin/users/{userId}/ban"),
    "user:revoke": ("POST", "/api/admin/users/{userId}/revoke"),
    "user:pardon": ("POST", "/api/admin/users/{userId}/pardon"),
    "push:subscribe": ("POST", "/api/push/subscriptions"),
    "push:unsubscribe": ("DELETE", "/api/push/subscriptions"),
    "push:key": ("GET", "/api/push/key"),
}
ROUTES |= {
    "presence:update": ("PUT", "/api/users/presence"),
    "presence:heartbeat": ("POST", "/api/users/presence/heartbeat"),
    "presence:get": ("GET", "/api/users/presence"),
    "viewers:track": ("POST", "/api/{type}/{id}/viewers"),
    "viewers:untrack": ("DELETE", "/api/{type}/{id}/viewers"),
    "viewers:get": ("GET", "/api/{type}/{id}/viewers"),
}
ROUTES |= {
    "record:list": ("GET", "/api/collections/{collection}/records"),
    "record:get": ("GET", "/api/collections/{collection}/records/{id}"),
    "record:upsert": ("PUT", "/api/collections/{collection}/records/{id}"),
    "record:delete": ("DELETE", "/api/collections/{collection}/records/{id}"),
    "record:sync": ("POST", "/api/sync"),
    "conflict:list": ("GET", "/api/conflicts"),
    "conflict:resolve": ("POST", "/api/conflicts/{conflictId}"),
    "document:create": ("POST", "/api/documents"),
    "document:list": ("GET", "/api/documents"),
    "document:get": ("GET", "/api/documents/{documentId}"),
    "document:save": ("PUT", "/api/documents/{documentId}"),
    "document:delete": ("DELETE", "/api/documents/{documentId}"),
    "document:share": ("PUT", "/api/documents/{documentId}/access"),
    "document:history": ("GET", "/api/documents/{documentId}/versions"),
    "document:snapshot": ("POST", "/api/documents/{documentId}/versions"),
    "document:restore": ("POST", "/api/documents/{documentId}/versions/{versionId}/restore"),
}
# The route of an action that has another one for what names this field.
ROUTES_BY_FIELD = {("presence:get", "userId"): ("GET", "/api/users/presence/{userId}")}
SIGNALS = {"typing:changed", "presence:changed", "viewers:changed", "document:updated", "document:collaborators"}
WITHOUT_ROUTE = {
    *("typing:start", "typing:stop", "channel:subscribe", "channel:unsubscribe"),
    *("document:open", "document:update", "document:awareness", "document:close"),
}


def keys(value: Any, expected: set[str]) -> None:
    """Assert that an object has these keys and no other."""
    assert isinstance(value, dict), value
    assert set(value) == expected, f"too much {set(value) - expected}, missing {expected - set(value)}"


def time(value: Any) -> None:
    """Assert that a value is a time of the contract."""
    assert isinstance(value, str), value
    assert TIME.match(value), value


def user(value: Any) -> None:
    """Assert that a value is a user."""
    keys(value, USER)
    assert all(isinstance(value[name], str) for name in USER - {"profileImage"}), value
    assert value["profileImage"] is None or isinstance(value["profileImage"], str)


def room(value: Any) -> None:
    """Assert that a value is a room."""
    keys(value, ROOM)
    assert value["visibility"] in {"public", "private", "direct"}
    assert (value["name"] is None) == (value["visibility"] == "direct")
    assert type(value["isActive"]) is bool
    assert all(type(value[name]) is int and value[name] >= 0 for name in ("slowMode", "memberCount"))
    assert isinstance(value["description"], str)
    time(value["createdAt"])
    time(value["updatedAt"])


def presence(value: Any) -> None:
    """Assert that a value is a person's presence."""
    keys(value, PRESENCE)
    assert type(value["isOnline"]) is bool
    assert value["status"] in {"online", "away", "offline"}
    assert value["isOnline"] == (value["status"] != "offline")
    assert value["userId"] == value["user"]["id"]
    if value["lastSeenAt"] is not None:
        time(value["lastSeenAt"])
    for name in ("currentPage", "activity"):
        assert value[name] is None or (isinstance(value[name], str) and value["isOnline"]), value
    user(value["user"])


def viewers(value: Any) -> None:
    """Assert that a value tells who looks at an entity."""
    keys(value, {"count", "viewers"})
    assert len(value["viewers"]) == min(value["count"], 5)
    for each in value["viewers"]:
        user(each)


def member(value: Any) -> None:
    """Assert that a value is a member of a room."""
    keys(value, MEMBER)
    assert value["role"] in ROLES
    assert type(value["lastReadSeq"]) is int
    assert value["userId"] == value["user"]["id"] == value["presence"]["userId"]
    time(value["joinedAt"])
    user(value["user"])
    presence(value["presence"])


def message(value: Any) -> None:
    """Assert that a value is a message."""
    keys(value, MESSAGE)
    assert type(value["seq"]) is int
    assert value["seq"] >= 1
    assert value["userId"] == value["user"]["id"]
    assert isinstance(value["mentions"], list)
    assert isinstance(value["attachments"], list)
    reactions(value["reactions"])
    user(value["user"])
    time(value["createdAt"])
    for name in ("editedAt", "deletedAt"):
        if value[name] is not None:
            time(value[name])
    assert (value["message"] is None) == (value["deletedAt"] is not None)


def story(value: Any) -> None:
    """Assert that a value is a story."""
    keys(value, STORY)
    assert value["visibility"] in {"public", "unlisted", "private"}
    _written(value)
    if value["publishedAt"] is not None:
        time(value["publishedAt"])


def post(value: Any) -> None:
    """Assert that a value is a post."""
    keys(value, POST)
    assert value["type"] in {"discussion", "review", "question", "announcement"}
    assert value["storyId"]
    _written(value)


def _written(value: Any) -> None:
    assert value["status"] in {"approved", "pending", "deleted"}
    assert value["authorId"] == value["user"]["id"]
    user(value["user"])
    time(value["createdAt"])
    time(value["updatedAt"])
    assert (value["title"] is None) == (value["body"] is None) == (value["deletedAt"] is not None)


def reactions(value: Any) -> None:
    """Assert that a value is the list of a message's reactions."""
    assert isinstance(value, list), value
    for each in value:
        keys(each, {"emoji", "count", "userIds"})
        assert each["count"] >= len(each["userIds"]) > 0
        assert len(each["userIds"]) == min(each["count"], 20)


def comment(value: Any) -> None:
    """Assert that a value is a comment."""
    keys(value, COMMENT)
    assert value["userId"] == value["user"]["id"]
    assert value["status"] in {"approved", "pending", "deleted"}
    assert (value["body"] is None) == (value["status"] == "deleted") == (value["deletedAt"] is not None)
    assert type(value["replyCount"]) is int
    time(value["createdAt"])
    user(value["user"])


def image(value: Any) -> None:
    """Assert that a value is an image of a gallery."""
    keys(value, IMAGE)
    assert value["status"] in {"approved", "pending", "deleted"}
    assert all(type(value[name]) is int and value[name] >= 1 for name in ("width", "height", "bytes"))
    assert type(value["isFeatured"]) is bool
    assert value["caption"] is None or isinstance(value["caption"], str)
    time(value["createdAt"])
    user(value["user"])


def moderation_item(value: Any) -> None:
    """Assert that a value is an item of the moderators' queue."""
    keys(value, MODERATION_ITEM)
    assert value["status"] in {"pending", "approved", "rejected", "withdrawn"}
    assert (value["status"] == "pending") == (value["decidedAt"] is None) == (value["decidedBy"] is None)
    assert value["flagCount"] >= len(value["flags"])
    for flag in value["flags"]:
        keys(flag, {"userId", "reason", "createdAt"})
    time(value["createdAt"])
    user(value["user"])


def record(value: Any, *, settled: bool = False) -> None:
    """Assert that a value is a record that is there; ``settled`` one that tells of a conflict as well."""
    keys(value, RECORD | ({"conflict"} if settled else set()))
    assert isinstance(value["data"], dict)
    assert type(value["version"]) is int
    assert value["version"] >= 1
    time(value["createdAt"])
    time(value["updatedAt"])
    if settled:
        keys(value["conflict"], {"strategy", "fields", "lost"})
        assert value["conflict"]["strategy"] in {"last-write-wins", "merge", "manual"}
        assert value["conflict"]["fields"] == sorted(value["conflict"]["lost"]) != []


def deleted_record(value: Any) -> None:
    """Assert that a value is what is left of a record."""
    keys(value, RECORD)
    assert value["data"] is None


def conflict(value: Any) -> None:
    """Assert that a value is a conflict."""
    keys(value, CONFLICT)
    assert value["requiresManualResolution"] == (value["status"] == "open") == (value["resolvedAt"] is None)
    assert value["resolution"] in ({None} if value["status"] == "open" else {"local", "remote", "custom"})
    time(value["createdAt"])


def document(value: Any, *, listed: bool = False) -> None:
    """Assert that a value is a document; in a list it comes without its text."""
    keys(value, DOCUMENT - {"content"} if listed else DOCUMENT)
    keys(value["access"], {"everyone", "users"})
    assert value["access"]["everyone"] in {"none", "read", "write"}
    assert set(value["access"]["users"].values()) <= {"read", "write"}
    assert value["mine"] in {"read", "write", "owner"}
    assert type(value["version"]) is int
    assert listed or isinstance(value["content"], str)
    time(value["createdAt"])
    time(value["updatedAt"])


def collaborators(value: Any) -> None:
    """Assert that a value tells who has a document open."""
    assert isinstance(value, list)
    for each in value:
        keys(each, COLLABORATOR)
        assert re.fullmatch("#[0-9a-f]{6}", each["color"])


def notification(value: Any) -> None:
    """Assert that a value is a notification."""
    keys(value, NOTIFICATION)
    assert value["type"] in TYPES
    assert value["level"] in LEVELS
    assert type(value["isRead"]) is bool
    assert type(value["count"]) is int
    assert value["count"] >= 1
    assert value["link"] is None or isinstance(value["link"], str)
    assert isinstance(value["data"], dict)
    time(value["createdAt"])


def preferences(value: Any) -> None:
    """Assert that a value is somebody's preferences."""
    keys(value, {"types", "quietHours", "mutedRooms"})
    keys(value["types"], TYPES)
    for each in value["types"].values():
        keys(each, {"inApp", "push"})
        assert all(type(wanted) is bool for wanted in each.values())
    if value["quietHours"] is not None:
        keys(value["quietHours"], {"start", "end", "timeZone"})
    assert isinstance(value["mutedRooms"], list)


def unread(value: Any) -> None:
    """Assert that a value is the data of `room:unread`."""
    keys(value, UNREAD)
    assert all(type(value[name]) is int and value[name] >= 0 for name in UNREAD - {"roomId"})


def event(value: Any, name: str, *, signal: bool = False) -> None:
    """Assert that a value is the envelope of an event of that name; a signal's has no `seq`."""
    keys(value, {"event", "channel", "at", "data"} | (set() if signal else {"seq"}))
    assert value["event"] == name
    time(value["at"])
    if not signal:
        assert type(value["seq"]) is int
        assert value["seq"] >= 1


def error(value: Any) -> None:
    """Assert that a value is an error."""
    assert isinstance(value, dict), value
    assert value["code"] in STATUSES, value
    keys(value, {"code", "message"} | OWN_KEYS_OF_ERRORS.get(value["code"], set()))
    assert isinstance(value["message"], str)
    assert value["message"].strip()
    if value["code"] == "invalid":
        fields(value["fields"])
    if value["code"] == "rate_limited":
        assert value["retryAfter"] > 0


def fields(value: Any) -> None:
    """Assert that a value maps fields to lists of messages."""
    assert isinstance(value, dict), value
    for messages in value.values():
        assert isinstance(messages, list), value
        assert messages
        assert all(isinstance(said, str) and said for said in messages), value


def reply(body: Any) -> None:
    """Assert that a value is a reply: a success or a failure."""
    assert isinstance(body, dict), body
    assert type(body.get("ok")) is bool, body
    keys(body, {"ok", "data"} if body["ok"] else {"ok", "error"})
    if not body["ok"]:
        error(body["error"])
