#!/usr/bin/env python3
"""Asks the dashboards about fleets of which the right answer is known, on a real Prometheus.

Each fleet has a scrape job of its own, which is what the variable Job chooses. All is asked twice:
of the exporter's series, and of what the rules record of them. An app is in one fleet only: what alerts look at, too,
is recorded without the job.
"""

import itertools
import math
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import dashboards
import yaml
from lab import Failure, Prometheus, need

MINUTE, HOUR, DAY = 60, 3600, 86400

# How many rules there are, one made of another, from what is served to sums over all apps.
PASSES = 4
READY, POST = "ready_to_send", "post_send_delivered"
# The one that a repeated row is tried with.
PLATFORM = dashboards.REPEATED["platform"]
NORMAL, ALL_MEMBER = "normal", "all_member"

# Names that are more than words, and one that two of them would match as a regular expression.
NAMES = {"a.b": 0.1, "aXb": 0.2, "C++": 0.3, "C": 0.4, "game (test)": 0.5, "game test": 0.6, r"back\slash": 0.7}

# Queries that have one text for all kinds of series.
VARIES = re.compile(r"\$\{(series|sums|codes)\}")

# Which the recorded series need not answer as the exporter's do: they are from lately.
OLDER = re.compile(r"against before \([BC]\)")


class Fleet:
    """The samples of one job."""

    def __init__(self, job: str, now: int) -> None:
        self.job, self.now, self.lines = job, now, []

    def add(self, name: str, /, value: float, ago: int = 0, grows: float = 0, **labels: str) -> None:
        """A series that is there for 20 minutes, until so many seconds ago."""
        text = ",".join(f'{key}="{self._quoted(each)}"' for key, each in {"job": self.job, **labels}.items())
        for minute in range(20, -1, -1):
            at = self.now - ago - minute * MINUTE
            self.lines.append(f"{name}{{{text}}} {value + grows * (20 - minute)} {at}\n")

    @staticmethod
    def _quoted(value: str) -> str:
        return value.replace("\\", r"\\").replace('"', r"\"")

    def app(self, app: str, lost: dict[str, float], sent: float | None = None, ago: int = 0, losses: bool = True,
            instance: str = "one", region: str = "china", push: str = NORMAL) -> None:
        """A target with what its codes lost after sending, with its statistics if there are any."""
        labels = {"app": app, "region": region, "push": push, "instance": instance}
        labels = {name: value for name, value in labels.items() if value}
        apis = (("loss", losses), ("statistics", sent is not None))
        for api in (f"{push or NORMAL}_push_{api}" for api, there in apis if there):
            self.add("timpush_window_end_timestamp_seconds", self.now - ago, ago, api=api, **labels)
            self.add("timpush_target_up", 1, ago, api=api, **labels)
            self.add("timpush_target_consecutive_failures", 0, ago, api=api, **labels)
            self.add("timpush_target_last_success_timestamp_seconds", self.now - ago - 30, ago, api=api, **labels)
        self.add("timpush_target_interval_seconds", 60, ago, **labels)
        for code, count in lost.items():
            self.add("timpush_window_lost_pushes", count, ago, stage=POST, err_code=code, **labels)
            self.add("timpush_lost_pushes_total", 0, ago, grows=count, stage=POST, err_code=code, **labels)
            on = {"platform": PLATFORM, "stage": POST, "err_code": code}
            self.add("timpush_window_platform_lost_pushes", count, ago, **on, **labels)
        if sent is not None:
            for name in ("sent", "sendable"):
                self.add(f"timpush_window_{name}_pushes", sent, ago, **labels)
                self.add(f"timpush_window_platform_{name}_pushes", sent, ago, platform=PLATFORM, **labels)
                self.add(f"timpush_{name}_pushes_total", 0, ago, grows=sent, **labels)


def without_statistics(fleet: Fleet) -> None:
    fleet.app("whole", {"1": 20}, sent=1000)
    fleet.app("whole", {"1": 20}, sent=1000, instance="two")
    fleet.app("whole", {"1": 3000}, region="frankfurt")
    fleet.app("losses", {"1": 3000})
    fleet.app("statistics", {}, sent=1000, losses=False)


