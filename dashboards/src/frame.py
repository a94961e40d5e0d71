"""A dashboard around its panels: variables, links, annotations and places on the grid."""

import json

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from queries import CODES, FIRING, RANKED_SERIES, RANKED_SUMS

API = ("What the service counts", "https://www.tencentcloud.com/document/product/1047/71898")

RUNBOOKS = "https://github.com/timpush-exporter/timpush-exporter/blob/main/deploy/runbooks/"

# Variables that a dashboard has not: tasks are all of one push, and no rule records them.
WITHOUT = {"timpush-campaigns": {"push", "series"}}

SOURCE = model.DataSourceRef(type_val="prometheus", uid="$datasource")

# Grafana 10.4 knows this version; later ones bring it up to theirs when they load it.
SCHEMA_VERSION = 39

# What the generator adds of later versions, or of other kinds: all have the defaults without.
UNKNOWN_TO_SOME = ("footer", "legend", "percentChangeColorMode", "perPage", "selectionMode")
OF_OTHER_VARIABLES = ("allowCustomValue", "auto", "auto_min", "auto_count")

WIDTH = 24


def dashboard_url(uid: str, source: str = "", **variables: str) -> str:
    """The address of another dashboard at the same time, with what was chosen here, at the `source`.

    The variables' values are text that is there, or from `cell` and the like: encoded.
    """
    everywhere = ("datasource", "job", "series", "app", "region", "push")
    left_out = WITHOUT.get(uid, set()) | WITHOUT.get(source, set()) | variables.keys()
    kept = [f"${{{name}:queryparam}}" for name in everywhere if name not in left_out]
    kept.append("${__url_time_range}")
    return f"/d/{uid}?" + "&".join([*kept, *(f"var-{name}={value}" for name, value in variables.items())])


def cell(label: str) -> str:
    """A label of a table's row, in an address: names are free text."""
    return f"${{__data.fields.{label}:percentencode}}"


def of_line(label: str) -> str:
    """A label of a line or a bar, in an address."""
    return f"${{__field.labels.{label}:percentencode}}"


# From a row of a table with the labels app and region.
TO_APP = ("Open this app", dashboard_url("timpush-app", app=cell("app"), region=cell("region")))


def choice(name: str, label: str, query: str, description: str, single: bool = False,
           ordered: bool = False) -> build.QueryVariable:
    """A variable from a label's values; all of them unless it is single, in the query's order if it is `ordered`.

    Where several can be chosen, Grafana escapes names for =~; where one can, only for =.
    """
    variable = (
        build.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(SOURCE)
        .query(query)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.DISABLED if ordered else model.VariableSort.ALPHABETICAL_ASC)
        .multi(not single)
        .include_all(not single)
    )
    if single:
        return variable
    everything = model.VariableOption(selected=True, text=["All"], value=["$__all"])
    return variable.all_value(".+").current(everything)


def _data_source() -> build.DatasourceVariable:
    return build.DatasourceVariable("datasource").label("Data source").type("prometheus")


def _job() -> build.QueryVariable:
    return choice("job", "Job", "label_values(timpush_build_info, job)", "The scrape job of the exporters.")


def _app(single: bool) -> build.QueryVariable:
    query = 'label_values(timpush_target_info{job=~"$job"}, app)'
    return choice("app", "App", query, "The app's name in the exporter's configuration.", single)


def _region() -> build.QueryVariable:
    query = 'label_values(timpush_target_info{job=~"$job",app=~"$app"}, region)'
    return choice("region", "Region", query, "The data centre that an app is in.")


def _push() -> build.QueryVariable:
    query = 'label_values(timpush_target_info{job=~"$job",app=~"$app",region=~"$region"}, push)'
    description = (
        "Whose pushes: normal ones follow chat messages; all_member ones are those that operators send to all users, "
        "tags or UserIDs."
    )
    # Not .+: series from before there was this label have none.
    return choice("push", "Push", query, description).all_value(".*")


def _series() -> build.QueryVariable:
    description = (
        "How the series' names begin. board:timpush_ are those of the recording rules, which are fast with many "
        "apps; timpush_ are the exporter's own, which need no rules and go back further than they do."
    )
    query = f"query_result({RANKED_SERIES})"
    # The first is chosen.
    return (
        choice("series", "Series", query, description, single=True, ordered=True).regex('/series="([^"]+)"/')
    )


def _found(name: str, query: str, pattern: str, description: str) -> build.QueryVariable:
    """A hidden variable: the first value that a query finds."""
    return (
        choice(name, name, f"query_result({query})", description, single=True, ordered=True)
        .regex(pattern)
        .hide(model.VariableHide.HIDE_VARIABLE)
    )


def _sums() -> tuple[build.QueryVariable, ...]:
    return (
        _found("sums", RANKED_SUMS, '/sums="([^"]+)"/', "How the names of sums over apps begin."),
        _found("codes", CODES, '/codes="(?:board:)?([^"]+)"/', "The same of series with codes."),
    )


