"""The field's programs that scrape, each started with jobs of its own, and what they then hold."""

import abc
import contextlib
import dataclasses
import json
import pathlib
import re
import urllib.parse
from collections.abc import Iterator

from go_programs import PROGRAMS, tool
from lab import Failure, fetch, free_port, running, until
from peer_lab import ADDED, Series, Values, Wire, series

SELECTOR = '{__name__=~"timpush_.+",job="%s"}'


@dataclasses.dataclass
class Job:
    """One way to scrape. `wants` is the format and encoding that must be served for it."""

    name: str
    wants: str
    options: dict = dataclasses.field(default_factory=dict)
    # Whether the program knows since when counters count, of an exporter whose OpenMetrics says so in _created series.
    starts: bool = False
    wire: Wire | None = None

    def scraping(self) -> dict:
        targets = [{"targets": [self.wire.target]}]
        return {"job_name": self.name, "honor_labels": True, "static_configs": targets} | self.options


class Peer(abc.ABC):
    program: str
    name: str
    jobs: list[Job]
    # Of scrapes, and the most that one may take. All at once they are a crowd on a busy machine.
    interval = "5s"
    complaint = re.compile(r"level=(WARN|ERROR)")
    # How far a stored value may be from the one that was scraped, relative to it.
    precision = 0.0

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder / self.name.replace(" ", "-").replace(",", "")
        self.folder.mkdir()
        self.log = self.folder / "log"
        self.address = f"127.0.0.1:{free_port()}"

    @property
    def version(self) -> str:
        return PROGRAMS[self.program].version

    def config(self) -> dict:
        every = {"scrape_interval": self.interval, "scrape_timeout": self.interval}
        return {"global": every, "scrape_configs": [job.scraping() for job in self.jobs]}

    def written(self, config: dict) -> pathlib.Path:
        file = self.folder / "config.yml"
        file.write_text(json.dumps(config))  # JSON is YAML
        return file

    @abc.abstractmethod
    def command(self) -> list:
        """With the configuration written."""

    def ready(self) -> bool:
        return bool(fetch(f"http://{self.address}/-/ready"))

    @contextlib.contextmanager
    def running(self) -> Iterator["Peer"]:
        with running(self.log, tool(self.program), *self.command()):
            until(self.name, self.log, self.ready)
            yield self

    def ask(self, query: str) -> list[dict]:
        url = f"http://{self.address}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        return json.loads(fetch(url))["data"]["result"]

    def values(self, job: Job) -> Values:
        found: Values = {}
        for each in self.ask(SELECTOR % job.name):
            key = series(each["metric"]["__name__"], each["metric"])
            if key in found:
                raise Failure(f"{self.name}, {job.name}: two series {key}")
            found[key] = float(each["value"][1])
        return found

    def starts(self, job: Job) -> dict[Series, float]:
        """Since when counters count, in Unix seconds, by those that have such a time."""
        raise NotImplementedError

    def complaints(self) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if self.complaint.search(line)]


class Prometheus(Peer):
    program = "prometheus"
    features = ""

    def command(self) -> list:
        options = [
            f"--config.file={self.written(self.config())}", f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={self.address}",
        ]
        return options + ([f"--enable-feature={self.features}"] if self.features else [])


def only(*formats: str) -> dict:
    return {"scrape_protocols": list(formats)}


class Plain(Prometheus):
    name = "Prometheus"

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__(folder)
        self.jobs = [
            Job("defaults", "OpenMetrics 1.0.0, gzip"),
            Job("text 0.0.4", "text 0.0.4, gzip", only("PrometheusText0.0.4")),
            Job("text 1.0.0", "text 1.0.0, gzip", only("PrometheusText1.0.0")),
            Job("protobuf", "protobuf, gzip", only("PrometheusProto")),
            Job("native histograms", "protobuf, gzip", {"scrape_native_histograms": True}),
            Job("uncompressed", "OpenMetrics 1.0.0, plain", {"enable_compression": False}),
        ]


class Newest(Prometheus):
    """What it is about to do by default."""

    name = "Prometheus, new formats"
    features = "openmetrics2,zstd-scrape,metadata-wal-records"

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__(folder)
        newest = only("OpenMetricsText2.0.0", "OpenMetricsText1.0.0")
        self.jobs = [
            Job("defaults", "OpenMetrics 1.0.0, zstd"),
            Job("OpenMetrics 2 wanted", "OpenMetrics 1.0.0, zstd", newest),
        ]


class Starts(Prometheus):
    """Knows since when counters count, in both formats that say so."""

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__(folder)
        self.jobs = [
            Job("defaults", "protobuf, gzip", starts=True),
            Job("_created", "OpenMetrics 1.0.0, gzip", only("OpenMetricsText1.0.0"), starts=True),
        ]


class ZeroIngestion(Starts):
    """Writes a zero where a counter began."""

    name = "Prometheus, zeros at start"
    features = "created-timestamp-zero-ingestion"

    def starts(self, job: Job) -> dict[Series, float]:
        """Of those whose first sample is a zero before the first scrape."""
        query = f'{{__name__=~"timpush_.+_pushes_total",job="{job.name}"}}[26h]'
        found = {}
        for each in self.ask(query):
            (start, first), (scraped, _) = each["values"][:2]
            if float(first) == 0 and scraped - start > 60:
                found[series(each["metric"]["__name__"], each["metric"])] = float(start)
        return found