def catalogues(fleet: Fleet) -> None:
    for instance, known in (("one", "quota"), ("two", "config"), ("three", "config")):
        fleet.app("shop", {"17": 5}, sent=100, instance=instance)
        on = {"stage": POST, "platform": PLATFORM, "err_code": "17", "class": known}
        fleet.add("timpush_error_code_info", 1, instance=instance, **on)


def names(fleet: Fleet) -> None:
    for name, ratio in NAMES.items():
        fleet.app(name, {"1": 100 * ratio}, sent=100)


def codes(fleet: Fleet) -> None:
    fleet.app("store", {"a.c": 1, "abc": 10, "4|5": 100, "4": 1000}, sent=5000)


def hole(fleet: Fleet) -> None:
    fleet.app("watched", {"old": 10, "fresh": 7}, sent=100)
    fleet.app("watched", {"old": 4}, sent=100, ago=DAY)
    fleet.app("unwatched", {"old": 500, "habit": 500}, sent=1000)


def silent(fleet: Fleet) -> None:
    fleet.app("answered", {"1": 1}, sent=100)
    never = {"app": "silent", "region": "china", "push": NORMAL, "instance": "one"}
    for api in ("normal_push_loss", "normal_push_statistics"):
        fleet.add("timpush_target_up", 0, api=api, **never)
        fleet.add("timpush_target_consecutive_failures", 120, api=api, **never)
        fleet.add("timpush_target_last_success_timestamp_seconds", 0, api=api, **never)
    fleet.add("timpush_target_interval_seconds", 60, **never)
    fleet.add("process_start_time_seconds", fleet.now - 2 * HOUR, instance="one")


def many(fleet: Fleet) -> None:
    for number in range(50):
        fleet.app(f"app{number:02}", {"1": number}, sent=100)


def pair(fleet: Fleet, apps: tuple[str, str], second: dict[str, str]) -> None:
    """Apps with two targets each, of which the second has another region or push."""
    both, halves = apps
    for instance in ("one", "two"):
        fleet.app(both, {"1": 20, "2": 5}, sent=1000, instance=instance)
        fleet.app(both, {"1": 60, "3": 20}, sent=100, instance=instance, **second)
    fleet.app(both, {"1": 4, "2": 1}, sent=1000, ago=DAY)
    fleet.app(both, {"1": 6}, sent=100, ago=DAY, **second)
    # Of one the losses are known, of the other the statistics: together they are no ratio.
    fleet.app(halves, {"1": 70})
    fleet.app(halves, {}, sent=900, losses=False, **second)


def pushes(fleet: Fleet) -> None:
    pair(fleet, ("paired", "halved"), {"push": ALL_MEMBER})


def regions(fleet: Fleet) -> None:
    pair(fleet, ("paired in two", "halved in two"), {"region": "frankfurt"})



def tasks(fleet: Fleet) -> None:
    """Campaigns: one that is no longer watched, one without a name, and one of which not all is known."""
    # Where the dashboard looks for the last values of what has ended.
    ended = fleet.now - (fleet.now - 2 * HOUR) // HOUR * HOUR
    for instance in ("one", "two"):
        def task(app: str, task: str, name: str, lost: dict[tuple[str, str], int], *steps: int, ago: int = 0) -> None:
            own = {"app": app, "region": "china", "task": task, "instance": instance}
            fleet.add("timpush_task_info", 1, ago, **({"name": name} if name else {}), type="all", **own)
            fleet.add("timpush_task_start_timestamp_seconds", fleet.now - ago - HOUR, ago, **own)
            for (stage, code), count in lost.items():
                fleet.add("timpush_task_lost_pushes", count, ago, stage=stage, err_code=code, **own)
                on = {"platform": PLATFORM, "stage": stage, "err_code": code}
                fleet.add("timpush_task_platform_lost_pushes", count, ago, **on, **own)
            for name, count in zip(("sendable", "sent", "delivered", "clicked"), steps):
                fleet.add(f"timpush_task_{name}_pushes", count, ago, **own)
                fleet.add(f"timpush_task_platform_{name}_pushes", count, ago, platform=PLATFORM, **own)

        task("campaigner", "t1", "June sale", {(READY, "-2"): 1000, (POST, "1"): 100}, 2000, 1000, 400, 50, ago=ended)
        task("campaigner", "t2", "", {(POST, "1"): 40, (POST, "403"): 60}, 500, 400, 100, 20)
        task("half answered", "t3", "Tag", {}, 10, 10, 1, 0)
        for app, up in (("campaigner", 1), ("half answered", 0)):
            last = {"app": app, "region": "china", "instance": instance}
            fleet.add("timpush_tasks", 1, state="watched", **last)
            fleet.add("timpush_tasks_last_success_timestamp_seconds", up * (fleet.now - 60), **last)
        dispatches = {"done": (1, 0, -HOUR), "refused": (0, 1, -HOUR), "forgotten": (0, 0, -HOUR), "due": (0, 0, 60)}
        for scheduled, (done, failed, due) in dispatches.items():
            own = {"app": "campaigner", "region": "china", "scheduled_task": scheduled, "instance": instance}
            fleet.add("timpush_scheduled_task_dispatched", done, **own)
            fleet.add("timpush_scheduled_task_dispatch_failed", failed, **own)
            fleet.add("timpush_scheduled_task_scheduled_timestamp_seconds", fleet.now + due, **own)
            fleet.add("timpush_scheduled_task_info", 1, name=scheduled, type="all", status="pending", **own)
    on = {"stage": POST, "platform": PLATFORM, "err_code": "403", "class": "credential"}
    fleet.add("timpush_error_code_info", 1, instance="one", **on)


