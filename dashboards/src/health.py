"""Queries about the exporters themselves, and the worst of many lines."""

import names
from panels import MANY
from queries import INSTANCE, worst

HERE = f'{INSTANCE},app=~"$app",region=~"$region",push=~"$push"'
CALLS = f'{HERE},api=~"$api"'
RATE = "[$__rate_interval]"

ONE_IS_GOOD = ((None, names.WORST), (1, names.GOOD))

# Of what there can be hundreds, the panels show the worst.
FIRST = "the twenty that are highest at the end of the range"


def highest(at_time, *by: str) -> str:
    """The lines that are highest at the end of the range, of an expression that takes the time."""
    return worst(MANY, at_time(""), at_time(" @ end()"), *by)


def rate_of(kind: str, *by: str, outcome: str = "", at: str = "") -> str:
    """Calls or the like for each second; the recorded rate where $series chooses what is recorded."""
    labels = ", ".join(by)
    chosen = f"{CALLS}{outcome}"
    served = f"sum by ({labels}) (rate(${{series}}api_{kind}_total{{{chosen}}}{RATE}{at}))"
    begin = "${series}" if "app" in by else "${sums}"
    return f"({served} or sum by ({labels}) ({begin}api_{kind}:rate5m{{{chosen}}}{at}))"


def calls(*by: str, outcome: str = "", at: str = "") -> str:
    return rate_of("requests", *by, outcome=outcome, at=at)


def quantile(part: float, *by: str, matchers: str = 'api=~"$api"') -> str:
    labels = ", ".join(("le", *by))
    metric = f"timpush_api_request_duration_seconds_bucket{{{INSTANCE},{matchers}}}"
    return f"histogram_quantile({part}, sum by ({labels}) (rate({metric}{RATE})))"
