"""One app: its error budget, its losses by window, and the reasons."""

from grafana_foundation_sdk.builders.dashboard import CustomVariable
from grafana_foundation_sdk.models.common import StackingMode
from grafana_foundation_sdk.models.dashboard import VariableOption

import names
from frame import Board, cell, dashboard_url
from names import POST, READY
from panels import (
    AGE, LOSS_RATIO, NO_TRAFFIC, PLAIN, Column, bars, lines, now, query, stat, table,
)
from queries import (
    FIRING, LOSS_API, TARGET, age, latest, loss_ratio, loss_ratio_lately, loss_ratio_over, lost, select, texts, total,
)

BUDGET_LEFT = ((None, names.WORST), (0, names.BAD), (0.25, names.WARN), (0.5, names.GOOD))
BURN = ((None, names.GOOD), (1, names.WARN), (3, names.BAD), (6, names.WORST))
NO_COUNTERS = "no traffic, or no counters"
SPANS = ("1h", "6h", "1d", "7d")

# Each point of these lines looks at so long a span of samples of every code: so the longer it is, the fewer points.
POINT_EVERY = {"6h": "1h", "1d": "3h"}

APP = "${app:percentencode}"

TO_CODE = (
    "Open this code",
    dashboard_url("timpush-errors", app=APP, stage=cell("stage"), err_code=cell("err_code")),
)
TO_PLATFORM = (
    "Open this platform",
    dashboard_url("timpush-platforms", app=APP, platform=cell("platform")),
)


def board() -> Board:
    board = Board(
        "timpush-app",
        "Push loss / One app",
        "One app: how much of its error budget is left, how fast it is used up, and by what.",
        single_app=True,
    )
    board.variable(_budget())
    board.line(5, *_money())
    board.line(8, _by_span(), _funnel())
    board.line(7, _codes(), _platforms())
    board.row("Chat messages and all-user pushes", (8, *_by_push()))
    board.row("Alerts, and what the numbers cover", (8, _alerts(), _coverage()))
    return board


def _budget():
    shares = ("1", "2", "5", "10", "15", "20")
    options = [VariableOption(selected=share == "5", text=share, value=share) for share in shares]
    return (
        CustomVariable("slo_loss_percent")
        .label("Loss allowed (%)")
        .description("The part of the sent pushes that may be lost; what is normal depends on the app.")
        .values(",".join(shares))
        .options(options)
        .current(options[2])
        .multi(False)
        .include_all(False)
    )


def _burn(span: str) -> str:
    return f"({loss_ratio_over(span, POST)}) / ($slo_loss_percent / 100)"


def _money():
    ends = select("timpush_window_end_timestamp_seconds", LOSS_API)
    return (
        stat(
            "Budget left of 7 days",
            "1 minus the loss of the last 7 days as a part of the loss that is allowed. Below 0, more was lost than "
            "allowed. While Prometheus has less than 7 days of history, it is about the history that there is: see "
            "beside. It needs the counters, which can be switched off.",
            "with little left, delay what is risky and remove the largest cause below.",
            5, now(f"1 - {_burn('7d')}"), "percentunit", BUDGET_LEFT, none=NO_COUNTERS, low=None,
            trend=False,
        ),
        stat(
            "History",
            "How far back Prometheus has data of this app, at most 7 days: what the budget is about.",
            "below 7 days, fill in the past with `timpush-exporter backfill`.",
            4, now(f"time() - min(min_over_time({ends}[7d]))"), "s", PLAIN, none="no history", trend=False,
        ),
        stat(
            "Loss after sending",
            "Part of the app's sent pushes that did not arrive, in the rolling window and, from the counters, in the "
            "last 10 minutes.",
            "compare it with the loss that is allowed, chosen at the top.",
            4, [now(loss_ratio(POST), "window"), now(loss_ratio_lately(POST), "10 min", "B")], "percentunit",
            LOSS_RATIO, trend=False,
        ),
        stat(
            "Oldest data",
            "Time since the app's target that waited longest was last answered; if it never was, since its exporter "
            "started.",
            "above 10 minutes the numbers here are old; open Exporter health.",
            3, now(age()), "s", AGE, none="no answer yet", trend=False,
        ),
        bars(
            "Burn rate",
            "How many times faster than allowed the app loses pushes, over each span: at 1 the budget lasts exactly. "
            "A short span shows an incident, a long one a habit. It needs the counters.",
            "above 6 in the hour and the 6 hours, act now; above 1 in the week, plan a cure.",
            8, [now(_burn(span), span, ref) for span, ref in zip(SPANS, "ABCD")], "none", BURN,
            none=NO_COUNTERS, high=15,
        ),
    )


