"""Is it bad, where, since when, and why: the page to begin with."""

from grafana_foundation_sdk.models.common import StackingMode

import names
from frame import TO_APP, Board, cell, dashboard_url, leading, of_line
from names import POST, READY
from panels import (
    AGE, ANY_IS_BAD, LOSS_RATIO, MANY, NO_TRAFFIC, Column, bands, bars, lines, now, query, stat, table,
)
from queries import (
    DAY_AGO, FIRING, TARGET, WATCHDOG, age, by_class, causes, known, latest, loss_ratio, loss_ratio_lately, lost,
    of_leading, texts, total, worst,
)

# What two numbers of one panel are about.
WINDOW, LATELY = "window", "10 min"

RECEIPTS = (
    "Delivered counts receipts: FCM has none, and some vendors need a receipt URL, "
    "so delivered below sent is no loss by itself."
)

TO_CODE = (
    "Open this code",
    dashboard_url("timpush-errors", stage="$__all", app=cell("app"), err_code=cell("err_code")),
)
# The ratio of a row is that of one push.
TO_TARGET = ("Open this app", dashboard_url("timpush-app", app=cell("app"), region=cell("region"), push=cell("push")))
TO_APP_OF_CAUSE = ("Open this app", dashboard_url("timpush-app", app=cell("app")))
TO_PLATFORM = (
    "Open this platform", dashboard_url("timpush-platforms", app=cell("app"), platform=cell("platform")),
)


def board() -> Board:
    board = Board(
        "timpush-overview",
        "Push loss / Overview",
        "Offline push of Tencent Cloud Chat: is it bad, where, since when, and why. Numbers cover the exporter's "
        "rolling window (1 h unless configured) that ended shortly ago. No rules loaded? All works, and is slower "
        "with hundreds of apps.",
    )
    board.variable(leading("worst", f"topk({MANY}, max by (app) ({loss_ratio(POST, 'app', 'push')}))", "app"))
    board.line(4, *_now())
    board.line(8, _apps(), _causes())
    board.line(8, _by_app(), _compared(), _by_stage())
    board.row("Who must act, and how fresh the numbers are",
              (8, _funnel(), _classes(), _targets()), (8, _ages(), _alerts()))
    return board


def _now():
    return (
        stat(
            "Loss after sending",
            "Part of the sent pushes that a vendor did not report as arrived, in the window and, from the counters, "
            "in the last 10 minutes. A few percent are normal: apps get uninstalled.",
            "from 5 % on, find the app in the table below and the code beside it; from 15 % on, expect an outage or "
            "a lost credential.",
            4, [now(loss_ratio(POST), WINDOW), now(loss_ratio_lately(POST), LATELY, "B")], "percentunit", LOSS_RATIO,
            trend=False,
        ),
        stat(
            "Loss before sending",
            "Part of the sendable pushes that never left the service, since no certificate or no token was reported, "
            "in the window and in the last 10 minutes.",
            "a step up after a release means that the app no longer registers its token or certificate.",
            4, [now(loss_ratio(READY), WINDOW), now(loss_ratio_lately(READY), LATELY, "B")], "percentunit", LOSS_RATIO,
            trend=False,
        ),
        stat(
            "Sendable",
            "Devices that could be pushed to in the window.",
            "if this falls to nothing, the sender stopped: a loss of 0 is no good news then.",
            3, query(total(latest("timpush_window_sendable_pushes"))),
        ),
        stat(
            "Sent",
            "Pushes that were handed to a vendor's channel in the window.",
            "if it falls behind sendable, look at the loss before sending.",
            3, query(total(latest("timpush_window_sent_pushes"))),
        ),
        stat(
            "Lost",
            "Pushes that were lost in the window in either stage, over all error codes.",
            "compare it with the volume beside it, then look at the top causes.",
            3, query(lost()), none="no data",
        ),
        stat(
            "Oldest data",
            "Time since the target that waited longest was last answered; if it never was, since its exporter "
            "started.",
            "above 10 minutes the other panels show old numbers; open Exporter health.",
            4, now(age()), "s", AGE, none="no answer yet", trend=False,
        ),
        stat(
            "Firing alerts",
            "Alerts named Timpush* that fire now. No rules: the alert that always fires, PushLossWatchdog of "
            "timpush.alerts.yml, does not.",
            "open the row below for the list; load the rules if there are none.",
            3, now(f"count({FIRING}) or 0 * count({WATCHDOG})"), "none", ANY_IS_BAD, none="no rules", trend=False,
        ),
    )


def _funnel():
    queries = [
        now(total(latest(f"timpush_window_{step}_pushes")), step, ref)
        for step, ref in zip(names.FUNNEL, "ABCD")
    ]
    return bars(
        "Funnel",
        f"How far the pushes of the window came. {RECEIPTS}",
        "compare sendable with sent; do not alert on delivered.",
        6, queries, colours=names.FUNNEL,
    )


