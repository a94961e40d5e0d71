"""Whether the exporters themselves are well: replicas are shown each for itself."""

from grafana_foundation_sdk.models.common import StackingMode

import names
from frame import TO_APP, Board, choice
from panels import ANY_IS_BAD, PLAIN, Column, bands, buckets, lines, named, now, property_of, query, stat, table
from queries import INSTANCE

HERE = f'{INSTANCE},app=~"$app",region=~"$region"'
CALLS = f'{HERE},api=~"$api"'

OK_OR_FAILED = {"0": ("failed", names.WORST), "1": ("ok", names.GOOD)}
ONE_IS_GOOD = ((None, names.WORST), (1, names.GOOD))
ERRORS = ((None, names.GOOD), (0.05, names.WARN), (0.25, names.WORST))
RATE = "[$__rate_interval]"


def board() -> Board:
    board = Board(
        "timpush-exporter",
        "Push loss / Exporter health",
        "Whether the exporters run, reach the service and are scraped. If not, the other dashboards show old numbers.",
    )
    instances = 'label_values(timpush_build_info{job=~"$job"}, instance)'
    board.variable(choice("instance", "Instance", instances, "One exporter process; replicas have one each."))
    apis = f"label_values(timpush_target_up{{{HERE}}}, api)"
    board.variable(choice("api", "API", apis, "One of the service's questions: losses or statistics."))
    board.line(4, *_process_now())
    board.line(8, _targets(), _allowance())
    board.line(8, _requests(), _error_ratio(), _latency())
    board.row("Why calls fail", (8, _codes(), _failing(), _clock()), (8, _waits(), _retries(), _heat()))
    board.row("Polls and series", (8, _polls(), _lateness(), _series()), (8, _scrapes(), _folded(), _signatures()))
    board.row("Counters", (8, *_counters()))
    board.row("Processes", (8, *_processes()))
    board.row("$api", _one_api(), repeat="api")
    return board


def _process_now():
    up = f"timpush_target_up{{{HERE}}}"
    return (
        stat(
            "Exporters up",
            "Exporters that Prometheus can scrape, as a part of those that it should.",
            "below 100 %, look at the process, its log and the network between.",
            4, query(f"sum(up{{{INSTANCE}}}) / count(up{{{INSTANCE}}})"), "percentunit",
            ((None, names.WORST), (1, names.GOOD)), none="none known",
        ),
        stat(
            "Targets failing",
            "Targets of which the latest poll of some API failed, counted for each replica.",
            "find them in the strips below, then the reason in `Why calls fail`.",
            4, query(f"count(min by (instance, app, region) ({up}) == 0) or 0 * count({up})"), "none", ANY_IS_BAD,
            none="no targets",
        ),
        named(
            "Version",
            "The versions that run now. More than one is normal only during a roll-out.",
            "if old ones stay, find their instance and restart it.",
            4, now(f"count by (version) (timpush_build_info{{{INSTANCE}}})", "{{version}}"), "version", none="none",
        ),
        stat(
            "Shortest uptime",
            "Time since the exporter that was started last began.",
            "if it stays low, a process restarts again and again: read its log, and its memory limit.",
            4, query(f"time() - max(process_start_time_seconds{{{INSTANCE}}})"), "s", PLAIN, none="not running",
        ),
        stat(
            "Configuration",
            "Whether every exporter accepted its configuration when it was last read.",
            "refused means that the old one still runs: run `timpush-exporter check-config`, it names every problem.",
            4, query(f"min(timpush_config_last_reload_successful{{{INSTANCE}}})"), "none", ONE_IS_GOOD, none="unknown",
            states={"0": ("refused", names.WORST), "1": ("accepted", names.GOOD)}, trend=False,
        ),
        stat(
            "Next expiry of a signature",
            "Time until the first signature in use expires. The exporter renews its own at half of their life.",
            "below an hour, read the log: the key cannot be read.",
            4, query(f'min(timpush_usersig_expiry_timestamp_seconds{{{INSTANCE},app=~"$app"}}) - time()'), "s",
            ((None, names.WORST), (3600, names.WARN), (21600, names.GOOD)), low=None, none="no signature yet",
        ),
    )


def _targets():
    up = f"min by (instance, app, region, api) (timpush_target_up{{{HERE}}})"
    return bands(
        "Targets",
        "Whether the latest poll of each target's API succeeded, for each replica.",
        "all at once is the network or the exporter; one app is its key or permission; one API is the service.",
        12,
        # The APIs' common beginning would push their difference out of sight.
        query(
            f'label_replace({up}, "question", "$1", "api", "(?:normal_push_)?(.+)")',
            "{{app}} {{region}} {{question}} ({{instance}})",
        ),
        look=ONE_IS_GOOD, states=OK_OR_FAILED, none="no targets",
    )


