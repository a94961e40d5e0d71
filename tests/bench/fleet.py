"""A day of many apps' series, written into Prometheus as fast as it takes them.

It is what the dashboards ask for at that size: names and labels are the exporter's, values are
made up. What is looked at over the day has one sample in 5 minutes, since an instant selector takes
one sample at each step whatever the interval of scrapes; what is looked at by rate() and increase()
has one in a minute, and of the app that is chosen a day more. What is looked at only now is there for the last half hour: texts of codes,
codes that are not among the leading ones, gauges of which the recorded ones are asked for, and
counters of other apps than the one that is chosen. Counters of platforms are left out: no dashboard
looks at them. All is there for half an hour a day ago, which tables compare with.
"""

import http.client
import itertools
import math
import struct
from collections.abc import Iterator

JOB = "timpush-exporter"
APIS = ("loss", "statistics")

# One app in so many has all-user pushes, too, and tasks of the day.
WITH_CAMPAIGNS = 10
TASKS = 20
TASK_CODES = 12
PLATFORMS = ("apns", "fcm", "honor", "huawei", "meizu", "oppo", "vivo", "xiaomi")
PUSHES = ("normal", "all_member")
READY, POST = "ready_to_send", "post_send_delivered"
CLASSES = ("token_invalid", "device_state", "credential", "quota", "vendor_transient", "config", "unknown")
STEPS = ("sendable", "sent", "delivered", "clicked")

DAY = 86400
SPARSE, DENSE = 300, 60
RECENT = 1800

# How much of the time a request has of each series. The head takes nothing that is older by an hour.
SPAN = 1800

# Samples in a request, which is then some megabytes.
BATCH = 50_000

# The least that a platform gets in an hour, and that it loses with each code.
HOURLY, LOST_HOURLY = 1200, 3

# Codes with the most losses, which lines over time are drawn of.
LEADING = 10

# Values come again after so many rows.
ROWS = 120

Labels = dict[str, str]


class Family:
    """Series of one name, from `since` seconds before the end on, one sample in `every`.

    They have the exporter's job, unless a row says that it is "": none.
    """

    def __init__(self, name: str, rows: list[Labels], every: int = SPARSE, since: int = DAY, level: float = 100,
                 counts: bool = False, fixed: bool = False) -> None:
        self.name, self.rows, self.every, self.since = name, rows, every, since
        self.level, self.counts, self.fixed = level, counts, fixed

    def values(self, age: float) -> list[float]:
        """Of the first rows: the level, or more by the time of day. Counters grow by the level each minute, or by
        more, and begin anew each half day."""
        if self.fixed:
            return [self.level] * ROWS
        if self.counts:
            return [self.level * (1 + row % 7) * ((DAY - age) % (DAY / 2)) / 60 for row in range(ROWS)]
        return [self.level * (1 + row % 7) * (1 + math.sin(age / 9000 + row % 24) / 2) for row in range(ROWS)]


def codes(count: int) -> list[tuple[str, str, str]]:
    """So many rows of stage, platform and code."""
    first = [(READY, platform, code) for platform in PLATFORMS for code in ("-1", "-2")]
    vendors = [(POST, PLATFORMS[n % len(PLATFORMS)], str(80_300_000 + n)) for n in range(count)]
    return (first + vendors)[:count]


