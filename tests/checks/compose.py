#!/usr/bin/env python3
"""Checks the composition beyond its schema: what it mounts exists, and every service is hardened."""

import pathlib
import sys

import yaml

TOP = pathlib.Path(__file__).parents[2]
FOLDER = TOP / "deploy/compose"


def problems(name: str, service: dict, volumes: dict) -> list[str]:
    found = []
    for mount in service.get("volumes", []):
        source, target, *mode = mount.split(":")
        if source.startswith("."):
            if not (FOLDER / source).exists():
                found.append(f"{name}: {source} does not exist")
            if mode != ["ro"]:
                found.append(f"{name}: {source} is not mounted read-only")
        elif source not in volumes:
            found.append(f"{name}: the volume {source} is not declared")
    if not service.get("read_only") or service.get("cap_drop") != ["ALL"]:
        found.append(f"{name}: is not read-only and free of capabilities")
    if "no-new-privileges:true" not in service.get("security_opt", []):
        found.append(f"{name}: may gain privileges")
    ends = service.get("restart") == "no"
    if "test" not in service.get("healthcheck", {}) and not ends:
        found.append(f"{name}: has no health check")
    if ends and service.get("healthcheck") != {"disable": True}:
        found.append(f"{name}: ends, and is checked for its health by what the image says")
    if not all(port.startswith("127.0.0.1:") for port in service.get("ports", [])):
        found.append(f"{name}: listens on all addresses")
    version = service["image"].rsplit(":", 1)[-1]
    if version in ("latest", service["image"]):
        found.append(f"{name}: its version is not pinned")
    if not set(service.get("profiles", [])) & {"demo", "production"}:
        found.append(f"{name}: is in no profile")
    return found


def main() -> int:
    document = yaml.safe_load((FOLDER / "compose.yml").read_text("utf-8"))
    found = [
        problem
        for name, service in document["services"].items()
        for problem in problems(name, service, document["volumes"])
    ]
    for problem in found:
        print(problem)
    print(f"{len(document['services'])} services, {len(found)} problems")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
