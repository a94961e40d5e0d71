"""Campaigns, each beside earlier ones: how far their pushes came, what was lost and why."""

import names
import tasks
from frame import RUNBOOKS, Board, cell, choice, dashboard_url
from names import POST, READY
from panels import (
    AGE, ANY_IS_BAD, LOSS_RATIO, MANY, PLAIN, Column, heading_width, lines, matrix, now, query, stat, table,
)
from tasks import TASK

UID = "timpush-campaigns"
NONE = "no campaigns"

STATES = {
    "0": ("waits", names.CALM),
    "1": ("dispatched", names.GOOD),
    "2": ("overdue", names.BAD),
    "3": ("failed", names.WORST),
}
SHARE = ((None, names.CALM),)

ONLY_THIS = (
    "Only this campaign",
    dashboard_url(UID, source=UID, app=cell("app"), region=cell("region"), task=cell("task")),
)


def _elsewhere(title: str, uid: str, **variables: str) -> tuple[str, str]:
    """Where all that the app's operators sent is: a campaign is a part of it."""
    return title, dashboard_url(uid, source=UID, push="all_member", app=cell("app"), **variables)


TO_APP = _elsewhere("Open this app", "timpush-app", region=cell("region"))
TO_CODE = _elsewhere("Open this code", "timpush-errors", stage=cell("stage"), err_code=cell("err_code"))
TO_PLATFORM = _elsewhere("Open this platform", "timpush-platforms", platform=cell("platform"))


def board() -> Board:
    board = Board(
        UID,
        "Push loss / Campaigns",
        "Pushes to all users, to a tag or to listed UserIDs, one by one: how far each came beside earlier ones, what "
        "it lost and why, and which scheduled ones did not begin. Counts are those since a campaign began. A longer "
        "time range has more of the earlier ones.",
        of_tasks=True,
        document=("What to do about a campaign", f"{RUNBOOKS}README.md#campaigns"),
    )
    board.variable(_campaign())
    board.line(4, *_now())
    board.line(8, _table())
    board.line(8, _causes(), _funnels())
    board.row("Scheduled campaigns", (9, _scheduled()))
    board.row("How the campaigns went", (9, *_over_time()))
    board.row("Platforms and codes of the chosen campaigns", (10, _platforms(), _matrix()))
    return board


def _campaign():
    about = (
        f"A task of the service, by its name, or by its TaskID if it has none: the {tasks.NEWEST} that began last "
        "within the time range."
    )
    made = choice("task", "Campaign", f"query_result({tasks.choices()})", about, ordered=True)
    # All is those that are listed, so that the cost does not grow with the apps.
    return made.regex('/{name="(?<text>.*)",task="(?<value>[^"]*)"}/').all_value("")


def _now():
    return (
        stat(
            "Campaigns",
            "Campaigns that the exporter watches, and those that it leaves out because there are more than `max`.",
            "if the wanted one is left out, raise `tasks.max`, or lower `tasks.age`.",
            4, [now(tasks.number("watched"), "watched"),
                now(tasks.number("left_out"), "left out", "B")],
            none=NONE, trend=False,
        ),
        stat(
            "Loss before sending",
            "Part of the chosen campaigns' sendable pushes that never left the service: no certificate, or no token.",
            "compare it with earlier campaigns below; a step up after a release is the app's registration.",
            4, now(tasks.loss_ratio(READY)), "percentunit", LOSS_RATIO, none=NONE, trend=False,
        ),
        stat(
            "Loss after sending",
            "Part of the chosen campaigns' sent pushes that a vendor refused or could not deliver. To all users it is "
            "more than of chat messages: many have uninstalled the app.",
            "compare it with earlier campaigns below, then look at the top causes.",
            4, now(tasks.loss_ratio(POST)), "percentunit", LOSS_RATIO, none=NONE, trend=False,
        ),
        stat(
            "Clicked",
            "Part of the chosen campaigns' sent pushes that a user opened.",
            "it is about the text and the time more than about losses; compare it with earlier ones.",
            3, now(f"{tasks.step('clicked')} / ({tasks.step('sent')} > 0)"), "percentunit", PLAIN, none=NONE,
            trend=False,
        ),
        stat(
            "Dispatch failed",
            "Scheduled campaigns that the service could not start.",
            "see the scheduled ones below, then schedule them anew.",
            3, now(f"count({tasks.failed()}) or 0 * count({tasks.dispatches()})"), "none", ANY_IS_BAD,
            none="none known", trend=False,
        ),
        stat(
            "Overdue",
            f"Scheduled campaigns that did not begin within {tasks.LATE // 60} minutes of their time.",
            "see the scheduled ones below; if the service does not begin them, ask its support.",
            3, now(f"count({tasks.overdue()}) or 0 * count({tasks.dispatches()})"), "none", ANY_IS_BAD,
            none="none known", trend=False,
        ),
        stat(
            "Oldest data",
            "Time since all queries about the campaigns of the app that waited longest succeeded.",
            "above half an hour, open Exporter health and the log: an app without the paid part has no such numbers.",
            3, now(tasks.answered_ago()), "s", AGE, none="no answer yet", trend=False,
        ),
    )


def _began():
    return Column("Began", f"1000 * ({tasks.start()})", "dateTimeAsIso", low=None)


