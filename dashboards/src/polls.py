"""Rows of the exporter's health: polls and series, counters, processes."""

import names
from frame import TO_APP
from health import FIRST, HERE, ONE_IS_GOOD, RATE, highest
from panels import MANY, Column, lines, property_of, query, table
from queries import INSTANCE, TARGET, worst


def polls():
    bucket = f"timpush_poll_duration_seconds_bucket{{{INSTANCE}}}"
    interval = f"min by (instance) (timpush_target_interval_seconds{{{HERE}}})"
    return lines(
        "Duration of polls against the interval",
        "How long the slowest of 20 polls of a target took, with waits and retries, and the shortest interval.",
        "when the duration reaches the interval, polls are late: raise the interval, or split the apps.",
        8, [
            query(f"histogram_quantile(0.95, sum by (instance, le) (rate({bucket}{RATE})))", "p95 ({{instance}})", "A"),
            query(interval, "interval ({{instance}})", "B"),
        ], "s", none="no polls",
    )


def lateness():
    bucket = f"timpush_poll_lateness_seconds_bucket{{{INSTANCE}}}"
    slow = f"histogram_quantile(0.95, sum by (instance, le) (rate({bucket}{RATE})))"
    return lines(
        "Lateness of polls",
        "How long after its due time one of 20 polls began.",
        "seconds are a busy machine or a poll that takes longer than its interval.",
        8, [query(slow, "p95 ({{instance}})")], "s", none="no polls",
    )


def series():
    by = ("instance", *TARGET)

    def used(at: str) -> str:
        labels = ", ".join(by)
        series, limit = (f"max by ({labels}) (timpush_target_series{end}{{{HERE}}}{at})" for end in ("", "_limit"))
        return f"{series} / {limit}"

    return lines(
        "Series against the limit",
        f"Data series of each target as a part of its limit. Of many targets, {FIRST}.",
        "at 1 rare codes are summed up under `other`: raise `series_limit` if you need them apart.",
        8, [query(highest(used, *by), "{{app}} {{region}} {{push}} ({{instance}})")], "percentunit",
        look=((None, names.GOOD), (1, names.WARN)), limits=True, none="no targets", soft_max=1,
    )


def scrapes():
    return lines(
        "Scrapes",
        "How long Prometheus took to scrape each exporter, and how many samples it got (right axis).",
        "a scrape takes milliseconds; if not, look at the machine or the network between.",
        8, [
            query(f"scrape_duration_seconds{{{INSTANCE}}}", "duration {{instance}}", "A"),
            query(f"scrape_samples_scraped{{{INSTANCE}}}", "samples {{instance}}", "B"),
        ], "s", none="not scraped",
    ).override_by_query("B", _right_axis())


def _right_axis():
    return [property_of("unit", "short"), property_of("custom.axisPlacement", "right")]


def folded():
    by = ("instance", *TARGET)

    def folded(at: str) -> str:
        return f"max by ({', '.join(by)}) (timpush_target_folded_codes{{{HERE}}}{at})"

    return lines(
        "Codes summed up under other",
        f"Rare codes that are not served apart, to keep within the limit of series. Of many targets, {FIRST}.",
        "raise `series_limit` if there are many; sums stay right all the same.",
        8, [query(highest(folded, *by), "{{app}} {{region}} {{push}} ({{instance}})")], none="no targets",
    )


def signatures():
    by = ("instance", "app")

    def expiry(at: str) -> str:
        return f'min by ({", ".join(by)}) (timpush_usersig_expiry_timestamp_seconds{{{INSTANCE},app=~"$app"}}{at})'

    # The first to expire are the lowest.
    first = worst(MANY, f"{expiry('')} - time()", f"- ({expiry(' @ end()')})", *by)
    return lines(
        "Life of signatures",
        "Time until an app's signature in use expires: a saw that is renewed at half of its life. Of many apps, the "
        "twenty that expire first.",
        "a line that goes on falling is a key that cannot be read or a fixed signature: rotate it.",
        8, [query(first, "{{app}} ({{instance}})")], "s", low=None,
        none="no signature yet",
    )


def counters():
    by = ("instance", *TARGET)
    enabled = f"min by ({', '.join(by)}) (timpush_counters_enabled{{{HERE}}})"
    resolved = f"min by ({', '.join(by)}) (timpush_window_resolved{{{HERE}}})"
    anchor = f"1000 * max by ({', '.join(by)}) (timpush_day_anchor_timestamp_seconds{{{HERE}}})"
    stages = (*by, "stage")

    def corrected(kind: str):
        return lambda at: f"max by ({', '.join(stages)}) (timpush_{kind}_pushes{{{HERE}}}{at})"

    return (
        table(
            "Counters of each target",
            "Whether there are counters, whether the service tells ranges inside a day apart, and the start of the "
            "day that the counters belong to.",
            "0 in the first column: they are switched off, or the service's counts do not add up. 0 in the second: "
            "use windows of whole days. `timpush-exporter probe` measures both.",
            12,
            [
                Column("Counters", enabled, "none", ONE_IS_GOOD),
                Column("Inside a day", resolved, "none", ONE_IS_GOOD),
                Column("Day from", anchor, "dateTimeAsIso", low=None),
            ],
            "app", by, {"app": [TO_APP]}, none="no targets", ascending=True,
        ),
        lines(
            "Late and revised losses",
            "How many more losses the last closed day had when read again, and how far the service now stands below "
            f"a counter. Of many targets, {FIRST}.",
            "if late ones are many, raise `lag`; revised ones show that the service corrects its counts.",
            12,
            [
                query(highest(corrected("revised_down"), *stages),
                      "revised {{app}} {{region}} {{push}} {{stage}} ({{instance}})", "A"),
                query(highest(corrected("late"), *stages),
                      "late {{app}} {{region}} {{push}} {{stage}} ({{instance}})", "B"),
            ],
            long_names=True,
            none="no counters",
        ),
    )


def processes():
    cpu = f"rate(process_cpu_seconds_total{{{INSTANCE}}}{RATE})"
    files = f"process_open_fds{{{INSTANCE}}} / process_max_fds{{{INSTANCE}}}"
    return (
        lines(
            "CPU",
            "Cores that each exporter uses.",
            "it is a small part of one core; if not, count targets and scrapes.",
            8, [query(cpu, "{{instance}}")], "none", none="not running", soft_max=0.1,
        ),
        lines(
            "Memory",
            "Resident memory of each exporter.",
            "it is some tens of megabytes and level; a steady climb is a fault to report.",
            8, [query(f"process_resident_memory_bytes{{{INSTANCE}}}", "{{instance}}")], "bytes", none="not running",
        ),
        lines(
            "Open files",
            "Open files and connections as a part of what the process may have.",
            "near 1 new connections fail: raise the limit, or find who holds them.",
            8, [query(files, "{{instance}}")], "percentunit", none="not running",
        ),
    )