def leading(name: str, query: str, label: str) -> build.QueryVariable:
    """A hidden variable: the values of a label that a query finds, which has no other label."""
    everything = model.VariableOption(selected=True, text=["All"], value=["$__all"])
    return (
        choice(name, name, f"query_result({query})", "Found anew with each time range.")
        .regex(f'/^{{{label}="(.*)"}} /')
        .all_value("")
        .current(everything)
        .hide(model.VariableHide.HIDE_VARIABLE)
    )


class Board:
    """One dashboard, filled from the top: first lines of panels, then collapsed rows."""

    def __init__(self, uid: str, title: str, description: str, single_app: bool = False,
                 of_tasks: bool = False, document: tuple[str, str] = API) -> None:
        self.uid = uid
        self._y = 0
        self._ids = 0
        self._build = (
            build.Dashboard(title)
            .uid(uid)
            .description(description)
            .tags(["timpush", "push"])
            .version(1)
            .readonly()
            .tooltip(model.DashboardCursorSync.CROSSHAIR)
            .timezone("browser")
            .time("now-24h", "now")
            .refresh("1m")
        )
        self._single_app = single_app
        self._of_tasks = of_tasks
        for variable in (_data_source(), _job(), _app(single_app), _region()):
            self._build.with_variable(variable)
        if not of_tasks:
            self._build.with_variable(_push()).with_variable(_series())
        if not (single_app or of_tasks):
            for variable in _sums():
                self._build.with_variable(variable)
        self._link(*document)
        self._annotate()

    def _link(self, title: str, url: str) -> None:
        dashboards = (
            build.DashboardLink("Push dashboards")
            .type(model.DashboardLinkType.DASHBOARDS)
            .tags(["timpush"])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
        document = (
            build.DashboardLink(title)
            .type(model.DashboardLinkType.LINK)
            .icon("doc")
            .url(url)
            .target_blank(True)
        )
        self._build.links([dashboards, document])

    def _annotate(self) -> None:
        about = "{{app}} {{region}} {{push}}"
        self._annotation("Firing alerts", FIRING, "#C4162A", "{{alertname}}", about, "alertname")
        restarts = 'changes(process_start_time_seconds{job=~"$job"}[2m]) > 0'
        self._annotation("Exporter restarts", restarts, "#5794F2", "Exporter restarted", "{{instance}}", "instance")

    def _annotation(self, name: str, expr: str, colour: str, title: str, text: str, tag: str) -> None:
        annotation = build.AnnotationQuery().name(name).datasource(SOURCE).enable(True).icon_color(colour).expr(expr)
        made = annotation.build()
        # The data source's own keys, which the builder does not know.
        plain = made.to_json
        made.to_json = lambda: plain() | {"titleFormat": title, "textFormat": text, "tagKeys": tag, "step": "60s"}
        self._build.annotation(_Built(made))

    def variable(self, variable) -> None:
        self._build.with_variable(variable)

    def line(self, height: int, *panels) -> None:
        """Panels side by side, with the widths that they have."""
        for panel in self._placed(height, self._y, panels):
            self._build.with_panel(panel)
        self._y += height

    def row(self, title: str, *lines: tuple, repeat: str | None = None) -> None:
        """A collapsed row; each line is its height and its panels."""
        row = build.Row(title).collapsed(True).id(self._next_id())
        row.grid_pos(model.GridPos(h=1, w=WIDTH, x=0, y=self._y))
        if repeat:
            row.repeat(repeat)
        y = self._y + 1
        for height, *panels in lines:
            for panel in self._placed(height, y, panels):
                row.with_panel(panel)
            y += height
        self._build.with_row(row)
        self._y += 1

    def _placed(self, height: int, y: int, panels):
        x = 0
        for panel in panels:
            made = panel.build()
            made.id_val = self._next_id()
            made.grid_pos.h, made.grid_pos.x, made.grid_pos.y = height, x, y
            x += made.grid_pos.w
            yield _Built(made)
        if x != WIDTH:
            raise ValueError(f"{self.uid}: a line at {y} is {x} wide")

    def _next_id(self) -> int:
        self._ids += 1
        return self._ids

    def document(self) -> dict:
        text = JSONEncoder(sort_keys=False).encode(self._build.build())
        if self._single_app:
            # One name, which Grafana does not escape for a regular expression.
            text = text.replace(r'app=~\"$app\"', r'app=\"$app\"')
            text = text.replace("${sums}", "${series}").replace("${codes}", "timpush_")
        if self._of_tasks:
            text = text.replace(r',push=~\"$push|\"', "")
        document = json.loads(text)
        document["schemaVersion"] = SCHEMA_VERSION
        for variable in document["templating"]["list"]:
            for key in OF_OTHER_VARIABLES:
                variable.pop(key, None)
        for panel in document["panels"]:
            for each in (panel, *panel.get("panels", ())):
                options = each.get("options", {})
                for key in UNKNOWN_TO_SOME:
                    if key != "legend" or each["type"] == "bargauge":
                        options.pop(key, None)
        return document


class _Built:
    """What is built already, for those who call build()."""

    def __init__(self, made) -> None:
        self._made = made

    def build(self):
        return self._made
