"""A real nginx as a plain round-robin proxy: each request goes to the next server, whoever sent it."""

import os
import socket
from collections.abc import Sequence
from pathlib import Path

from tests.support.process import Process, find_program, free_port, temporary_folder

CONFIGURATION = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
{user}
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 4m;
    upstream workers {{
        {servers}
        # Connections to the servers are kept, and carry requests of any client.
        keepalive 16;
    }}
    map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://workers;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            {buffering}
            proxy_read_timeout 1h;
        }}
    }}
}}
"""


class Nginx(Process):
    """Listens on a free port of loopback, in front of servers on the given ones.

    `buffering` leaves nginx the default of keeping back what a server sends until there is more of it.
    """

    def __init__(self, ports: Sequence[int], *, buffering: bool = False) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        folder = temporary_folder("nginx")
        servers = "\n        ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in ports)
        user = "user root;" if os.getuid() == 0 else ""
        configuration = folder / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(
                folder=folder,
                port=self.port,
                servers=servers,
                user=user,
                buffering="" if buffering else "proxy_buffering off;",
            ),
            encoding="utf-8",
        )
        super().__init__(
            "nginx",
            [find_program("nginx", "nginx-light", [Path("/usr/sbin")]), "-c", configuration, "-p", folder],
            log_path=folder / "output.log",
            ready=self._listens,
        )

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
