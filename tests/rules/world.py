"""A made-up world of apps, minute by minute, and the promtool test that replays it through the rules.

An app is what happens to its pushes: how many there are at each minute, and which part of them each
code loses. From that come the counters and the rolling windows that an exporter would serve.
Times are minutes since the world's beginning, which is a midnight.
"""

import dataclasses
import json
import random
from collections.abc import Callable, Iterable

HOUR, DAY = 60, 24 * 60
LOSS, STATISTICS = "push_loss", "push_statistics"
Flow = Callable[[int], float]


def steady(per_hour: float) -> Flow:
    return lambda at: per_hour / HOUR


def between(begin: float, end: float, then: float, otherwise: float = 0.0) -> Flow:
    """One value from `begin` until `end`, another at any other time."""
    return lambda at: then if begin <= at < end else otherwise


def after(begin: float, then: float, before: float = 0.0) -> Flow:
    return between(begin, float("inf"), then, before)


@dataclasses.dataclass
class Platform:
    """`lost`: stage "ready" or "sent", code and class, to the part of what comes there that is lost."""

    sendable: Flow
    lost: dict[tuple[str, str, str], Flow] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class App:
    """What happens to one kind of an app's pushes.

    `dead`: when no poll succeeds, by API or for both; `restarts`: when its exporter forgets all."""

    platforms: dict[str, Platform]
    interval: int = 1
    window: int = 60
    counters: bool = True
    statistics: bool = True
    dead: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    dead_api: str = ""
    restarts: list[int] = dataclasses.field(default_factory=list)
    kept: bool = False  # the last success is in the state file
    born: int = 0
    removed: float = float("inf")
    instances: tuple[str, ...] = ("a:1",)
    refused: str = ""  # it is dead since the service refuses it, with this outcome
    uneven: bool = False  # with noise, as life has it
    clock: int = 0  # seconds that its exporter is ahead
    more: dict[str, Flow] = dataclasses.field(default_factory=dict)  # other series of the target
    catalogue: dict[tuple[str, str, str], Flow] = dataclasses.field(default_factory=dict)


STAGES = {"ready": "ready_to_send", "sent": "post_send_delivered"}