def _apps():
    labels = ", ".join(TARGET)
    up = f"0 * max by ({labels}) ({latest('timpush_target_up')})"
    columns = [
        Column("Data", f"({up} + 1 unless on ({labels}) {known()}) or {up}", "none",
               states={"0": ("ok", names.GOOD), "1": ("none", names.WORST)}),
        Column("Loss after", loss_ratio(POST, *TARGET), "percentunit", LOSS_RATIO),
        Column("Now (10m)", loss_ratio_lately(POST, *TARGET), "percentunit", LOSS_RATIO),
        Column("Loss before", loss_ratio(READY, *TARGET), "percentunit", LOSS_RATIO),
        Column("Sent", total(latest("timpush_window_sent_pushes"), *TARGET)),
        Column("Lost", lost(*TARGET)),
        Column("Age", age(*TARGET), "s", AGE),
    ]
    return table(
        "Apps, worst first",
        "Each app, region and push with its losses after sending in the window and in the last 10 minutes, before "
        "sending, and in all. First come those without data: "
        "never answered, or not for so long that the last answer was dropped. An app without pushes, or without "
        "statistics, has no ratio.",
        "open the worst app by its name; a red age means that its row is old.",
        13, columns, "Loss after", TARGET, {"app": [TO_TARGET]}, none=NO_TRAFFIC, above="Data",
    )


def _causes():
    by = ("app", "platform", "err_code", "class")
    code = ("stage", "platform", "err_code")
    top = f"topk(10, {causes()} > 0)"
    words = texts(*code, matchers=('platform!="all"',))
    return table(
        "Top causes",
        "The ten with the most losses in the window of all apps, platforms and codes, with the class that says who "
        "must act and the service's own words. Losses without a platform are not among them.",
        "credential, config, permission and content are yours: open the code to see since when, and what to do.",
        11, [Column("Lost", top, look=((None, names.CALM),), gauge=True, width=100)], "Lost",
        (*by, "err_info"), {"app": [TO_APP_OF_CAUSE], "platform": [TO_PLATFORM], "err_code": [TO_CODE]},
        none="no losses", extra=[f"{words} and on ({', '.join(code)}) {top}"], without=("stage",),
    )


def _by_app():
    by = ("app", "push")
    link = dashboard_url("timpush-app", app=of_line("app"), push=of_line("push"))
    ratio = worst(MANY, loss_ratio(POST, *by), loss_ratio(POST, *by, at=" @ end()"), *by)
    expr = of_leading("worst", ratio)
    return lines(
        "Loss after sending, worst apps",
        "Part of each app's sent pushes that was lost, those of chat messages and those to all users apart, for the "
        "twenty where it is most at the end of the range. "
        "A gap means no traffic.",
        "note when a line left its usual level; click it to open the app.",
        8, [query(expr, "{{app}} {{push}}")], "percentunit", links=[("Open this app", link)], look=LOSS_RATIO,
        limits=True,
    )


def _compared():
    spans = (("now", "", "A"), ("a day ago", DAY_AGO, "B"), ("a week ago", " offset 7d", "C"))
    return lines(
        "Loss after sending, against before",
        "The same ratio now, at the same time yesterday and a week ago. The older lines begin when Prometheus has "
        "that much history; `timpush-exporter backfill` can fill in 7 days.",
        "a line that left both others is an incident; one that follows them is the day's usual course.",
        8, [query(loss_ratio(POST, at=at), name, ref) for name, at, ref in spans], "percentunit", many=False,
        look=LOSS_RATIO, limits=True, dashed=("a day ago", "a week ago"),
        colours={"now": names.STAGES[POST], "a day ago": "#8AB8FF", "a week ago": "#A352CC"},
    )


def _by_stage():
    return lines(
        "Lost, by stage",
        "Pushes lost in the rolling window that ended at each point, before and after sending.",
        "before sending is for whoever releases the app; after sending is for credentials, quotas and vendors.",
        8, [query(lost("stage"), "{{stage}}")], colours=names.STAGES, stacked=StackingMode.NORMAL, many=False,
    )


def _classes():
    return lines(
        "Lost, by who must act",
        "Losses of the platforms by the class of their code. token_invalid is the floor of uninstalled apps; "
        "credential, permission, config and content are yours; quota and vendor_transient are the vendor's.",
        "act on credential, permission, config and content; see Error codes for each class.",
        9, [query(by_class(codes=False), "{{class}}")], colours=names.CLASSES, stacked=StackingMode.NORMAL,
        none="no losses",
    )


def _targets():
    labels = ", ".join(TARGET)
    failed = f"max by ({labels}) ({latest('timpush_target_consecutive_failures', at=' @ end()')})"
    expr = worst(MANY, f"min by ({labels}) ({latest('timpush_target_up')})", failed, *TARGET)
    return bands(
        "Targets",
        "Whether the latest poll of an app, region and push was answered by all of its APIs, for the twenty that have "
        "failed for most polls by the end of the range.",
        "failed means that the numbers stand still; open Exporter health for the reason.",
        9, query(expr, "{{app}} {{region}} {{push}}"),
        look=((None, names.WORST), (1, names.GOOD)),
        states={"0": ("failed", names.WORST), "1": ("ok", names.GOOD)},
    )


def _ages():
    oldest = worst(MANY, age("app"), age("app", at=" @ end()"), "app")
    return lines(
        "Age of the data, oldest",
        "Time since all APIs of an app were last answered, for the twenty apps where it is longest at the end of the "
        "range; for one that never was, since its exporter started.",
        "a line that climbs is a target that fails; open Exporter health.",
        12, [query(oldest, "{{app}}")], "s", look=AGE, limits=True, none="no answer yet",
    )


def _alerts():
    return table(
        "Alerts that fire",
        "Alerts named Timpush* that fire now, of the chosen apps and of the exporter itself.",
        "follow the alert's runbook link in Alertmanager; the app's name opens its dashboard.",
        12, [], "alertname", ("alertname", "severity", *TARGET), {"app": [TO_APP]}, none="none",
        ascending=True, extra=[f"group by (alertname, severity, {', '.join(TARGET)}) ({FIRING})"],
    )