def unlabelled(fleet: Fleet) -> None:
    fleet.app("older", {"1": 20, "2": 5}, sent=1000, push="")
    fleet.app("older", {"1": 4}, sent=1000, ago=DAY, push="")


FLEETS = (without_statistics, catalogues, names, codes, hole, silent, many, pushes, regions, unlabelled, tasks)

Rows = dict[str, float]


class Asker:
    """Asks a panel of a dashboard, with what is chosen, at the end of the fleets' time."""

    def __init__(self, server: Prometheus, now: int, names: dict[str, str]) -> None:
        self._server, self._now, self._names = server, now, names
        self._documents = dashboards.documents()

    def rows(self, board: str, place: str, label: str, **chosen: str) -> Rows:
        """The last value for each value of a label."""
        found = {}
        for each in self.asked(self._query(board, place), **chosen):
            value = float((each.get("values") or [each["value"]])[-1][1])
            found[each["metric"].get(label, "")] = value
        return found

    def asked(self, query: dashboards.Query, **chosen: str) -> list[dict]:
        text = query.promql(**{**self._names, **chosen})
        if query.instant:
            return self._server.ask("query", query=text, time=self._now)
        return self._server.ask("query_range", query=text, start=self._now - 300, end=self._now, step=60)

    def column(self, board: str, title: str, column: str) -> str:
        """The place of a column's query."""
        document = self._documents[board]
        panel = next(each for each in dashboards.panels(document) if each["title"] == title)
        organized = next(each["options"] for each in panel["transformations"] if each["id"] == "organize")
        value = next((old for old, new in organized["renameByName"].items() if new == column), "Value #?")
        return f"{title} ({value[-1] if '#' in value else 'A'})"

    def _query(self, board: str, place: str) -> dashboards.Query:
        every = dashboards.panel_queries(board, self._documents[board])
        try:
            return next(query for query in every if query.place == place)
        except StopIteration:
            raise Failure(f"{board} asks nothing at {place}") from None

    def every(self) -> list[dashboards.Query]:
        boards = self._documents.items()
        return [each for board, document in boards for each in dashboards.panel_queries(board, document)]

    def found(self, board: str, variable: str, **chosen: str) -> list[str]:
        """The values of a variable that asks by query_result()."""
        every = dashboards.result_queries(board, self._documents[board])
        query, pattern = next(each for each in every if each[0].place == f"variable {variable}")
        lines = dashboards.lines_of(self.asked(query, **chosen))
        values = (dashboards.value_in(line, pattern) for line in lines)
        return [value for value in values if value is not None]


def same(found: Rows, wanted: Rows) -> bool:
    return found.keys() == wanted.keys() and all(math.isclose(found[key], wanted[key], rel_tol=1e-6) for key in wanted)