class World:
    def __init__(self, minutes: int, step: int, gone: dict[str, list[tuple[float, float, str]]] | None = None) -> None:
        """`gone`: for an instance, when it is "down" (up is 0) or "away" (out of discovery)."""
        self.minutes, self.step = minutes, step
        self.times = range(0, minutes + 1, step)
        self.gone = {"a:1": []} | (gone or {})
        self.lines: list[dict[str, str]] = []
        self.apps: list[str] = []
        self.classes: set[tuple[str, str, str, str]] = set()
        for instance in self.gone:
            state = [self.state(instance, at) for at in self.times]
            self.add("up", {"instance": instance}, [{"": 1.0, "down": 0.0, "away": None}[each] for each in state])

    def state(self, instance: str, at: float) -> str:
        return next((what for begin, end, what in self.gone[instance] if begin <= at < end), "")

    def add(self, name: str, labels: dict[str, str], values: Iterable[float | None]) -> None:
        """One series, runs of the same value shortened; a series that ends is stale, not held."""
        shown: list[str] = []
        last, run = "", 0
        for value in [*values, "end"]:
            text = "_" if value is None else value if value == "end" else f"{value:.10g}"
            if text == last:
                run += 1
                continue
            if last:
                shown.append(last if run == 0 else f"{last}x{run + 1}" if last == "_" else f"{last}+0x{run}")
            if text == "_" and last not in ("", "_"):
                text = "stale"
            last, run = text, 0
        labels = {"job": "timpush-exporter"} | labels
        inside = ",".join(f"{key}={json.dumps(value)}" for key, value in labels.items())
        self.lines.append({"series": f"{name}{{{inside}}}", "values": " ".join(shown)})

    def app(self, name: str, app: App, all_users: App | None = None) -> None:
        """`all_users`: what happens to its all-user pushes, if they are polled."""
        self.apps.append(name)
        for push, each in (("normal", app), ("all_member", all_users)):
            for instance in each.instances if each else ():
                self.target({"instance": instance, "app": name, "region": "china"}, each, push)

    def target(self, target: dict[str, str], app: App, push: str = "normal") -> None:
        target = target | {"push": push}
        times = [
            at if app.born <= at < app.removed and not self.state(target["instance"], at) else None
            for at in self.times
        ]
        apis = [LOSS, STATISTICS] if app.statistics else [LOSS]
        keep = max(3 * app.interval, 10)

        def polled(api: str) -> tuple[list[int | None], list[int | None]]:
            """The last good poll at each step, as known to Prometheus and as served."""
            known: list[int | None] = []
            served: list[int | None] = []
            for at in times:
                if at is None:
                    known.append(None)
                    served.append(None)
                    continue
                poll, good = at - at % app.interval, None
                while poll >= app.born and at - poll < 3 * DAY:
                    wrong = app.dead_api in ("", api) and any(begin <= poll < end for begin, end in app.dead)
                    if not wrong:
                        good = poll
                        break
                    poll -= app.interval
                since = max([app.born, *(each for each in app.restarts if each <= at)])
                forgotten = good is None or good < since and not app.kept and since > app.born
                known.append(-1 if forgotten else good)
                lost = good is None or good < since and since > app.born or at - good > keep
                served.append(None if lost else good)
            return known, served

        good = {api: polled(api) for api in apis}

        def add(metric: str, labels: dict[str, str], api: str, value: Callable[[int], float]) -> None:
            self.add(metric, target | labels, [None if at is None else value(at) for at in good[api][1]])

        def always(metric: str, value: Flow, labels: dict[str, str] | None = None) -> None:
            self.add(metric, target | (labels or {}), [None if at is None else value(at) for at in times])

        always("timpush_target_interval_seconds", lambda at: app.interval * 60.0)
        always("timpush_target_window_seconds", lambda at: app.window * 60.0)
        if app.clock:
            skew = [None if at is None else float(app.clock) for at in times]
            self.add("timpush_clock_skew_seconds", {"instance": target["instance"], "region": "china"}, skew)
        for api in apis:
            known, served = good[api]
            failing = [
                app.dead_api in ("", api) and any(begin <= at - at % app.interval < end for begin, end in app.dead)
                if at is not None else False
                for at in times
            ]
            up = [None if at is None else 0.0 if bad else 1.0 for at, bad in zip(times, failing)]
            label = {"api": f"{push}_{api}"}
            self.add("timpush_target_up", target | label, up)
            success = [None if at is None else 0.0 if at < 0 else at * 60.0 + app.clock for at in known]
            self.add("timpush_target_last_success_timestamp_seconds", target | label, success)
            add("timpush_window_end_timestamp_seconds", label, api, lambda at: at * 60.0 + app.clock)
            if app.refused:
                calls, count = [], 0
                for at, bad in zip(times, failing):
                    count += bad
                    calls.append(None if at is None else float(count))
                self.add("timpush_api_requests_total", target | label | {"outcome": app.refused}, calls)
                self.add("timpush_api_requests_total", target | label | {"outcome": "ok"}, [4.0 * at for at in self.times])
        for metric, value in app.more.items():
            always(metric, value, {"api": f"{push}_{STATISTICS}"} if "nonzero" in metric else {})

        length = self.minutes + 1
        total: dict[tuple[str, ...], list[float]] = {}

        def sums(flow: list[float]) -> tuple[Callable[[int], float], Callable[[int], float]]:
            """The rolling window and the day's counter at a minute."""
            grown = [0.0]
            for count in flow:
                grown.append(grown[-1] + count)
            return (
                lambda at: round(grown[at] - grown[max(0, at - app.window)]),
                lambda at: round(grown[at] - grown[at - at % DAY]),
            )

        def both(name: str, labels: dict[str, str], api: str, flow: list[float]) -> None:
            window, day = sums(flow)
            add(f"timpush_window_{name}", labels, api, window)
            if app.counters:
                add(f"timpush_{name}_total", labels, api, day)

        dice = random.Random(target["app"])
        for platform, each in app.platforms.items():
            sendable = [each.sendable(at) for at in range(length)]
            if app.uneven:
                sendable = [max(0, round(dice.gauss(count, count**0.5))) for count in sendable]
            sent = list(sendable)
            codes: dict[tuple[str, str, str], list[float]] = {}
            for (stage, code, cls), part in sorted(each.lost.items()):
                of = sendable if stage == "ready" else sent
                # By a third more or less from hour to hour.
                hours = [dice.uniform(0.7, 1.3) if app.uneven else 1.0 for _ in range(length // HOUR + 1)]
                codes[stage, code, cls] = [
                    min(count, count * part(at) * hours[at // HOUR]) for at, count in enumerate(of)
                ]
                if stage == "ready":
                    sent = [left - lost for left, lost in zip(sent, codes[stage, code, cls])]
            for (stage, code, cls), flow in codes.items():
                both("platform_lost_pushes", {"stage": STAGES[stage], "platform": platform, "err_code": code}, LOSS, flow)
                if cls:
                    self.classes.add((STAGES[stage], platform, code, cls))
                before = total.setdefault((stage, code), [0.0] * length)
                total[stage, code] = [a + b for a, b in zip(before, flow)]
            if app.statistics:
                both("platform_sendable_pushes", {"platform": platform}, STATISTICS, sendable)
                both("platform_sent_pushes", {"platform": platform}, STATISTICS, sent)
                for name, flow in (("sendable", sendable), ("sent", sent)):
                    before = total.setdefault((name,), [0.0] * length)
                    total[(name,)] = [a + b for a, b in zip(before, flow)]
        for key, flow in total.items():
            if len(key) == 1:
                both(f"{key[0]}_pushes", {}, STATISTICS, flow)
            else:
                both("lost_pushes", {"stage": STAGES[key[0]], "err_code": key[1]}, LOSS, flow)
        for (stage, platform, code), part in app.catalogue.items():
            # Its class is `unknown` before that time and `config` from then on.
            labels = {"instance": target["instance"], "stage": STAGES[stage], "platform": platform, "err_code": code}
            for cls, there in (("unknown", 0.0), ("config", 1.0)):
                values = [1.0 if part(at) == there else None for at in self.times]
                self.add("timpush_error_code_info", labels | {"class": cls}, values)

    def test(self, name: str, rules: list[str], queries: list[dict]) -> dict:
        for stage, platform, code, cls in sorted(self.classes):
            labels = {"instance": "a:1", "stage": stage, "platform": platform, "err_code": code, "class": cls}
            self.add("timpush_error_code_info", labels, [1.0] * len(self.times))
        return {
            "rule_files": rules,
            "evaluation_interval": f"{self.step}m",
            # Without it promtool takes the groups in any order, and values are now and then a step old.
            "group_eval_order": [f"timpush-{group}" for group in GROUPS],
            "tests": [{"name": name, "interval": f"{self.step}m", "input_series": self.lines, "promql_expr_test": queries}],
        }


# Prometheus evaluates each group at a time of its own. Here the slower alerts see as old a limit as they can.
GROUPS = ["recording", "loss-slow", "hourly", "usual", "exporter", "loss", "optional"]
