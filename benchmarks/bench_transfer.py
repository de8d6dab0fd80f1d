"""Download one file from nginx on this machine: modelhub (verified) against curl, aria2c -x16 and hf_hub_download.

    python benchmarks/bench_transfer.py [--bytes 2000000000] [--runs 3] [--limit 20m] [--safetensors]

Needs nginx, curl and openssl; aria2c and huggingface_hub join in where they are installed. Wall seconds and CPU
seconds of the client with the start of its process, medians, and the best wall time. modelhub's figures include every
hash and writing through to the disk; the others verify nothing and leave the bytes in the page cache. The row
"curl + openssl" verifies afterwards. The programs take turns, so that a busy machine slows all alike, and each starts
with a quiet disk, so that it does not pay for what the one before left unwritten.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
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
COMMIT = "0123456789abcdef0123456789abcdef01234567"
HUB = """
import sys
from huggingface_hub import hf_hub_download
hf_hub_download("org/repo", "model.bin", endpoint=sys.argv[1], cache_dir=sys.argv[2])
"""
OURS = """
import sys
from pathlib import Path
from modelhub.fetch.fetcher import RemoteFile
from modelhub.fetch.transfer.download import TransferSettings, download
download(RemoteFile(name="model.bin", url=sys.argv[1], sha256=sys.argv[2]), Path(sys.argv[3]),
         settings=TransferSettings(connections=16))
"""
CONF = """
worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log; daemon off;
events {{ worker_connections 256; }}
http {{ access_log off; sendfile on; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
 fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
 server {{ listen 127.0.0.1:{port}; root {folder}/www;
  location /limited/ {{ alias {folder}/www/; {limit} }}
  location /org/repo/resolve/ {{ rewrite ^/org/repo/resolve/[^/]+/(.*)$ /$1 break;
    root {folder}/www; add_header X-Repo-Commit {commit}; }} }} }}
"""


def make_file(path: Path, size: int, *, safetensors: bool) -> str:
    """Write random bytes (one block, numbered), after a safetensors header where wanted; return their SHA-256."""
    digest, block = hashlib.sha256(), os.urandom(1 << 20)
    with path.open("wb") as file:
        for number in range(0, size, len(block)):
            data = (number.to_bytes(8, "big") + block[8:])[: size - number]
            if safetensors and number == 0:
                data = (2).to_bytes(8, "little") + b"{}" + data[10:]
            file.write(data)
            digest.update(data)
    return digest.hexdigest()


def measured(words: list[str], out: Path) -> tuple[float, float]:
    """Return wall and CPU seconds of one command, after its folder was emptied and the disk was flushed."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    if hasattr(os, "sync"):
        os.sync()
    time.sleep(1)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        words,
        check=True,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"},
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def commands(base: str, path: str, digest: str, out: Path) -> dict[str, list[str]]:
    """Return the commands to compare, by name."""
    url, to = f"{base}/{path}", str(out / "f")
    found = {"modelhub": [sys.executable, "-c", OURS, url, digest, str(out)]}
    if not path.startswith("limited"):  # one connection: size / limit, known without waiting for it
        found["curl"] = ["curl", "-sS", "-o", to, url]
        found["curl + openssl"] = ["sh", "-c", 'curl -sS -o "$0" "$1" && openssl dgst -sha256 "$0"', to, url]
        if importlib.util.find_spec("huggingface_hub"):
            found["hf_hub_download"] = [sys.executable, "-c", HUB, base, str(out)]
    if shutil.which("aria2c"):
        found["aria2c -x16"] = ["aria2c", "-q", "-x16", "-s16", "-k1M", "-d", str(out), "-o", "f", url]
    return found


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bytes", type=int, default=2_000_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--limit", default="20m")
    parser.add_argument("--safetensors", action="store_true", help="AutoV3 needs a second SHA-256 then")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder), options)


def show(label: str, runs: dict[str, list[tuple[float, float]]]) -> None:
    """Print one line for each program, with the share of its time that modelhub takes."""
    ours = [wall for wall, _ in runs["modelhub"]]
    for name, figures in runs.items():
        wall, cpu = (statistics.median(column) for column in zip(*figures, strict=True))
        best = min(wall for wall, _ in figures)
        ratio = f"modelhub takes {statistics.median(ours) / wall:.2f} (best of each: {min(ours) / best:.2f})"
        print(f"{label:16} {name:16} wall {wall:6.2f} s  best {best:6.2f} s  cpu {cpu:6.2f} s  {ratio}", flush=True)


def compare(folder: Path, options: argparse.Namespace) -> None:
    """Start nginx, run all commands, stop it."""
    folder.chmod(0o755)
    (folder / "www").mkdir()
    digest = make_file(folder / "www" / "model.bin", options.bytes, safetensors=options.safetensors)
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        port = line.getsockname()[1]
    conf = folder / "nginx.conf"
    conf.write_text(CONF.format(folder=folder, port=port, commit=COMMIT, limit=f"limit_rate {options.limit};"))
    server = subprocess.Popen(["nginx", "-c", str(conf), "-e", str(folder / "error.log")])
    try:
        time.sleep(1)
        for label, path in (("unlimited", "model.bin"), (f"{options.limit}/connection", "limited/model.bin")):
            table = commands(f"http://127.0.0.1:{port}", path, digest, folder / "out")
            runs: dict[str, list[tuple[float, float]]] = {name: [] for name in table}
            for _ in range(options.runs):
                for name, words in table.items():
                    runs[name].append(measured(words, folder / "out"))
            show(label, runs)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
