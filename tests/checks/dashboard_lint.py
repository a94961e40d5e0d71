#!/usr/bin/env python3
"""Checks that the dashboards are what a person in a hurry needs: whole, alike, and laid out.

That they are the files that their source makes is checked by `dashboards/src --check`, that
their queries return data by dashboard_queries.py.
"""

import collections
import re
import sys

import dashboards
import promql_rules

HEIGHT = 20  # rows of the grid on a screen of 1080 lines
WIDTH = 24

# Panels of which a value below 0 means something.
BELOW_ZERO = {
    ("timpush-app", "Budget left of 7 days"): "more was lost than allowed",
    ("timpush-platforms", "Lost without a platform"): "the platforms may count more than the total",
    ("timpush-exporter", "Next expiry of a signature"): "it has expired",
    ("timpush-exporter", "Life of signatures"): "it has expired",
    ("timpush-exporter", "Clock against the service"): "the clock is behind",
}

# The variables that are at the top of each dashboard.
FIRST = ["datasource", "job", "app", "region", "push"]

WITHOUT = {("timpush-campaigns", "push"): "tasks are all of one push"}

# Dashboards on which one variable has a single value.
SINGLE = {("timpush-app", "app"): "the dashboard is about one app"}

# What stands for all values of a variable; with `.*` what has no such label is found, too, and with nothing only those
# that are listed.
EVERYTHING = {"push": ".*", "task": None}

# What is not chosen by the viewer's eye: how names begin, and what is found anew each time.
SINGLE_EVERYWHERE = {"series", "sums", "codes"}
FOUND = {"leading", "worst", "failing", "late", "erring"}

# Labels of which there can be hundreds of values, or of pairs.
NUMEROUS = {"app", "err_code", "code", "task", "name"}

# Pixels: of a letter and of an arrow with margins in a heading, of one of 24 columns on a narrow screen, and of
# a name that can be read.
LETTER, ARROW, COLUMN, TEXT = 7, 36, 64, 70

# More points than one in 15 minutes of a day are no use, and cost.
POINTS = 100

STAGES = {"ready_to_send", "post_send_delivered"}
PLATFORMS = {"apns", "xiaomi", "huawei", "fcm", "meizu", "oppo", "vivo", "honor", "online", "unknown"}
PUSHES = {"normal", "all_member"}

# Labels with few values: a legend need not be a table, but their colours must be given.
COLOURED = {"stage": STAGES, "platform": PLATFORMS, "push": PUSHES}

# Cells of these labels lead on.
LINKED = {"app", "platform", "err_code"}

# Kinds of panels that colour by what a value means, so that thresholds must say it.
BY_THRESHOLDS = {"stat", "bargauge", "state-timeline", "status-history"}
BANDS = {"state-timeline", "status-history"}


def head(board: str, document: dict) -> list[str]:
    """The dashboard's own settings."""
    wanted = {
        "uid": board,
        "tags": ["timpush", "push"],
        "editable": False,
        "schemaVersion": 39,
        "version": 1,
        "time": {"from": "now-24h", "to": "now"},
        "refresh": "1m",
        "graphTooltip": 1,
        "timezone": "browser",
    }
    found = [f"{key} is {document.get(key)!r}" for key, value in wanted.items() if document.get(key) != value]
    found += [f"has {key}" for key in ("id", "__inputs", "__requires") if key in document]
    if not document.get("title", "").startswith("Push loss / ") or not document.get("description"):
        found.append("title or description is missing")
    annotations = [each["expr"] for each in document["annotations"]["list"]]
    for part in ('alertstate="firing"', "process_start_time_seconds"):
        if not any(part in expr for expr in annotations):
            found.append(f"no annotation asks for {part}")
    links = document["links"]
    if not any(each["type"] == "dashboards" and each["keepTime"] and each["includeVars"] for each in links):
        found.append("no link to the other dashboards that keeps time and variables")
    if not any(each["type"] == "link" for each in links):
        found.append("no link to a document")
    return found


def sources(value: object) -> list[str]:
    """Data sources that are not the chosen one, anywhere."""
    found = []
    if isinstance(value, dict):
        if "datasource" in value and value["datasource"] != {"type": "prometheus", "uid": "$datasource"}:
            found.append(f"a data source is {value['datasource']!r}")
        value = list(value.values())
    if isinstance(value, list):
        found += [problem for each in value for problem in sources(each)]
    return found