def claims(ask: Asker):
    """What must be, by its sentence: what was found and what is right."""
    overview, errors, platforms, app, health = (
        "timpush-overview", "timpush-errors", "timpush-platforms", "timpush-app", "timpush-exporter"
    )
    job = "without_statistics"
    about = "losses of targets without statistics, and statistics without losses, are in no ratio"
    yield about, ask.rows(overview, "Loss after sending (A)", "", job=job), {"": 0.02}
    yield about, ask.rows(overview, "Loss after sending, worst apps (A)", "app", job=job), {"whole": 0.02}
    yield about, ask.rows(platforms, "Loss after sending, by platform (A)", "platform", job=job), {PLATFORM: 0.02}
    yield about, ask.rows(app, "Loss after sending (A)", "", job=job, app="whole"), {"": 0.02}
    yield about, ask.rows(overview, "Loss after sending (B)", "", job=job), {"": 0.02}
    yield about, ask.rows(overview, "Loss before sending (B)", "", job=job), {"": 0}
    place = ask.column(overview, "Apps, worst first", "Now (10m)")
    yield about, ask.rows(overview, place, "app", job=job), {"whole": 0.02}
    yield about, ask.rows(app, "Loss after sending (B)", "", job=job, app="whole"), {"": 0.02}
    # The allowed loss is 5 %.
    yield about, ask.rows(app, "Burn rate (A)", "", job=job, app="whole"), {"": 0.4}
    yield about, ask.rows(app, "Budget left of 7 days (A)", "", job=job, app="whole"), {"": 0.6}

    job, about = "catalogues", "two versions of the catalogue give a loss one class"
    yield about, ask.rows(overview, "Lost, by who must act (A)", "class", job=job), {"config": 5}
    yield about, ask.rows(errors, "Who must act (A)", "class", job=job), {"config": 5}
    yield about, ask.rows(overview, "Top causes (A)", "class", job=job), {"config": 5}
    place = "$platform: top codes (C)"
    yield about, ask.rows(platforms, place, "class", job=job, platform=PLATFORM), {"config": 1}

    for name, ratio in NAMES.items():
        about, several, one = f"{name} is a name", dashboards.escaped(name, True), dashboards.escaped(name, False)
        yield about, ask.rows(app, "Loss after sending (A)", "", job="names", app=one), {"": ratio}
        place = "Loss after sending, worst apps (A)"
        yield about, ask.rows(overview, place, "app", job="names", app=several, worst=several), {name: ratio}
        yield about, dict.fromkeys(ask.found(overview, "worst", job="names", app=several), ratio), {name: ratio}

    job, about = "codes", "a code with the characters of a regular expression is that code"
    lost = {"a.c": 1, "4|5": 100}
    for code in lost:
        chosen = {"job": job, "err_code": dashboards.escaped(code, True)}
        place = ask.column(errors, "Codes", "Lost")
        yield about, ask.rows(errors, place, "err_code", **chosen), {code: lost[code]}
        yield about, dict.fromkeys(ask.found(errors, "leading", **chosen), 0), {code: 0}
        leading = {"job": job, "leading": dashboards.escaped(code, True)}
        yield about, ask.rows(errors, "Top ten codes (A)", "err_code", **leading), {code: lost[code]}
    about = "a chart over time is of the codes with the most losses"
    yield about, dict.fromkeys(ask.found(errors, "leading", job=job), 0), dict.fromkeys(["4", "4|5", "abc", "a.c"], 0)

    about = "a cause has its app, platform and class, which is unknown where no catalogue has it"
    for label, wanted in (("app", "store"), ("platform", PLATFORM), ("class", "unknown")):
        found = ask.rows(overview, "Top causes (A)", label, job=job, err_code="4")
        yield about, dict.fromkeys(found, 0), {wanted: 0}

    job, about = "hole", "nothing is new to an app without data of yesterday"
    yield about, ask.rows(errors, "New in the last day (A)", "err_code", job=job), {"fresh": 7}
    yield about, ask.rows(errors, "Risers (A)", "err_code", job=job), {"fresh": 7, "old": 6}
    place = ask.column(errors, "Codes", "Since yesterday")
    yield about, ask.rows(errors, place, "err_code", job=job), {"fresh": 7, "old": 6}

    job, about = "silent", "an app that was never answered is as old as its exporter"
    yield about, ask.rows(overview, "Oldest data (A)", "", job=job), {"": 2 * HOUR}
    yield about, ask.rows(app, "Oldest data (A)", "", job=job, app="silent"), {"": 2 * HOUR}
    ages = {"silent": 2 * HOUR, "answered": 30}
    yield about, ask.rows(overview, "Age of the data, oldest (A)", "app", job=job), ages
    place = ask.column(overview, "Apps, worst first", "Age")
    yield about, ask.rows(overview, place, "app", job=job), ages
    place = "Age of the data against what is allowed (A)"
    yield about, ask.rows(health, place, "app", job=job), {name: age / 180 for name, age in ages.items()}
    about = "an app that was never answered is in the table of apps, before the others"
    place = ask.column(overview, "Apps, worst first", "Data")
    yield about, ask.rows(overview, place, "app", job=job), {"silent": 1, "answered": 0}

    job, about = "pushes", "chat messages and all-user pushes are counted apart, and add up"
    yield about, ask.rows(overview, "Loss after sending (A)", "", job=job), {"": 105 / 1100}
    yield about, ask.rows(overview, "Loss after sending (B)", "", job=job), {"": 105 / 1100}
    ratios = {NORMAL: 0.025, ALL_MEMBER: 0.8}
    place = "Loss after sending, worst apps (A)"
    yield about, ask.rows(overview, place, "push", job=job), ratios
    yield about, ask.rows(app, "Loss after sending, by push (A)", "push", job=job, app="paired"), ratios
    yield about, ask.rows(app, "Sent, by push (A)", "push", job=job, app="paired"), {NORMAL: 1000, ALL_MEMBER: 100}
    for column in ("Loss after", "Now (10m)"):
        place = ask.column(overview, "Apps, worst first", column)
        yield about, ask.rows(overview, place, "push", job=job), ratios
    for push, ratio in ratios.items():
        for board, place in ((overview, "Loss after sending (A)"), (overview, "Loss after sending (B)"),
                             (app, "Loss after sending (A)"), (platforms, "Loss after sending, by platform (A)")):
            found = ask.rows(board, place, "app", job=job, app="paired", push=push)
            yield f"{board}, {place}: {about}", found, {"": ratio}
    about = "what is new to a push is not what is new to another"
    yield about, ask.rows(errors, "New in the last day (A)", "err_code", job=job), {"3": 20}
    yield about, ask.rows(errors, "New in the last day (A)", "err_code", job=job, push=NORMAL), {}

    job, about = "unlabelled", "what has no label push is shown where all pushes are chosen"
    yield about, ask.rows(overview, "Loss after sending (A)", "", job=job), {"": 0.025}
    yield about, ask.rows(overview, "Loss after sending (B)", "", job=job), {"": 0.025}
    yield about, ask.rows(overview, ask.column(overview, "Apps, worst first", "Lost"), "app", job=job), {"older": 25}
    yield about, ask.rows(errors, "Risers (A)", "err_code", job=job), {"1": 16, "2": 5}
    yield about, ask.rows(errors, "Who must act (A)", "class", job=job), {"unknown": 25}

    yield from claims_about_tasks(ask)

    job, about = "many", "of many apps the worst are shown"
    worst = {f"app{number:02}": number / 100 for number in range(30, 50)}
    yield about, ask.rows(overview, "Loss after sending, worst apps (A)", "app", job=job), worst
    for board, place in ((overview, "Targets (A)"), (overview, "Age of the data, oldest (A)"),
                         (health, "Age of the data against what is allowed (A)"),
                         (health, "Failed polls in a row (A)")):
        count = len(ask.rows(board, place, "app", job=job))
        yield f"{board}, {place}: {about}", {"at most 20": float(count <= 20 and count > 0)}, {"at most 20": 1}


