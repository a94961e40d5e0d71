#!/usr/bin/env python3
"""What the alerts promise, one scenario a line, replayed through the rules by promtool.

    tests/rules/scenarios.py            checks all
    tests/rules/scenarios.py --measure  prints when each alert began and ended

Each scenario is an app of one of four worlds: `minutes`, `hours` and `days` begin with normal life for as
long as it takes to know what is usual, `weeks` are for what only shows after days. A scenario names every
alert that fires for it, and nothing else may. Times are minutes after the incident.

What costs time is an app's evaluations: an app goes away when nothing is asked of it any more.
"""

import concurrent.futures
import dataclasses
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable

import yaml
from world import DAY, HOUR, STATISTICS, App, Flow, Platform, World, after, between, steady

TOP = pathlib.Path(__file__).parents[2]
RULES = [str(TOP / "deploy/prometheus" / name) for name in ("timpush.rules.yml", "timpush.alerts.yml")]
# Recorded for the dashboards, and not looked at by an alert; their own checks ask for them.
NO_ALERT_NEEDS = ("timpush-dashboards",)
# What no scenario of a world asks for, and no alert about losses needs: an eighth of what weeks cost.
UNASKED = {"weeks": ("timpush-exporter", "timpush-tasks"), "days": ("timpush-tasks",)}

# Two promtools run beside each other: a collector of garbage for each would only take turns with the other.
ENVIRONMENT = os.environ | {"GOGC": "1600", "GOMAXPROCS": "1"}

# A recorded name or an alert's.
RULE = re.compile(r"[a-z_0-9]+(?::[a-z_0-9]+)+|[A-Z][A-Za-z]+")

HIGH, DAILY, BURN, SLOW = (
    "TimpushPlatformLossHigh", "TimpushPlatformLossDaily", "TimpushPostSendLossFastBurn", "TimpushPostSendLossSlowBurn"
)
READY, READY_SLOW = "TimpushReadyToSendLossFastBurn", "TimpushReadyToSendLossSlowBurn"
CONFIG, SURGE, CODE_SURGE = "TimpushConfigurationLoss", "TimpushPlatformLossSurge", "TimpushErrorCodeSurge"
TOKENS, NEW = "TimpushTokenSurge", "TimpushNewErrorCode"
TRAFFIC, PLATFORM_TRAFFIC, LATE = "TimpushTrafficDisappeared", "TimpushPlatformTrafficDisappeared", "TimpushDataLate"
STALE, LOST, DOWN, AUTH = "TimpushDataStale", "TimpushDataLost", "TimpushTargetDown", "TimpushAuthFailing"
ERRORS = "TimpushApiErrorRateHigh"
ALL = "all_member"


@dataclasses.dataclass
class Fires:
    """`by`: minutes after the incident at which it fires at the latest. `over`: minutes after `end` at which it is over; until
    then it fires without a gap. Without `over` it fires to the end of the scenario. `push`: for this kind of push alone."""

    alert: str
    severity: str
    by: int
    end: int | None = None
    over: int | None = None
    push: str = ""


@dataclasses.dataclass
class Scenario:
    says: str
    app: App
    incident: int = 0
    fires: tuple[Fires, ...] = ()
    may: tuple[str, ...] = ()  # fires too, after the incident: a consequence that the first one explains
    all_users: App | None = None  # what happens to its all-user pushes
    until: int = 0  # it ends then, or with the world


