"""Each vendor's channel beside the others."""

import names
from frame import Board, cell, choice, dashboard_url
from names import POST, READY
from panels import (
    AGAIN_POINTS, LOSS_RATIO, PLAIN, Column, bands, fixed, lines, matrix, now, property_of, query, stat, table,
)
from queries import CHOSEN, by_class, latest, loss_ratio, lost, texts, total

PICKED = ('platform=~"$platform"',)

TO_PLATFORM = ("Only this platform", dashboard_url("timpush-platforms", platform=cell("platform")))
TO_CODES = ("Open the codes", dashboard_url("timpush-errors", stage="$__all", err_code="$__all"))
TO_CODE = (
    "Open this code", dashboard_url("timpush-errors", stage="$__all", err_code="${__value.raw:percentencode}")
)

RECEIPTS = "FCM sends none at all; Huawei, Honor, vivo and Meizu only to a URL that is set at the vendor."


def _step(step: str, *by: str) -> str:
    return total(latest(f"timpush_window_platform_{step}_pushes", *PICKED), *by)


def _losses(stage: str, *by: str) -> str:
    return lost(*by, matchers=(f'stage="{stage}"', *PICKED))


def board() -> Board:
    board = Board(
        "timpush-platforms",
        "Push loss / Platforms",
        "Each vendor's channel: volume, losses in both stages, and codes. The platforms are another measurement "
        "than the totals and do not add up to them.",
    )
    known = f"label_values(${{sums}}window_platform_sendable_pushes{{{CHOSEN}}}, platform)"
    about = "The vendor's channel; online is the push to an app that runs."
    board.variable(choice("platform", "Platform", known, about))
    board.line(10, _scoreboard(), _unattributed())
    board.line(10, _after(), _bands())
    board.row("Before sending, and codes", (10, _before(), _matrix()))
    board.row("$platform", *_one(), repeat="platform")
    return board


def _scoreboard():
    by = ("platform",)
    columns = [
        Column("Loss after", loss_ratio(POST, *by, matchers=PICKED), "percentunit", LOSS_RATIO),
        Column("Loss before", loss_ratio(READY, *by, matchers=PICKED), "percentunit", LOSS_RATIO),
        Column("Sendable", _step("sendable", *by)),
        Column("Sent", _step("sent", *by)),
        Column("Receipts", _step("delivered", *by)),
        Column("Lost after", _losses(POST, *by)),
        Column("Lost before", _losses(READY, *by)),
        Column("Share of volume", f"{_step('sendable', *by)} / on () group_left () ({_step('sendable')} > 0)",
               "percentunit", PLAIN, gauge=True),
    ]
    return table(
        "Scoreboard",
        f"Each platform's losses after and before sending in the window. Receipts are not deliveries: {RECEIPTS}",
        "one bad platform points to its credential, quota or vendor; all of them point to the app or the sender.",
        19, columns, "Loss after", by, {"platform": [TO_PLATFORM, TO_CODES]}, none="no traffic",
    )


def _unattributed():
    known = total(latest("timpush_window_platform_lost_pushes"), "stage")
    difference = f"{lost('stage')} - ({known} or 0 * {lost('stage')})"
    return stat(
        "Lost without a platform",
        "Losses of the total minus those of all platforms, by stage. The service counts both for itself; what no "
        "platform explains are mostly devices whose vendor never became known. It can be below 0.",
        "nothing, unless it is most of the loss: then look at devices that never registered a vendor.",
        5, now(difference, "{{stage}}"), look=PLAIN, low=None, none="no data", trend=False,
    ).override_by_name(READY, _stage(READY)).override_by_name(POST, _stage(POST))


def _stage(stage: str):
    return [fixed(names.STAGES[stage]), property_of("displayName", names.STAGE_TEXTS[stage])]


def _after():
    return lines(
        "Loss after sending, by platform",
        "Part of each platform's sent pushes that the vendor did not report as arrived.",
        "a line that jumps alone is that vendor: check its credential in the console, then the vendor's status.",
        14, [query(loss_ratio(POST, "platform", matchers=PICKED), "{{platform}}")], "percentunit",
        colours=names.PLATFORMS, look=LOSS_RATIO, limits=True,
    )


def _bands():
    return bands(
        "Loss after sending, in bands",
        "The same ratios as colours: below 5 %, to 15 %, to 50 %, and above.",
        "red is an outage or a refused credential; read the beginning of the band for the time.",
        10, query(loss_ratio(POST, "platform", matchers=PICKED), "{{platform}}"), "percentunit", LOSS_RATIO,
        none="no traffic",
    ).max_data_points(AGAIN_POINTS)


def _before():
    return lines(
        "Lost before sending, by platform",
        "Pushes in the rolling window that had no certificate (-1) or no token (-2) on each platform.",
        "a jump after a release is the app's registration; on one platform, its certificate in the console.",
        10, [query(_losses(READY, "platform"), "{{platform}}")], colours=names.PLATFORMS, none="no losses",
    )


def _matrix():
    return matrix(
        "Platforms and codes",
        "Losses in the window of each code on each platform, both stages. The same number means different things "
        "with different vendors.",
        "read along a column for a vendor's causes; open a code by its cell on the left.",
        14, f"{lost('platform', 'err_code', matchers=PICKED)} > 0", "err_code", "platform",
        ((None, "transparent"), (1, "#82B5D8"), (10, names.WARN), (100, names.BAD), (1000, names.WORST)),
        links=[TO_CODE],
    )


def _one():
    codes = ("stage", "err_code")
    receipts = f"{_step('delivered')} / ({_step('sent')} > 0)"
    losses = lost(*codes, matchers=PICKED)
    return (
        (8,
         lines(
             "$platform: loss after sending",
             "Part of the platform's sent pushes that the vendor did not report as arrived.",
             "compare with the time of releases and of changes at the vendor.",
             8, [query(loss_ratio(POST, "platform", matchers=PICKED), "{{platform}}")], "percentunit", many=False,
             colours=names.PLATFORMS, look=LOSS_RATIO, limits=True,
         ),
         lines(
             "$platform: sent",
             "Pushes in the rolling window that were handed to the vendor.",
             "a line at 0 with sendable devices means that nothing leaves for this vendor.",
             8, [query(_step("sent", "platform"), "{{platform}}")], many=False, colours=names.PLATFORMS,
         ),
         lines(
             "$platform: receipts",
             f"Receipts as a part of the sent pushes. {RECEIPTS}",
             "watch for a fall to 0, which is a receipt URL that broke; the level itself says little.",
             8, [query(receipts, "receipts")], "percentunit", many=False,
             colours={"receipts": names.FUNNEL["delivered"]},
         )),
        (8,
         table(
             "$platform: top codes",
             "The platform's codes in the window with the service's own words and the class that says who must act.",
             "credential, config, permission and content are yours; open a code for its history.",
             24, [Column("Lost", f"topk(10, {losses} > 0)", look=PLAIN, gauge=True)], "Lost",
             (*codes, "class", "err_info"),
             {"err_code": [("Open this code", dashboard_url("timpush-errors", stage=cell("stage"),
                                                            err_code=cell("err_code")))]},
             none="no losses",
             extra=[f"{texts(*codes, matchers=PICKED)} and on (stage, err_code) topk(10, {losses} > 0)",
                    f"group by (stage, err_code, class) ({by_class(codes, PICKED)} > 0) and on (stage, err_code) "
                    f"topk(10, {losses} > 0)"],
         )),
    )