def families(apps: int, count: int, replicas: int, chosen: str, end: int, rules: bool) -> Iterator[Family]:
    """All series of `apps` in one region each, asked by each of the replicas.

    Those of targets are of normal pushes and, of some apps, of all-user ones.

    With `rules`, what is recorded is not looked at over the day.
    """
    folded = RECENT if rules else DAY
    instances = [f"replica-{n}:10898" for n in range(replicas)]
    names = [f"app{n:03}" for n in range(apps)]
    broad = {*names[::WITH_CAMPAIGNS]}
    rows = codes(count)
    overall = [(READY, "-1"), (READY, "-2"), *((POST, str(80_300_000 + n)) for n in range(count - 2))]

    def every(*more: Labels, of: list[str] = names) -> list[Labels]:
        more = more or ({},)
        found = [
            {"app": app, "region": "singapore", "push": push, "instance": instance, **each}
            for instance in instances for push, apps in (("normal", of), ("all_member", broad & {*of}))
            for app in sorted(apps) for each in more
        ]
        return [row | ({"api": f"{row['push']}_push_{row['api']}"} if "api" in row else {}) for row in found]

    def by(**values: tuple | list) -> list[Labels]:
        return [dict(zip(values, each)) for each in itertools.product(*values.values())]

    def counters(name: str, hourly: float, *more: Labels) -> Iterator[Family]:
        """Of the chosen app for two days, of the others for the last half hour."""
        yield Family(name, every(*more, of=[chosen]), DENSE, since=2 * DAY, level=hourly / 60, counts=True)
        yield Family(name, every(*more, of=names[1:]), since=RECENT, level=hourly / 60, counts=True)

    lost = [{"stage": stage, "err_code": code} for stage, code in overall]
    of_platforms = [{"stage": stage, "platform": platform, "err_code": code} for stage, platform, code in rows]
    api, platform = by(api=APIS), by(platform=PLATFORMS)
    yield Family("timpush_window_lost_pushes", every(*lost[:LEADING]), level=20)
    yield Family("timpush_window_lost_pushes", every(*lost[LEADING:]), since=folded, level=LOST_HOURLY)
    yield Family("timpush_window_platform_lost_pushes", every(*of_platforms), since=folded, level=LOST_HOURLY)
    for step in STEPS:
        yield Family(f"timpush_window_{step}_pushes", every(), since=folded, level=HOURLY * len(PLATFORMS))
        yield Family(f"timpush_window_platform_{step}_pushes", every(*platform), since=folded, level=HOURLY)
        yield from counters(f"timpush_{step}_pushes_total", HOURLY * len(PLATFORMS))
    yield from counters("timpush_lost_pushes_total", LOST_HOURLY, *lost)
    texts = [{**each, "err_info": f"what a vendor says about {each['err_code']}"} for each in of_platforms]
    texts += [{**each, "platform": "all", "err_info": f"the service's words on {each['err_code']}"} for each in lost]
    yield Family("timpush_error_description_info", every(*texts), since=RECENT, level=1, fixed=True)
    edges = {"window_start": RECENT, "window_end": folded, "target_last_success": DAY, "target_last_nonzero": RECENT}
    for name, since in edges.items():
        yield Family(f"timpush_{name}_timestamp_seconds", every(*api), since=since, level=end - 120, fixed=True)
    yield Family("timpush_target_up", every(*api), level=1, fixed=True)
    yield Family("timpush_target_series", every(), level=1, fixed=True)
    for name in ("target_info", "counters_enabled", "window_resolved"):
        yield Family(f"timpush_{name}", every(), since=RECENT, level=1, fixed=True)
    yield Family("timpush_day_anchor_timestamp_seconds", every(), since=RECENT, level=end - DAY / 2, fixed=True)
    yield Family("timpush_target_consecutive_failures", every(*api), level=1)
    for name, level in (("interval_seconds", 60), ("series_limit", 2000), ("folded_codes", 0), ("backup_in_use", 0)):
        yield Family(f"timpush_target_{name}", every(), level=level, fixed=True)
    for outcome, level in (("ok", 1), ("timeout", 0.01)):
        outcomes = every(*by(api=APIS, outcome=(outcome,)))
        yield Family("timpush_api_requests_total", outcomes, DENSE, since=folded, level=level, counts=True)
    yield Family("timpush_api_retries_total", every(*api), DENSE, level=0.01, counts=True)
    errors = every(*by(api=APIS[:1], code=("60007",)))
    yield Family("timpush_api_errors_total", errors, DENSE, level=0.01, counts=True)
    yield Family("timpush_revised_down_pushes", every(*by(stage=(READY, POST))), level=0, fixed=True)
    yield Family("timpush_late_pushes", every(*by(stage=(READY, POST))), level=1)
    signatures = [{"app": app, "instance": instance} for instance in instances for app in names]
    yield Family("timpush_usersig_expiry_timestamp_seconds", signatures, level=end + 80_000, fixed=True)
    yield Family("timpush_api_throttle_wait_seconds_total", signatures, DENSE, counts=True)

    yield from _of_tasks(instances, sorted(broad), rows[TASK_CODES:][:TASK_CODES], end)

    each = [{"instance": instance} for instance in instances]
    buckets = ("0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf")
    hist = [{**one, "le": le} for one in each for le in buckets]
    for name in ("timpush_poll_duration_seconds_bucket", "timpush_poll_lateness_seconds_bucket"):
        yield Family(name, hist, DENSE, counts=True)
    latency = [{**one, "api": f"{push}_push_{api}"} for one in hist for push in PUSHES for api in APIS]
    yield Family("timpush_api_request_duration_seconds_bucket", latency, DENSE, counts=True)
    classes = [
        {**one, **row, "class": CLASSES[n % len(CLASSES)]} for one in each for n, row in enumerate(of_platforms)
    ]
    yield Family("timpush_error_code_info", classes, level=1, fixed=True)
    yield Family("timpush_clock_skew_seconds", [{**one, "region": "singapore"} for one in each], level=1)
    yield Family("timpush_build_info", [{**one, "version": "0.1.0"} for one in each], level=1, fixed=True)
    yield Family("process_start_time_seconds", each, level=end - DAY, fixed=True)
    yield Family("process_cpu_seconds_total", each, DENSE, counts=True)
    for name in ("up", "scrape_duration_seconds", "scrape_samples_scraped", "timpush_config_last_reload_successful",
                 "process_open_fds", "process_max_fds", "process_resident_memory_bytes"):
        yield Family(name, each, level=1, fixed=True)
    alert = {"alertstate": "firing", "severity": "warning", "alertname": "TimpushDataStale"}
    yield Family("ALERTS", [{**alert, "app": app, "region": "singapore"} for app in names[::10]], level=1, fixed=True)