def name_of(says: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", says.lower()).strip("-")


def queries(world: World, scenario: Scenario) -> list[dict]:
    app, step, end = name_of(scenario.says), world.step, scenario.until or world.minutes
    found = []

    def ask(expr: str, at: int, value: float | None) -> None:
        samples = [] if value is None else [{"labels": "{}", "value": value}]
        found.append({"expr": expr, "eval_time": f"{at - at % step}m", "exp_samples": samples})

    for push in ("normal", "all_member") if scenario.all_users else ("normal",):
        fires = [each.alert for each in scenario.fires if each.push in ("", push)]
        may = scenario.may if fires or not scenario.fires else ()
        names = "|".join([*sorted(set(fires)), *may, "none"])
        chosen = "!=" if push == "normal" else "="
        others = f'count by (alertname, severity) (count_over_time(ALERTS{{app="{app}", push{chosen}"all_member", alertstate="firing", severity!="none", alertname!~"{names}"}}[{world.minutes}m]))'
        ask(others, world.minutes, None)
        if may and scenario.incident > 2 * step:
            early = f'count(count_over_time(ALERTS{{app="{app}", push{chosen}"all_member", alertname=~"{"|".join(may)}", alertstate="firing"}}[{scenario.incident}m]))'
            ask(early, scenario.incident - step, None)
    for each in scenario.fires:
        push = f', push="{each.push}"' if each.push else ""
        alerts = f'ALERTS{{app="{app}"{push}, alertname="{each.alert}", severity="{each.severity}", alertstate="firing"}}'
        firing = f"count({alerts})"
        count = firing + " > bool 0"
        early = f"count(count_over_time({alerts}[{scenario.incident}m]))"
        if scenario.incident > 2 * step and each.by:
            ask(early, scenario.incident - step, None)
        begin = scenario.incident + each.by
        last = end if each.end is None else each.end
        for at in sorted({begin, last - step, *range(begin, last, max(step, (last - begin) // 12 or 1))}):
            if begin <= at <= last:
                ask(count, at, 1)
        if each.over is not None:
            ask(firing, each.end + each.over, None)
    return found


# -- Words to say it with

N410, N403, N500 = ("sent", "410", "token_invalid"), ("sent", "403", "credential"), ("sent", "500", "vendor_transient")
F1, F2, ODD = ("ready", "-1", "config"), ("ready", "-2", "config"), ("sent", "E(7", "unknown")
QUOTA = ("sent", "33", "quota")


def always(part: float) -> Flow:
    return lambda at: part


def apns(sendable: Flow | float, **lost: Flow) -> dict[str, Platform]:
    return on("apns", sendable, lost)


def on(platform: str, sendable: Flow | float, lost: dict) -> dict[str, Platform]:
    flow = sendable if callable(sendable) else steady(sendable)
    return {platform: Platform(flow, {(globals()[key] if isinstance(key, str) else key): part for key, part in lost.items()})}


NORMAL = {N410: always(0.03), F1: always(0.05)}


def normal(sendable: Flow | float = 6000, platform: str = "apns", **lost: Flow) -> dict[str, Platform]:
    return on(platform, sendable, NORMAL | {globals()[key]: part for key, part in lost.items()})


NO_MESSAGES = App({})


def small(code: tuple[str, str, str], part: Flow) -> dict[str, Platform]:
    """Platforms that are too small for pages of their own: below 200 an hour."""
    return {f"platform_{number}": Platform(steady(190), {code: part}) for number in range(3)}


# A world begins at 8, when an app that sleeps wakes up.
MORNING = 8 * HOUR


def daily(busy: float, quiet: float) -> Flow:
    """Busy from 8 to 23, with an hour's ramp."""
    def at(minute: int) -> float:
        hour = (minute + MORNING) % DAY / HOUR
        up = min(1.0, max(0.0, hour - 7)) if hour < 15 else min(1.0, max(0.0, 23.5 - hour))
        return (quiet + (busy - quiet) * up) / HOUR
    return at


def weekdays(busy: float, weekend: float, first: int = 0) -> Flow:
    """`first` is the weekday of day 0; 5 and 6 are the weekend."""
    week, rest = daily(busy, busy * 0.1), steady(weekend)
    return lambda at: rest(at) if ((at + MORNING) // DAY + first) % 7 >= 5 else week(at)


def campaign(base: Flow, pushes: float, hour: int, days: Callable[[int], bool]) -> Flow:
    return lambda at: base(at) + (pushes / HOUR if days(at // DAY) and at % DAY // HOUR == hour else 0.0)


def in_campaign(hour: int, days: Callable[[int], bool], then: float, otherwise: float) -> Flow:
    return lambda at: then if days(at // DAY) and at % DAY // HOUR == hour else otherwise


def times(flow: Flow, factor: Flow) -> Flow:
    return lambda at: flow(at) * factor(at)


# -- Minute by minute: how fast a page comes, and how fast it is over. The incident is at 2:00.
T = 2 * HOUR

MINUTES = [
    Scenario("a volume that wobbles about 200 an hour still pages",
        App(normal(lambda at: (260 if at // 7 % 2 else 170) / HOUR, N500=after(T, 1.0))), T, (Fires(HIGH, "critical", 40),), (DAILY, SLOW), until=T + 60),
    Scenario("a platform that loses everything pages within 12 minutes and is over 15 minutes after the repair",
        App(normal(N500=between(T, 3 * HOUR, 1.0))), T,
        (Fires(HIGH, "critical", 12, 3 * HOUR, 15),), (DAILY, SLOW), until=T + 90),
    Scenario("an app that loses everything on platforms too small for a page pages as a whole",
        App(small(N500, between(T, 3 * HOUR, 1.0))), T, (Fires(BURN, "critical", 17, 3 * HOUR, 15),), (DAILY, SLOW),
        until=T + 90),
    Scenario("a vendor that loses 83 percent for half an hour pages",
        App(normal(N500=between(T, T + 30, 0.83)) | normal(60_000, "huawei")), T, (Fires(HIGH, "critical", 13, T + 30, 15),),
        until=T + 60),
    Scenario("a credential that a vendor refuses pages within 12 minutes",
        App(normal(N403=after(T, 1.0))), T, (Fires(HIGH, "critical", 12),), (BURN, SLOW, CONFIG, DAILY), until=T + 60),
    Scenario("three bad minutes page nobody", App(normal(N500=between(T, T + 3, 1.0))), until=T + 60),
    Scenario("dead tokens hide no refused credential",
        App(apns(10_000, N410=after(T, 0.48), N403=after(T, 0.45))), T,
        (Fires(HIGH, "critical", 14),), (BURN, SLOW, CONFIG, DAILY), until=T + 60),
    Scenario("a page goes on for two hours of stale data, and not for ever",
        App(normal(N500=after(HOUR, 1.0)), dead=[(T, 9 * HOUR)]), T,
        (Fires(HIGH, "critical", 0, T + 130, 35), Fires(STALE, "warning", 12), Fires(DOWN, "warning", 20)), (BURN, SLOW, DAILY)),
    Scenario("no page begins on stale data",
        App(normal(N500=after(T - 4, 1.0)), dead=[(T, 9 * HOUR)]), T, (Fires(STALE, "warning", 12),), (DOWN,), until=T + 60),
    Scenario("refused signatures page",
        App(normal(), dead=[(T, 9 * HOUR)], refused="auth"), T, (Fires(AUTH, "critical", 20), Fires(DOWN, "warning", 20)), (STALE, ERRORS), until=T + 90),
    Scenario("one refusal that healed pages nobody", App(normal(), dead=[(T, T + 4)], refused="auth"), until=T + 60),
]

# -- Six hours: alerts that need no past. The incident is at 2:00.
HOURS = [
    Scenario("a loss of a third by a vendor warns and pages nobody before it is a day old",
        App(normal(N500=after(T, 0.3))), T, (), (SLOW,)),
    Scenario("200 pushes an hour are enough for a page",
        App(normal(230, N500=after(T, 1.0))), T, (Fires(HIGH, "critical", 25),), (DAILY, SLOW)),
    Scenario("100 pushes an hour are too few for a page", App(normal(100, N500=after(T, 1.0))), T, (), (DAILY, SLOW)),
    Scenario("a push to everybody who ever had the app pages nobody",
        App(apns(lambda at: 10_000 if T <= at < T + 10 else 100, N410=between(T, T + 10, 0.8, 0.03)))),
    Scenario("a steady floor of dead tokens is no burn", App(apns(5000, N410=always(0.18)))),
    Scenario("a steady floor of 90 percent dead tokens is no loss", App(apns(5000, N410=always(0.9)))),
    Scenario("codes that nobody knows warn and do not page",
        App(apns(5000, ODD=after(T, 1.0))), T, (Fires(DAILY, "warning", 220),), (SLOW,)),
    Scenario("unknown codes and dead tokens hide no fault of 60 percent",
        App(apns(10_000, N410=always(0.3), ODD=always(0.1), N500=after(T, 0.5))), T,
        (Fires(HIGH, "critical", 20),), (BURN, SLOW, DAILY)),
    Scenario("without counters a total loss pages within 40 minutes",
        App(normal(N500=after(T, 1.0)), counters=False), T, (Fires(HIGH, "critical", 40),), (BURN, SLOW, DAILY)),
    Scenario("a window of 6 hours without counters takes longer, and pages",
        App(normal(N500=after(T, 1.0)), counters=False, window=360), T, (Fires(HIGH, "critical", 200),), (BURN, SLOW, DAILY)),
    Scenario("polls every 5 minutes with a total loss page within 45 minutes",
        App(normal(N500=after(T, 1.0)), interval=5), T, (Fires(HIGH, "critical", 45),), (BURN, SLOW, DAILY)),
    Scenario("polls every 30 minutes with a total loss page within 100 minutes",
        App(normal(N500=after(T, 1.0)), interval=30), T, (Fires(HIGH, "critical", 100),), (BURN, SLOW, DAILY)),
    Scenario("polls every 30 minutes of a healthy app are quiet", App(normal(), interval=30)),
    Scenario("one failed poll of 30 minutes is quiet", App(normal(), interval=30, dead=[(T + 30, T + 60)])),
    Scenario("one failed poll of 5 minutes is quiet", App(normal(), interval=5, dead=[(T, T + 5)])),
    Scenario("polls every 30 minutes that all fail are told",
        App(normal(), interval=30, dead=[(T, 9 * HOUR)]), T, (Fires(DOWN, "warning", 100), Fires(STALE, "warning", 110))),
    Scenario("polls every 30 minutes that are refused page within 3 hours",
        App(normal(), interval=30, dead=[(T, 9 * HOUR)], refused="auth"), T, (Fires(AUTH, "critical", 180),), (DOWN, STALE, ERRORS)),
    Scenario("a page on stale data ends after a restart in an outage of the API, too",
        App(normal(N500=after(HOUR, 1.0)), dead=[(T, 9 * HOUR)], restarts=[T + 30]), T,
        (Fires(HIGH, "critical", 0, T + 130, 35), Fires(STALE, "warning", 16), Fires(DOWN, "warning", 20)), (BURN, SLOW, DAILY)),
    Scenario("a page goes on over a restart in an outage of the API",
        App(normal(N500=after(HOUR, 1.0)), dead=[(T, T + 60)], restarts=[T + 30]), T,
        (Fires(HIGH, "critical", 0), Fires(STALE, "warning", 16, T + 60, 8)), (BURN, SLOW, DAILY, DOWN)),
    Scenario("a dead statistics API begins no page by itself",
        App(normal(), dead=[(T, 9 * HOUR)], dead_api=STATISTICS), T, (Fires(DOWN, "warning", 20),), (STALE,)),
    Scenario("a restart of the exporter in an outage hides nothing",
        App(normal(), dead=[(HOUR, 9 * HOUR)], restarts=[T]), T, (Fires(STALE, "warning", 0), Fires(DOWN, "warning", 0))),
    Scenario("a restart with a state file hides nothing",
        App(normal(), dead=[(HOUR, 9 * HOUR)], restarts=[T], kept=True), T,
        (Fires(STALE, "warning", 0), Fires(DOWN, "warning", 0))),
    Scenario("a target that never answered has an age",
        App(normal(), dead=[(T, 9 * HOUR)], born=T), T, (Fires(STALE, "warning", 16), Fires(DOWN, "warning", 20))),
    Scenario("an app that is added is quiet", App(normal(), born=T)),
    Scenario("an app that is removed is quiet", App(normal(), removed=T)),
    Scenario("an app that is removed while its page fires lets it end",
        App(normal(N500=after(HOUR, 1.0)), removed=T), T, (Fires(HIGH, "critical", 0, T, 20),), (BURN, SLOW, DAILY)),
    Scenario("a clock 20 minutes behind makes nothing stale, and a total loss pages",
        App(normal(N500=after(T, 1.0)), clock=-1200, born=30, instances=("late:1",)), T, (Fires(HIGH, "critical", 16),), (BURN, SLOW, DAILY)),
    Scenario("two replicas are one app",
        App(normal(N500=after(T, 1.0)), instances=("a:1", "b:1")), T, (Fires(HIGH, "critical", 16),), (BURN, SLOW, DAILY)),
    Scenario("counters that are off are information",
        App(normal(), counters=False, more={"timpush_counters_enabled": always(0)}), 0,
        (Fires("TimpushCountersOff", "info", 65),)),
    Scenario("an all-user push that loses everything pages, and not as messages",
        App(normal()), T, (Fires(HIGH, "critical", 16, push=ALL),), (DAILY, SLOW),
        App(normal(between(T, T + 30, 700.0), N500=always(1.0)))),
    Scenario("messages that are all lost page, and not as all-user pushes",
        App(normal(N500=after(T, 1.0))), T, (Fires(HIGH, "critical", 16, push="normal"),), (BURN, SLOW, DAILY), App(normal())),
    Scenario("all-user pushes that the service has not enabled are information",
        App(normal()), 0, (Fires(DOWN, "info", 65, push=ALL),), (), App(normal(0), dead=[(0, 9 * HOUR)], refused="not_enabled")),
    Scenario("all-user pushes that are refused after a success are told",
        App(normal()), T, (Fires(DOWN, "warning", 20, push=ALL), Fires(STALE, "warning", 16, push=ALL)), (ERRORS,),
        App(normal(0), dead=[(T, 9 * HOUR)], refused="not_enabled")),
    Scenario("a service of whole days is told",
        App(normal(), more={"timpush_window_resolved": always(0)}), 0, (Fires("TimpushWindowUnresolved", "warning", 65),)),
]

# -- Two days and a night: what needs a past of a day. The incident is at 26:00, which is 10 in the morning of an app that sleeps.
D = 26 * HOUR
DAYS = [
    Scenario("a floor of 35 percent masks no total loss before sending",
        App(apns(2000, F2=after(D, 1.0, 0.35)) | normal(18_000, "huawei")), D, (Fires(CONFIG, "critical", 20),), (READY_SLOW, READY, CODE_SURGE), until=D + 4 * HOUR),
    Scenario("two fifths of a platform refused page, and are over 15 minutes after the repair",
        App(normal(5000, N403=between(D, D + 120, 0.4, 0.002))), D, (Fires(CONFIG, "critical", 16, D + 120, 16),), (SLOW, DAILY, CODE_SURGE), until=D + 4 * HOUR),
    Scenario("a tenth of a platform refused warns",
        App(normal(5000, N403=after(D, 0.1, 0.002))), D, (Fires(CONFIG, "warning", 90),), (CODE_SURGE,), until=D + 4 * HOUR),
    Scenario("a quarter of a platform refused for 20 minutes is over before it could warn",
        App(normal(5000, N403=between(D, D + 20, 0.24, 0.002))), D, (), (CODE_SURGE, NEW), until=D + 3 * HOUR),
    Scenario("an app that cannot send any more to platforms too small for a page pages as a whole",
        App(small(F1, after(D, 1.0, 0.1))), D, (Fires(READY, "critical", 60),), (CONFIG, READY_SLOW), until=D + 8 * HOUR),
    Scenario("the second all-user push pages if it loses everything before sending",
        NO_MESSAGES, D, (Fires(CONFIG, "critical", 25, D + DAY, 120, ALL),), (READY_SLOW,),
        App(normal(lambda at: 500.0 if 30 <= at < 90 or D <= at < D + 60 else 0.0, F1=after(D, 1.0, 0.3)))),
    Scenario("the first all-user push warns if it loses everything before sending, however short it is",
        NO_MESSAGES, D, (Fires(READY_SLOW, "warning", 200, D + DAY, 300, ALL),), (NEW,),
        App(normal(between(D, D + 10, 2000.0), F1=always(1.0)))),
    Scenario("the first all-user push warns if it loses a third after sending, however short it is",
        NO_MESSAGES, D, (Fires(SLOW, "warning", 200, D + DAY, 300, ALL),), (NEW,),
        App(normal(between(D, D + 10, 2000.0), N500=always(0.3)))),
    Scenario("an all-user push to people with no history hides no refused credential of messages",
        App(normal(5000, N403=after(D, 0.4, 0.002))), D, (Fires(CONFIG, "critical", 16, push="normal"),), (SLOW, DAILY, CODE_SURGE),
        App(normal(between(D - 60, D + 120, 1000.0), F1=always(0.45), N410=always(0.25))), until=D + 4 * HOUR),
    Scenario("all-user pushes at any hour, and a day without one, are quiet",
        NO_MESSAGES, 0, (), (), App(normal(lambda at: 500.0 if at // HOUR in (3, 27, 36) else 0.0))),
    Scenario("an all-user push that is 40 times as large as the one a day before is quiet",
        NO_MESSAGES, 0, (), (),
        App(normal(lambda at: {2: 100.0, 28: 4000.0}.get(at // HOUR, 0.0), N410=always(0.2), QUOTA=always(0.05))), until=40 * HOUR),
    Scenario("a launch with an ordinary floor pages and warns nobody", App(apns(after(D, 1000 / HOUR), F1=always(0.3))), 0, (), (NEW,), until=D + 26 * HOUR),
    Scenario("a first campaign after days without a push pages nobody",
        App(apns(between(D, D + 60, 1000.0), F1=always(0.45), N410=always(0.2))), 0, (), (NEW,), until=D + 25 * HOUR),
    Scenario("a first campaign to people with a higher floor pages nobody",
        App(apns(lambda at: 1500 if D <= at < D + 60 else 30, F1=between(D, D + 60, 0.45, 0.05))), until=D + 25 * HOUR),
    Scenario("a campaign every day is no surge",
        App(apns(campaign(steady(20_000), 100_000, 10, lambda day: True), N410=in_campaign(10, lambda day: True, 0.25, 0.01))), until=40 * HOUR),
    Scenario("an app broken before the install is told",
        App(apns(4000, F1=always(1.0)) | normal(5000, "huawei")), 0, (Fires(READY_SLOW, "warning", 150),), until=12 * HOUR),
    Scenario("an app that was never accepted by its vendor pages in the first hour",
        App(apns(4000, N403=always(1.0))), 0, (Fires(HIGH, "critical", 60),), (CONFIG, BURN, SLOW, DAILY, CODE_SURGE, NEW), until=12 * HOUR),
    Scenario("a small platform that loses everything warns within a day, and is over soon after its repair",
        App(on("meizu", 45, {("sent", "110000", "credential"): between(D, D + 20 * HOUR, 1.0)}) | apns(50_000)), D,
        (Fires(DAILY, "warning", 15 * HOUR, D + 20 * HOUR, 80),), (CONFIG, NEW), until=D + 24 * HOUR),
    Scenario("traffic that stops by day stays gone over the night",
        App(normal(times(daily(6000, 300), between(D, 99 * HOUR, 0.0, 1.0)))), D, (Fires(TRAFFIC, "warning", 120),), (PLATFORM_TRAFFIC,)),
    Scenario("traffic of 300 an hour that stops is told",
        App(normal(between(0, D, 5.0))), D, (Fires(TRAFFIC, "warning", 120),), (PLATFORM_TRAFFIC,), until=D + 25 * HOUR),
    Scenario("traffic that comes back is over",
        App(normal(between(D, D + 300, 0.0, 50.0))), D, (Fires(TRAFFIC, "warning", 120, D + 300, 20),), (PLATFORM_TRAFFIC,), until=D + 8 * HOUR),
    Scenario("a platform whose traffic stops is told",
        App(normal(between(0, D, 5000 / HOUR)) | on("huawei", 12_000, {})), D, (Fires(PLATFORM_TRAFFIC, "warning", 120),), until=D + 8 * HOUR),
    Scenario("an evening that ends is no lost traffic", App(normal(daily(6000, 0)))),
    Scenario("a total loss in the evening is not over by night",
        App(normal(daily(6000, 0), N500=after(38 * HOUR, 1.0))), 38 * HOUR, (Fires(HIGH, "critical", 20),),
        (BURN, SLOW, DAILY, CODE_SURGE, NEW)),
    Scenario("without statistics a total loss pages",
        App(apns(50_000, N403=after(D, 1.0, 0.0002)), statistics=False), D, (Fires(SURGE, "critical", 30),), (CODE_SURGE,), until=D + 4 * HOUR),
    Scenario("without statistics losses that come every evening are quiet",
        App(apns(lambda at: 100_000 / HOUR if 19 <= at % DAY / HOUR < 22 else 2000 / HOUR, N410=always(0.03), QUOTA=always(0.01)), statistics=False), until=48 * HOUR),
    Scenario("without statistics a platform broken from the first day on is told",
        App(apns(50_000, N403=always(1.0)), statistics=False), 0, (Fires(SURGE, "warning", 60),), until=12 * HOUR),
    Scenario("a dead statistics API hides no total loss",
        App(normal(50_000, N500=after(D + 60, 1.0)), dead=[(D, 99 * HOUR)], dead_api=STATISTICS), D,
        (Fires(SURGE, "critical", 100), Fires(DOWN, "warning", 30)), (STALE, LOST, CODE_SURGE, NEW), until=D + 4 * HOUR),
    Scenario("a code that rises fivefold is a surge, and has characters of a regular expression",
        App(apns(20_000, ODD=between(D, D + 180, 0.1, 0.004))), D, (Fires(CODE_SURGE, "warning", 60, D + 180, 80),), until=D + 5 * HOUR),
    Scenario("a surge of dead tokens is information",
        App(apns(20_000, N410=after(D, 0.3, 0.01))), D, (Fires(TOKENS, "info", 60),), until=D + 4 * HOUR),
    Scenario("ten times the traffic is no surge",
        App(normal(after(D, 2000.0, 200.0)), ), until=D + 4 * HOUR),
    Scenario("a code that the catalogue moves to another class is no loss",
        App(apns(5000) | on("honor", 5000, {("sent", "901", ""): always(0.2)}),
            catalogue={("sent", "honor", "901"): after(D, 1.0)}), until=D + 8 * HOUR),
    Scenario("an outage of a day is lost data, and over when it ends",
        App(normal(), dead=[(D, D + 20 * HOUR)], restarts=[D + 5 * HOUR]), D,
        (Fires(LOST, "critical", 6 * HOUR + 10, D + 20 * HOUR, 10), Fires(STALE, "warning", 20, D + 20 * HOUR, 10)), (DOWN,), until=D + 22 * HOUR),
    Scenario("a hole in yesterday makes nothing new or gone",
        App(normal(daily(6000, 300)), dead=[(22 * HOUR, 26 * HOUR)]), 22 * HOUR, (), (STALE, DOWN)),
    Scenario("an app that sends nothing is quiet", App(normal(0)), until=D + 3 * HOUR),
    Scenario("an app so small that three lost pushes are all of them is quiet", App(normal(6), uneven=True)),
    Scenario("a steady floor of 60 percent before sending is quiet", App(apns(4000, F2=always(0.6))), until=D + 3 * HOUR),
]

# -- A week, and the morning after it.
W = 7 * DAY
WEEKS = [
    Scenario("an app that rests at weekends is quiet from the first one on", App(normal(weekdays(5000, 20)), uneven=True)),
    Scenario("an app that is silent at weekends is quiet from the first one on",
        App(normal(weekdays(5000, 0, 3)), uneven=True), until=4 * DAY + 2 * HOUR),
    Scenario("an app with a campaign twice a week is quiet",
        App(normal(campaign(daily(6000, 300), 60_000, 12, lambda day: day % 7 in (1, 4))), uneven=True), until=4 * DAY + 18 * HOUR),
    Scenario("a campaign once a week to people with many dead tokens and an ordinary floor is quiet",
        App(apns(campaign(daily(6000, 300), 60_000, 2, lambda day: day in (0, 7)),
            N410=in_campaign(2, lambda day: day in (0, 7), 0.25, 0.01), F1=in_campaign(2, lambda day: day in (0, 7), 0.35, 0.06)))
        , 0, (), (TOKENS,)),
    Scenario("an app of day and night with a small all-user push and a large one after a week is quiet until its traffic stops",
        App(normal(times(daily(6000, 300), after(W + 2 * HOUR, 0.0, 1.0))), uneven=True), W + 2 * HOUR,
        (Fires(TRAFFIC, "warning", 120, push="normal"),), (PLATFORM_TRAFFIC,),
        App(apns(lambda at: {1: 100.0, 7 * 24 + 2: 4000.0}.get(at // HOUR, 0.0), F1=always(0.4), N410=always(0.2)),
            uneven=True)),
    Scenario("an app that grows by a fifth a day is quiet", App(normal(lambda at: 10 * 1.2 ** (at / DAY)), uneven=True), until=4 * DAY),
    Scenario("a leak of three points a day before sending warns once it is half",
        App(on("vivo", 4000, {F1: lambda at: 0.45 + 0.03 * at / DAY}) | apns(6000)), DAY, (Fires(READY_SLOW, "warning", 3 * DAY),),
        until=4 * DAY + 4 * HOUR),
    Scenario("a refused credential does not become usual within a week",
        App(normal(4000, N403=after(DAY + 120, 0.4, 0.002))), DAY + 120, (Fires(CONFIG, "critical", 60),), (SLOW, DAILY, CODE_SURGE, NEW), until=W),
    Scenario("a steady app of 60 an hour is quiet for a week, and told when its statistics come late",
        App(normal(between(0, W - HOUR, 1.0)), uneven=True,
            more={"timpush_target_last_nonzero_timestamp_seconds": lambda at: 60.0 * min(at, W - HOUR)}),
        W - HOUR, (Fires(LATE, "warning", 320),)),
]


def shards() -> tuple[World, list[dict]]:
    """Two shards and two replicas, of which one each goes away. An app that somebody serves is quiet, and so is one that
    moves from an instance to another."""
    gone = {"b:1": [(60, 999, "away")], "c:1": [(60, 999, "down")], "e:1": [(60, 400, "down")], "f:1": []}
    world = World(800, 4, gone)
    world.app("stays", App(normal()))
    world.app("left-discovery", App(normal(), instances=("b:1",)))
    world.app("is-down", App(normal(), instances=("c:1",)))
    world.app("replicated", App(normal(), instances=("e:1", "f:1")))
    moved = {"app": "moved", "region": "china"}
    world.target({"instance": "a:1"} | moved, App(normal(), removed=100))
    world.target({"instance": "f:1"} | moved, App(normal(), born=100))
    return world, [
        {"expr": 'count_over_time(ALERTS{app=~"stays|replicated|moved", alertstate="firing"}[14h])', "eval_time": "800m",
         "exp_samples": []}
    ] + [
        each
        for expr, at, labels in [
            ("count by (instance) (ALERTS{alertname=\"TimpushExporterDown\", alertstate=\"firing\"})", 75, ["b:1", "c:1"]),
            ("count by (instance) (ALERTS{alertname=\"TimpushExporterDown\", alertstate=\"firing\"})", 800, ["b:1", "c:1"]),
            ("count by (instance) (ALERTS{alertname=\"TimpushReplicaDown\", alertstate=\"firing\"})", 320, ["e:1"]),
            ("count by (instance) (ALERTS{alertname=\"TimpushReplicaDown\", alertstate=\"firing\"})", 420, []),
        ]
        for each in [{"expr": expr, "eval_time": f"{at}m",
                      "exp_samples": [{"labels": json.dumps({"instance": one}).replace('": ', '=').replace('{"', "{"), "value": 1} for one in labels]}]
    ] + [
        {"expr": f'count by (app) (ALERTS{{alertname="{alert}", alertstate="firing"}})', "eval_time": f"{at}m",
         "exp_samples": [{"labels": f'{{app="{app}"}}', "value": 1} for app in ("is-down", "left-discovery")]}
        for alert, at in ((STALE, 80), (STALE, 800), (LOST, 440), (LOST, 800), ("TimpushTargetUnwatched", 70))
    ]


def fleet(kind: str) -> tuple[World, list[dict]]:
    """Six apps that one cause hits at once. All-user pushes that fail earlier, in all of them, are no such cause."""
    world = World(T + 80, 2)
    for number in range(6):
        if kind == "vendor":
            world.app(f"app-{number}", App(normal(3000, N500=between(T, T + 60, 1.0)) | normal(9000, "huawei")))
        else:
            world.app(f"app-{number}", App(normal(3000), dead=[(T, T + 60)]), App(normal(0), dead=[(T - 30, T + 60)]))
    alert = "TimpushPlatformDown" if kind == "vendor" else "TimpushTargetsDown"
    labels = '{platform="apns"}' if kind == "vendor" else "{}"
    first = f'count by (platform) (ALERTS{{alertname="{alert}", alertstate="firing", severity="critical"}})'
    return world, [
        {"expr": first, "eval_time": f"{T - 2}m", "exp_samples": []},
        {"expr": first, "eval_time": f"{T + 16}m", "exp_samples": [{"labels": labels, "value": 1}]},
        {"expr": first, "eval_time": f"{T + 60 + 20}m", "exp_samples": []},
    ]


def crash_loop() -> tuple[World, list[dict]]:
    world = World(150, 2)
    world.app("shop", App(normal()))
    start = [float((at - at % 6 if at >= 60 else 0) * 60) for at in world.times]
    world.add("process_start_time_seconds", {"instance": "a:1"}, start)
    world.add("timpush_clock_skew_seconds", {"instance": "a:1", "region": "tokyo"}, [90.0] * len(start))
    firing = 'count by (alertname) (ALERTS{alertname=~"TimpushCrashLoop|TimpushClockSkew", alertstate="firing"})'
    both = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in ("TimpushCrashLoop", "TimpushClockSkew")]
    return world, [
        {"expr": firing, "eval_time": "50m", "exp_samples": both[1:]},
        {"expr": firing, "eval_time": "110m", "exp_samples": both},
        {"expr": 'min_over_time(ALERTS{alertname="PushLossWatchdog", alertstate="firing", severity="none"}[2h])',
         "eval_time": "150m",
         "exp_samples": [{"labels": '{alertname="PushLossWatchdog", alertstate="firing", severity="none"}', "value": 1}]},
    ]


def populated(scenarios: list[Scenario], minutes: int, step: int, gone: dict | None = None) -> tuple[World, list[dict]]:
    world = World(minutes, step, gone)
    for each in scenarios:
        lives = [app and dataclasses.replace(app, removed=min(app.removed, (each.until or minutes) + 1)) for app in (each.app, each.all_users)]
        world.app(name_of(each.says), *lives)
    return world, [query for each in scenarios for query in queries(world, each)]


def worlds() -> dict[str, tuple[World, list[dict]]]:
    # The longest first. A step costs as much as six apps in it: so one world of a kind.
    return {
        "weeks": populated(WEEKS, W + 5 * HOUR, 4),
        "days": populated(DAYS, 55 * HOUR, 4),
        "hours": populated(HOURS, 6 * HOUR, 4, {"b:1": [], "late:1": []}),
        "minutes": populated(MINUTES, 5 * HOUR, 1),
        "shards and replicas": shards(),
        "a vendor fails in every app": fleet("vendor"),
        "no target can be read": fleet("egress"),
        "a crash loop and a wrong clock": crash_loop(),
    }


def name_of_rule(rule: dict) -> str:
    return rule.get("record") or rule["alert"]


@functools.cache
def groups_of(path: str) -> list[dict]:
    return yaml.load(pathlib.Path(path).read_text(), yaml.CSafeLoader)["groups"]


def needed_rules(folder: pathlib.Path, asked: str = "", without: tuple[str, ...] = ()) -> list[str]:
    """What alerts need, `without` some groups and without texts, which cost time and change no alert. Or, of an
    `asked` text, the rules that it names, and those that these need."""
    groups = {path: groups_of(path) for path in RULES}
    rules = {name_of_rule(rule): rule for each in groups.values() for group in each for rule in group["rules"]}
    named, found = {name for name in RULE.findall(asked) if name in rules}, set()
    while named:
        found |= named
        named = {name for each in groups.values() for group in each for rule in group["rules"]
                 if name_of_rule(rule) in named for name in RULE.findall(rule["expr"]) if name in rules} - found
    made = []
    for path, each in groups.items():
        if asked:
            each = [group | {"rules": [rule for rule in group["rules"] if name_of_rule(rule) in found]} for group in each]
        else:
            each = [
                group | {"rules": [{key: value for key, value in rule.items() if key != "annotations"} for rule in group["rules"]]}
                for group in each if not group["name"].startswith(NO_ALERT_NEEDS + without)
            ]
        needed = folder / pathlib.Path(path).name
        needed.write_text(json.dumps({"groups": each}))
        made.append(str(needed))
    return made


def promtool(test: dict) -> tuple[bool, str]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(test, file)
        file.flush()
        command = ["promtool", "test", "rules", file.name]
        done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    return done.returncode == 0, done.stdout + done.stderr


def measure() -> None:
    """Asks for what cannot be, since promtool prints what it got."""
    table = MINUTES + HOURS + DAYS + WEEKS
    made = worlds()
    tests = []
    incidents = {name_of(each.says): each.incident for each in table}
    for name, (world, _) in made.items():
        # App by app and from its incident on, since promtool takes 10,000 samples for a query.
        spans = {app: int(min(world.minutes, world.minutes - incidents.get(app, 0) + HOUR)) for app in ["", *world.apps]}
        ask = [
            {"expr": f'{word}_over_time(timestamp(ALERTS{{alertstate="firing", severity!="none", app="{app}"}})[{span}m:{world.step}m])',
             "eval_time": f"{world.minutes}m", "exp_samples": []}
            for app, span in spans.items() for word in ("min", "max")
        ]
        tests.append(world.test(name, RULES, ask))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for (name, (world, _)), (_, text) in zip(made.items(), pool.map(promtool, tests)):
            print(f"== {name}")
            for error in sorted(set(re.findall(r"err: .*", text))):
                print(error)
            found: dict[str, list[float]] = {}
            for labels, value in re.findall(r"\{([^{}]*alertname=[^{}]*)\} (\S+?)[,\n]", text + "\n"):
                found.setdefault(labels, []).append(float(value) / 60)
            for labels, (first, last) in sorted(found.items(), key=lambda each: re.sub('.*app="', "", each[0])):
                pairs = dict(re.findall(r'(\w+)="([^"]*)"', labels))
                begin = incidents.get(pairs.get("app", ""), 0)
                end = "to the end" if last >= world.minutes - world.step else f"{last - begin:g}"
                print(f"{pairs.get('app', pairs.get('instance', '-'))}: {pairs['alertname']} {pairs['severity']} "
                      f"{pairs.get('platform', '')} {first - begin:g} {end}")


def main() -> int:
    if "--measure" in sys.argv:
        measure()
        return 0
    made = worlds()
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        tests = []
        for name, (world, asked) in made.items():
            own = pathlib.Path(folder) / name
            own.mkdir()
            tests.append(world.test(name, needed_rules(own, without=UNASKED.get(name, ())), asked))
        results = list(pool.map(promtool, tests))
    for name, (passed, text) in zip(made, results):
        if not passed:
            print(f"{name}:\n{text}")
    held = sum(passed for passed, _ in results)
    print(f"{len(MINUTES + HOURS + DAYS + WEEKS) + 4} scenarios in {len(made)} worlds; {len(made) - held} worlds failed")
    return held != len(made)


if __name__ == "__main__":
    sys.exit(main())
