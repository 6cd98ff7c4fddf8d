"""Servers beside the gateway, each in a process on the first core: yielded as `Served`."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import hits

_NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000; open_file_cache max=20000;
  client_body_temp_path {folder}/body; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi; proxy_temp_path {folder}/proxy;
  proxy_cache_path {folder}/cache levels=1:2 keys_zone=c:64m max_size=1g inactive=1h;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{upstream}; proxy_cache c; proxy_cache_key $request_uri;
      proxy_cache_valid 200 1h; add_header X-Cache $upstream_cache_status;
    }}
  }}
}}
"""
_VARNISH = """
vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{upstream}"; }}
sub vcl_recv {{ return (hash); }}
sub vcl_hash {{ hash_data(req.url); return (lookup); }}
sub vcl_backend_response {{ set beresp.ttl = 1h; return (deliver); }}
"""


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs."""

    pid: int
    port: int

    @property
    def cpu(self) -> float:
        """Seconds for which it and the processes below it have run."""
        return sum(hits.cpu(pid) for pid in _tree(self.pid))


@contextlib.contextmanager
def printed(*command: str) -> Iterator[Served]:
    """Run a module of ours that prints its port."""
    process = hits.start([sys.executable, "-m", *command], stdout=subprocess.PIPE)
    with hits.ended(process):
        assert process.stdout is not None
        yield Served(process.pid, int(process.stdout.readline()))


@contextlib.contextmanager
def nginx(folder: Path, upstream: int) -> Iterator[Served | None]:
    """Run nginx with ``proxy_cache`` and ``open_file_cache``; None where there is none."""
    if shutil.which("nginx") is None:
        yield None
        return
    port, place = _free(), folder / "nginx"
    place.mkdir()
    (place / "nginx.conf").write_text(_NGINX.format(folder=place, port=port, upstream=upstream))
    process = hits.start(["nginx", "-p", str(place), "-c", str(place / "nginx.conf")])
    with hits.ended(process):
        _await(port)
        yield Served(process.pid, port)


@contextlib.contextmanager
def varnish(folder: Path, upstream: int) -> Iterator[Served | None]:
    """Run Varnish with its cache in memory; None where there is none."""
    if shutil.which("varnishd") is None:
        yield None
        return
    port, file = _free(), folder / "bench.vcl"
    file.write_text(_VARNISH.format(upstream=upstream))
    place = folder / "varnish"
    command = ["varnishd", "-F", "-n", str(place), "-a", f"127.0.0.1:{port}", "-f", str(file)]
    log = (folder / "varnish.log").open("wb")
    process = hits.start([*command, "-s", "malloc,1g", "-j", "none"], stdout=log, stderr=log)
    with log, hits.ended(process):
        _await(port)
        yield Served(process.pid, port)


def _free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _await(port: int) -> None:
    for _ in range(200):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _tree(int(child))
