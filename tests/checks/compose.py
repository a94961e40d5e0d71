#!/usr/bin/env python3
"""Checks the composition beyond its schema: what it mounts exists, every service is hardened and bounded, nothing
in the checkout is to be edited, and the example folder has all that is."""

import re
import sys

from compose_file import EXAMPLE, FOLDER, defaults, read, settings

FILE = FOLDER / "compose.yml"
ENV = EXAMPLE / "compose.env"
# What only a user's folder holds.
FOREIGN = "./example/"


def problems(name: str, service: dict, volumes: dict) -> list[str]:
    found = []
    for mount in service.get("volumes", []):
        source, target, *mode = mount.split(":")
        if source.startswith("."):
            if not (FOLDER / source).exists():
                found.append(f"{name}: {source} does not exist")
            elif not (FOLDER / source).is_dir():
                found.append(f"{name}: {source} is a file, which stays the same when it is replaced")
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
    if not re.fullmatch(r"\d+[mg]", str(service.get("mem_limit"))):
        found.append(f"{name}: may take all memory")
    found += grafana(name, service) if "/grafana" in service["image"] else []
    version = service["image"].rsplit(":", 1)[-1]
    if version in ("latest", service["image"]):
        found.append(f"{name}: its version is not pinned")
    if not set(service.get("profiles", [])) & {"demo", "production"}:
        found.append(f"{name}: is in no profile")
    return found


def grafana(name: str, service: dict) -> list[str]:
    """Whether somebody may change it with a password that everybody knows."""
    environment = service["environment"]
    login = environment.get("GF_AUTH_DISABLE_LOGIN_FORM") != "true"
    password = environment.get("GF_SECURITY_ADMIN_PASSWORD__FILE", "").removeprefix("/run/secrets/")
    found = []
    if login and password not in service.get("secrets", []):
        found.append(f"{name}: its user admin has the password that everybody knows")
    if not login and any(not mount.endswith(":ro") for mount in service["volumes"]):
        found.append(f"{name}: leaves a user admin behind with the password that everybody knows")
    if environment.get("GF_AUTH_ANONYMOUS_ENABLED") == "true" and environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] != "Viewer":
        found.append(f"{name}: whoever reaches it may change it")
    return found


def variables() -> list[str]:
    """What the file of variables and the composition say of each other that is not so."""
    used, given = defaults(FILE), settings(ENV)
    found = [f"{ENV.name} does not have {name}" for name in used.keys() - given.keys()]
    found += [f"{FILE.name} does not use {name}" for name in given.keys() - used.keys()]
    for name, value in given.items():
        if name != "TIMPUSH_FOLDER" and used.get(name, value) != value:
            found.append(f"{name} is {value} in {ENV.name} and {used[name]} in {FILE.name}")
    return found


def folder(document: dict) -> list[str]:
    """What the production profile would need to have edited in the checkout."""
    found = []
    ours = {"exporter": "/etc/timpush-exporter", "alertmanager": "/etc/timpush-alertmanager"}
    for name, inside in ours.items():
        if f"{FOREIGN}{name}:{inside}:ro" not in document["services"][name]["volumes"]:
            found.append(f"{name}: does not take its configuration from the user's folder")
    for name, secret in document["secrets"].items():
        if not secret["file"].startswith(FOREIGN):
            found.append(f"the secret {name} is not in the user's folder")
    return found


def main() -> int:
    document = read(FILE, {})
    found = [
        problem
        for name, service in document["services"].items()
        for problem in problems(name, service, document["volumes"])
    ]
    found += variables() + folder(document)
    for problem in found:
        print(problem)
    print(f"{len(document['services'])} services, {len(found)} problems")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
