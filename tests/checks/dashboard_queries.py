#!/usr/bin/env python3
"""Runs every query of the dashboards on real Prometheus servers; each must return data.

One server scrapes the demo, which is restarted once and has calls refused. Another has what
`backfill` wrote about this time yesterday and, dated back, a week ago; a third has it of two
replicas, and must answer the same. What is served only 6 h after a day closed is in a fourth, from
the recorded exposition of such a moment. Names and labels in the queries are compared with what the
demo serves, and what the rules record. What a right answer is, is in dashboard_truth.py.
"""

import contextlib
import json
import math
import pathlib
import re
import sys
import tempfile
import time

import dashboards
import promql_parser
import promql_rules
from dashboards import Query
from lab import Failure, Prometheus, copied, dated, demo, fetch, free_port, need, refuse_some, simulated_past

PATIENCE = 150
HOUR = 3600
DAY = 24 * HOUR

# Fires at once, so that there are alerts to ask for.
RULES = {
    "groups": [{
        "name": "dashboards",
        "rules": [{
            "alert": "TimpushDashboardCheck",
            "expr": "max by (app, region) (timpush_target_up) >= 0",
            "labels": {"severity": "info"},
        }],
    }],
}

# Queries that return nothing on a server that knows minutes: they must on the one that knows a week.
NEED_HISTORY = {
    "timpush-overview: Loss after sending, against before (B)": "yesterday's line",
    "timpush-overview: Loss after sending, against before (C)": "last week's line",
}

# Queries that return nothing on either.
NEED_HOURS = {
    "timpush-exporter: Late and revised losses (B)": "served 6 h after a day that the process saw close",
}

# Those that compare with a day ago, which dashboard_truth.py asks.
ASKED_ELSEWHERE = {
    "timpush-errors: Codes (C)": "grown since yesterday",
    "timpush-errors: Risers (A)": "grown since yesterday",
    "timpush-errors: New in the last day (A)": "not lost yesterday",
}
AFTER_HOURS = dashboards.TOP / "tests/golden/late_losses.prom"

# Series of Prometheus itself, with the labels that its rules give them.
PROMETHEUS = {
    "up": set(),
    "scrape_duration_seconds": set(),
    "scrape_samples_scraped": set(),
    "ALERTS": {"alertname", "alertstate", "severity", "app", "region", "push"},
}
EVERYWHERE = {"job", "instance"}

# More lines need a legend that is a table.
FEW = 4


def served(metrics: str) -> dict[str, set[str]]:
    """Labels by metric in the text format."""
    found: dict[str, set[str]] = {}
    for line in metrics.splitlines():
        match = re.match(r"(\w+)(?:{(.*)})? ", line)
        if match:
            labels = re.findall(r'(\w+)="(?:[^"\\]|\\.)*"', match[2] or "")
            found.setdefault(match[1], set()).update(labels)
    return found


def recorded() -> dict[str, set[str]]:
    """Labels by the name of what the rules record for the dashboards."""
    found = {}
    for rule in dashboards.rules():
        if rule["record"].startswith(promql_rules.WITHOUT_JOB):
            # Its own name says what its labels are.
            found[rule["record"]] = LEVELS[rule["record"].partition(":")[0]]
            continue
        labels = labels_of(promql_parser.parse(rule["expr"]), found)
        found[rule["record"]] = {*labels, *rule.get("labels", ()), *FOLDED} - EVERYWHERE
    return found


TARGET = ("app", "region", "push")
LEVELS = {
    "app_region": {*TARGET},
    "app_region_window": {*TARGET, "window"},
    "app_region_stage": {*TARGET, "stage"},
    "app_region_stage_window": {*TARGET, "stage", "window"},
    "app_region_code": {*TARGET, "stage", "platform", "err_code", "class"},
}

# What label_replace() gives to what is recorded over all apps.
FOLDED = ("app", "known")