def variables(board: str, document: dict) -> list[str]:
    every = document["templating"]["list"]
    found = []
    first = [name for name in FIRST if (board, name) not in WITHOUT]
    if [each["name"] for each in every[:len(first)]] != first:
        found.append(f"the first variables are not {', '.join(first)}")
    if [each["name"] for each in every if each["type"] == "datasource"] != ["datasource"]:
        found.append("there is not one data source")
    for each in every:
        name = each["name"]
        if not each.get("label"):
            found.append(f"variable {name} has no label")
        if each["type"] != "query":
            continue
        if each["refresh"] != 2:
            found.append(f"variable {name} is not asked for again with another time range")
        if (board, name) in SINGLE or name in SINGLE_EVERYWHERE:
            if each["multi"] or each["includeAll"]:
                found.append(f"variable {name} can be several")
            continue
        if name in FOUND:
            # All of those that were found; where there are none, no other.
            if not (each["multi"] and each["includeAll"] and not each["allValue"] and each["hide"] == 2):
                found.append(f"variable {name} is not all of what is found")
            continue
        if not (each["multi"] and each["includeAll"] and (each.get("allValue") or None) == EVERYTHING.get(name, ".+")):
            found.append(f"variable {name} cannot be several or all")
    return found


def grid(panels: list[dict], top: int) -> list[str]:
    """Lines that are full and do not overlap."""
    found = []
    lines = collections.defaultdict(list)
    for panel in panels:
        lines[panel["gridPos"]["y"]].append(panel)
    y = top
    for at, line in sorted(lines.items()):
        x = 0
        if at != y:
            found.append(f"a line begins at {at}, not at {y}")
        for panel in sorted(line, key=lambda each: each["gridPos"]["x"]):
            place = panel["gridPos"]
            if place["x"] != x or place["h"] != line[0]["gridPos"]["h"]:
                found.append(f"{panel['title']}: overlaps, or leaves a gap")
            x += place["w"]
        if x != WIDTH:
            found.append(f"the line at {at} is {x} wide")
        y = at + line[0]["gridPos"]["h"]
    return found


def layout(document: dict) -> list[str]:
    top = document["panels"]
    found = grid(top, 0)
    for panel in top:
        below = panel["gridPos"]["y"] + panel["gridPos"]["h"] > HEIGHT
        if panel["type"] == "row":
            found += grid(panel["panels"], panel["gridPos"]["y"] + 1)
            if not panel["collapsed"]:
                found.append(f"row {panel['title']} is open")
        elif below:
            found.append(f"{panel['title']}: is below the first screen and in no row")
    ids = [each["id"] for panel in top for each in (panel, *panel.get("panels", ()))]
    if len(set(ids)) != len(ids):
        found.append("two panels have the same id")
    titles = [panel["title"] for panel in dashboards.panels(document)]
    found += [f"{title}: two panels have this title" for title, n in collections.Counter(titles).items() if n > 1]
    return found


def overrides(panel: dict) -> dict[str, dict[str, object]]:
    """Values by property by name."""
    by_name = collections.defaultdict(dict)
    for override in panel["fieldConfig"]["overrides"]:
        for each in override["properties"]:
            by_name[override["matcher"]["options"]][each["id"]] = each.get("value")
    return by_name


def panel_problems(board: str, panel: dict) -> list[str]:
    if panel["type"] == "text":
        return []
    found = []
    described = panel.get("description", "")
    means, _, advice = described.partition("\n\n**What to do:** ")
    if not panel["title"] or len(means) < 20 or len(advice) < 10:
        found.append("does not say what it means and what to do")
    defaults = panel["fieldConfig"]["defaults"]
    if not defaults.get("unit"):
        found.append("has no unit")
    if defaults.get("min") != 0 and (board, panel["title"]) not in BELOW_ZERO:
        found.append("does not begin at 0")
    if not defaults.get("noValue"):
        found.append("does not say what nothing means")
    colour = defaults.get("color", {}).get("mode")
    if panel["type"] in BY_THRESHOLDS and (colour != "thresholds" or not defaults["thresholds"]["steps"]):
        found.append("is not coloured by thresholds")
    if panel["type"] == "stat" and not any(
        each["type"] == "special" and each["options"]["match"] == "null+nan" for each in defaults["mappings"]
    ):
        found.append("shows no text for null")
    return found + _targets(panel) + _legend(panel) + _links(board, panel) + _many(board, panel)