def _allowance():
    last = f"min by (instance, app, region) (timpush_target_last_success_timestamp_seconds{{{HERE}}} > 0)"
    interval = f"max by (instance, app, region) (timpush_target_interval_seconds{{{HERE}}})"
    return lines(
        "Age of the data against what is allowed",
        "Age of a target's data as a part of three poll intervals. At 1 three polls in a row brought nothing.",
        "above 1, the target fails or its polls wait too long for the limit of calls.",
        12, [query(f"(time() - {last}) / (3 * {interval})", "{{app}} {{region}} ({{instance}})")], "percentunit",
        look=((None, names.GOOD), (1, names.WORST)), limits=True, none="no answer yet", soft_max=1.2,
    )


def _requests():
    return lines(
        "Calls by outcome",
        "HTTP calls to the service for each second by how they ended, retries included.",
        "auth: compare SDKAppID, key and clock; permission: use an administrator and the IP allowlist; rate_limited: "
        "somebody else asks, too; connect, timeout and tls: the network.",
        8, [query(f"sum by (outcome) (rate(timpush_api_requests_total{{{CALLS}}}{RATE})) > 0", "{{outcome}}")], "reqps",
        colours=names.OUTCOMES, stacked=StackingMode.NORMAL, none="no calls",
    )


def _error_ratio():
    bad = f'sum by (app) (rate(timpush_api_requests_total{{{CALLS},outcome!="ok"}}{RATE}))'
    every = f"sum by (app) (rate(timpush_api_requests_total{{{CALLS}}}{RATE}))"
    return lines(
        "Failed calls, by app",
        "Part of each app's calls that did not end well.",
        "single failures heal by a retry; above 25 % for minutes, find the outcome beside.",
        8, [query(f"({bad} or 0 * {every}) / ({every} > 0)", "{{app}}")], "percentunit", look=ERRORS, limits=True, none="no calls",
        soft_max=0.3,
    )


def _quantile(part: float, *by: str, matchers: str = 'api=~"$api"') -> str:
    labels = ", ".join(("le", *by))
    metric = f"timpush_api_request_duration_seconds_bucket{{{INSTANCE},{matchers}}}"
    return f"histogram_quantile({part}, sum by ({labels}) (rate({metric}{RATE})))"


def _latency():
    queries = [query(_quantile(part), f"p{part * 100:.0f}", ref) for part, ref in zip((0.5, 0.95, 0.99), "ABC")]
    return lines(
        "Latency of calls",
        "How long calls took, from start to the end of the answer: the median, and what 1 of 20 and of 100 exceeds.",
        "above 3 s the service gives up itself; a far region or a slow proxy shows as a high median.",
        8, queries, "s", many=False, colours={"p50": "#73BF69", "p95": "#F2CC0C", "p99": "#C4162A"}, none="no calls",
    )


def _codes():
    errors = f"sum by (app, api, code) (increase(timpush_api_errors_total{{{CALLS}}}{RATE}))"
    return lines(
        "Refusals by the service's code",
        "Calls that the service refused, by its REST error code; a code appears when it is first seen.",
        "the log names the code and advises; 60026 is mostly the wrong region, 70001 to 70050 the signature.",
        8, [query(errors, "{{app}} {{api}} {{code}}")], none="no refusals",
    )


def _failing():
    failures = f"max by (app, region, api) (timpush_target_consecutive_failures{{{CALLS}}})"
    return lines(
        "Failed polls in a row",
        "Polls of a target's API that failed since its last success.",
        "a line that climbs does not heal by itself; from `stale_after` on, its data are dropped.",
        8, [query(failures, "{{app}} {{region}} {{api}}")], none="no targets",
    )


def _clock():
    skew = f'timpush_clock_skew_seconds{{{INSTANCE},region=~"$region"}}'
    return lines(
        "Clock against the service",
        "This machine's clock minus the service's. Skew breaks signatures and shifts windows.",
        "beyond some seconds, repair the time synchronisation of the machine.",
        8, [query(f"max by (instance, region) ({skew})", "{{region}} ({{instance}})")], "s", low=None,
        none="no answer yet",
    )


def _waits():
    waits = f'timpush_api_throttle_wait_seconds_total{{{INSTANCE},app=~"$app"}}'
    return lines(
        "Waiting for the limit of calls",
        "Seconds that an app's calls waited in each second for the limit of calls of its SDKAppID.",
        "some waiting is by design; if polls come late, raise the interval or poll fewer regions.",
        8, [query(f"sum by (app) (rate({waits}{RATE}))", "{{app}}")], "s", none="no calls",
    )