def _of_tasks(instances: list[str], apps: list[str], rows: list[tuple[str, str, str]], end: int) -> Iterator[Family]:
    own = [
        {"app": app, "region": "singapore", "task": f"{number:08x}_{app}", "instance": instance}
        for instance in instances for app in apps for number in range(TASKS)
    ]
    # Platforms share codes, which are one series over all of them.
    overall = dict.fromkeys((stage, code) for stage, _, code in rows)
    by_code = [{**one, "stage": stage, "err_code": code} for one in own for stage, code in overall]
    yield Family("timpush_task_lost_pushes", by_code, level=20)
    by_code = [
        {**one, "stage": stage, "platform": platform, "err_code": code} for one in own for stage, platform, code in rows
    ]
    yield Family("timpush_task_platform_lost_pushes", by_code, level=2)
    for step in STEPS:
        yield Family(f"timpush_task_{step}_pushes", own, level=1000)
        by_platform = [{**one, "platform": platform} for one in own for platform in PLATFORMS]
        yield Family(f"timpush_task_platform_{step}_pushes", by_platform, level=100)
    infos = [{**one, "name": f"sale {one['task']}", "type": "all", "source": "scheduled"} for one in own]
    yield Family("timpush_task_info", infos, level=1, fixed=True)
    yield Family("timpush_task_start_timestamp_seconds", own, level=end - DAY / 2, fixed=True)
    of_apps = [{key: one[key] for key in ("app", "region", "instance")} for one in own[::TASKS]]
    yield Family("timpush_tasks_up", of_apps, level=1, fixed=True)
    yield Family("timpush_tasks_last_success_timestamp_seconds", of_apps, level=end - 60, fixed=True)
    states = [{**one, "state": state} for one in of_apps for state in ("watched", "left_out", "unknown")]
    yield Family("timpush_tasks", states, level=0, fixed=True)
    scheduled = [
        {**{key: one[key] for key in ("app", "region", "instance")}, "scheduled_task": one["task"]} for one in own
    ]
    yield Family("timpush_scheduled_task_dispatched", scheduled, level=1, fixed=True)
    yield Family("timpush_scheduled_task_dispatch_failed", scheduled, level=0, fixed=True)
    yield Family("timpush_scheduled_task_scheduled_timestamp_seconds", scheduled, level=end - DAY / 2, fixed=True)
    infos = [{**one, "task": "", "name": "sale", "type": "all", "status": "dispatched"} for one in scheduled]
    yield Family("timpush_scheduled_task_info", infos, level=1, fixed=True)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(number: int, content: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(content)) + content


