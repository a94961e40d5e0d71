"""Programs as child processes on this machine: any under bounds, the exporter's demo and simulator, and real
Prometheus servers."""

import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import TypeVar

TOP = pathlib.Path(__file__).parents[2]
JOB = "timpush-exporter"

Server = TypeVar("Server", bound=socketserver.BaseServer)


class Failure(Exception):
    """What the lab could not be built for."""


def exporter() -> pathlib.Path:
    """The program: TIMPUSH_EXPORTER, or what cargo built for release, else for debugging."""
    given = os.environ.get("TIMPUSH_EXPORTER")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", TOP / "target"))
    built = [target / kind / "timpush-exporter" for kind in ("release", "debug")]
    candidates = [pathlib.Path(given)] if given else built
    for path in candidates:
        if path.exists():
            return path.absolute()
    raise Failure(f"there is no {candidates[0]}: build it, or set TIMPUSH_EXPORTER")


_held: list[socket.socket] = []


def free_port() -> int:
    """A port that nobody else is given before this process ends, though its own server comes late or twice.

    A bound socket holds it against every other bind and outgoing connection. Servers that set SO_REUSEADDR may
    listen on it all the same, as those written in Go, Rust and Python do.
    """
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _held.append(holder)
    return holder.getsockname()[1]


def fetch(url: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None) -> str:
    with urllib.request.urlopen(urllib.request.Request(url, body, headers or {}, method=method), timeout=30) as answer:
        return answer.read().decode()


# What a program under test may ask of this machine, so that none can take all of it.
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
    """A process with all that it writes in a file, read through /proc and ended by its own id."""

    def __init__(self, command: list, log: pathlib.Path, address_space: int | None = ADDRESS_SPACE) -> None:
        self.log = log
        self.began = time.monotonic()

        def bounds() -> None:
            if address_space:
                resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        with log.open("w") as out:
            self.process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=subprocess.STDOUT, preexec_fn=bounds)
        self.pid = self.process.pid

    def port(self, seconds: float = 60) -> int:
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", self.log.read_text())):
            if not self.alive() or time.monotonic() - self.began > seconds:
                raise Failure(f"{self.process.args} does not say its URL:\n{self.log.read_text()[-2000:]}")
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


@contextlib.contextmanager
def running(log: pathlib.Path, *command: object) -> Iterator[subprocess.Popen]:
    """A program that ends with the block."""
    program = Program(list(command), log, address_space=None)
    try:
        yield program.process
    finally:
        program.stop(10)


def until(what: str, log: pathlib.Path, condition, patience: float = 30):
    """What the condition gives once it gives something."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        with contextlib.suppress(OSError, urllib.error.URLError):
            if found := condition():
                return found
        time.sleep(0.2)
    raise Failure(f"{what}: not within {patience:.0f} s; {log.name} ends with\n{log.read_text()[-2000:]}")


@contextlib.contextmanager
def demo(folder: pathlib.Path, port: int, name: str = "demo.log") -> Iterator[str]:
    """The demo on a port; gives the simulator's URL."""
    log = folder / name
    with running(log, exporter(), "demo", "--listen", f"127.0.0.1:{port}"):
        found = until("the demo", log, lambda: re.search(r"Simulator +(http://\S+)", log.read_text()))
        until("the demo's metrics", log, lambda: fetch(f"http://127.0.0.1:{port}/metrics"))
        yield found[1]


def refuse_some(simulator: str) -> None:
    """Has the next calls for losses refused."""
    rule = {"match": {"api": "normal_push_loss"}, "times": 2, "fault": {"error": {"code": 60007}}}
    fetch(f"{simulator}/_control/scenario", "PUT", json.dumps({"rules": [rule]}).encode())


class Past:
    """A `backfill` under way."""

    def __init__(self, child: subprocess.Popen, log: pathlib.Path, made: pathlib.Path) -> None:
        self._child, self._log, self._made = child, log, made

    def file(self, patience: float) -> pathlib.Path:
        """What it wrote, once it is done."""
        try:
            if self._child.wait(patience) == 0:
                return self._made
        except subprocess.TimeoutExpired:
            pass
        raise Failure(f"backfill did not succeed: {self._log.read_text()[-2000:]}")


