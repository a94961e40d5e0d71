"""Which codes, since when, on which platform, and what to do about their kind."""

from grafana_foundation_sdk.models.common import StackingMode

import names
from frame import Board, cell, choice, dashboard_url, leading, of_line
from panels import AGAIN_POINTS, PLAIN, Column, bars, history, lines, now, query, table, words
from queries import CHOSEN, by_class, change, lost, lost_a_day_ago, lost_of_watched, texts, worst

BY = ("stage", "err_code")
PICKED = ('stage=~"$stage"', 'err_code=~"$err_code"')

# Lines over time are asked for these codes alone: of every code they would be millions of samples.
LEADING = ('stage=~"$stage"', 'err_code=~"$leading"')
MOST = 10

TO_PLATFORM = (
    "Open this platform", dashboard_url("timpush-platforms", platform=of_line("platform"))
)
TO_CODE = (
    "Only this code",
    dashboard_url("timpush-errors", stage=cell("stage"), err_code=cell("err_code")),
)

ADVICE = """
| class | what happened | who acts, and how |
|---|---|---|
| `credential` | the vendor refused the app's certificate, key or secret | **you**: renew it at the vendor and upload it in the console |
| `config` | no certificate was chosen, or a name, package or channel does not fit | **you**: compare the console's settings with the app's build |
| `permission` | the app may not send this kind of push at the vendor | **you**: apply for it in the vendor's console |
| `content` | the vendor refused the text, a field or the size | **you**: change what is sent |
| `quota` | a volume or frequency limit of the vendor is used up | **you or the vendor**: ask for more, or send system messages in another category |
| `vendor_transient` | the vendor had an error or was too slow | **wait**; ask the vendor if it lasts |
| `device_state` | the device could not show it: offline, notifications off, inactive | **nobody** |
| `token_invalid` | the token belongs to an uninstalled app or an old registration | **nobody**; a step up after a release means that the app sends old tokens |
| `unknown` | the number means different things, or nothing is published | look at the service's words in the table |

Before sending there are two codes: **-1**, no certificate was reported for the device (upload one, set its id in the
client), and **-2**, no token was reported (the app has no permission for notifications, or registers too late).

`other` sums up rare codes beyond the exporter's limit of series.
"""


def _losses(*by: str, at: str = "") -> str:
    return lost(*by, matchers=PICKED, at=at)


def board() -> Board:
    board = Board(
        "timpush-errors",
        "Push loss / Error codes",
        "Which error codes the losses have, what changed, and what to do about each kind of code.",
    )
    stages = f"label_values(${{sums}}window_lost_pushes{{{CHOSEN}}}, stage)"
    codes = f'label_values(${{codes}}window_lost_pushes{{{CHOSEN},stage=~"$stage"}}, err_code)'
    board.variable(choice("stage", "Stage", stages, "Lost before or after sending."))
    board.variable(choice("err_code", "Code", codes, "The error code as the service gives it."))
    board.variable(leading("leading", f"topk({MOST}, {_losses('err_code')} > 0)", "err_code"))
    board.line(10, _codes(), _classes())
    board.line(10, _top(), _shares())
    board.row("What changed since yesterday", (9, _risers(), _new()))
    board.row("Where and when", (10, _platforms(), _activity()))
    board.row("What to do about each kind of code", (12, words("Kinds of codes", 24, ADVICE.strip())))
    return board


def _codes():
    losses = _losses(*BY)
    columns = [
        Column("Lost", losses),
        Column("Share", f"{losses} / on (stage) group_left () ({_losses('stage')} > 0)", "percentunit",
               ((None, names.CALM),), gauge=True),
        Column("Since yesterday", change(*BY, matchers=PICKED), low=None),
        Column("Platforms", "count by (stage, err_code) "
               f"({lost(*BY, 'platform', matchers=PICKED)} > 0)", "none"),
    ]
    return table(
        "Codes",
        "Every code of the window with the service's own words, its share of its stage's losses, and how many more "
        "there are than at this time yesterday, in the apps that had data then. Platforms come from another "
        "measurement than the total.",
        "begin with the largest share, then with the largest growth; click a code to see only that one.",
        15, columns, "Lost", (*BY, "err_info"), {"err_code": [TO_CODE]}, none="no losses",
        extra=[texts(*BY, matchers=('platform="all"', *PICKED))], filterable=True,
    )


def _classes():
    return bars(
        "Who must act",
        "Losses of the platforms in the window by the class of their code.",
        "credential, config, permission and content are yours; the row at the bottom says what to do for each.",
        9, [now(by_class(matchers=PICKED), "{{class}}")], colours=names.CLASSES, none="no losses",
    )


def _lead() -> str:
    return worst(MOST, lost(*BY, matchers=LEADING), lost(*BY, matchers=LEADING, at=" @ end()"), *BY)


def _top():
    expr = _lead()
    return lines(
        "Top ten codes",
        "The ten codes with the most losses at the end of the range, over the whole range.",
        "find when the first line left its level, and what was released or changed at that time.",
        12, [query(expr, "{{stage}} {{err_code}}")], none="no losses", apart=True,
    )


def _shares():
    expr = _lead()
    return lines(
        "Share of the top ten",
        "The same ten codes in percent of their sum: a change of the mix shows here even when the volume changes.",
        "a code that takes over is a new cause; an even mix that grows is a common one, such as volume.",
        12, [query(expr, "{{stage}} {{err_code}}")], stacked=StackingMode.PERCENT, none="no losses", apart=True,
    ).max_data_points(AGAIN_POINTS)


def _risers():
    grown = change(*BY, matchers=PICKED)
    return table(
        "Risers",
        "The ten codes that grew most against this time yesterday, in the apps that had data then.",
        "ask what changed since: a release, a certificate, a vendor's rule.",
        12, [Column("More than yesterday", f"topk(10, {grown} > 0)", look=PLAIN, gauge=True)], "More than yesterday",
        BY, {"err_code": [TO_CODE]}, none="nothing grew",
    )


def _new():
    now_lost, before = lost_of_watched(*BY, matchers=PICKED), lost_a_day_ago(*BY, matchers=PICKED)
    return table(
        "New in the last day",
        "The fifty codes with the most losses of those that were not lost at this time yesterday. An app without data "
        "then does not count: nobody knows what is new to it.",
        "look at what the class of the code advises; a new credential code rarely goes away by itself.",
        12, [Column("Lost", f"topk(50, {now_lost} > 0 unless on (stage, err_code) {before} > 0)")], "Lost",
        BY, {"err_code": [TO_CODE]}, none="none",
    )


def _platforms():
    return bars(
        "Chosen codes, by platform",
        "Losses in the window with the codes that are chosen above, by platform. They do not add up to the total, "
        "which the service counts for itself.",
        "one platform points to that vendor's credential or quota; all of them point to the app. Click to open it.",
        8, [now(lost("platform", matchers=PICKED), "{{platform}}")], colours=names.PLATFORMS, none="no losses",
        links=[TO_PLATFORM],
    )


def _activity():
    expr = _lead()
    return history(
        "When a code occurred",
        "Whether each of the ten codes with the most losses was lost in the window that ended at each cell.",
        "a row that begins at once is an incident; rows with the same beginning have the same cause.",
        16, query(expr, "{{stage}} {{err_code}}"),
        ((None, "transparent"), (1, "#82B5D8"), (10, names.WARN), (100, names.BAD), (1000, names.WORST)),
    )