def labels_of(tree, known: dict[str, set[str]]) -> set[str]:
    """Labels of the outermost aggregation of an expression, or of the recorded series that it begins with."""
    while not isinstance(tree, (promql_parser.AggregateExpr, promql_parser.VectorSelector)):
        tree = tree.args[0] if isinstance(tree, promql_parser.Call) else tree.lhs
    return {*tree.modifier.labels} if isinstance(tree, promql_parser.AggregateExpr) else known[tree.name]


# What is asked under these names only where $series or $sums chooses other ones.
ELSEWHERE = {
    *(f"board:timpush_{name}_total" for name in (
        "api_requests", "api_retries", "lost_pushes", "sent_pushes", "sendable_pushes",
    )),
    *(f"timpush_{name}" for name in ("api_requests:rate5m", "api_retries:rate5m", "window_class_lost_pushes")),
    "fleet:timpush_window_class_lost_pushes",
}


def name_problems(query: Query, known: dict[str, set[str]], chosen: dict[str, str]) -> list[str]:
    """Metrics and labels that the program does not have, or the rules do not record."""
    tree = promql_parser.parse(query.promql(**chosen))
    labels = set(EVERYWHERE)
    found = []
    for each in promql_rules.selectors(tree):
        if each.name in ELSEWHERE:
            continue
        if each.name not in known:
            found.append(f"there is no metric {each.name}")
            continue
        labels |= known[each.name]
        for matcher in each.matchers.matchers:
            # A matcher that refuses a recorded series is how a query leaves it out.
            left_out = each.name.startswith(dashboards.RECORDED) and str(matcher.op) == "MatchOp.NotEqual"
            if matcher.name not in known[each.name] | EVERYWHERE and not left_out:
                found.append(f"{each.name} has no label {matcher.name}")
    if chosen != dashboards.SERVED_NAMES:
        # There are fewer labels: codes are folded.
        return found
    return found or [f"nothing in it has the label {name}" for name in promql_rules.labels_named(tree) - labels]


def about_pushes_alone(query: Query) -> bool:
    """Whether it is answered from what `backfill` writes."""
    names = {each.name for each in promql_rules.selectors(promql_parser.parse(query.promql()))}
    return all(re.fullmatch(r"timpush_(window_.*|.*_pushes_total|error_code_info)", name) for name in names) and bool(
        names - {"timpush_window_resolved", "timpush_error_code_info"}
    )


def series_of(server: Prometheus, query: Query, at: float) -> list[dict]:
    if query.instant:
        return server.ask("query", query=query.promql(), time=at)
    return server.ask("query_range", query=query.promql(), start=at - 600, end=at, step=15)


def values_of(series: dict) -> list[list]:
    """Pairs of time and value."""
    return series.get("values") or [series["value"]]


def answer(server: Prometheus, query: Query, at: float) -> list[str]:
    """What is wrong with what a query returns."""
    try:
        series = series_of(server, query, at)
    except Failure as error:
        return [str(error)]
    numbers = [float(value) for each in series for _, value in values_of(each)]
    if all(math.isnan(number) for number in numbers):
        return ["returns nothing"]
    found = []
    for name in sorted(dashboards.placeholders(query.legend)):
        if not all(name in each["metric"] for each in series) and not query.place.startswith("annotation"):
            found.append(f"its legend has {{{{{name}}}}}, which the result has not")
    if query.lists_lines and len(series) > FEW:
        found.append(f"has {len(series)} lines and a legend that is a list")
    return found


def doubled(one: Prometheus, two: Prometheus, query: Query, at: float) -> bool:
    """Whether the answer is another one where each series is there from two replicas."""

    def plain(server: Prometheus) -> list[str]:
        # Sums of the same parts differ in their last digits by the order of the parts.
        return sorted(
            f"{sorted(each['metric'].items())} {[f'{float(value):.9g}' for _, value in values_of(each)]}"
            for each in series_of(server, query, at)
        )

    return plain(one) != plain(two)


def ask_until(server: Prometheus, queries: list[Query], end: float) -> list[str]:
    """Asks again those with problems, since some data take a while to be there."""
    while True:
        problems = {query: answer(server, query, time.time()) for query in queries}
        queries = [query for query, found in problems.items() if found]
        if not queries or time.monotonic() > end:
            return [f"{query}: {problem}" for query in queries for problem in problems[query]]
        time.sleep(5)


