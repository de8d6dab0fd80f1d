"""Pull one file on loopback behind nginx: modelhub (verified) against curl and aria2c -x16 (which verify nothing).

    python benchmarks/bench_transfer.py [--bytes 2000000000] [--runs 3] [--limit 20m]

Needs nginx and curl; aria2c joins in where it is installed. Wall seconds and CPU seconds of the client, medians.
modelhub's figures include every hash; the others verify nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = """
import sys
from pathlib import Path
from modelhub.fetch.fetcher import RemoteFile
from modelhub.fetch.transfer import TransferSettings, download
download(RemoteFile(name="model.bin", url=sys.argv[1], sha256=sys.argv[2]), Path(sys.argv[3]),
         settings=TransferSettings(connections=16))
"""
CONF = """
worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log; daemon off;
events {{ worker_connections 256; }}
http {{ access_log off; sendfile on; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
 fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
 server {{ listen 127.0.0.1:{port}; root {folder}/www; location /limited/ {{ alias {folder}/www/; {limit} }} }} }}
"""


def make_file(path: Path, size: int) -> str:
    """Random bytes (one block, numbered); their SHA-256."""
    digest, block = hashlib.sha256(), os.urandom(1 << 20)
    with path.open("wb") as file:
        for number in range(0, size, len(block)):
            data = (number.to_bytes(8, "big") + block[8:])[: size - number]
            file.write(data)
            digest.update(data)
    return digest.hexdigest()


def measured(words: list[str], out: Path) -> tuple[float, float]:
    """Wall and CPU seconds of one command, its folder emptied before."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(words, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def commands(url: str, digest: str, out: Path) -> dict[str, list[str]]:
    """What is compared, by name."""
    found = {
        "modelhub": [sys.executable, "-c", OURS, url, digest, str(out)],
        "curl": ["curl", "-sS", "-o", str(out / "f"), url],
    }
    if shutil.which("aria2c"):
        found["aria2c -x16"] = ["aria2c", "-q", "-x16", "-s16", "-k1M", "-d", str(out), "-o", "f", url]
    return found


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bytes", type=int, default=2_000_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--limit", default="20m")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder), options)


def compare(folder: Path, options: argparse.Namespace) -> None:
    """Start nginx, run everything, stop it."""
    folder.chmod(0o755)
    (folder / "www").mkdir()
    digest = make_file(folder / "www" / "model.bin", options.bytes)
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        port = line.getsockname()[1]
    conf = folder / "nginx.conf"
    conf.write_text(CONF.format(folder=folder, port=port, limit=f"limit_rate {options.limit};"))
    server = subprocess.Popen(["nginx", "-c", str(conf), "-e", str(folder / "error.log")])
    try:
        time.sleep(1)
        for label, path in (("unlimited", "model.bin"), (f"{options.limit}/connection", "limited/model.bin")):
            table = commands(f"http://127.0.0.1:{port}/{path}", digest, folder / "out")
            if path.startswith("limited"):
                table.pop("curl")  # one connection: size / limit, known without waiting for it
            for name, words in table.items():
                runs = [measured(words, folder / "out") for _ in range(options.runs)]
                wall, cpu = (statistics.median(column) for column in zip(*runs, strict=True))
                print(f"{label:16} {name:12} wall {wall:6.2f} s  cpu {cpu:6.2f} s", flush=True)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