@contextlib.contextmanager
def simulated_past(folder: pathlib.Path, start: int, end: int) -> Iterator[Past]:
    """Begins to fill a span from a simulated service."""
    log, filling = folder / "simulate.log", folder / "backfill.log"
    config, made = folder / "timpush.yml", folder / "past.om"
    with running(log, exporter(), "simulate", "--listen", f"127.0.0.1:{free_port()}"):
        until("the simulator", log, lambda: "name: game" in log.read_text() and log.read_text().endswith("}]\n"))
        config.touch(0o600)
        config.write_text("".join(line for line in log.open() if not line.startswith("#")))
        command = [
            exporter(), "backfill", "--config", config, "--from", start, "--to", end, "--step", "5m",
            "--label", f"job={JOB}", "--label", "instance=past", "--output", made,
        ]
        with running(filling, *command) as child:
            yield Past(child, filling, made)


def past_of_demo(folder: pathlib.Path, port: int) -> pathlib.Path:
    """What the demo on a port would have served, as far back as the service keeps it: six days."""
    made = folder / "week.om"
    command = [
        exporter(), "backfill", "--demo", "--step", "5m", "--label", f"job={JOB}",
        "--label", f"instance=127.0.0.1:{port}", "--output", made,
    ]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"backfill did not succeed: {done.stderr[-2000:]}")
    return made


def copied(source: pathlib.Path, name: str, earlier: int = 0, instance: str = "past") -> pathlib.Path:
    """The same samples, so many seconds earlier or of another instance."""
    target = source.with_name(name)
    with source.open() as lines, target.open("w") as out:
        for line in lines:
            if not line.startswith("#"):
                sample, _, stamp = line.rstrip("\n").rpartition(" ")
                sample = sample.replace('instance="past"', f'instance="{instance}"')
                line = f"{sample} {int(stamp) - earlier}\n"
            out.write(line)
    return target


def dated(exposition: str, target: pathlib.Path, stamps: range) -> pathlib.Path:
    """A scrape in the text format as if it had been the same at each of these times."""
    lines = [line for line in exposition.splitlines() if not line.startswith("#")]
    labels = f'{{job="{JOB}",instance="past",'
    with target.open("w") as out:
        for line in lines:
            sample, _, value = line.rpartition(" ")
            out.writelines(f"{sample.replace('{', labels, 1)} {value} {stamp}\n" for stamp in stamps)
        out.write("# EOF\n")
    return target


@contextlib.contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Takes requests in threads of its own."""
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Prometheus:
    """A server with data of its own."""

    def __init__(self, folder: pathlib.Path, name: str) -> None:
        self.data = folder / f"{name}-data"
        self.log = folder / f"{name}.log"
        self._config = folder / f"{name}.yml"
        self.url = f"http://127.0.0.1:{free_port()}"

    def load(self, *files: pathlib.Path) -> None:
        """Takes up samples of the past; before it runs."""
        for file in files:
            # It reads the whole file once for each block.
            command = [
                "promtool", "tsdb", "create-blocks-from", "--max-block-duration=168h", "openmetrics", str(file),
                str(self.data),
            ]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise Failure(f"promtool refuses {file.name}: {done.stderr}")

    @contextlib.contextmanager
    def running(self, port: int | None = None, rules: pathlib.Path | None = None) -> Iterator["Prometheus"]:
        """Scrapes an exporter on a port every 5 s, if there is one."""
        config: dict = {"global": {"scrape_interval": "5s", "evaluation_interval": "5s"}}
        if port:
            targets = [{"targets": [f"127.0.0.1:{port}"]}]
            config["scrape_configs"] = [{"job_name": JOB, "honor_labels": True, "static_configs": targets}]
        if rules:
            config["rule_files"] = [str(rules)]
        self._config.write_text(json.dumps(config))  # JSON is YAML
        command = [
            "prometheus", f"--config.file={self._config}", f"--storage.tsdb.path={self.data}",
            "--storage.tsdb.retention.time=30d", f"--web.listen-address={self.url.removeprefix('http://')}",
        ]
        with running(self.log, *command):
            until("Prometheus", self.log, lambda: fetch(f"{self.url}/-/ready"))
            yield self

    def ask(self, path: str, **parameters: object) -> list:
        """The result of a query; what is wrong with it is a Failure."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            answer = json.loads(fetch(url))
        except urllib.error.HTTPError as error:
            raise Failure(error.read().decode()[:500]) from error
        data = answer["data"]
        return data["result"] if isinstance(data, dict) else data


def need(*programs: str) -> None:
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        raise Failure(f"not installed: {', '.join(missing)}")