def _retries():
    return lines(
        "Retries and backup hosts",
        "Calls that repeated a question, for each second, and how many targets the second host of a region answers.",
        "a steady level of retries is a bad link; a backup host for long means that the main host is gone.",
        8, [
            query(f"sum by (app) (rate(timpush_api_retries_total{{{CALLS}}}{RATE}))", "retries {{app}}", "A"),
            query(f"sum(timpush_target_backup_in_use{{{HERE}}})", "targets on a backup host", "B"),
        ], none="no calls",
    )


def _heat():
    metric = f'timpush_api_request_duration_seconds_bucket{{{INSTANCE},api=~"$api"}}'
    return buckets(
        "Latency of calls, spread",
        "How many calls took how long: two bands are two kinds of answers, such as cached and slow ones.",
        "a second band that appears is a change at the service or on the way.",
        8, query(f"sum by (le) (increase({metric}{RATE}))", "{{le}}"),
    )


def _polls():
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


def _lateness():
    bucket = f"timpush_poll_lateness_seconds_bucket{{{INSTANCE}}}"
    slow = f"histogram_quantile(0.95, sum by (instance, le) (rate({bucket}{RATE})))"
    return lines(
        "Lateness of polls",
        "How long after its due time one of 20 polls began.",
        "seconds are a busy machine or a poll that takes longer than its interval.",
        8, [query(slow, "p95 ({{instance}})")], "s", none="no polls",
    )


def _series():
    by = "(instance, app, region)"
    used = f"max by {by} (timpush_target_series{{{HERE}}}) / max by {by} (timpush_target_series_limit{{{HERE}}})"
    return lines(
        "Series against the limit",
        "Data series of each target as a part of its limit.",
        "at 1 rare codes are summed up under `other`: raise `series_limit` if you need them apart.",
        8, [query(used, "{{app}} {{region}} ({{instance}})")], "percentunit",
        look=((None, names.GOOD), (1, names.WARN)), limits=True, none="no targets", soft_max=1,
    )


def _scrapes():
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


def _folded():
    folded = f"max by (instance, app, region) (timpush_target_folded_codes{{{HERE}}})"
    return lines(
        "Codes summed up under other",
        "Rare codes that are not served apart, to keep within the limit of series.",
        "raise `series_limit` if there are many; sums stay right all the same.",
        8, [query(folded, "{{app}} {{region}} ({{instance}})")], none="no targets",
    )


def _signatures():
    expiry = f'timpush_usersig_expiry_timestamp_seconds{{{INSTANCE},app=~"$app"}}'
    return lines(
        "Life of signatures",
        "Time until each app's signature in use expires: a saw that is renewed at half of its life.",
        "a line that goes on falling is a key that cannot be read or a fixed signature: rotate it.",
        8, [query(f"min by (instance, app) ({expiry}) - time()", "{{app}} ({{instance}})")], "s", low=None,
        none="no signature yet",
    )


def _counters():
    by = ("instance", "app", "region")
    enabled = f"min by ({', '.join(by)}) (timpush_counters_enabled{{{HERE}}})"
    resolved = f"min by ({', '.join(by)}) (timpush_window_resolved{{{HERE}}})"
    anchor = f"1000 * max by ({', '.join(by)}) (timpush_day_anchor_timestamp_seconds{{{HERE}}})"
    stages = "(instance, app, region, stage)"
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
            "a counter.",
            "if late ones are many, raise `lag`; revised ones show that the service corrects its counts.",
            12,
            [
                query(f"max by {stages} (timpush_revised_down_pushes{{{HERE}}})",
                      "revised {{app}} {{region}} {{stage}} ({{instance}})", "A"),
                query(f"max by {stages} (timpush_late_pushes{{{HERE}}})",
                      "late {{app}} {{region}} {{stage}} ({{instance}})", "B"),
            ],
            long_names=True,
            none="no counters",
        ),
    )


def _processes():
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


def _one_api():
    queries = [
        query(_quantile(part), f"p{part * 100:.0f}", ref) for part, ref in zip((0.5, 0.95, 0.99), "ABC")
    ]
    return (
        8,
        lines(
            "$api: calls by outcome",
            "Calls of this API for each second by how they ended.",
            "if only one API fails, it is the service's; if both do, it is the key or the network.",
            12, [query(f"sum by (outcome) (rate(timpush_api_requests_total{{{CALLS}}}{RATE})) > 0", "{{outcome}}")],
            "reqps", colours=names.OUTCOMES, stacked=StackingMode.NORMAL, none="no calls",
        ),
        lines(
            "$api: latency",
            "How long calls of this API took.",
            "compare with the other API; the service gives up after 3 s.",
            12, queries, "s", many=False, colours={"p50": "#73BF69", "p95": "#F2CC0C", "p99": "#C4162A"},
            none="no calls",
        ),
    )
