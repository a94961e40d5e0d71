"""A Prometheus that is filled by remote write, and what it uses."""

import contextlib
import http.client
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "checks"))

from lab import free_port, running, until


@contextlib.contextmanager
def prometheus(folder: pathlib.Path):
    host = f"127.0.0.1:{free_port()}"
    config, log = folder / "prometheus.yml", folder / "prometheus.log"
    config.write_text("{}\n")
    os.environ.setdefault("GOMEMLIMIT", "6GiB")
    command = [
        "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={host}", "--web.enable-remote-write-receiver", "--log.level=warn",
    ]
    with running(log, *command) as child:
        until("Prometheus", log, lambda: ready(host))
        yield host, child.pid


def ready(host: str) -> bool:
    connection = http.client.HTTPConnection(host, timeout=5)
    with contextlib.closing(connection):
        connection.request("GET", "/-/ready")
        return connection.getresponse().status == 200


def busy(pid: int) -> float:
    """Seconds of the processor that a program has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> str:
    peak = re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())
    return f"{int(peak[1]) / 1e6:.1f} GB"
