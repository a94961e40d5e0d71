"""The dashboards with what their queries return, as the page in src/ draws them."""

import json

import dashboards
from lab import Prometheus

WIDTH = 1600
SCRAPE = 5
HOUR = 3600

# How far back each looks; without a past of its own, the exporter's health is that of minutes.
RANGES = {"timpush-exporter": 180}
USUAL_RANGE = 24 * HOUR

# What is chosen where only one can be.
CHOSEN = {"app": "shop", "datasource": "Prometheus", **dashboards.SERVED_NAMES}

# Steps that Grafana rounds to, in seconds.
STEPS = (5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)


def opened(panels: list[dict]) -> list[dict]:
    """All rows unfolded, and what is repeated there once."""
    found, shift = [], 0
    for panel in panels:
        inner = panel.get("panels", ())
        repeat = panel.get("repeat")
        for each in (panel, *inner):
            text = json.dumps({key: value for key, value in each.items() if key != "panels"})
            if repeat:
                text = text.replace(f"${repeat}", dashboards.REPEATED[repeat])
            each = json.loads(text)
            each["gridPos"]["y"] += shift
            found.append(each)
        # In the file, what follows a folded row is right below it.
        place = panel["gridPos"]
        bottoms = [each["gridPos"]["y"] + each["gridPos"]["h"] for each in inner]
        shift += max(bottoms, default=place["y"] + place["h"]) - place["y"] - place["h"]
    return found


class Asker:
    """Asks what a dashboard asks, over its range, with what is chosen there."""

    def __init__(self, server: Prometheus, end: int, span: int, chosen: dict[str, str]) -> None:
        self._server, self._end, self._span, self._chosen = server, end, span, chosen

    def step(self, panel: dict) -> int:
        points = panel.get("maxDataPoints") or panel["gridPos"]["w"] * WIDTH / 24
        return next(step for step in STEPS if step >= self._span / points and step >= SCRAPE)

    def _put_in(self, text: str, step: int) -> str:
        values = {
            "__interval": f"{step}s",
            "__rate_interval": f"{max(step + SCRAPE, 4 * SCRAPE)}s",
            "__range": f"{self._span}s",
            **self._chosen,
        }
        return dashboards.VARIABLE.sub(lambda match: values[match[1] or match[2]], text)

    def lines(self, expr: str, step: int) -> list[dict]:
        start = self._end - self._span
        return self._server.ask("query_range", query=self._put_in(expr, step), start=start, end=self._end, step=step)

    def query(self, target: dict, step: int) -> dict:
        if target.get("instant"):
            found = self._server.ask("query", query=self._put_in(target["expr"], step), time=self._end)
            series = [{"metric": each["metric"], "values": [each["value"]]} for each in found]
        else:
            series = self.lines(target["expr"], step)
        form = target.get("format")
        return {
            "refId": target["refId"],
            "legend": target.get("legendFormat", ""),
            "kind": form if form in ("table", "heatmap") else "lines",
            "series": series,
        }

    def annotations(self, document: dict) -> list[dict]:
        found = []
        for each in document["annotations"]["list"]:
            for series in self.lines(each["expr"], 60):
                before = 0
                for at, _ in series["values"]:
                    if at > before + 60:
                        found.append({"time": at, "text": each["name"], "color": each["iconColor"]})
                    before = at
        return found


def chosen_values(document: dict) -> tuple[dict[str, str], list[dict]]:
    """What stands for each variable in queries, and how the head of the page shows it."""
    chosen, shown = {}, []
    for variable in document["templating"]["list"]:
        name, label = variable["name"], variable.get("label") or variable["name"]
        if variable["type"] == "query" and variable.get("includeAll"):
            chosen[name] = variable["allValue"] or dashboards.EVERYTHING
            if not variable.get("hide"):
                shown.append({"label": label, "value": "All"})
        else:
            chosen[name] = CHOSEN.get(name) or variable.get("current", {}).get("value", "")
            if not variable.get("hide"):
                shown.append({"label": label, "value": chosen[name]})
    return chosen, shown


def board_of(server: Prometheus, name: str, document: dict, end: int) -> dict:
    span = RANGES.get(name, USUAL_RANGE)
    chosen, shown = chosen_values(document)
    asker = Asker(server, end, span, chosen)
    panels = []
    for panel in opened(document["panels"]):
        step = asker.step(panel)
        queries = [asker.query(target, step) for target in panel.pop("targets", ())]
        panels.append(panel | {"interval": step, "queries": queries})
    return {
        "title": document["title"],
        "note": "Preview, drawn with @grafana/ui on the data of the demo; not Grafana itself",
        "variables": shown,
        "links": [link["title"] for link in document["links"]],
        "from": end - span,
        "to": end,
        "annotations": asker.annotations(document),
        "panels": panels,
    }
