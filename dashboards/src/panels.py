"""Panels of each kind as these dashboards have them.

Every panel says what it means and what to do about it.
"""

from grafana_foundation_sdk.builders import (
    bargauge,
    common as build_common,
    dashboard as build,
    heatmap as build_heatmap,
    prometheus,
    stat as build_stat,
    statetimeline,
    statushistory,
    table as build_table,
    text as build_text,
    timeseries,
)
from grafana_foundation_sdk.models import common, dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

import names
from frame import SOURCE

NO_TRAFFIC = "no traffic"

# Columns of labels that are as wide as their values, in pixels; the others share the rest.
KEY_WIDTHS = {"push": 95, "stage": 120, "platform": 90, "err_code": 95, "class": 130, "api": 175, "severity": 90, "type": 65,
              "status": 100}
DATE_WIDTH = 165
LEAST_WIDTH = 60

# From this width on, a legend is better beside the lines than below.
WIDE = 12

# How many points a line over time has at most: one in 15 minutes of a day, a quarter of the window that
# the gauges are about. One for each pixel would show no more, and cost as many times as much.
POINTS = 100

# And of a panel that shows what another shows, in another way.
AGAIN_POINTS = 48

# How many lines a panel shows of what there can be hundreds of.
MANY = 20

# How far an axis goes at least: noise around nothing is not to look like a mountain.
SOFT_MAX = {"percentunit": 0.05, "short": 5}


def property_of(key: str, value: object) -> model.DynamicConfigValue:
    return model.DynamicConfigValue(id_val=key, value=value)


def fixed(colour: str) -> model.DynamicConfigValue:
    return property_of("color", {"mode": "fixed", "fixedColor": colour})


def steps(*pairs: tuple[float | None, str]) -> build.ThresholdsConfig:
    """Colours from these values on; the first begins below all."""
    thresholds = [model.Threshold(value=value, color=colour) for value, colour in pairs]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(thresholds)


PLAIN = ((None, names.CALM),)
LOSS_RATIO = ((None, names.GOOD), (0.05, names.WARN), (0.15, names.BAD), (0.5, names.WORST))
AGE = ((None, names.GOOD), (600, names.WARN), (1800, names.WORST))
ANY_IS_BAD = ((None, names.GOOD), (1, names.WORST))


def query(expr: str, legend: str = "", ref: str = "A", every: str = "") -> prometheus.Dataquery:
    """A line over time for each series, with a value in `every` such time at most."""
    made = prometheus.Dataquery().datasource(SOURCE).ref_id(ref).expr(expr).legend_format(legend).range()
    return made.interval(every) if every else made


def now(expr: str, legend: str = "", ref: str = "A") -> prometheus.Dataquery:
    """A value for each series, as of the range's end."""
    return prometheus.Dataquery().datasource(SOURCE).ref_id(ref).expr(expr).legend_format(legend).instant()


def _cells(expr: str, ref: str) -> prometheus.Dataquery:
    return now(expr, ref=ref).format(PromQueryFormat.TABLE)


def _mapped(pairs: dict[str, tuple[str, str]]) -> list:
    options = {key: model.ValueMappingResult(text=text, color=colour) for key, (text, colour) in pairs.items()}
    return [model.ValueMap(options=options)]


def _dress(panel, title: str, means: str, do: str, width: int, queries, unit: str, look, none: str, low: float | None):
    """What all panels with data have."""
    panel.title(title).description(f"{means}\n\n**What to do:** {do}").datasource(SOURCE).span(width)
    panel.unit(unit).thresholds(steps(*look)).no_value(none)
    if low is not None:
        panel.min(low)
    for target in queries:
        panel.with_target(target)
    return panel


