#!/usr/bin/env python3
"""Puts into the chart what comes from elsewhere: rules, dashboards, their kustomization, README's values.

    deploy/helm/generate.py             writes
    deploy/helm/generate.py --check     fails if a file is not what it would write

The chart has copies, since it must be complete when it is packaged.
"""

import pathlib
import re
import sys

TOP = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(TOP / "deploy"))

from generated import settle

CHART = TOP / "deploy/helm/timpush-exporter"
START, END = "<!-- values: made by deploy/helm/generate.py -->\n", "<!-- end of values -->\n"

KUSTOMIZATION = """\
# Made by deploy/helm/generate.py: the dashboards for deploy/kubernetes. No part of the chart.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
configMapGenerator:
{dashboards}generatorOptions:
  disableNameSuffixHash: true
  labels:
    app.kubernetes.io/component: exporter
    app.kubernetes.io/instance: timpush-exporter
    app.kubernetes.io/name: timpush-exporter
    app.kubernetes.io/version: {version}
    grafana_dashboard: "1"
  annotations:
    grafana_folder: Tencent Cloud Chat push
"""

KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z]\w*):(?: (?P<value>.+))?$")


def copies() -> dict[pathlib.Path, str]:
    """What the chart's folder `files` holds."""
    sources = [*(TOP / "dashboards").glob("timpush-*.json"), *(TOP / "deploy/prometheus").glob("timpush.*.yml")]
    return {CHART / "files" / source.name: source.read_text("utf-8") for source in sources}


def kustomization() -> str:
    names = sorted(path.stem.removeprefix("timpush-") for path in (TOP / "dashboards").glob("timpush-*.json"))
    dashboards = "".join(f"  - {{name: timpush-exporter-{name}, files: [timpush-{name}.json]}}\n" for name in names)
    version = re.search(r"^appVersion: (\S+)$", (CHART / "Chart.yaml").read_text("utf-8"), re.M)[1]
    return KUSTOMIZATION.format(dashboards=dashboards, version=version)


def rows(values: str) -> list[str]:
    """One row for each key that has a comment directly before it."""
    found, path, comment, undescribed = [], [], "", []
    # A blank line ends a comment, such as the one at the top of the file.
    for line in values.splitlines():
        if line.lstrip().startswith("# "):
            comment += " " + line.lstrip()[2:]
            continue
        if match := KEY.match(line):
            depth = len(match["indent"]) // 2
            path = [*path[:depth], match["key"]]
            default = match["value"]
            inside = bool(found) and line.startswith(" ") and not comment
            if comment:
                shown = f"`{default}`" if default else "see values.yaml"
                found.append(f"| `{'.'.join(path)}` | {shown} | {comment.strip().replace('|', chr(92) + '|')} |")
            elif default and not inside:
                undescribed.append(".".join(path))
        comment = ""
    if undescribed:
        raise SystemExit(f"values.yaml: no comment before {', '.join(undescribed)}")
    return found


def readme() -> str:
    text = (CHART / "README.md").read_text("utf-8")
    before, _, rest = text.partition(START)
    _, marker, after = rest.partition(END)
    if not marker:
        raise SystemExit("README.md: the marks around the table of values are missing")
    table = ["| key | default | |", "|---|---|---|", *rows((CHART / "values.yaml").read_text("utf-8"))]
    return before + START + "\n".join(table) + "\n" + END + after


def main() -> int:
    wanted = copies() | {CHART / "files/kustomization.yaml": kustomization(), CHART / "README.md": readme()}
    return settle("deploy/helm/generate.py", wanted, set((CHART / "files").glob("timpush*")))


if __name__ == "__main__":
    sys.exit(main())