def claims_about_tasks(ask: Asker):
    board, job, span = "timpush-campaigns", "tasks", "4h"

    def column(title: str, name: str, label: str = "task", span: str = span, **chosen: str) -> Rows:
        return ask.rows(board, ask.column(board, title, name), label, job=job, __range=span, **chosen)

    title = "Campaigns, newest first"
    about = "a campaign that is no longer watched is beside the others, if the range has it"
    yield about, column(title, "Sent"), {"t1": 1000, "t2": 400, "t3": 10}
    yield about, column(title, "Sent", span="10m"), {"t2": 400, "t3": 10}
    yield about, ask.rows(board, "Campaigns (A)", "", job=job, __range=span), {"": 2}
    about = "a campaign's losses are parts of its own pushes, and unknown unless all about it is answered"
    yield about, column(title, "Loss before"), {"t1": 0.5, "t2": 0}
    yield about, column(title, "Loss after"), {"t1": 0.1, "t2": 0.25}
    yield about, ask.rows(board, "Loss after sending (A)", "", job=job, __range=span), {"": 200 / 1400}
    yield about, ask.rows(board, "Loss after sending (A)", "", job=job, __range=span, task="t2"), {"": 0.25}
    yield about, column("Platforms of the campaigns", "Loss after", "platform"), {PLATFORM: 200 / 1400}
    yield about, column("Funnels side by side", "Clicked"), {"t1": 0.05, "t2": 0.05, "t3": 0}
    about = "a campaign without a name is called by its TaskID"
    title, place = "Top causes of each campaign", "Sent since the beginning (A)"
    yield about, ask.rows(board, place, "name", job=job, __range=span), {"t2": 400, "Tag": 10}
    yield about, column(title, "Lost", "name", task="t1"), {"June sale": 100}
    yield about, dict.fromkeys(ask.found(board, "task", job=job, __range=span), 0), {"t1": 0, "t2": 0, "t3": 0}
    about = "a campaign's causes have their class"
    yield about, column(title, "Lost", "err_code", task="t2"), {"1": 40, "403": 60}
    yield about, column(title, "Lost", "class", task="t2"), {"unknown": 40, "credential": 60}
    about = "a scheduled campaign waits, was dispatched, is overdue, or failed"
    states = {"due": 0, "done": 1, "forgotten": 2, "refused": 3}
    yield about, column("Scheduled campaigns", "State", "scheduled_task"), states
    for place in ("Dispatch failed (A)", "Overdue (A)"):
        yield about, ask.rows(board, place, "", job=job), {"": 1}
        yield about, ask.rows(board, place, "", job=job, app="half answered"), {}