def stat(title, means, do, width, targets, unit="short", look=PLAIN, none=NO_TRAFFIC, low=0, states=None, trend=True):
    """One number, or one of each of several queries with its name, coloured by what it means."""
    targets = targets if isinstance(targets, list) else [targets]
    panel = _dress(build_stat.Panel(), title, means, do, width, targets, unit, look, none, low)
    reduced = build_common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False)
    empty = model.DashboardSpecialValueMapOptions(
        match=model.SpecialValueMatch.NULL_AND_NAN, result=model.ValueMappingResult(text=none, color=names.NEUTRAL)
    )
    return (
        panel.reduce_options(reduced)
        .color_mode(common.BigValueColorMode.VALUE)
        .graph_mode(common.BigValueGraphMode.AREA if trend else common.BigValueGraphMode.NONE)
        .color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .mappings([*_mapped(states or {}), model.SpecialValueMap(options=empty)] if states
                  else [model.SpecialValueMap(options=empty)])
    )


def named(title, means, do, width, target, legend_label, none="none"):
    """The value of a label in place of a number."""
    panel = stat(title, means, do, width, target, none=none, trend=False)
    return panel.text_mode(common.BigValueTextMode.NAME).display_name(f"${{__field.labels.{legend_label}}}")


def bars(title, means, do, width, queries, unit="short", look=PLAIN, none=NO_TRAFFIC, low=0, colours=None, links=(),
         high=None):
    """Bars of the values now; without `high` the longest is the whole."""
    panel = _dress(bargauge.Panel(), title, means, do, width, queries, unit, look, none, low)
    panel.reduce_options(build_common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
    panel.orientation(common.VizOrientation.HORIZONTAL).display_mode(common.BarGaugeDisplayMode.BASIC)
    panel.value_mode(common.BarGaugeValueMode.TEXT).show_unfilled(True)
    if high is not None:
        panel.max(high)
    panel.color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
    return _linked(_coloured(panel, colours), links)


def _coloured(panel, colours: dict[str, str] | None):
    for name, colour in (colours or {}).items():
        panel.override_by_name(name, [fixed(colour)])
    return panel


def _linked(panel, links):
    """Links of every value; each is a title and an address."""
    if links:
        made = [{"title": title, "url": url} for title, url in links]
        panel.override_by_regexp("/.*/", [property_of("links", made)])
    return panel


def lines(title, means, do, width, queries, unit="short", low=0, colours=None, stacked=None, many=True, links=(),
          look=PLAIN, none=NO_TRAFFIC, limits=False, dashed=(), soft_max=None, long_names=False, apart=False):
    """Values over time. Colours are by name, so that a line has the same in every panel.

    Many names may share a colour: `apart` gives each line its own, in the order of the answer.
    """
    panel = _dress(timeseries.Panel(), title, means, do, width, queries, unit, look, none, low)
    if low is not None and (soft_max := soft_max or SOFT_MAX.get(unit)):
        panel.axis_soft_max(soft_max)
    legend = build_common.VizLegendOptions().show_legend(True)
    if many:
        beside = width >= WIDE and not long_names
        legend.placement(common.LegendPlacement.RIGHT if beside else common.LegendPlacement.BOTTOM)
        legend.display_mode(common.LegendDisplayMode.TABLE).calcs(["lastNotNull", "max"])
        legend.sort_by("Last *").sort_desc(True)
    else:
        legend.placement(common.LegendPlacement.BOTTOM)
        legend.display_mode(common.LegendDisplayMode.LIST).calcs([])
    panel.legend(legend)
    panel.tooltip(build_common.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI)
                  .sort(common.SortOrder.DESCENDING))
    panel.line_width(2 if stacked is None else 1).fill_opacity(5 if stacked is None else 45)
    panel.show_points(common.VisibilityMode.NEVER).max_data_points(POINTS)
    if stacked is not None:
        panel.stacking(build_common.StackingConfig().mode(stacked).group("A"))
    if limits:
        panel.thresholds_style(
            build_common.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        )
    mode = model.FieldColorModeId.PALETTE_CLASSIC if apart else model.FieldColorModeId.PALETTE_CLASSIC_BY_NAME
    panel.color_scheme(build.FieldColor().mode(mode))
    for name in dashed:
        panel.override_by_name(name, [
            property_of("custom.lineStyle", {"fill": "dash", "dash": [8, 8]}),
            property_of("custom.lineWidth", 1),
            property_of("custom.fillOpacity", 0),
        ])
    return _linked(_coloured(panel, colours), links)


