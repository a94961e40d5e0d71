"""The plain manifests in deploy/kubernetes, as kustomize builds them."""

import copy
import importlib
import json
import os
import subprocess
import sys

import yaml
from go_programs import tool
from helm_schemas import VERSIONS, problems
from lab import TOP

MANIFESTS = TOP / "deploy/kubernetes"


def overlays() -> list[str]:
    """What kustomize builds is valid, and is what the chart renders."""
    sys.path.insert(0, str(MANIFESTS))
    generate = importlib.import_module("generate")
    os.environ["HELM"] = str(tool("helm4"))
    found = []
    for folder in generate.FOLDERS:
        output = subprocess.check_output([tool("kustomize"), "build", MANIFESTS / folder], text=True)
        built = list(yaml.load_all(output, Loader=yaml.CSafeLoader))
        versions = VERSIONS[1:] if folder.endswith("replicas") else VERSIONS
        found += [f"{folder}: {each}" for version in versions for one in built for each in problems(one, version)]
        rendered = generate.rendered(folder).values()
        wanted, given = ({key(each): plain(each) for each in side} for side in (rendered, built))
        for name in sorted(wanted.keys() | given.keys()):
            if wanted.get(name) != given.get(name):
                found.append(f"{folder}: {name} is not what the chart renders")
    return found


def key(document: dict) -> str:
    """Kind and name, without the hash that kustomize adds to a configuration's name."""
    name = document["metadata"]["name"]
    is_configuration = document["kind"] == "ConfigMap" and "timpush.yml" in document["data"]
    return f"{document['kind']} {'configuration' if is_configuration else name}"


def plain(document: dict) -> dict:
    """What must be the same for both, however it is written down."""
    document = copy.deepcopy(document)
    if document["kind"] == "ConfigMap" and "timpush.yml" in document["data"]:
        config = yaml.safe_load(document["data"]["timpush.yml"])
        # The default, written out.
        if config.get("scrape_interval") == "1m":
            del config["scrape_interval"]
        return config
    if document["kind"] == "ConfigMap":
        document["data"] = {name: json.loads(text) for name, text in document["data"].items()}
        del document["metadata"]["labels"]["app.kubernetes.io/component"]
    if document["kind"] == "StatefulSet":
        for volume in document["spec"]["template"]["spec"]["volumes"]:
            if "configMap" in volume:
                del volume["configMap"]["name"]
    return document
