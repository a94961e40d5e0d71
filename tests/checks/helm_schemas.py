"""Kubernetes objects against the strict schemas of its versions, and against the operator's definitions."""

import functools
import importlib.resources
import json
import re

import jsonschema
import referencing
from helm_tools import operator_crds

# The oldest that the chart supports, one in use, and the newest that the package has.
VERSIONS = ("1.25.0", "1.31.0", "1.37.0")


@functools.cache
def _schema(version: str, name: str) -> dict:
    folder = importlib.resources.files("kubernetes_validate") / "kubernetes-json-schema"
    return json.loads((folder / f"v{version}-local-strict" / name).read_text("utf-8"))


@functools.cache
def _of_kubernetes(version: str, kind: str, api_version: str) -> jsonschema.Validator:
    # networking.k8s.io/v1 is networking-v1.
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    schema = referencing.Resource.from_contents(_schema(version, f"{kind.lower()}-{group}.json"))
    definitions = referencing.Resource.from_contents(_schema(version, "_definitions.json"))
    registry = definitions @ (schema @ referencing.Registry())
    return jsonschema.Draft202012Validator(schema.contents, registry=registry)


def _closed(schema: object) -> object:
    """Without the server's leniency: what it would drop as unknown is a mistake here."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    known = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    if known and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed


@functools.cache
def _of_operator() -> dict[str, jsonschema.Validator]:
    found = {}
    for kind, definition in operator_crds().items():
        (version,) = (each for each in definition["spec"]["versions"] if each["name"] == "v1")
        schema = _closed(version["schema"]["openAPIV3Schema"])
        # The server knows these itself.
        schema["properties"]["metadata"] = {"type": "object", "required": ["name"]}
        found[kind] = jsonschema.Draft202012Validator(schema)
    return found


def problems(document: dict, version: str) -> list[str]:
    """What a server of the version would refuse or drop."""
    api_version, kind = document["apiVersion"], document["kind"]
    if api_version == "monitoring.coreos.com/v1":
        validator = _of_operator()[kind]
    else:
        validator = _of_kubernetes(version, kind, api_version)
    return [
        f"{kind} {document['metadata']['name']}, Kubernetes {version}: "
        f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in validator.iter_errors(document)
    ]
