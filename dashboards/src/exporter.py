"""Whether the exporters themselves are well: replicas are shown each for itself."""

from grafana_foundation_sdk.models.common import StackingMode

import names
import polls
from frame import Board, choice, leading
from health import CALLS, FIRST, HERE, ONE_IS_GOOD, RATE, calls, highest, quantile, rate_of
from panels import ANY_IS_BAD, MANY, PLAIN, bands, buckets, lines, named, now, query, stat
from queries import INSTANCE, TARGET, last_success, of_leading, worst

_TARGET = ("instance", *TARGET)
OK_OR_FAILED = {"0": ("failed", names.WORST), "1": ("ok", names.GOOD)}
ERRORS = ((None, names.GOOD), (0.05, names.WARN), (0.25, names.WORST))


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
    failures = f"max by (app) (timpush_target_consecutive_failures{{{HERE}}})"
    for name, rank in (("failing", failures), ("late", f"max by (app) ({_part()})"), ("erring", _ratio())):
        board.variable(leading(name, f"topk({MANY}, {rank})", "app"))
    board.line(4, *_process_now())
    board.line(8, _targets(), _allowance())
    board.line(8, _requests(), _error_ratio(), _latency())
    board.row("Why calls fail", (8, _codes(), _failing(), _clock()), (8, _waits(), _retries(), _heat()))
    board.row("Polls and series", (8, polls.polls(), polls.lateness(), polls.series()),
              (8, polls.scrapes(), polls.folded(), polls.signatures()))
    board.row("Counters", (8, *polls.counters()))
    board.row("Processes", (8, *polls.processes()))
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
            4, query(f"count(min by ({', '.join(_TARGET)}) ({up}) == 0) or 0 * count({up})"), "none", ANY_IS_BAD,
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
    by = (*_TARGET, "api")
    failures = f"max by ({', '.join(by)}) (timpush_target_consecutive_failures{{{HERE}}} @ end())"
    up = worst(MANY, f"min by ({', '.join(by)}) (timpush_target_up{{{HERE}}})", failures, *by)
    return bands(
        "Targets",
        "Whether the latest poll of a target's API succeeded, for each replica: the twenty that have failed for most "
        "polls by the end of the range.",
        "all at once is the network or the exporter; one app is its key or permission; one API is the service.",
        12,
        # The APIs' common beginning would push their difference out of sight.
        query(
            of_leading("failing", f'label_replace({up}, "question", "$1", "api", "(?:.+_push_)?(.+)")'),
            "{{app}} {{region}} {{push}} {{question}} ({{instance}})",
        ),
        look=ONE_IS_GOOD, states=OK_OR_FAILED, none="no targets",
    )


def _part(at: str = "") -> str:
    by = ", ".join(_TARGET)
    last = f"min by ({by}) {last_success('instance', choice=HERE, at=at)}"
    return f"(time() - {last}) / (3 * max by ({by}) (timpush_target_interval_seconds{{{HERE}}}{at}))"


def _allowance():
    return lines(
        "Age of the data against what is allowed",
        "Age of a target's data as a part of three poll intervals. At 1 three polls in a row brought nothing. Of one "
        f"that was never answered, the age is its exporter's. Of many targets, {FIRST}.",
        "above 1, the target fails or its polls wait too long for the limit of calls.",
        12, [query(of_leading("late", highest(_part, *_TARGET)), "{{app}} {{region}} {{push}} ({{instance}})")],
        "percentunit", look=((None, names.GOOD), (1, names.WORST)), limits=True, none="no answer yet", soft_max=1.2,
    )


def _requests():
    return lines(
        "Calls by outcome",
        "HTTP calls to the service for each second by how they ended, retries included.",
        "auth: compare SDKAppID, key and clock; permission: use an administrator and the IP allowlist; rate_limited: "
        "somebody else asks, too; connect, timeout and tls: the network.",
        8, [query(f"{calls('outcome')} > 0", "{{outcome}}")], "reqps",
        colours=names.OUTCOMES, stacked=StackingMode.NORMAL, none="no calls",
    )


