"""A Redis that asks for a password and listens on TCP, TLS and a Unix socket."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.process import Process, find_program, free_port, temporary_folder


class FortifiedRedis(Process):
    """`urls` names every way to reach it."""

    def __init__(self) -> None:
        folder = temporary_folder("redis")
        port, tls_port, unix_socket = free_port(), free_port(), folder / "redis.sock"
        key, certificate = _self_signed(folder)
        self.urls = {
            "password and database": f"redis://:secret@127.0.0.1:{port}/3",
            "TLS": f"rediss://:secret@127.0.0.1:{tls_port}/0?ssl_ca_certs={certificate}",
            "Unix socket": f"unix://:secret@{unix_socket}",
        }
        options = {
            "port": port,
            "tls-port": tls_port,
            "tls-cert-file": certificate,
            "tls-key-file": key,
            "tls-ca-cert-file": certificate,
            "tls-auth-clients": "no",
            "unixsocket": unix_socket,
            "bind": "127.0.0.1",
            "requirepass": "secret",
            "save": "",
            "dir": folder,
        }
        super().__init__(
            "redis-server",
            [
                find_program("redis-server", "redis-server"),
                *(str(part) for name, value in options.items() for part in (f"--{name}", value)),
            ],
            log_path=folder / "redis.log",
            ready=self._answers,
        )

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.urls["password and database"], socket_timeout=5) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False


def _self_signed(folder: Path) -> tuple[Path, Path]:
    """A key and a certificate for 127.0.0.1, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    key_path, certificate_path = folder / "key.pem", folder / "certificate.pem"
    unencrypted = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    key_path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, unencrypted))
    certificate_path.write_bytes(certificate.public_bytes(pem))
    return key_path, certificate_path
