"""What this worker says: published in order, pipelined, bounded."""

from asyncio import Future, TimerHandle, wait
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from server.engine.redis_link import RedisLink

# What a command costs in memory beyond its channel and message, roughly.
COMMAND_BYTES = 64
# Errors that tell of a cluster that has changed; the same message may go through elsewhere.
REDIRECTIONS = (b"-MOVED", b"-ASK", b"-CLUSTERDOWN", b"-TRYAGAIN")


class _Batch:
    """What went out in one write: how many replies are due, its size, its topics in case it gets lost."""

    __slots__ = ("due", "size", "topics")

    def __init__(self, topics: list[str | None], size: int) -> None:
        self.topics = topics
        self.due = len(topics)
        self.size = size


class Publisher(RedisLink):
    """Writes everything that is published in one turn of the loop at once and never waits for a reply.

    A message counts as out when Redis has answered it. What could not go out, or went out without an answer, is
    dropped: its topic is remembered and handed to `announce` once Redis answers again, so that listeners can look for
    what they missed. At most `gap_topics` topics are remembered, beyond that `announce(None)` stands for all.
    `ready()` is called with each new connection; `redirected` is set when a cluster says that a slot is elsewhere.
    """

    def __init__(self, *link: Any, announce: Callable[[str | None], None], ready: Callable[[], None]) -> None:
        super().__init__("publishing", *link)
        self.dropped = 0
        self.redirected = False
        self._announce = announce
        self._ready = ready
        self._head = b"*3\r\n$%d\r\n%b\r\n$" % (len(self.verbs.publish), self.verbs.publish)
        self._queue: list[bytes] = []
        self._topics: list[str | None] = []
        self._size = 0
        self._unanswered: deque[_Batch] = deque()
        self._buffered = 0
        self._tail = b""
        self._gaps: dict[str, None] = {}
        self._everything = False
        self._watch: TimerHandle | None = None
        self._answered = 0.0
        self._drained: Future[None] | None = None

    async def drain(self) -> None:
        """Wait until Redis has answered everything, for `timeout` at most."""
        if self.up and self._buffered:
            if self._drained is None or self._drained.done():
                self._drained = self.loop.create_future()
            await wait([self._drained], timeout=self.limits.timeout)

    def publish(self, topic: str | None, channel: bytes, message: bytes) -> None:
        """Queue one message for this turn's write, or drop it and remember its topic (None: nobody will ask)."""
        size = len(channel) + len(message) + COMMAND_BYTES
        if not self.up or self._buffered + size > self.limits.buffer_bytes:
            self.dropped += 1
            self._remember((topic,))
            return
        if not self._queue:
            self.loop.call_soon(self._flush)
        self._queue += (self._head, b"%d\r\n%b\r\n$%d\r\n" % (len(channel), channel, len(message)), message, b"\r\n")
        self._topics.append(topic)
        self._size += size
        self._buffered += size

    def opened(self) -> None:
        self._tail = b""
        self._ready()
        self._settle()

    def closed(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        for batch in self._unanswered:
            lost = batch.topics[-batch.due :]
            self.dropped += len(lost)
            self._remember(lost)
        self.dropped += len(self._topics)
        self._remember(self._topics)
        self._unanswered.clear()
        self._queue, self._topics, self._size, self._buffered = [], [], 0, 0

    def take_gaps(self) -> list[str | None]:
        """Give up the topics of what was lost (None: any), for somebody else to announce."""
        gaps: list[str | None] = [None] if self._everything else list(self._gaps)
        self._gaps.clear()
        self._everything = False
        return gaps

    def data_received(self, data: bytes) -> None:
        self._answered = self.loop.time()
        # Every reply to a publication is one line, and a minus stands in errors only.
        if self._tail or b"-" in data:
            *lines, self._tail = (self._tail + data).split(b"\n")
            for line in lines:
                if line.startswith(REDIRECTIONS):
                    self.redirected = True
                    self.abort(line[1:].decode(errors="replace").strip())
                    return
                if line.startswith(b"-"):
                    self.dropped += 1
                    reason = line[1:].decode(errors="replace").strip()
                    self.logger.error("Redis refused a message: %s. Check the permissions of its user", reason)
                self._count(1)
        else:
            self._count(data.count(b"\n"))
        self.proven()
        if not self._buffered and self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        if self._gaps or self._everything:
            self._settle()

    def _count(self, replies: int) -> None:
        unanswered = self._unanswered
        while replies and unanswered:
            batch = unanswered[0]
            if batch.due > replies:
                batch.due -= replies
                break
            replies -= batch.due
            self._buffered -= batch.size
            unanswered.popleft()

    def _flush(self) -> None:
        if not self.up or not self._queue:
            return
        self.write(b"".join(self._queue))
        if not self._unanswered:
            self._answered = self.loop.time()
        self._unanswered.append(_Batch(self._topics, self._size))
        self._queue, self._topics, self._size = [], [], 0
        if self._watch is None:
            self._watch_from(self._answered)

    def _watch_from(self, now: float) -> None:
        due = now + self.limits.timeout / 2
        self._watch = self.loop.call_at(due, self._check, due)

    def _check(self, due: float) -> None:
        now = self.loop.time()
        self._watch = None
        if not self._unanswered:
            return
        # A late check tells that this process stood still, not Redis: the replies may be waiting behind it.
        if now - self._answered >= self.limits.timeout and now - due < self.limits.timeout / 2:
            self.abort(f"no reply within {self.limits.timeout} s")
        else:
            self._watch_from(now)

    def _remember(self, topics: Iterable[str | None]) -> None:
        if self._everything:
            return
        self._gaps.update((topic, None) for topic in topics if topic is not None)
        if len(self._gaps) > self.limits.gap_topics:
            self._gaps.clear()
            self._everything = True

    def _settle(self) -> None:
        """Announce lost topics while there is ample room, so that announcements don't crowd out messages."""
        room = self.limits.buffer_bytes / 2
        if self._everything and self.up and self._buffered < room:
            self._everything = False
            self._announce(None)
        for topic in list(self._gaps):
            if not self.up or self._buffered >= room:
                break
            del self._gaps[topic]
            self._announce(topic)
