"""What a reader hears of `community` is exactly what is for them, in order, by whatever way it comes."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.server.follower import Follower
from tests.server.talk import connect, data_of, enter, error_of, heard, hears, publish, settled, someone, subscribe
from tests.support.hubbub import Cluster, Hubbub
from tests.support.js import JsClients, JsSocket
from tests.support.waiting import eventually

# What fails here is seldom made simpler by trying again on servers that have a past.
few_but_real = settings(
    max_examples=12,
    deadline=None,
    database=None,
    print_blob=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

Told = tuple[str, str]
"""The name of an event, and the id of what it is about."""

author, worker_index = st.integers(0, 1), st.integers(0, 1)
which = st.integers(0, 7)
visibility = st.sampled_from(["public", "unlisted", "private"])
write = st.tuples(st.just("write"), author, visibility)
show = st.tuples(st.just("show"), which, visibility)
edit = st.tuples(st.just("edit"), which)
remove = st.tuples(st.just("remove"), which)
say = st.tuples(st.just("say"), author, which)
correct = st.tuples(st.just("correct"), which)
take_back = st.tuples(st.just("take back"), which)
lose = st.tuples(st.just("lose"), st.integers(0, 3))
come_back = st.tuples(st.just("come back"), st.integers(0, 3), worker_index)
steps = st.lists(
    st.tuples(worker_index, st.one_of(write, show, show, show, edit, remove, say, correct, take_back, lose, come_back)),
    min_size=5,
    max_size=30,
)


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str]:
    return {"HUBBUB_ACTIONS_BURST": "10000", "HUBBUB_ACTIONS_PER_SECOND": "10000"}


class Community:
    """Two authors, what they write, and what each reader is to hear of it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.authors = [someone("ada"), someone("bo")]
        self.readers: list[str | None] = [*self.authors, someone("cy"), None]
        self.told: list[list[Told]] = [[] for _ in self.readers]
        self.secret = someone("secret")
        self._stories: list[dict[str, Any]] = []
        self._posts: list[dict[str, Any]] = []

    async def call(self, worker: Hubbub, method: str, path: str, user: str, body: Any = None) -> Any:
        return data_of(await worker.rest(method, path, body, token=worker.token(user)))

    def tell(self, event: str, id: str, to: Sequence[str | None] | None = None, but: Sequence[str] = ()) -> None:
        """Some readers (None: everyone) are to hear this."""
        for reader, told in zip(self.readers, self.told, strict=True):
            if (to is None or reader in to) and reader not in but:
                told.append((event, id))

    async def carry_out(self, worker: Hubbub, what: str, *details: Any) -> None:
        match what, *details:
            case "write", author, visibility:
                await self._write(worker, self.authors[author], visibility)
            case "show", n, visibility if self._stories:
                await self._show(worker, self._stories[n % len(self._stories)], visibility)
            case "edit", n if self._stories:
                story = self._stories[n % len(self._stories)]
                await self.call(worker, "PATCH", f"/api/stories/{story['id']}", story["author"], {"body": someone()})
                self.tell("story:updated", story["id"], self._listed_for(story))
            case "remove", n if self._stories:
                story = self._stories.pop(n % len(self._stories))
                await self.call(worker, "DELETE", f"/api/stories/{story['id']}", story["author"])
                self.tell("story:deleted", story["id"], self._listed_for(story))
                self._posts = [each for each in self._posts if each["story"] is not story]
            case "say", author, n if self._stories:
                await self._say(worker, self.authors[author], self._stories[n % len(self._stories)])
            case (("correct" | "take back"), n) if self._posts:
                await self._change(worker, what, self._posts[n % len(self._posts)])

    def _listed_for(self, story: dict[str, Any]) -> list[str | None] | None:
        return None if story["visibility"] == "public" else [story["author"]]

    async def _write(self, worker: Hubbub, author: str, visibility: str) -> None:
        body = {"title": self.secret, "genre": self.secret, "visibility": visibility}
        story = await self.call(worker, "POST", "/api/stories", author, body)
        self._stories.append({"id": story["id"], "author": author, "visibility": visibility})
        if visibility == "public":
            self.tell("story:published", story["id"])

    async def _show(self, worker: Hubbub, story: dict[str, Any], visibility: str) -> None:
        path = f"/api/stories/{story['id']}/visibility"
        await self.call(worker, "PUT", path, story["author"], {"visibility": visibility})
        before, story["visibility"] = story["visibility"], visibility
        if visibility == before:
            return
        if visibility == "public":
            self.tell("story:published", story["id"])
            return
        if before == "public":
            self.tell("story:deleted", story["id"], but=[story["author"]])
        self.tell("story:updated", story["id"], [story["author"]])

    async def _say(self, worker: Hubbub, author: str, story: dict[str, Any]) -> None:
        path = f"/api/stories/{story['id']}/posts"
        if story["visibility"] == "private" and author != story["author"]:
            error_of(await worker.rest("POST", path, {"title": "?"}, token=worker.token(author)), "not_found")
            return
        post = await self.call(worker, "POST", path, author, {"title": self.secret})
        self._posts.append({"id": post["id"], "author": author, "story": story})
        self.tell("post:created", post["id"], self._readers_of(self._posts[-1]))

    def _readers_of(self, post: dict[str, Any]) -> list[str | None] | None:
        story = post["story"]
        return {"public": None, "unlisted": [story["author"], post["author"]], "private": [story["author"]]}[
            story["visibility"]
        ]

    async def _change(self, worker: Hubbub, what: str, post: dict[str, Any]) -> None:
        path, body = f"/api/posts/{post['id']}", {"title": self.secret} if what == "correct" else None
        method = "PATCH" if body else "DELETE"
        if post["story"]["visibility"] == "private" and post["author"] != post["story"]["author"]:
            error_of(await worker.rest(method, path, body, token=worker.token(post["author"])), "not_found")
            return
        await self.call(worker, method, path, post["author"], body)
        self.tell("post:updated" if body else "post:deleted", post["id"], self._readers_of(post))
        if not body:
            self._posts.remove(post)

    async def end(self) -> int:
        """Publish something more for everybody; its number."""
        return await publish(self.cluster.a, "community", None, "test:ended")


