"""Programs under test, seen from outside: started under bounds, read through /proc, asked
over HTTP, and ended by their own id."""

import gzip
import http.client
import os
import pathlib
import re
import resource
import signal
import subprocess
import time

HERE = pathlib.Path(__file__).parent
BINARY = HERE.parents[1] / "target/release/timpush-exporter"

# What a daemon may ask of this machine, so that none can take all of it.
ADDRESS_SPACE = 4 << 30
FILES = 100_000


def allow_files() -> None:
    """Raises this process's own limit, and so that of those it starts, as far as it may."""
    for limit in (FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return
        except (OSError, ValueError):
            continue


class Program:
    """A process that says its URL, with all that it writes in a file."""

    def __init__(self, command: list, log: pathlib.Path, address_space: int = ADDRESS_SPACE) -> None:
        self.log = log
        self.began = time.monotonic()

        def bounds() -> None:
            resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        with log.open("w") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, preexec_fn=bounds)
        self.pid = self.process.pid

    def port(self, seconds: float = 60) -> int:
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", self.log.read_text())):
            if not self.alive() or time.monotonic() - self.began > seconds:
                raise SystemExit(f"{self.process.args} does not say its URL:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.002)
        return int(found[1])

    def alive(self) -> bool:
        return self.process.poll() is None

    def processor(self) -> float:
        """Processor time so far, in seconds: utime and stime of its /proc/PID/stat, but to the
        nanosecond, from the process's own clock (MAKE_PROCESS_CPUCLOCK of Linux)."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def memory(self, what: str = "VmRSS") -> float:
        """In MiB; `VmHWM` is the most since the start or the last [`forget_peak`]."""
        return int(re.search(rf"{what}:\s+(\d+) kB", self._proc("status"))[1]) / 1024

    def forget_peak(self) -> None:
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def _proc(self, name: str) -> str:
        return pathlib.Path(f"/proc/{self.pid}/{name}").read_text()

    def stop(self, seconds: float = 60) -> float | None:
        """Asks it to end; how long that took, or nothing if it had to be killed."""
        began = time.monotonic()
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            # A program that was stopped or hangs in a read must not outlive the benchmark.
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                return None
        return time.monotonic() - began

    def how_it_ended(self) -> str:
        code = self.process.poll()
        if code is None:
            return "runs"
        return f"died: {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"


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
