#!/usr/bin/env python3
"""Replays eight days without an incident through the rules: nobody may be woken or bothered.

The days are made up, always the same, and full of what looks like trouble and is none: a
rhythm of day and night with noise, midnights, the floor of losses that every app has, polls
that fail for some minutes, a restart, an app that rests at weekends, a campaign, an app so
small that three lost pushes are all of them, and one that sends nothing.
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable

TOP = pathlib.Path(__file__).parents[2]
RULES = ["timpush.rules.yml", "timpush.alerts.yml"]
GROUPS = ["recording", "hourly", "usual", "exporter", "loss", "optional"]

STEP = 4  # minutes; must stay below the 5 that Prometheus looks back
DAYS = 8  # a Saturday to the next Saturday, so that a weekend day has one before it
STEPS = DAYS * 24 * 60 // STEP
DAY = 24 * 60 // STEP
HOUR = 60 // STEP

# Pushes at each full hour, relative to the busiest.
HOURS = [22, 14, 9, 6, 5, 7, 14, 28, 45, 56, 62, 68, 74, 66, 62, 64, 68, 74, 82, 92, 100, 96, 74, 44]

# platform: share of the app, and what it loses: stage, code, class, per mille.
PLATFORMS = {
    "apns": (0.7, [
        ("ready_to_send", "-1", "config", 60),
        ("post_send_delivered", "410", "token_invalid", 30),
        ("post_send_delivered", "403", "credential", 1),
    ]),
    "oppo": (0.1, [
        ("ready_to_send", "-2", "config", 20),
        ("post_send_delivered", "1", "token_invalid", 620),
        ("post_send_delivered", "33", "quota", 3),
    ]),
    "fcm": (0.2, [
        ("ready_to_send", "-2", "config", 8),
        ("post_send_delivered", "404", "token_invalid", 40),
    ]),
}


def curve(step: int) -> float:
    hour, part = divmod(step % DAY, HOUR)
    return (HOURS[hour] * (HOUR - part) + HOURS[(hour + 1) % 24] * part) / HOUR / 100


class Series:
    """What goes into promtool: a value per step, or nothing."""

    def __init__(self) -> None:
        self.lines: list[dict[str, str]] = []

    def add(self, name: str, labels: dict[str, str], values: list[float | None]) -> None:
        text = ", ".join(f"{key}={json.dumps(value)}" for key, value in labels.items())
        shown = " ".join("_" if value is None else f"{value:g}" for value in values)
        self.lines.append({"series": f"{name}{{{text}}}", "values": shown})


def window(flow: list[int]) -> list[float]:
    """The sum of the last hour at each step."""
    return [float(sum(flow[max(0, step - HOUR):step])) for step in range(STEPS)]


def counter(flow: list[int]) -> list[float]:
    """The sum since midnight: the closed day's for a step more, then 0 for a step, then today's."""
    values = []
    for step in range(STEPS):
        day = sum(flow[step - step % DAY:step])
        phase = step % DAY if step >= DAY else DAY
        values.append(float(sum(flow[step - DAY:step]) if phase == 0 else 0 if phase == 1 else day))
    return values


def app(
    series: Series,
    dice: random.Random,
    name: str,
    hourly: float,
    shape: Callable[[int], float] = lambda step: 1.0,
    away: Iterable[int] = (),
    platforms: Iterable[str] = ("apns",),
) -> None:
    """One app; `away` are the steps at which no poll succeeds and, after three, nothing is served."""
    labels = {"app": name, "region": "china"}
    missing = set(away)

    def served(values: list[float]) -> list[float | None]:
        last, out = 0, []
        for step, value in enumerate(values):
            last = last if step in missing else step
            out.append(values[last] if step - last < 3 else None)
        return out

    overall: dict[tuple[str, str], list[int]] = {}
    sendable_all, sent_all = [0] * STEPS, [0] * STEPS
    for platform in platforms:
        share, losses = PLATFORMS[platform]
        mean = [hourly * share / HOUR * curve(step) * shape(step) for step in range(STEPS)]
        sendable = [max(0, round(dice.gauss(at, at**0.5))) for at in mean]
        sent = list(sendable)
        for stage, code, cls, permille in losses:
            # A share of the pushes, unevenly: by a third more or less from hour to hour.
            flow = []
            for step, count in enumerate(sendable):
                uneven = random.Random(f"{platform} {code} {step // HOUR}").uniform(0.7, 1.3)
                flow.append(min(count, int(count * permille / 1000 * uneven + dice.random())))
            if stage == "ready_to_send":
                sent = [left - lost for left, lost in zip(sent, flow)]
            key = {"stage": stage, "platform": platform, "err_code": code}
            series.add("timpush_window_platform_lost_pushes", labels | key, served(window(flow)))
            series.add("timpush_error_code_info", key | {"class": cls, "instance": name}, [1.0] * STEPS)
            total = overall.setdefault((stage, code), [0] * STEPS)
            overall[stage, code] = [a + b for a, b in zip(total, flow)]
        series.add("timpush_window_platform_sendable_pushes", labels | {"platform": platform}, served(window(sendable)))
        series.add("timpush_window_platform_sent_pushes", labels | {"platform": platform}, served(window(sent)))
        sendable_all = [a + b for a, b in zip(sendable_all, sendable)]
        sent_all = [a + b for a, b in zip(sent_all, sent)]
    series.add("timpush_window_sendable_pushes", labels, served(window(sendable_all)))
    series.add("timpush_sent_pushes_total", labels, served(counter(sent_all)))
    for (stage, code), flow in overall.items():
        series.add("timpush_lost_pushes_total", labels | {"stage": stage, "err_code": code}, served(counter(flow)))

    last, success = 0, []
    for step in range(STEPS):
        last = last if step in missing else step
        success.append(float(last * STEP * 60))
    series.add("timpush_target_interval_seconds", labels, [120.0] * STEPS)
    for api in ("normal_push_loss", "normal_push_statistics"):
        series.add("timpush_target_last_success_timestamp_seconds", labels | {"api": api}, success)
        series.add("timpush_target_up", labels | {"api": api}, [float(step not in missing) for step in range(STEPS)])
        series.add("timpush_window_end_timestamp_seconds", labels | {"api": api}, served(success))
        for outcome, per_step in (("ok", 4), ("transient", 0.05)):
            calls = [per_step * step for step in range(STEPS)]
            series.add("timpush_api_requests_total", labels | {"api": api, "outcome": outcome}, calls)


def week() -> Series:
    dice, series = random.Random(20250312), Series()
    weekend = lambda step: 0.02 if step // DAY % 7 < 2 else 1.0
    # Everybody at once at noon of the last Saturday, at a time that was calm a week before.
    campaign = lambda step: 40.0 if 7 * DAY + 12 * HOUR <= step < 7 * DAY + 13 * HOUR else 1.0
    # Two short failures, and one of 12 minutes over a midnight.
    failures = [DAY + 5, DAY + 6, 3 * DAY + 100, *range(5 * DAY - 1, 5 * DAY + 2)]
    app(series, dice, "shop", 20_000, away=failures, platforms=PLATFORMS)
    app(series, dice, "office", 6_000, shape=weekend)
    app(series, dice, "game", 1_500, shape=campaign)
    app(series, dice, "tiny", 6)
    app(series, dice, "idle", 0)
    up = [0.0 if step in (2 * DAY + 60, 2 * DAY + 61) else 1.0 for step in range(STEPS)]
    series.add("up", {"job": "timpush-exporter", "instance": "a:10898"}, up)
    return series


def main() -> int:
    firing = 'count by (alertname, severity, app, platform, class, err_code) (count_over_time(ALERTS{alertstate="firing"}[8d]))'
    minutes = DAYS * 24 * 60 - STEP
    test = {
        "rule_files": [str(TOP / "deploy/prometheus" / name) for name in RULES],
        "evaluation_interval": f"{STEP}m",
        "group_eval_order": [f"timpush-{group}" for group in GROUPS],
        "tests": [{
            "name": "eight quiet days",
            "interval": f"{STEP}m",
            "input_series": week().lines,
            "promql_expr_test": [
                {"expr": firing, "eval_time": f"{minutes}m", "exp_samples": []},
                # The replay is worth something: the ratios are there, and they are what was made up.
                {
                    "expr": 'count(app_region_window:timpush_post_send_loss:ratio{app="shop", window="24h"} > 0.05 < 0.15)',
                    "eval_time": f"{minutes}m",
                    "exp_samples": [{"labels": "{}", "value": 1}],
                },
            ],
        }],
    }
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "quiet_week.yml"
        file.write_text(json.dumps(test))
        done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True)
    print((done.stdout + done.stderr).strip())
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