def told_by(events: Sequence[dict[str, Any]]) -> list[Told]:
    """What events tell, in order, but for the last one, which ended the test."""
    return [(each["event"], each["data"].get("postId") or each["data"]["storyId"]) for each in events[:-1]]


@few_but_real
@given(steps)
async def test_whatever_becomes_visible_everybody_hears_exactly_what_is_for_them(
    cluster: Cluster, taken: list[tuple[int, tuple[Any, ...]]]
) -> None:
    community = Community(cluster)
    start = await publish(cluster.a, "community", None, "test:began")
    steady = [Follower("community", each) for each in community.readers]
    coming = [Follower("community", each) for each in community.readers]
    late = [Follower("community", each) for each in community.readers]
    try:
        for number, follower in enumerate([*steady, *coming]):
            await follower.come(cluster.workers[number % len(cluster.workers)], after=start)
        for index, (what, *details) in taken:
            worker = cluster.workers[index % len(cluster.workers)]
            if what == "lose":
                await coming[details[0]].drop()
            elif what == "come back":
                await coming[details[0]].drop()
                await coming[details[0]].come(cluster.workers[details[1] % len(cluster.workers)])
            else:
                await community.carry_out(worker, what, *details)
        end = await community.end()
        for number, follower in enumerate(coming):
            if not follower.is_here:
                await follower.come(cluster.workers[number % len(cluster.workers)])
        for follower in late:
            await follower.come(cluster.b, after=start)
        for reader, expected in enumerate(community.told):
            for follower in (steady[reader], coming[reader], late[reader]):
                await follower.has(end)
                assert follower.wrong == []
                assert follower.seqs == sorted(set(follower.seqs))
                assert told_by(follower.heard) == expected
            assert late[reader].seqs == steady[reader].seqs
    finally:
        for follower in (*steady, *coming, *late):
            await follower.drop()


async def tell(worker: Hubbub, author: str, **fields: Any) -> dict[str, Any]:
    """A new public story."""
    body = {"title": "Title", "visibility": "public"} | fields
    return data_of(await worker.rest("POST", "/api/stories", body, token=worker.token(author)))


async def show(worker: Hubbub, author: str, story: str, visibility: str) -> None:
    """Change who may read a story."""
    path, body = f"/api/stories/{story}/visibility", {"visibility": visibility}
    data_of(await worker.rest("PUT", path, body, token=worker.token(author)))


async def test_many_at_once_leave_every_reader_with_what_there_is_to_read(cluster: Cluster) -> None:
    """Whatever order the changes came in: what one heard of, less what one heard is gone, is all that there is."""
    ada, start = someone(), await publish(cluster.a, "community", None, "test:began")
    stories = [(await tell(cluster.a, ada, visibility="private"))["id"] for _ in range(4)]
    followers = [Follower("community", each) for each in (someone(), None) for _ in cluster.workers]
    for follower, worker in zip(followers, cluster.workers * 2, strict=True):
        await follower.come(worker, after=start)
    try:
        for _ in range(5):
            await asyncio.gather(
                *(
                    show(cluster.workers[n % len(cluster.workers)], ada, stories[n % 4], visibility)
                    for n, visibility in enumerate(["public", "unlisted", "private", "public"] * 3)
                )
            )
        end = await publish(cluster.b, "community", None, "test:ended")
        listed = data_of(await cluster.b.rest("GET", f"/api/stories?authorId={ada}"))["stories"]
        for follower in followers:
            await follower.has(end)
            assert follower.wrong == []
            assert follower.heard == followers[0].heard
            known: list[str] = []
            for event, story in told_by(follower.heard):
                if event == "story:published":
                    assert story not in known, "it was told twice, and not that it had gone in between"
                    known.append(story)
                else:
                    assert event == "story:deleted"
                    known.remove(story)
            assert set(known) == {each["id"] for each in listed}
    finally:
        for follower in followers:
            await follower.drop()