def _many(board: str, panel: dict) -> list[str]:
    """Of hundreds of lines only the worst are shown, and no line has more points than are seen."""
    if panel["type"] not in ("timeseries", "state-timeline", "status-history", "bargauge", "heatmap"):
        return []
    found = []
    if panel["type"] != "bargauge" and panel.get("maxDataPoints", POINTS + 1) > POINTS:
        found.append(f"may have more than {POINTS} points")
    for target in panel["targets"]:
        numerous = {
            label for label in NUMEROUS & set(dashboards.placeholders(target["legendFormat"]))
            if (board, label) not in SINGLE
        }
        if numerous and "topk(" not in target["expr"]:
            found.append(f"has a line for each {', '.join(sorted(numerous))}")
    return found


def _targets(panel: dict) -> list[str]:
    found = []
    targets = panel.get("targets", [])
    if not targets:
        found.append("asks for nothing")
    for target in targets:
        if panel["type"] == "table" and not (target.get("instant") and target.get("format") == "table"):
            found.append("is a table of something else than instant tables")
        if panel["type"] in ("timeseries", "state-timeline", "status-history", "heatmap") and not target.get("range"):
            found.append("shows time and asks for an instant")
        if panel["type"] not in ("table", "stat") and not target.get("legendFormat"):
            found.append("has a query without a name")
    if panel["type"] == "table":
        found += _columns(panel)
    return found


def _columns(panel: dict) -> list[str]:
    """Values have a unit; labels have the one by which a code is not shown as a rounded number."""
    units = {name: properties["unit"] for name, properties in overrides(panel).items() if "unit" in properties}
    organized = [each["options"] for each in panel["transformations"] if each["id"] == "organize"]
    renamed = {old: new for each in organized for old, new in each["renameByName"].items()}
    labels = {name for each in organized for name in each["indexByName"]} - renamed.keys()
    found = [f"column {name} has no unit" for name in renamed.values() if name not in units]
    widths = {name: properties.get("custom.width", 0) for name, properties in overrides(panel).items()}
    found += [f"heading {name} is cut" for name in renamed.values() if widths.get(name, 0) < len(name) * LETTER + ARROW]
    room = panel["gridPos"]["w"] * COLUMN - sum(widths.get(name, 0) for name in {*labels, *renamed.values()})
    shown = {name for each in organized for name in labels - each["excludeByName"].keys()}
    if room < TEXT * sum(not widths.get(name) for name in shown):
        found.append(f"leaves {room} pixels for the columns of {', '.join(sorted(shown))}")
    return found + [f"column {name} may be shown as a number" for name in sorted(labels) if units.get(name) != "string"]


def _legend(panel: dict) -> list[str]:
    found = []
    by_name = overrides(panel)
    for target in panel.get("targets", []):
        legend = target.get("legendFormat", "")
        for label, values in COLOURED.items():
            if legend == f"{{{{{label}}}}}" and panel["type"] not in BANDS:
                without = [value for value in values if "color" not in by_name.get(value, {})]
                found += [f"gives {value} no colour" for value in sorted(without)]
    if panel["type"] == "timeseries":
        legends = {target.get("legendFormat", "") for target in panel["targets"]}
        open_ended = any(set(dashboards.placeholders(legend)) - {"stage"} for legend in legends)
        # A panel of a repeated row is about one value.
        repeated = panel["title"].startswith("$")
        shape = panel["options"]["legend"]
        whole = shape["displayMode"] == "table" and shape["calcs"] == ["lastNotNull", "max"]
        if open_ended and not repeated and not whole:
            found.append("may have many lines and its legend is no table with last and max")
    return found


def _links(board: str, panel: dict) -> list[str]:
    """Cells and lines of an app, a platform or a code lead on."""
    if panel["type"] != "table":
        return []
    by_name = overrides(panel)
    order = {
        name
        for each in panel["transformations"]
        if each["id"] == "organize"
        for name in each["options"]["indexByName"]
    }
    return [
        f"the cells of {label} lead nowhere"
        for label in sorted(LINKED & order)
        if "links" not in by_name.get(label, {}) and (board, label) not in SINGLE
    ]


def addresses(value: object) -> list[str]:
    if isinstance(value, dict):
        mine = [value["url"]] if str(value.get("url", "")).startswith("/d/") else []
        return mine + [each for part in value.values() for each in addresses(part)]
    if isinstance(value, list):
        return [each for part in value for each in addresses(part)]
    return []