def _table():
    columns = [
        _began(),
        *(Column(name, tasks.step(step, *TASK)) for name, step in (
            ("Sendable", "sendable"), ("Sent", "sent"), ("Receipts", "delivered"), ("Clicked", "clicked"),
        )),
        Column("Lost before", tasks.lost(*TASK, stage=READY)),
        Column("Loss before", tasks.loss_ratio(READY, *TASK), "percentunit", LOSS_RATIO),
        Column("Lost after", tasks.lost(*TASK, stage=POST)),
        Column("Loss after", tasks.loss_ratio(POST, *TASK), "percentunit", LOSS_RATIO),
    ]
    return table(
        "Campaigns, newest first",
        f"The {tasks.NEWEST} campaigns that began last, with how far their pushes came, and with what was lost before "
        "and after sending as a part of sendable and of sent pushes. Receipts are not deliveries: FCM sends none.",
        "compare the ratios down the column: one campaign with more than its predecessors had something wrong; click "
        "its name to see only it.",
        24, columns, "Began", ("name", "type", "app", "region", "task"), {"name": [ONLY_THIS], "app": [TO_APP]},
        none=NONE, extra=[tasks.info()],
    )


def _causes():
    return table(
        "Top causes of each campaign",
        "The three codes that each campaign lost most by, with the class that says who must act and the service's own "
        "words.",
        "credential, config, permission and content are yours; token_invalid is the floor of uninstalled apps.",
        14, [Column("Lost", tasks.causes(3), look=SHARE, gauge=True, width=100)], "Lost",
        ("name", "app", "stage", "platform", "err_code", "class", "err_info"),
        {"app": [TO_APP], "platform": [TO_PLATFORM], "err_code": [TO_CODE]}, none="no losses",
        without=("region", "task"),
    )


def _funnels():
    def share(name: str, part: str, whole: str, step: str) -> Column:
        expr = f"{tasks.step(part, *TASK)} / ({tasks.step(whole, *TASK)} > 0)"
        return Column(name, expr, "percentunit", ((None, names.FUNNEL[step]),), gauge=True, width=112)

    return table(
        "Funnels side by side",
        "What part of each campaign's sendable pushes was sent, and what parts of the sent ones had a receipt and "
        "were clicked, the newest first.",
        "a bar that is shorter than those of earlier campaigns says in which step this one fell behind.",
        10, [_began(), share("Sent", "sent", "sendable", "sent"), share("Receipts", "delivered", "sent", "delivered"),
            share("Clicked", "clicked", "sent", "clicked")],
        "Began", ("name",), none=NONE, extra=[tasks.info()],
        without=("app", "region", "task", "type"),
    )


def _scheduled():
    return table(
        "Scheduled campaigns",
        f"Campaigns in the service's list with the time they are due and what became of them. Overdue means: not "
        f"begun {tasks.LATE // 60} minutes after it. The status is the service's own word.",
        "failed: schedule it anew, the service does not try again. Overdue: look at it in the console.",
        24, [
            Column("State", tasks.state(), "none", states=STATES, width=heading_width("dispatched")),
            Column("Due", f"1000 * {tasks.due()}", "dateTimeAsIso", low=None),
        ],
        "Due", ("name", "type", "status", "app", "region", "scheduled_task", "task"),
        {"app": [TO_APP], "task": [ONLY_THIS]}, none="none", above="State", extra=[tasks.scheduled_info()],
    )


def _over_time():
    return tuple(
        lines(
            title,
            f"{what} of each campaign since it began, of the {MANY} that began last.",
            advice,
            12, [query(expr, "{{name}}")], none=NONE, long_names=True,
        )
        for title, what, expr, advice in (
            ("Sent since the beginning", "Sent pushes", tasks.sent_over_time(MANY),
             "a line that stops far below its sendable pushes was cut short: was the campaign revoked?"),
            ("Lost after sending, since the beginning", "Pushes lost after sending", tasks.lost_over_time(MANY),
             "a line that is steeper than those of earlier campaigns loses more from its first minutes on."),
        )
    )


def _platforms():
    by = ("platform",)
    columns = [
        Column("Loss after", tasks.loss_ratio(POST, *by), "percentunit", LOSS_RATIO),
        Column("Loss before", tasks.loss_ratio(READY, *by), "percentunit", LOSS_RATIO),
        Column("Sendable", tasks.step("sendable", *by)),
        Column("Sent", tasks.step("sent", *by)),
        Column("Receipts", tasks.step("delivered", *by)),
        Column("Clicked", tasks.step("clicked", *by)),
    ]
    return table(
        "Platforms of the campaigns",
        "The chosen campaigns on each platform; online is the push to an app that runs. The platforms do not add up "
        "to the totals.",
        "one bad platform points to its credential or quota; all of them point to the list of users.",
        12, columns, "Loss after", by,
        {"platform": [("Open this platform", dashboard_url(
            "timpush-platforms", source=UID, push="all_member", platform=cell("platform")))]},
        none=NONE,
    )


def _matrix():
    return matrix(
        "Platforms and codes of the campaigns",
        "Losses of the chosen campaigns by code and platform, in both stages.",
        "read along a column for a vendor's causes; open a code by its cell on the left.",
        12, f"{tasks.lost('platform', 'err_code')} > 0", "err_code", "platform",
        ((None, "transparent"), (1, "#82B5D8"), (10, names.WARN), (100, names.BAD), (1000, names.WORST)),
        links=[("Open this code", dashboard_url(
            "timpush-errors", source=UID, push="all_member", stage="$__all",
            err_code="${__value.raw:percentencode}"))],
    )