def _ratio(at: str = "") -> str:
    bad, every = calls("app", outcome=',outcome!="ok"', at=at), calls("app", at=at)
    return f"({bad} or 0 * {every}) / ({every} > 0)"


def _error_ratio():
    return lines(
        "Failed calls, worst apps",
        f"Part of an app's calls that did not end well. Of many apps, {FIRST}.",
        "single failures heal by a retry; above 25 % for minutes, find the outcome beside.",
        8, [query(of_leading("erring", highest(_ratio, "app")), "{{app}}")], "percentunit", look=ERRORS, limits=True,
        none="no calls", soft_max=0.3,
    )


def _latency():
    queries = [query(quantile(part), f"p{part * 100:.0f}", ref) for part, ref in zip((0.5, 0.95, 0.99), "ABC")]
    return lines(
        "Latency of calls",
        "How long calls took, from start to the end of the answer: the median, and what 1 of 20 and of 100 exceeds.",
        "above 3 s the service gives up itself; a far region or a slow proxy shows as a high median.",
        8, queries, "s", many=False, colours={"p50": "#73BF69", "p95": "#F2CC0C", "p99": "#C4162A"}, none="no calls",
    )


def _codes():
    by = ("app", "api", "code")

    def errors(at: str) -> str:
        return f"sum by ({', '.join(by)}) (increase(timpush_api_errors_total{{{CALLS}}}{RATE}{at}))"

    return lines(
        "Refusals by the service's code",
        "Calls that the service refused, by its REST error code; a code appears when it is first seen. Of many "
        f"lines, {FIRST}.",
        "the log names the code and advises; 60026 is mostly the wrong region, 70001 to 70050 the signature.",
        8, [query(highest(errors, *by), "{{app}} {{api}} {{code}}")], none="no refusals",
    )


def _failing():
    by = (*TARGET, "api")

    def failures(at: str) -> str:
        return f"max by ({', '.join(by)}) (timpush_target_consecutive_failures{{{CALLS}}}{at})"

    return lines(
        "Failed polls in a row",
        f"Polls of a target's API that failed since its last success. Of many targets, {FIRST}.",
        "a line that climbs does not heal by itself; from `stale_after` on, its data are dropped.",
        8, [query(highest(failures, *by), "{{app}} {{region}} {{api}}")], none="no targets",
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
    def waits(at: str) -> str:
        wait = f'timpush_api_throttle_wait_seconds_total{{{INSTANCE},app=~"$app"}}'
        return f"sum by (app) (rate({wait}{RATE}{at}))"

    return lines(
        "Waiting for the limit of calls",
        "Seconds that an app's calls waited in each second for the limit of calls of its SDKAppID. Of many apps, "
        f"{FIRST}.",
        "some waiting is by design; if polls come late, raise the interval or poll fewer regions.",
        8, [query(highest(waits, "app"), "{{app}}")], "s", none="no calls",
    )


def _retries():
    def retries(at: str) -> str:
        return rate_of("retries", "app", at=at)

    return lines(
        "Retries and backup hosts",
        "Calls that repeated a question, for each second, and how many targets the second host of a region answers. "
        f"Of many apps, {FIRST}.",
        "a steady level of retries is a bad link; a backup host for long means that the main host is gone.",
        8, [
            query(highest(retries, "app"), "retries {{app}}", "A"),
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


def _one_api():
    queries = [
        query(quantile(part), f"p{part * 100:.0f}", ref) for part, ref in zip((0.5, 0.95, 0.99), "ABC")
    ]
    return (
        8,
        lines(
            "$api: calls by outcome",
            "Calls of this API for each second by how they ended.",
            "if only one API fails, it is the service's; if both do, it is the key or the network.",
            12, [query(f"{calls('outcome')} > 0", "{{outcome}}")],
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
