"""The dashboards as the checks see them."""

import dataclasses
import json
import pathlib
import re

TOP = pathlib.Path(__file__).parents[2]
FOLDER = TOP / "dashboards"

# What Grafana puts in place of its own variables; the others stand for everything.
BUILT_IN = {
    "__rate_interval": "1m",
    "__interval": "30s",
    "__range": "1h",
    "slo_loss_percent": "5",
}
EVERYTHING = ".+"

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

    def promql(self) -> str:
        return substitute(self.expr)


def substitute(text: str) -> str:
    """The text as it is asked when everything is chosen."""
    return VARIABLE.sub(lambda match: BUILT_IN.get(match[1] or match[2], EVERYTHING), text)


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
        if variable["type"] == "query":
            match = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
            if not match:
                raise ValueError(f"{board}: variable {variable['name']} asks for something else than label_values")
            found.append((Query(board, f"variable {variable['name']}", match[1], instant=True), match[2]))
    return found


def placeholders(legend: str) -> set[str]:
    return set(re.findall(r"{{\s*(\w+)\s*}}", legend))