class StartStorage(Starts):
    """Keeps with each sample when its counter began."""

    name = "Prometheus, start timestamps"
    features = "st-storage,use-start-timestamps,promql-experimental-functions"

    def starts(self, job: Job) -> dict[Series, float]:
        # The function drops the name.
        found = {}
        names = {name for name, _ in self.values(job) if name.endswith("_pushes_total")}
        for name in sorted(names):
            for each in self.ask(f'start_timestamp({name}{{job="{job.name}"}})'):
                found[series(name, each["metric"])] = float(each["value"][1])
        return found


class VictoriaMetrics(Peer):
    program = "victoria-metrics"
    name = "VictoriaMetrics"
    complaint = re.compile(r"\t(warn|error|panic|fatal)\t")
    # It keeps decimals of 12 digits: any count, but not each fraction.
    precision = 1e-11

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__(folder)
        self.jobs = [
            Job("defaults", "text 0.0.4, gzip"),
            Job("as a stream", "text 0.0.4, gzip", {"stream_parse": True}),
        ]

    def command(self) -> list:
        return [
            f"-promscrape.config={self.written(self.config())}", f"-storageDataPath={self.folder / 'data'}",
            f"-httpListenAddr={self.address}", "-search.latencyOffset=0s", "-retentionPeriod=30d",
        ]

    def ready(self) -> bool:
        return fetch(f"http://{self.address}/health") == "OK"


class Collector(Peer):
    program = "collector"
    name = "OpenTelemetry Collector"
    complaint = re.compile(r"\t(warn|error|fatal)\t")
    gates = ""

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__(folder)
        self.made = self.folder / "metrics.json"
        self.jobs = [
            Job("defaults", "OpenMetrics 1.0.0, gzip"),
            Job("text 1.0.0", "text 1.0.0, gzip", only("PrometheusText1.0.0")),
            Job("protobuf", "protobuf, gzip", only("PrometheusProto")),
            Job("_created", "OpenMetrics 1.0.0, gzip", starts=True),
        ]

    def command(self) -> list:
        exporter = {"path": str(self.made), "flush_interval": "200ms"}
        service = {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"metrics": {"receivers": ["prometheus"], "exporters": ["file"]}},
        }
        receiver = {"config": self.config()}
        document = {"receivers": {"prometheus": receiver}, "exporters": {"file": exporter}, "service": service}
        gates = [f"--feature-gates={self.gates}"] if self.gates else []
        return [f"--config={self.written(document)}", *gates]

    def ready(self) -> bool:
        return "Everything is ready" in self.log.read_text()

    def points(self, job: Job) -> Iterator[tuple[str, dict, dict]]:
        """Kind, metric and data point, the newest last."""
        # The last line may not be whole yet.
        for line in self.made.read_text().rpartition("\n")[0].splitlines():
            for resource in json.loads(line)["resourceMetrics"]:
                if attributes(resource["resource"]).get("service.name") != job.name:
                    continue
                for metric in (each for scope in resource["scopeMetrics"] for each in scope["metrics"]):
                    (kind,) = {"gauge", "sum", "histogram", "summary", "exponentialHistogram"} & metric.keys()
                    for point in metric[kind]["dataPoints"]:
                        if metric["name"].startswith("timpush_"):
                            yield kind, metric, point

    def values(self, job: Job) -> Values:
        found: Values = {}
        for kind, metric, point in self.points(job):
            name, labels = metric["name"], attributes(point)
            if kind in ("gauge", "sum"):
                found[series(name, labels)] = float(point.get("asDouble", point.get("asInt", 0)))
                continue
            if kind != "histogram":
                raise Failure(f"{self.name}: {name} is {kind}")
            found[series(f"{name}_sum", labels)] = point["sum"]
            found[series(f"{name}_count", labels)] = float(point["count"])
            total = 0
            for bound, count in zip([*point["explicitBounds"], "+Inf"], point["bucketCounts"], strict=True):
                total += int(count)
                found[series(f"{name}_bucket", labels | {"le": str(bound)})] = float(total)
        return found

    def starts(self, job: Job) -> dict[Series, float]:
        return {
            series(metric["name"], attributes(point)): int(point["startTimeUnixNano"]) / 1e9
            for _, metric, point in self.points(job)
            if metric["name"].endswith("_pushes_total") and "startTimeUnixNano" in point
        }


class StartCollector(Collector):
    """Reads since when counters count from protobuf, too."""

    name = "Collector, start timestamps"
    gates = "receiver.prometheusreceiver.EnableCreatedTimestampZeroIngestion"

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__(folder)
        self.jobs = [Job("protobuf", "protobuf, gzip", only("PrometheusProto"), starts=True)]


def attributes(of: dict) -> dict[str, str]:
    found = {each["key"]: each["value"].get("stringValue", "") for each in of.get("attributes", ())}
    return {key: value for key, value in found.items() if key not in ADDED}


PEERS: dict[str, list[type[Peer]]] = {
    "prometheus": [Plain, Newest, ZeroIngestion, StartStorage],
    "victoria-metrics": [VictoriaMetrics],
    "collector": [Collector, StartCollector],
}