def link_problems(board: str, document: dict, known: dict[str, set[str]]) -> list[str]:
    """Links to what is there, with the time, the data source and the variables that are there."""
    found = []
    for address in addresses(document):
        uid, _, query = address.removeprefix("/d/").partition("?")
        parts = query.split("&")
        if uid not in known:
            found.append(f"a link leads to {uid}")
            continue
        given = re.findall(r"(?:^|&)var-(\w+)=", query) + re.findall(r"\$\{(\w+):queryparam\}", query)
        kept = {"datasource", "job", "series", "app", "region", "push"} & known[board] & known[uid]
        if "${__url_time_range}" not in parts or not kept <= set(given):
            found.append(f"a link to {uid} does not keep the time and {', '.join(sorted(kept))}")
        unknown = set(re.findall(r"\$\{(\w+):queryparam\}", query)) - known[board]
        found += [f"a link to {uid} asks for {name}, which is not here" for name in unknown]
        for value in re.findall(r"\$\{[^}]*\}|\$\w+", query):
            whole = value in ("${__url_time_range}", "$__all")
            if not whole and not value.endswith((":queryparam}", ":percentencode}")):
                found.append(f"a link to {uid} does not encode {value}")
        found += [f"a link to {uid} gives it {name}" for name in set(given) - known[uid]]
    return found


def comparisons(document: dict) -> list[str]:
    """Grafana escapes values for =~ where several can be chosen, and for = where one can."""
    single = dashboards.single(document)
    return sorted({
        f"compares with ${name}, which is {'one' if name in single else 'several'}, by {operator}"
        for text in dashboards.texts(document)
        for operator, name in re.findall(r'(!=|!~|=~|=)"\$\{?(\w+)', text)
        if ("~" in operator) == (name in single)
    })


def colours(documents: dict[str, dict]) -> list[str]:
    """A name has one colour everywhere, in lines as in cells."""
    by_name = collections.defaultdict(set)
    for document in documents.values():
        for panel in dashboards.panels(document):
            if panel["type"] == "text":
                continue
            for name, properties in overrides(panel).items():
                if "color" in properties and "fixedColor" in properties["color"]:
                    by_name[name].add(properties["color"]["fixedColor"])
                for mapping in properties.get("mappings", ()):
                    for value, result in mapping["options"].items():
                        by_name[result["text"] if value.isdigit() else value].add(result["color"])
    return [f"{name} has {len(found)} colours" for name, found in sorted(by_name.items()) if len(found) > 1]


def runbooks(documents: dict[str, dict]) -> list[str]:
    """Links to runbooks lead to a chapter that there is."""
    found = []
    for board, document in documents.items():
        for url in (link["url"] for link in document["links"] if "/deploy/runbooks/" in link.get("url", "")):
            page, _, anchor = url.partition("/deploy/runbooks/")[2].partition("#")
            text = (dashboards.TOP / "deploy/runbooks" / page).read_text("utf-8")
            if anchor not in {each.lower().replace(" ", "-") for each in re.findall(r"^## (.+)$", text, re.M)}:
                found.append(f"{board}: a link leads to {page}#{anchor}")
    return found


def readme(documents: dict[str, dict]) -> list[str]:
    """Each dashboard is in the folder's README by its file and title, and no link there is dead."""
    text = (dashboards.FOLDER / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([\w-]+)\.json` \| ([^|]+?) \|", text, re.M))
    titles = {board: document["title"] for board, document in documents.items()}
    found = [] if rows == titles else [f"README.md: names {rows}, and there are {titles}"]
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    return found + [f"README.md: {link} does not exist" for link in links if not (dashboards.FOLDER / link).exists()]


def main() -> int:
    documents = dashboards.documents()
    known = {board: {each["name"] for each in document["templating"]["list"]} for board, document in documents.items()}
    problems = colours(documents) + readme(documents) + runbooks(documents)
    count = 0
    for board, document in documents.items():
        found = head(board, document) + sources(document) + variables(board, document) + layout(document)
        found += link_problems(board, document, known)
        for panel in dashboards.panels(document):
            count += 1
            found += [f"{panel['title']}: {problem}" for problem in panel_problems(board, panel)]
        queries = dashboards.panel_queries(board, document) + dashboards.annotation_queries(board, document)
        for query in queries:
            for chosen in dashboards.ALL_NAMES:
                problems_of = promql_rules.problems(query.promql(**chosen), query.instant)
                found += [f"{query.place}: {problem}" for problem in problems_of if problem not in found]
        found += comparisons(document)
        for query, label in dashboards.variable_queries(board, document):
            if label != "job" and 'job=~"$job"' not in query.expr:
                found.append(f"{query.place}: is not limited to the job")
        problems += [f"{board}: {problem}" for problem in found]
    for problem in problems:
        print(problem)
    print(f"{len(documents)} dashboards with {count} panels, {len(problems)} problems")
    return bool(problems) or len(documents) != 6


if __name__ == "__main__":
    sys.exit(main())