def _by_span():
    queries = [query(loss_ratio(POST), "window", "A")]
    queries += [
        query(loss_ratio_over(span, POST), span, ref, every=every) for (span, every), ref in zip(POINT_EVERY.items(), "BC")
    ]
    return lines(
        "Loss after sending, over several spans",
        "Part of the sent pushes that was lost in the rolling window and in the last 6 hours and day.",
        "the window above the day: it gets worse; below: it gets better.",
        12, queries, "percentunit", many=False, look=LOSS_RATIO, limits=True,
        colours={"window": names.STAGES[POST], "6h": "#FF9830", "1d": "#5794F2"},
    )


def _funnel():
    queries = [
        query(total(latest(f"timpush_window_{step}_pushes")), step, ref)
        for step, ref in zip(names.FUNNEL, "ABCD")
    ]
    return lines(
        "Funnel",
        "Sendable, sent, delivered and clicked pushes of the rolling window. Delivered counts receipts, which some "
        "vendors do not send.",
        "the gap between sendable and sent is the loss before sending; a fall of all four is less traffic.",
        12, queries, many=False, colours=names.FUNNEL,
    )


def _codes():
    by = ("stage", "err_code")
    return table(
        "Top codes",
        "The app's ten codes with the most losses in the window, with the service's own words.",
        "open a code to see since when and where, and what to do about its kind.",
        12, [Column("Lost", f"topk(10, {lost(*by)} > 0)", look=PLAIN, gauge=True, width=130)], "Lost",
        (*by, "err_info"), {"err_code": [TO_CODE]}, none="no losses",
        extra=[f"{texts(*by)} and on (stage, err_code) topk(10, {lost(*by)} > 0)"],
    )


def _platforms():
    by = ("platform",)
    columns = [
        Column("Loss after", loss_ratio(POST, *by), "percentunit", LOSS_RATIO),
        Column("Sent", total(latest("timpush_window_platform_sent_pushes"), *by)),
        Column("Lost after", lost(*by, matchers=(f'stage="{POST}"',))),
        Column("Lost before", lost(*by, matchers=(f'stage="{READY}"',))),
    ]
    return table(
        "Platforms and stages",
        "The app's losses after and before sending in the window on each platform. They do not add up to the app's "
        "total.",
        "one bad platform points to its credential in the console; open it for its codes.",
        12, columns, "Loss after", by, {"platform": [TO_PLATFORM]}, none=NO_TRAFFIC,
    )


def _by_push():
    return (
        lines(
            "Loss after sending, by push",
            "Part of the sent pushes that was lost, of those that follow chat messages (normal) and of those that "
            "operators send to all users, tags or UserIDs (all_member).",
            "one line alone: look at what is sent that way; choose it at the top to see only its codes.",
            12, [query(loss_ratio(POST, "push"), "{{push}}")], "percentunit", colours=names.PUSHES, look=LOSS_RATIO,
            limits=True,
        ),
        lines(
            "Sent, by push",
            "Pushes of either kind that were handed to a vendor's channel in the rolling window. No push is counted "
            "as both.",
            "a high step of all_member is a campaign: open Campaigns for each of them.",
            12, [query(total(latest("timpush_window_sent_pushes"), "push"), "{{push}}")], colours=names.PUSHES,
            stacked=StackingMode.NORMAL,
        ),
    )


def _alerts():
    return table(
        "Alerts that fire",
        "Alerts named Timpush* about this app and about the exporter itself that fire now.",
        "follow the alert's runbook link in Alertmanager.",
        12, [], "alertname", ("alertname", "severity", *TARGET), none="none", ascending=True,
        extra=[f"group by (alertname, severity, {', '.join(TARGET)}) ({FIRING})"],
    )


def _coverage():
    edges = {
        "Window from": "timpush_window_start_timestamp_seconds",
        "Window to": "timpush_window_end_timestamp_seconds",
        "Last push until": "timpush_target_last_nonzero_timestamp_seconds",
    }
    # Grafana counts time in milliseconds.
    columns = [Column(name, f"1000 * {latest(edge)}", "dateTimeAsIso", low=None) for name, edge in edges.items()]
    return table(
        "What the numbers cover",
        "Start and end of the rolling window that the values of each API cover now, and the end of the latest window "
        "that held any push.",
        "if the last push stands still while the window moves on, the sender or the service's data stopped.",
        12, columns, "api", ("region", "api"), ascending=True, without=("app", "push"),
    )