async def test_what_is_said_of_a_hidden_story_is_not_told_again(cluster: Cluster) -> None:
    ada, secret, start = someone(), someone("secret"), await publish(cluster.a, "community", None, "test:began")
    story = (await tell(cluster.a, ada, title=secret, genre=secret))["id"]
    path = f"/api/stories/{story}/posts"
    for title in (secret, "Another"):
        post = data_of(await cluster.b.rest("POST", path, {"title": title}, token=cluster.token(ada)))
        if title == secret:
            data_of(await cluster.b.rest("DELETE", f"/api/posts/{post['id']}", token=cluster.token(ada)))
    assert [each["data"].get("title") for each in await replay(cluster, start)] == [secret, None, None, "Another"]
    await show(cluster.b, ada, story, "private")
    events = await replay(cluster, start)
    assert [each["event"] for each in events] == [
        *("story:published", "post:created", "post:deleted", "post:created", "story:deleted")
    ]
    assert secret not in str(events)
    assert "Another" not in str(events)


async def replay(cluster: Cluster, after: int) -> list[dict[str, Any]]:
    """What a visitor is told again."""
    follower = Follower("community", None)
    await follower.come(cluster.a, after=after)
    await follower.drop()
    return follower.heard


async def test_a_connection_taken_up_again_gets_what_was_for_it(cluster: Cluster, js: JsClients) -> None:
    ada, secret = someone(), someone("secret")
    hidden, kept = [(await tell(cluster.a, ada, title=secret))["id"] for _ in range(2)]
    author, stranger = await enter(js, cluster.b, ada, **WHEN_ASKED), await connect(js, cluster.b, **WHEN_ASKED)
    for socket in (author, stranger):
        await subscribe(socket, "community")
        await settled(socket, cluster)
        socket.drop()
        await socket.wait_for("disconnect")
    draft = (await tell(cluster.a, ada, title=secret, visibility="private"))["id"]
    data_of(await edit(cluster.a, ada, draft))
    shown = (await tell(cluster.b, ada, title=secret))["id"]
    for story in (hidden, shown):
        await show(cluster.a, ada, story, "private")
    data_of(await edit(cluster.a, ada, kept))
    end = await publish(cluster.a, "community", None, "test:ended")
    both = [("story:published", shown), ("story:updated", kept)]
    for socket, expected in (
        (author, [("story:updated", draft), both[0], *(("story:updated", each) for each in (hidden, shown)), both[1]]),
        (stranger, [both[0], *(("story:deleted", each) for each in (hidden, shown)), both[1]]),
    ):
        await socket.open()
        assert socket.recovered
        await socket.wait_for("test:ended", lambda event: event["seq"] == end)
        assert told_by(heard(socket, "community")) == expected
        assert secret not in str(heard(socket, "community"))


WHEN_ASKED = {"reconnection": False}


async def edit(worker: Hubbub, author: str, story: str) -> Any:
    """Change a story's text."""
    return await worker.rest("PATCH", f"/api/stories/{story}", {"body": someone()}, token=worker.token(author))


