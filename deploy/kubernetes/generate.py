#!/usr/bin/env python3
"""Makes the plain manifests from what the chart renders. Needs Helm, as `helm` or in HELM.

    deploy/kubernetes/generate.py             writes
    deploy/kubernetes/generate.py --check     fails if a file is not what it would write
"""

import os
import pathlib
import subprocess
import sys

import yaml

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from generated import settle

CHART = HERE.parent / "helm/timpush-exporter"
# Each with the folder that it builds on, if any.
FOLDERS = {
    "base": None,
    "overlays/operator": "base",
    "overlays/replicas": "overlays/operator",
    "overlays/shards": "overlays/operator",
}
# Of whom: only Helm has use for these.
HELM_LABELS = ("helm.sh/chart", "app.kubernetes.io/managed-by")
CHECKSUM = "checksum/config"
HEAD = "# Made by deploy/kubernetes/generate.py from the chart.\n"


class Blocks(yaml.SafeDumper):
    """Writes text of several lines as it is, and lists inside of what they belong to."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


Blocks.add_representer(str, _text)


def dump(document: dict) -> str:
    return yaml.dump(document, Dumper=Blocks, sort_keys=True, width=100, allow_unicode=True)


def values(folder: str) -> list[pathlib.Path]:
    """Those of the folder, after those of the folders that it builds on."""
    below = FOLDERS[folder]
    return [*(values(below) if below else []), HERE / "values" / f"{pathlib.Path(folder).name}.yaml"]


def without_helm(document: dict) -> dict:
    """The object as it is applied without Helm, and in any namespace."""
    metadata = [document["metadata"]]
    template = document.get("spec", {}).get("template")
    if template:
        metadata.append(template["metadata"])
    for each in metadata:
        each.pop("namespace", None)
        for label in HELM_LABELS:
            each.get("labels", {}).pop(label, None)
        # The name of the ConfigMap changes instead.
        each.get("annotations", {}).pop(CHECKSUM, None)
    if document["kind"] == "ServiceMonitor":
        del document["spec"]["namespaceSelector"]
    return document


def rendered(folder: str) -> dict[str, dict]:
    """What the chart makes of the folder's values, by file name."""
    command = [os.environ.get("HELM", "helm"), "template", "timpush-exporter", CHART, "--skip-tests"]
    command += ["--kube-version", "1.31.0"]
    for file in values(folder):
        command += ["--values", file]
    output = subprocess.check_output([str(part) for part in command], text=True)
    documents = [without_helm(document) for document in yaml.safe_load_all(output) if document]
    found = {}
    for document in documents:
        suffix = document["metadata"]["name"].removeprefix("timpush-exporter")
        found[f"{document['kind'].lower()}{suffix}"] = document
    return found


def difference(old: object, new: object) -> object:
    """A strategic merge patch from one object to another, for what the overlays change."""
    if isinstance(new, dict) and isinstance(old, dict):
        return {key: difference(old.get(key), value) for key, value in new.items() if old.get(key) != value}
    if isinstance(new, list) and isinstance(old, list) and all("name" in part for part in [*old, *new]):
        before = {part["name"]: part for part in old}
        return [
            difference(before.get(part["name"]), part) | {"name": part["name"]}
            for part in new if part != before.get(part["name"])
        ]
    return new


def files(folder: str) -> dict[pathlib.Path, str]:
    """What the folder holds besides its kustomization."""
    objects, below = rendered(folder), FOLDERS[folder]
    before = rendered(below) if below else {}
    found = {}
    for name, document in objects.items():
        path = HERE / folder / f"{name}.yaml"
        if name == "configmap":
            # Also where only the interval is written out, which is the default.
            if not before or "calls_per_second" in document["data"]["timpush.yml"]:
                found[path.with_name("timpush.yml")] = HEAD + dump(yaml.safe_load(document["data"]["timpush.yml"]))
        elif document["kind"] == "ConfigMap":
            # The dashboards have a kustomization of their own, beside the chart's copies.
            continue
        elif name not in before:
            found[path] = HEAD + dump(document)
        elif document != before[name]:
            patch = {key: document[key] for key in ("apiVersion", "kind")}
            patch["metadata"] = {"name": document["metadata"]["name"]}
            found[path.with_name(f"{name}.patch.yaml")] = HEAD + dump(patch | difference(before[name], document))
    return found


def main() -> int:
    wanted = {path: text for folder in FOLDERS for path, text in files(folder).items()}
    present = {
        path for folder in FOLDERS for path in (HERE / folder).glob("*.y*ml") if path.name != "kustomization.yaml"
    }
    return settle("deploy/kubernetes/generate.py", wanted, present)


if __name__ == "__main__":
    sys.exit(main())