def bands(title, means, do, width, target, unit="short", look=PLAIN, states=None, none="no data", low=0):
    """One strip for each series, coloured by its state."""
    panel = _dress(statetimeline.Panel(), title, means, do, width, [target], unit, look, none, low)
    panel.color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
    panel.max_data_points(POINTS)
    panel.show_value(common.VisibilityMode.NEVER).merge_values(True).row_height(0.85).fill_opacity(80)
    panel.legend(build_common.VizLegendOptions().show_legend(True).display_mode(common.LegendDisplayMode.LIST)
                 .placement(common.LegendPlacement.BOTTOM).calcs([]))
    return panel.mappings(_mapped(states)) if states else panel


def history(title, means, do, width, target, look, unit="short", none="no data", low=0):
    """One row of cells for each series: when was there any."""
    panel = _dress(statushistory.Panel(), title, means, do, width, [target], unit, look, none, low)
    panel.color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS)).max_data_points(96)
    panel.show_value(common.VisibilityMode.NEVER).row_height(0.85).fill_opacity(80)
    return panel.legend(build_common.VizLegendOptions().show_legend(True).display_mode(common.LegendDisplayMode.LIST)
                        .placement(common.LegendPlacement.BOTTOM).calcs([]))


def buckets(title, means, do, width, target, none="no calls"):
    """How a histogram's observations spread over time."""
    panel = _dress(build_heatmap.Panel(), title, means, do, width, [target], "short", PLAIN, none, 0)
    target.format(PromQueryFormat.HEATMAP)
    return (
        panel.calculate(False)
        .max_data_points(POINTS)
        .y_axis(build_heatmap.YAxisConfig().unit("s"))
        .color(build_heatmap.HeatmapColorOptions().scheme("Blues").steps(32))
        .cell_gap(1)
        .show_legend()
    )


def words(title, width, content):
    """Text alone."""
    return build_text.Panel().title(title).span(width).mode(TextMode.MARKDOWN).content(content)


def heading_width(name: str) -> int:
    """Pixels in which a column's heading is whole, with the arrow of the sorting."""
    return max(LEAST_WIDTH, round(7.6 * len(name)) + 36)


class Column:
    """One column of numbers: a query and how its cells look."""

    def __init__(self, name, expr, unit="short", look=None, gauge=False, low: float | None = 0, width=None,
                 states=None):
        self.name, self.expr = name, expr
        self.properties = [property_of("unit", unit)]
        if low is not None:
            self.properties.append(property_of("min", low))
        if gauge and unit == "percentunit":
            self.properties.append(property_of("max", 1))
        if look:
            made = [{"value": value, "color": colour} for value, colour in look]
            self.properties.append(property_of("thresholds", {"mode": "absolute", "steps": made}))
            cell = {"type": "gauge", "mode": "basic"} if gauge else {"type": "color-background", "mode": "basic"}
            self.properties.append(property_of("custom.cellOptions", cell))
            self.properties.append(property_of("color", {"mode": "thresholds"}))
        if states:
            self.properties.append(property_of("mappings", [mapping.to_json() for mapping in _mapped(states)]))
            self.properties.append(property_of("custom.cellOptions", {"type": "color-text"}))
        width = width or (DATE_WIDTH if unit.startswith("dateTime") else heading_width(name))
        self.properties.append(property_of("custom.width", width))