def record(server: Prometheus, folder: pathlib.Path, start: int, end: int) -> None:
    """Writes what the rules would have recorded into the data of a server that is running."""
    file = folder / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": dashboards.rules()}]}))
    command = [
        "promtool", "tsdb", "create-blocks-from", "rules", f"--start={start}", f"--end={end}", "--eval-interval=60s",
        f"--url={server.url}", f"--output-dir={server.data}", str(file),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"promtool cannot record: {done.stderr[-2000:]}")


# What the fleets `pushes` and `regions` differ by.
OWN = {"job", "app", "region", "push", "api"}


def apart(ask: Asker):
    """Two pushes of an app are to be told apart, and summed, as its targets in two regions are.

    Of each query and choice: whether it is.
    """

    def asked(query: dashboards.Query, fleet: str, app: str, **chosen: str) -> list[dict]:
        if query.board == "timpush-app":
            chosen["app"] = app
        found = ask.asked(query, job=fleet, **chosen)
        return [each | {"metric": {k: v for k, v in each["metric"].items() if k not in OWN}} for each in found]

    for query in ask.every():
        labels = dashboards.placeholders(query.legend)
        # What has a line for each push, and none for each region, is in a claim.
        both = [(".*", ".+")] if "push" not in labels or "region" in labels else []
        for push, region in (*both, (NORMAL, "china"), (ALL_MEMBER, "frankfurt")):
            one = asked(query, "pushes", "paired", push=push)
            two = asked(query, "regions", "paired in two", region=region)
            yield f"{query}, push {push}: pushes are not told apart as regions are", alike(one, two)


def alike(one: list[dict], two: list[dict]) -> bool:
    def plain(result: list[dict]) -> list[str]:
        return sorted(
            f"{sorted(each['metric'].items())} {float((each.get('values') or [each['value']])[-1][1]):.9g}"
            for each in result
        )

    return plain(one) == plain(two)


