"""The service of `upstream.c` and the questions of the benchmarks."""

import gzip
import http.client
import pathlib
import re
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
BINARY = HERE.parents[1] / "target/release/timpush-exporter"
sys.path.insert(0, str(HERE.parent / "checks"))

from lab import Program  # noqa: E402


class Upstream(Program):
    """The service of `upstream.c`."""

    @staticmethod
    def build(folder: pathlib.Path) -> pathlib.Path:
        program = folder / "upstream"
        subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-o", program, HERE / "upstream.c"], check=True)
        return program

    def figures(self, seconds: float = 10) -> dict[str, int]:
        """What it counted so far; its maxima begin anew."""
        before = len(self._lines())
        self.process.send_signal(signal.SIGUSR1)
        until = time.monotonic() + seconds
        while len(lines := self._lines()) == before:
            if not self.alive() or time.monotonic() > until:
                raise SystemExit("the upstream does not report")
            time.sleep(0.005)
        return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", lines[-1])}

    def _lines(self) -> list[str]:
        return [line for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]


def ask(port: int, path: str, seconds: float, method: str = "GET", headers: dict | None = None) -> tuple[int, bytes]:
    """Status and body as sent, on a connection of its own. Raises OSError or HTTPException."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def scrape(port: int, seconds: float) -> bytes:
    """`/metrics` as Prometheus asks for it, compressed."""
    status, body = ask(port, "/metrics", seconds, headers={"Accept-Encoding": "gzip"})
    if status != 200:
        raise OSError(f"/metrics responds {status}")
    return body


def text(body: bytes) -> bytes:
    return gzip.decompress(body)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.0f} s"