def table(title, means, do, width, columns, sort, keys, links=None, none="no data", extra=(), low=0, ascending=False,
          filterable=False, without=(), above=None):
    """Rows of the labels `keys` with a column for each query; the labels `without` are not shown.

    Rows with more in the column `above` come first, then those with more in `sort`.

    `extra` are queries for a label's sake, given as (expression): their values are hidden.
    """
    exprs = [column.expr for column in columns] + list(extra)
    refs = [chr(ord("A") + index) for index in range(len(exprs))]
    queries = [_cells(expr, ref) for expr, ref in zip(exprs, refs)]
    panel = _dress(build_table.Panel(), title, means, do, width, queries, "short", PLAIN, none, low)
    # With one query the value has no letter.
    value = "Value #{}" if len(exprs) > 1 else "Value"
    shown = {value.format(ref): column.name for ref, column in zip(refs, columns)}
    hidden = ["Time", *without, *(value.format(ref) for ref in refs[len(columns):])]
    places = [*keys, *shown]
    panel.with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
    organize = {
        "excludeByName": dict.fromkeys(hidden, True),
        "indexByName": {name: index for index, name in enumerate(places)},
        "renameByName": shown,
    }
    panel.with_transformation(model.DataTransformerConfig(id_val="organize", options=organize))
    panel.show_header(True).cell_height(common.TableCellHeight.SM).min_width(LEAST_WIDTH)
    if filterable:
        panel.filterable(True)
    order = [(above, True), (sort, not ascending)] if above else [(sort, not ascending)]
    panel.sort_by([build_common.TableSortByFieldState().display_name(name).desc(down) for name, down in order])
    for column in columns:
        panel.override_by_name(column.name, column.properties)
    return _keys(panel, keys, links)


def _keys(panel, keys, links=None):
    """Stages and platforms look the same everywhere; links lead from a label's cells."""
    known = {
        "stage": {stage: (names.STAGE_TEXTS[stage], colour) for stage, colour in names.STAGES.items()},
        "platform": {platform: (platform, colour) for platform, colour in names.PLATFORMS.items()},
        "push": {push: (push, colour) for push, colour in names.PUSHES.items()},
    }
    for key in keys:
        # Without this unit, a code would be shown as a number: 80300007 as 80.3 Mil.
        properties = [property_of("unit", "string")]
        if key in KEY_WIDTHS:
            properties.append(property_of("custom.width", KEY_WIDTHS[key]))
        if key in known:
            properties.append(property_of("mappings", [mapping.to_json() for mapping in _mapped(known[key])]))
            properties.append(property_of("custom.cellOptions", {"type": "color-text"}))
        if links and key in links:
            made = [{"title": title, "url": url} for title, url in links[key]]
            properties.append(property_of("links", made))
        panel.override_by_name(key, properties)
    return panel


def matrix(title, means, do, width, expr, row, column, look, links=(), none="no losses"):
    """A table of one label against another."""
    panel = _dress(build_table.Panel(), title, means, do, width, [_cells(expr, "A")], "short", look, none, 0)
    options = {"rowField": row, "columnField": column, "valueField": "Value", "emptyValue": "null"}
    panel.with_transformation(model.DataTransformerConfig(id_val="groupingToMatrix", options=options))
    panel.show_header(True).cell_height(common.TableCellHeight.SM).min_width(LEAST_WIDTH)
    panel.color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
    panel.cell_options({"type": "color-background", "mode": "basic"})
    # A cell without losses is not to repeat what an empty panel says.
    blank = model.ValueMappingResult(text="\u00a0", color="transparent")
    nothing = model.DashboardSpecialValueMapOptions(match=model.SpecialValueMatch.NULL_AND_NAN, result=blank)
    panel.mappings([model.SpecialValueMap(options=nothing)])
    corner = [property_of("custom.cellOptions", {"type": "auto"}), property_of("unit", "string"),
              property_of("custom.width", KEY_WIDTHS[row] + KEY_WIDTHS[column])]
    if links:
        corner.append(property_of("links", [{"title": title, "url": url} for title, url in links]))
    return panel.override_by_name(f"{row}\\{column}", corner)