def value_problems(server: Prometheus, variables: list[tuple[Query, str]]) -> list[str]:
    return [
        f"{query}: has no values"
        for query, label in variables
        if not server.ask(f"label/{label}/values", **{"match[]": query.promql()})
    ]


def run(folder: pathlib.Path, stack: contextlib.ExitStack) -> list[str]:
    documents = dashboards.documents()
    queries = [
        query
        for board, document in documents.items()
        for query in dashboards.panel_queries(board, document) + dashboards.annotation_queries(board, document)
    ]
    variables = [each for board, document in documents.items() for each in dashboards.variable_queries(board, document)]
    results = [each for board, document in documents.items() for each in dashboards.result_queries(board, document)]
    excused = NEED_HISTORY.keys() | NEED_HOURS.keys() | ASKED_ELSEWHERE.keys()
    problems = [f"{name}: is excused and not there" for name in excused - {str(query) for query in queries}]

    began = int(time.time())
    yesterday = began - DAY
    past = stack.enter_context(simulated_past(folder, yesterday - HOUR // 2, yesterday + HOUR // 4))
    port, rules = free_port(), folder / "rules.yml"
    rules.write_text(json.dumps(RULES))
    live = stack.enter_context(Prometheus(folder, "live").running(port, rules))
    with demo(folder, port, "demo-before.log"):
        time.sleep(11)  # two scrapes
    simulator = stack.enter_context(demo(folder, port))
    refuse_some(simulator)

    usual = [query for query in queries if str(query) not in excused]
    problems += ask_until(live, usual, time.monotonic() + PATIENCE)
    problems += value_problems(live, variables)
    problems += [
        f"{query}: finds nothing"
        for query, pattern in results
        if not any(pattern.search(line) for line in dashboards.lines_of(series_of(live, query, time.time())))
    ]
    after_hours = AFTER_HOURS.read_text("utf-8")
    known = served(after_hours) | served(fetch(f"http://127.0.0.1:{port}/metrics")) | PROMETHEUS | recorded()
    for query in [*queries, *(query for query, _ in variables + results)]:
        for chosen in dashboards.ALL_NAMES:
            problems += [f"{query}: {problem}" for problem in name_problems(query, known, chosen)]

    samples = [past.file(PATIENCE)]
    samples.append(copied(samples[0], "week.om", earlier=6 * DAY))
    filled, replicas = Prometheus(folder, "filled"), Prometheus(folder, "replicas")
    filled.load(*samples)
    replicas.load(*samples, *(copied(each, f"replica-{each.name}", instance="replica") for each in samples))
    late = Prometheus(folder, "late")
    late.load(dated(after_hours, folder / "late.om", range(began - 60, began + 1, 15)))
    for server in (filled, replicas, late):
        stack.enter_context(server.running())
    compared = [query for query in queries if str(query) in NEED_HISTORY]
    problems += [f"{query}: {problem}" for query in compared for problem in answer(filled, query, time.time())]
    hours = [query for query in queries if str(query) in NEED_HOURS]
    problems += [f"{query}: {problem}" for query in hours for problem in answer(late, query, began)]
    pushes = [query for query in usual if about_pushes_alone(query)]
    at = yesterday + 120
    problems += [f"{query}, backfilled: {problem}" for query in pushes for problem in answer(filled, query, at)]
    problems += [f"{query}: two replicas change it" for query in pushes if doubled(filled, replicas, query, at)]
    print(
        f"{len(queries)} queries and {len(variables)} variables of {len(documents)} dashboards on the demo, "
        f"{len(compared)} against history, {len(hours)} after hours, {len(pushes)} on what was backfilled, "
        f"{time.time() - began:.0f} s"
    )
    return problems


def main() -> int:
    try:
        need("prometheus", "promtool")
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            problems = run(pathlib.Path(folder), stack)
    except Failure as failure:
        problems = [str(failure)]
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