async def test_an_event_for_some_is_skipped_in_the_count_of_the_others(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    mine = [await enter(js, worker, ada) for worker in (cluster.a, cluster.b)]
    visitor = await connect(js, cluster.b)
    first = (await subscribe(visitor, "community"))["seq"]
    for socket in mine:
        assert (await subscribe(socket, "community"))["seq"] == first
    story = (await tell(cluster.a, ada, visibility="private"))["id"]
    data_of(await edit(cluster.a, ada, story))
    await show(cluster.b, ada, story, "public")
    await show(cluster.a, ada, story, "private")
    await publish(cluster.b, "community")
    for socket in mine:
        await hears(socket, "community", [first + n for n in (1, 2, 4, 5)])
    await hears(visitor, "community", [first + n for n in (2, 3, 5)])


async def ended(worker: Hubbub, sockets: Sequence[JsSocket], channel: str) -> None:
    """Wait until connections hear a channel no longer: what is published there does not come."""
    counted = [len(heard(socket, channel)) for socket in sockets]

    async def gone() -> bool:
        nonlocal counted
        before, _ = counted, await publish(worker, channel)
        for socket in sockets:
            await settled_here(socket, worker)
        counted = [len(heard(socket, channel)) for socket in sockets]
        return counted == before

    for _ in range(50):
        if await gone():
            return
    raise AssertionError(f"{channel} is heard on")


async def settled_here(socket: JsSocket, worker: Hubbub) -> None:
    """Wait until what this worker published before has come."""
    channel = f"trip:{someone('settled')}:likes"
    await subscribe(socket, channel)
    await publish(worker, channel)
    await hears(socket, channel, [1])
    await socket.emit("channel:unsubscribe", {"channel": channel})


@pytest.mark.parametrize("how", ["private", "deleted"])
async def test_who_may_read_a_story_no_longer_hears_of_it_and_its_posts_no_longer(
    cluster: Cluster, js: JsClients, how: str
) -> None:
    ada, bo = someone(), someone("bo")
    story = (await tell(cluster.a, ada))["id"]
    body = {"title": "Question"}
    post = data_of(await cluster.b.rest("POST", f"/api/stories/{story}/posts", body, token=cluster.token(bo)))["id"]
    channels = [f"story:{story}:comments", f"story:{story}:viewers", f"post:{post}:likes"]
    author = await enter(js, cluster.b, ada)
    others = [await enter(js, cluster.b, bo), await connect(js, cluster.a), await connect(js, cluster.b)]
    for channel in channels:
        for socket in (author, *others):
            await subscribe(socket, channel)
    if how == "private":
        await show(cluster.a, ada, story, "private")
    else:
        data_of(await cluster.a.rest("DELETE", f"/api/stories/{story}", token=cluster.token(ada)))
    for channel in channels:
        sent_away = others if how == "private" else [author, *others]
        await ended(cluster.a, sent_away, channel)
        if how == "private":
            last = (await subscribe(author, channel))["seq"]
            await publish(cluster.b, channel)
            await eventually(lambda: heard(author, channel)[-1]["seq"] == last + 1, "the author hears on")  # noqa: B023
        for socket in sent_away:
            error_of(await socket.emit("channel:subscribe", {"channel": channel}), "not_found")


async def test_a_post_that_is_deleted_ends_what_is_heard_of_it_alone(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    story = (await tell(cluster.a, ada))["id"]
    path = f"/api/stories/{story}/posts"
    posts = [data_of(await cluster.b.rest("POST", path, {"title": t}, token=cluster.token(ada)))["id"] for t in "ab"]
    visitor = await connect(js, cluster.b)
    gone, kept, of_story = f"post:{posts[0]}:likes", f"post:{posts[1]}:likes", f"story:{story}:likes"
    for channel in (gone, kept, of_story):
        await subscribe(visitor, channel)
    data_of(await cluster.a.rest("DELETE", f"/api/posts/{posts[0]}", token=cluster.token(ada)))
    await ended(cluster.a, [visitor], gone)
    for channel in (kept, of_story):
        await publish(cluster.a, channel)
        await hears(visitor, channel, [1])
    error_of(await visitor.emit("channel:subscribe", {"channel": gone}), "not_found")


async def test_somebody_who_is_away_when_a_story_is_hidden_starts_anew(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    story = (await tell(cluster.a, ada))["id"]
    channel = f"story:{story}:comments"
    visitor = await connect(js, cluster.b, **WHEN_ASKED)
    await subscribe(visitor, channel)
    visitor.drop()
    await visitor.wait_for("disconnect")
    await show(cluster.a, ada, story, "private")
    await publish(cluster.a, channel, "secret")
    await visitor.open()
    assert not visitor.recovered
    assert heard(visitor, channel) == []
    error_of(await visitor.emit("channel:subscribe", {"channel": channel, "after": 0}), "not_found")


async def test_what_is_said_of_a_hidden_story_reaches_nobody_who_still_listens(cluster: Cluster) -> None:
    """Also in the moment before those who may hear no longer are sent away: everybody's numbers skip it."""
    ada, story = someone(), {}
    followers = []
    for _ in range(10):
        story = await tell(cluster.a, ada)
        follower = Follower(f"story:{story['id']}:likes", None)
        await follower.come(cluster.b, after=0)
        followers.append(follower)
        path = f"/api/story/{story['id']}/like"
        for visibility in ("private", "public"):
            await show(cluster.a, ada, story["id"], visibility)
            data_of(await cluster.b.rest("POST", path, token=cluster.token(ada)))
    try:
        last = Follower(f"story:{story['id']}:likes", None)
        followers.append(last)
        await last.come(cluster.b, after=0)
        assert last.seqs == [2]
        for follower in followers:
            assert 1 not in follower.seqs
    finally:
        for follower in followers:
            await follower.drop()
