"""A real redis-server on a free port, in memory only."""

import redis

from tests.support.process import Process, find_program, free_port, temporary_folder


class RedisServer(Process):
    """Started empty; `stop` and `start` keep the port and lose the data, as a Redis without persistence does."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        folder = temporary_folder("redis")
        options = {"port": self.port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": folder}
        super().__init__(
            "redis-server",
            [
                find_program("redis-server", "redis-server"),
                *(str(part) for name, value in options.items() for part in (f"--{name}", value)),
            ],
            log_path=folder / "redis.log",
            ready=self._answers,
        )

    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=5)

    def _answers(self) -> bool:
        with self._client() as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

    def flush(self) -> None:
        """Remove every key of every logical database."""
        with self._client() as client:
            client.flushall()
