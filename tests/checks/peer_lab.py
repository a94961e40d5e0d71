"""A still exporter, wires that note what is served over them, and the values that came of it."""

import contextlib
import dataclasses
import http.server
import pathlib
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

from lab import exporter, fetch, free_port, running, until
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

# Of one series: its name and labels. Bounds of buckets are numbers, which everybody writes in their own way.
Series = tuple[str, frozenset[tuple[str, object]]]
Values = dict[Series, float]

# It polls once and is then still for longer than all scrapes take, so that everybody must get the same.
CONFIG = """
listen: 127.0.0.1:{port}
scrape_interval: 1s
day_offset: "{offset}"
web: {{openmetrics_created: {created}}}
defaults: {{interval: 20m}}
apps:
"""
# The only series that say what time it is, or who is connected.
MOVING = {"timpush_clock_timestamp_seconds", "timpush_http_connections", "timpush_http_connections_closed_total"}
# Of the day that the counters belong to. A Prometheus that writes a zero at its start takes none older than an hour.
DAY_SO_FAR = 45 * 60
# At the quietest hour of the simulated apps there are about 18.
FEWEST_CODES = 10
ADDED = {"job", "instance", "__name__"}


def series(name: str, labels: dict[str, str]) -> Series:
    kept = {key: value for key, value in labels.items() if key not in ADDED and value}
    if "le" in kept:
        kept["le"] = float(kept["le"])
    return name, frozenset(kept.items())


def shown(one: Series) -> str:
    name, labels = one
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in sorted(labels)) + "}"


def parsed(exposition: str) -> Values:
    """The series of ours in a scrape in the text format."""
    return {
        series(sample.name, sample.labels): sample.value
        for family in text_string_to_metric_families(exposition) for sample in family.samples
        if sample.name.startswith("timpush_")
    }


@dataclasses.dataclass
class Source:
    """A program instance under test."""

    port: int
    last: Values = dataclasses.field(default_factory=dict)
    since: float = 0

    def values(self) -> Values:
        return parsed(fetch(f"http://127.0.0.1:{self.port}/metrics"))

    def starts(self) -> Values:
        """Since when each counter of pushes counts, if the instance has `_created` series."""
        accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/metrics", headers=accept)
        with urllib.request.urlopen(request, timeout=10) as response:
            families = openmetrics.text_string_to_metric_families(response.read().decode())
            return {
                series(sample.name.replace("_created", "_total"), sample.labels): sample.value
                for family in families for sample in family.samples if sample.name.endswith("_pushes_created")
            }

    def is_still(self) -> bool:
        """Has polled everything, and has said the same for longer than anything takes after a poll."""
        values = {key: value for key, value in self.values().items() if key[0] not in MOVING}
        if values != self.last:
            self.last, self.since = values, time.monotonic()
        up = [value for (name, _), value in values.items() if name == "timpush_target_up"]
        counted = [value for (name, _), value in values.items() if name == "timpush_lost_pushes_total"]
        complete = len(up) == 4 and all(up) and len(counted) >= FEWEST_CODES and all(counted)
        return complete and time.monotonic() - self.since > 6


def offset_of_a_day_that_began(ago: float) -> str:
    """The offset from UTC at which it was midnight so many seconds ago."""
    minutes = -int((time.time() - ago) // 60) % 1440
    sign, minutes = ("-", 1440 - minutes) if minutes > 14 * 60 else ("+", minutes)
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"


@contextlib.contextmanager
def simulator(log: pathlib.Path) -> Iterator[tuple[str, str]]:
    """A simulated service: its URL, and the apps of a configuration that polls it."""
    address = f"127.0.0.1:{free_port()}"
    with running(log, exporter(), "simulate", "--listen", address):
        made_up = until("the simulator", log, lambda: re.search(r"(?s)^apps:\n(.*\}]\n)\Z", log.read_text(), re.M))
        yield f"http://{address}", made_up[1]


@contextlib.contextmanager
def still(folder: pathlib.Path, created: bool) -> Iterator[Source]:
    """An exporter with a simulated service of its own, whose limit of calls it must not share."""
    source = Source(free_port())
    name = f"exporter-{source.port}"
    config, log = folder / f"{name}.yml", folder / f"{name}.log"
    with simulator(folder / f"{name}.simulator.log") as (_, apps):
        config.touch(0o600)
        offset = offset_of_a_day_that_began(DAY_SO_FAR)
        config.write_text(CONFIG.format(port=source.port, created=str(created).lower(), offset=offset) + apps)
        with running(log, exporter(), "run", "--config", config):
            yield source


class Wire(http.server.ThreadingHTTPServer):
    """Passes scrapes on, and notes in which format and encoding each was answered."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.served: list[str] = []
        super().__init__(("127.0.0.1", 0), Passing)

    def handle_error(self, request: object, client_address: object) -> None:
        # On a busy machine a scrape may be given up; the program that did so has an error of its own to show.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Passing(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Wire

    def do_GET(self) -> None:
        kept = ("Accept", "Accept-Encoding", "X-Prometheus-Scrape-Timeout-Seconds")
        headers = {name: self.headers[name] for name in kept if self.headers[name]}
        request = urllib.request.Request(f"http://127.0.0.1:{self.server.source.port}{self.path}", headers=headers)
        try:
            answer = urllib.request.urlopen(request, timeout=10)
        except urllib.error.HTTPError as error:
            answer = error
        except OSError:
            self.send_error(502)
            return
        with answer:
            body = answer.read()
            self.send_response(answer.status)
            for name in ("Content-Type", "Content-Encoding"):
                if answer.headers[name]:
                    self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.served.append(f"{answer.status} {named(answer.headers['Content-Type'])}, "
                                  f"{answer.headers['Content-Encoding'] or 'plain'}")

    def log_message(self, *_: object) -> None:
        pass


def named(media: str | None) -> str:
    """A format by a short name."""
    kind, *parameters = (part.strip() for part in (media or "nothing").split(";"))
    version = next((part.removeprefix("version=") for part in parameters if part.startswith("version=")), "")
    short = {"text/plain": "text", "application/openmetrics-text": "OpenMetrics",
             "application/vnd.google.protobuf": "protobuf"}.get(kind, kind)
    return f"{short} {version}".strip()