# A sample of remote write: field 1 the value, field 2 the time, which has six bytes until 2109.
SAMPLE = struct.Struct("<cdc6s")


def _unpacked(message: bytes) -> bytes:
    """Snappy's format without its compression: all of it literal."""
    parts = [_varint(len(message))]
    for start in range(0, len(message), 65536):
        part = message[start:start + 65536]
        parts += [b"\xf4", (len(part) - 1).to_bytes(2, "little"), part]
    return b"".join(parts)


class Batch:
    """A request whose labels stay and whose samples change."""

    def __init__(self, family: Family, rows: range, samples: int) -> None:
        self._family, self._rows, self.samples = family, rows, samples
        self._message, self._places = bytearray(), []
        empty = _field(2, bytes(SAMPLE.size))
        for row in rows:
            labels = {"__name__": family.name, "job": JOB, **family.rows[row]}
            series = b"".join(
                _field(1, _field(1, name.encode()) + _field(2, value.encode()))
                for name, value in sorted(labels.items()) if value
            )
            self._message += b"\x0a" + _varint(len(series) + samples * len(empty)) + series + samples * empty
            self._places.append(len(self._message) - samples * len(empty) + len(empty) - SAMPLE.size)
        self._stride = len(empty)

    def at(self, times: range, end: int) -> bytes:
        pack, message = SAMPLE.pack_into, self._message
        for number, when in enumerate(times):
            stamp, values, offset = _varint(when * 1000), self._family.values(end - when), number * self._stride
            for place, row in zip(self._places, self._rows):
                pack(message, place + offset, b"\x09", values[row % ROWS], b"\x10", stamp)
        return _unpacked(bytes(message))

    def __len__(self) -> int:
        return len(self._rows) * self.samples


def write(host: str, every: list[Family], start: int, end: int, origin: int | None = None, span: int = SPAN,
          made: dict | None = None) -> int:
    """Sends all samples, those of a span after those of the one before, and says how many they were.

    Values are those of their age at the `origin`, which is the end if it is not given. What was
    `made` for a list of families serves that list again.
    """
    origin = end if origin is None else origin
    made = {} if made is None else made
    connection = http.client.HTTPConnection(host, timeout=120)
    headers = {
        "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    count = 0
    for first in range(start, end + 1, span):
        for number, family in enumerate(every):
            times = range(first, min(first + span, end + 1), family.every)
            if end - first > family.since and end - first != DAY:
                continue
            key = (number, len(times))
            if key not in made:
                size = max(BATCH // len(times), 1)
                parts = (range(at, min(at + size, len(family.rows))) for at in range(0, len(family.rows), size))
                made[key] = [Batch(family, part, len(times)) for part in parts]
            for batch in made[key]:
                connection.request("POST", "/api/v1/write", batch.at(times, origin), headers)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status // 100 != 2:
                    raise RuntimeError(f"{family.name} at {first}: {answer.status} {text[:300]!r}")
                count += len(batch)
    return count
