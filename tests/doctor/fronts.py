"""Real servers in front of the demo server: nginx, haproxy, tinyproxy, and TLS. Each runs in its own folder."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import trustme

from tests.support.deadlines import START, until
from tests.support.ports import closed_port
from tests.support.servers import response, sse

#: A name of this machine. Requests to it go by way of a proxy, unlike those to a loopback name.
HOST = socket.gethostname()
PROGRAMS = ("nginx", "haproxy", "tinyproxy")


def missing() -> list[str]:
    """Return the programs to install."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


@contextlib.contextmanager
def running(command: list[str], port: int, folder: Path) -> Iterator[None]:
    """Run a program until the block ends. It listens on the port when the block begins."""
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said, stdin=subprocess.DEVNULL)
        try:
            until(lambda: listens(port) or process.poll() is not None, f"{command[0]} listens", START)
            assert process.poll() is None, (folder / "said").read_text()
            yield
        finally:
            process.terminate()
            process.wait(START)


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def nginx(
    target: int, folder: Path, *, how: str = "", tls: trustme.LeafCert | None = None, gzip: bool = False
) -> Iterator[int]:
    """Run nginx in front of a port, with ``how`` in its location. ``gzip``: a second one behind it compresses."""
    port, inner = closed_port(), closed_port()
    secure = ""
    if tls is not None:
        certificates(tls, folder)
        secure = f"ssl_certificate {folder}/chain.pem; ssl_certificate_key {folder}/key.pem;"
    asks = "proxy_set_header Accept-Encoding gzip;" if gzip else ""
    behind = f"""
      server {{
        listen {inner};
        location / {{
          proxy_pass http://127.0.0.1:{target};
          gzip on; gzip_types text/event-stream application/json; gzip_proxied any; gzip_min_length 0;
        }}
      }}"""
    temp = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(f"""
    pid {folder}/pid; error_log {folder}/error.log; daemon off; master_process off;
    events {{ worker_connections 200; }}
    http {{
      access_log off; {temp}
      server {{
        listen {port}{" ssl" if tls is not None else ""}; {secure}
        location / {{
          proxy_pass http://127.0.0.1:{inner if gzip else target};
          {asks} {how}
        }}
      }}
      {behind if gzip else ""}
    }}""")
    with running(["nginx", "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log"], port, folder):
        yield port


@contextlib.contextmanager
def haproxy(target: int, folder: Path, *, timeout: str = "600s", tls: trustme.LeafCert | None = None) -> Iterator[int]:
    """Run haproxy in front of a port. It waits so long for the server. With ``tls`` it offers HTTP/2 too."""
    port = closed_port()
    secure = ""
    if tls is not None:
        certificates(tls, folder)
        both = (folder / "chain.pem").read_bytes() + (folder / "key.pem").read_bytes()
        (folder / "both.pem").write_bytes(both)
        secure = f"ssl crt {folder}/both.pem alpn h2,http/1.1"
    (folder / "haproxy.cfg").write_text(f"""
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server {timeout}
frontend front
  bind *:{port} {secure}
  default_backend back
backend back
  server one 127.0.0.1:{target}
""")
    with running(["haproxy", "-db", "-f", f"{folder}/haproxy.cfg"], port, folder):
        yield port


@contextlib.contextmanager
def tinyproxy(folder: Path, *, refuses: str = "", connects_to: int = 0) -> Iterator[int]:
    """Run tinyproxy as a forward proxy. It refuses hosts with this in their names, and CONNECT to any other port."""
    port = closed_port()
    (folder / "filter").write_text(refuses)
    lines = [f"Port {port}", "Timeout 600", "Allow 0.0.0.0/0", "LogLevel Warning", f'PidFile "{folder}/pid"']
    lines += [f'Filter "{folder}/filter"'] if refuses else []
    lines += [f"ConnectPort {connects_to}"] if connects_to else []
    (folder / "tinyproxy.conf").write_text("\n".join(lines) + "\n")
    with running(["tinyproxy", "-d", "-c", f"{folder}/tinyproxy.conf"], port, folder):
        yield port


END = ({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, b"data: [DONE]\n\n")


# ---- servers of ours, for what those programs do not do


def steady(
    *,
    rate: float = 60,
    count: int = 64,
    piece: str = "1 ",
    kind: str = "text/event-stream",
    headers: Sequence[str] = (),
    before: Sequence[bytes] = (),
    framed: Callable[[bytes], bytes] = bytes,
) -> Callable[[socket.socket], None]:
    """Send lines without text before the answer, and then so many pieces a second, each as ``framed`` writes it."""

    def act(connection: socket.socket) -> None:
        connection.sendall(response(b"", *headers, kind=kind))
        for line in before:
            connection.sendall(line + b"\n\n")
            time.sleep(0.1)
        for _ in range(count):
            time.sleep(1 / rate)
            connection.sendall(framed(sse(piece)))
        connection.sendall(framed(sse(*END)))

    return act


def joined(*, size: int = 0, every: float = 0.0, kind: str = "text/event-stream") -> Callable[[socket.socket], None]:
    """Send the pieces as a buffer does: when it has so many bytes, or when so many seconds are over."""

    def act(connection: socket.socket) -> None:
        connection.sendall(response(b"", kind=kind))
        held, sent_at = b"", time.monotonic()
        for number in range(64):
            time.sleep(1 / 30)
            held += sse({"id": "chatcmpl-0123456789", "choices": [{"index": 0, "delta": {"content": f"{number} "}}]})
            if size and len(held) >= size:
                connection.sendall(held[:size])
                held = held[size:]
            elif every and time.monotonic() - sent_at >= every:
                connection.sendall(held)
                held, sent_at = b"", time.monotonic()
        connection.sendall(held + sse(*END))

    return act


@contextlib.contextmanager
def socks(login: tuple[str, str] | None = None) -> Iterator[int]:
    """Run a SOCKS5 proxy (RFC 1928), which wants a user name and a password if there is a login (RFC 1929)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, login), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, login: tuple[str, str] | None) -> None:
    with contextlib.suppress(OSError):  # the end of the block
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_carry, args=(client, login), daemon=True).start()


def _carry(client: socket.socket, login: tuple[str, str] | None) -> None:
    with client, client.makefile("rb") as said, contextlib.suppress(OSError, IndexError):
        ways = said.read(said.read(2)[1])
        way = 2 if login else 0
        client.sendall(bytes([5, way if way in ways else 255]))
        if login:
            said.read(1)
            given = said.read(said.read(1)[0]).decode(), said.read(said.read(1)[0]).decode()
            client.sendall(bytes([1, given != login]))
            if given != login:
                return
        kind = said.read(4)[3]
        host = said.read(said.read(1)[0]).decode() if kind == 3 else socket.inet_ntoa(said.read(4))
        try:
            server = socket.create_connection((host, int.from_bytes(said.read(2), "big")))
        except OSError:
            client.sendall(bytes([5, 5, 0, 1]) + bytes(6))  # connection refused
            return
        with server:
            client.sendall(bytes([5, 0, 0, 1]) + bytes(6))
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            _copy(client, server)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)


def certificates(leaf: trustme.LeafCert, folder: Path) -> None:
    """Write a certificate and its key for a server."""
    leaf.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "chain.pem").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
