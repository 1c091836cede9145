"""An S3 server on loopback (moto's), in a process of its own, with everything in memory."""

import sys
import urllib.request
from xml.etree import ElementTree

from tests.support.process import Process, free_port, temporary_folder


class S3Server(Process):
    """Started with one empty bucket; `stop` and `start` keep the port and lose the data."""

    bucket = "pictures"

    def __init__(self) -> None:
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.url = f"s3://{self.bucket}/hubbub"
        """For HUBBUB_MEDIA_URL."""
        folder = temporary_folder("s3")
        super().__init__(
            "S3 server",
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            log_path=folder / "s3.log",
            ready=self._answers,
        )

    @property
    def variables(self) -> dict[str, str]:
        """What tells Hubbub, and S3's own tools, how to reach it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
        }

    def names(self) -> list[str]:
        """The names of all objects in the bucket."""
        with urllib.request.urlopen(f"{self.endpoint}/{self.bucket}?list-type=2", timeout=5) as answer:
            found = ElementTree.parse(answer)
        return sorted(each.text or "" for each in found.iterfind(".//{*}Key"))

    def _answers(self) -> bool:
        request = urllib.request.Request(f"{self.endpoint}/{self.bucket}", method="PUT")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
