"""The dashboards as the checks see them."""

import dataclasses
import json
import pathlib
import re

import yaml

TOP = pathlib.Path(__file__).parents[2]
FOLDER = TOP / "dashboards"

# What Grafana puts in place of its own variables; the others stand for everything.
BUILT_IN = {
    "__rate_interval": "1m",
    "__interval": "30s",
    "__range": "1h",
    "slo_loss_percent": "5",
    # All pushes, and the series that have no such label.
    "push": ".*",
}
# How the names of recorded series begin, which the variables $series, $sums and $codes choose if
# there are any.
RECORDED = "board:timpush_"
FLEET = "fleet:timpush_"
SERVED_NAMES = {"series": "timpush_", "sums": "timpush_", "codes": "timpush_"}
RECORDED_NAMES = {"series": RECORDED, "sums": RECORDED, "codes": "timpush_"}
FLEET_NAMES = {"series": RECORDED, "sums": FLEET, "codes": FLEET}
ALL_NAMES = (SERVED_NAMES, RECORDED_NAMES, FLEET_NAMES)
EVERYTHING = ".+"

# Where one is to be chosen, not everything: an app of the demo and of the simulator.
ONE = re.compile(r'(?<==)"\$app"')
AN_APP = "game"

# Not so $1, which label_replace() knows.
VARIABLE = re.compile(r"\$(?:\{([a-z_]\w*)\}|([a-z_]\w*))")

# In a row that is repeated for each value of a variable, it has one.
REPEATED = {"platform": "apns", "api": "normal_push_loss"}


@dataclasses.dataclass(frozen=True)
class Query:
    """One query of a panel, a variable or an annotation."""

    board: str
    place: str
    expr: str
    legend: str = ""
    instant: bool = False
    table: bool = False
    lists_lines: bool = False

    def __str__(self) -> str:
        return f"{self.board}: {self.place}"

    def promql(self, **chosen: str) -> str:
        return substitute(self.expr, **chosen)


def substitute(text: str, **chosen: str) -> str:
    """The text as it is asked when everything is chosen, or some other values are."""
    values = BUILT_IN | SERVED_NAMES | chosen
    text = ONE.sub(f'"{chosen.get("app", AN_APP)}"'.replace("\\", r"\\"), text)
    return VARIABLE.sub(lambda match: values.get(match[1] or match[2], EVERYTHING), text)


def escaped(value: str, several: bool) -> str:
    """A chosen value as Grafana puts it into PromQL: for =~ if several could be chosen, else for =."""
    if several:
        return re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", value.replace("\\", "\\" * 4))
    return value.replace("\\", "\\\\")


def documents() -> dict[str, dict]:
    """By their file's name without its ending."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def rows_and_panels(document: dict) -> list[tuple[str, dict]]:
    """All panels that are no rows, with the variable that their row is repeated for."""
    every = [
        (panel.get("repeat", ""), each) for panel in document["panels"] for each in (panel, *panel.get("panels", ()))
    ]
    return [(repeat, panel) for repeat, panel in every if panel["type"] != "row"]


def panels(document: dict) -> list[dict]:
    return [panel for _, panel in rows_and_panels(document)]


def panel_queries(board: str, document: dict) -> list[Query]:
    return [
        Query(
            board,
            f"{panel['title']} ({target['refId']})",
            target["expr"].replace(f"${repeat}", REPEATED[repeat]) if repeat else target["expr"],
            target.get("legendFormat", ""),
            target.get("instant", False),
            target.get("format") == "table",
            panel.get("options", {}).get("legend", {}).get("displayMode") == "list" and panel["type"] == "timeseries",
        )
        for repeat, panel in rows_and_panels(document)
        for target in panel.get("targets", ())
    ]


def annotation_queries(board: str, document: dict) -> list[Query]:
    return [
        Query(board, f"annotation {each['name']}", each["expr"], each["titleFormat"] + each["textFormat"])
        for each in document["annotations"]["list"]
    ]


def variable_queries(board: str, document: dict) -> list[tuple[Query, str]]:
    """The selectors of label_values() with the label that is asked for."""
    found = []
    for variable in document["templating"]["list"]:
        match = re.fullmatch(r"label_values\((.+), (\w+)\)", variable.get("query", ""))
        if match:
            found.append((Query(board, f"variable {variable['name']}", match[1], instant=True), match[2]))
    return found


def result_queries(board: str, document: dict) -> list[tuple[Query, re.Pattern]]:
    """The queries of query_result() with the pattern that finds a value in a line of the result."""
    found = []
    for variable in document["templating"]["list"]:
        match = re.fullmatch(r"query_result\((.+)\)", variable.get("query", ""))
        if match:
            query = Query(board, f"variable {variable['name']}", match[1], instant=True)
            found.append((query, pattern_of(variable)))
    return found


def pattern_of(variable: dict) -> re.Pattern:
    """In Python a group's name has another form than in JavaScript."""
    return re.compile(variable["regex"].strip("/").replace("(?<", "(?P<"))


def value_in(line: str, pattern: re.Pattern) -> str | None:
    """What Grafana takes for the value: the group of that name, or the first."""
    match = pattern.search(line)
    return match and match["value" if "value" in pattern.groupindex else 1]


def lines_of(result: list[dict]) -> list[str]:
    """What Grafana's query_result() looks for values in."""
    return [
        "{%s} %s" % (",".join(f'{name}="{value}"' for name, value in each["metric"].items()), each["value"][1])
        for each in result
    ]


# What the dashboards look at of the groups for alerts, and what that is made of.
_SHARED = re.compile(
    r"stage_platform_code:timpush_(lost_pushes:seen|error_class:info)"
    r"|app_region_(code:timpush_window_lost_pushes:max|stage:timpush_window_lost_pushes:sum)"
    r"|app_region:timpush_(window:hours|polled_often:bool)"
    r"|app_region_window:timpush_(sent|sendable)_pushes:increase|app_region_stage_window:timpush_lost_pushes:increase"
)


def rules() -> list[dict]:
    """What must be recorded for the dashboards, in the order in which it is."""
    text = (TOP / "deploy/prometheus/timpush.rules.yml").read_text("utf-8")
    groups = {each["name"]: each["rules"] for each in yaml.safe_load(text)["groups"]}
    shared = [
        rule for rule in groups["timpush-usual"] + groups["timpush-recording"]
        if _SHARED.fullmatch(rule["record"]) and rule.get("labels", {}).get("window") != "24h"
    ]
    return shared + groups["timpush-dashboards"] + groups["timpush-dashboards-texts"]


def texts(value: object) -> list[str]:
    """All strings of a document but its addresses."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = [part for key, part in value.items() if key != "url"]
    return [text for part in value for text in texts(part)] if isinstance(value, list) else []


def single(document: dict) -> set[str]:
    """Variables that have one value, which is not escaped for a regular expression."""
    return {each["name"] for each in document["templating"]["list"] if not each.get("multi")}


def placeholders(legend: str) -> set[str]:
    return set(re.findall(r"{{\s*(\w+)\s*}}", legend))