def run(folder: pathlib.Path) -> tuple[int, list[str]]:
    now = int(time.time()) // MINUTE * MINUTE - 5 * MINUTE
    fleets = [Fleet(make.__name__, now) for make in FLEETS]
    for make, fleet in zip(FLEETS, fleets):
        make(fleet)
    samples = folder / "fleets.om"
    # A block takes samples in the order of time alone, and yesterday may be in the block of today.
    lines = sorted((line for fleet in fleets for line in fleet.lines), key=lambda line: int(line.rsplit(" ", 1)[1]))
    samples.write_text("".join(lines) + "# EOF\n")
    server = Prometheus(folder, "truth")
    server.load(samples)
    problems, count = [], 0

    def check(about: str, found: Rows, wanted: Rows) -> None:
        nonlocal count
        count += 1
        if not same(found, wanted):
            problems.append(f"{about}: {found} and not {wanted}")

    def check_variable(about: str, ask: Asker, name: str, span: int, wanted: list[str], **chosen: str) -> None:
        nonlocal count
        count += 1
        found = ask.found("timpush-overview", name, job="hole", __range=f"{span}s", **chosen)
        if found != wanted:
            problems.append(f"{about}: {found} and not {wanted}")

    served, recorded = dashboards.SERVED_NAMES, dashboards.RECORDED_NAMES
    with server.running():
        ask = Asker(server, now, served)
        for claim in claims(ask):
            check(*claim)
        for about, right in apart(ask):
            check(about, {"right": right}, {"right": True})
        check_variable("without rules the exporter's series are chosen", ask, "series", 600, ["timpush_"])
        about = "without rules nobody knows that no alert fires"
        check(about, ask.rows("timpush-overview", "Firing alerts (A)", ""), {})
    # Rules are of what others recorded, which promtool sees once it is written.
    for _ in range(PASSES):
        with server.running():
            record(server, folder, now - 15 * MINUTE, now)
    watchdog = folder / "watchdog.om"
    watchdog.write_text("".join(
        f'ALERTS{{alertname="PushLossWatchdog",alertstate="firing"}} 1 {now - minute * MINUTE}\n'
        for minute in range(20, -1, -1)
    ) + "# EOF\n")
    server.load(watchdog)
    with server.running():
        ask, before = Asker(server, now, recorded), Asker(server, now, served)
        for about, found, wanted in claims(ask):
            check(f"recorded: {about}", found, wanted)
        check_variable("recorded series are chosen", ask, "series", 600, ["board:timpush_", "timpush_"])
        about = "the exporter's series are chosen if only they go back that far"
        check_variable(about, ask, "series", DAY, ["timpush_", "board:timpush_"])
        about = "with rules it is 0 alerts that fire"
        check(about, ask.rows("timpush-overview", "Firing alerts (A)", ""), {"": 0})
        fleet_wide = Asker(server, now, dashboards.FLEET_NAMES)
        for about, right in apart(ask):
            check(f"recorded: {about}", {"right": right}, {"right": True})
        about = "of all apps the recorded sums are chosen"
        check_variable(about, fleet_wide, "sums", 600, ["fleet:timpush_", "board:timpush_"])
        about = "of some apps, or where no series are recorded, nothing is taken from the sums of all"
        check_variable(about, fleet_wide, "sums", 600, ["board:timpush_"], app="shop|fresh")
        check_variable(about, fleet_wide, "sums", 600, ["timpush_"], series="timpush_")
        about = "codes are in the sums of all apps, or in the exporter's series"
        check_variable(about, fleet_wide, "codes", 600, ["fleet:timpush_"], sums="fleet:timpush_")
        check_variable(about, fleet_wide, "codes", 600, ["timpush_"], sums="board:timpush_")
        for query in before.every():
            if OLDER.search(query.place) or ":rate5m" in query.expr or not VARIES.search(query.expr):
                continue
            choices = [{"job": fleet.job} for fleet in fleets]
            choices += [{"job": "pushes", "push": push} for push in (NORMAL, ALL_MEMBER)]
            for chosen, other in itertools.product(choices, (ask, fleet_wide)):
                count += 1
                if not alike(before.asked(query, **chosen), other.asked(query, **chosen)):
                    problems.append(f"{query}: differs when recorded, for {chosen}")
    return count, problems


def main() -> int:
    began, count = time.monotonic(), 0
    try:
        need("prometheus", "promtool")
        with tempfile.TemporaryDirectory() as folder:
            count, problems = run(pathlib.Path(folder))
    except Failure as failure:
        problems = [str(failure)]
    for problem in problems:
        print(problem)
    print(f"{count} answers compared in {time.monotonic() - began:.0f} s, {len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
