#!/usr/bin/env python3
"""Runs the composition's services but Grafana as processes, each as closed in as its container would be.

    tests/checks/compose_run.py [compose.yml to take in place of deploy/compose/compose.yml]

Both profiles run at the same time, each in network, mount and process namespaces of its own, where
nothing but loopback is and with which everything ends: commands, volumes, secrets, users, health
checks and dependencies are the file's; the user's folder is made as the file's comments say. Needs root for that, or sudo. The distribution's Prometheus
(2.42 in Debian 12) and Alertmanager (0.25) stand in for the pinned 3.5.0 and 0.28.1, and busybox for
the one in their images; the exporter is what cargo built, with this machine's C library.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

import compose_folder
import yaml
from compose_proofs import (
    PATIENCE, Prometheus, alertmanager, asked_in_vain, increases, past, rules, scraped, until,
)
from container_lab import Composition, Container
from lab import TOP, Failure, exporter, need

PROFILES = ("demo", "production")
GRAFANA = {"demo": "grafana-demo", "production": "grafana"}


def published(container: Container) -> list[str]:
    """Ports that the file opens to the machine and nobody listens on."""
    found = []
    for port in container.service.get("ports", []):
        try:
            socket.create_connection((container.address, int(port.rsplit(":", 1)[1])), 5).close()
        except OSError as error:
            found.append(f"{container.name}: publishes {port}: {error}")
    return found


def grafana(composition: Composition) -> list[str]:
    """What its files say that is not so."""
    service, folder = composition.services[GRAFANA[composition.profile]], composition.folder
    mounts = {inside: folder / source for source, inside, *_ in (each.split(":") for each in service["volumes"])}
    provisioning = mounts.get("/etc/grafana/provisioning")
    if not provisioning:
        return ["grafana: nothing is mounted at /etc/grafana/provisioning"]
    found, uids = [], set()
    for secret in service.get("secrets", []):
        if not (folder / composition.secrets[secret]["file"]).is_file():
            found.append(f"grafana: there is no file for the secret {secret}")
    for file in provisioning.glob("datasources/*.yml"):
        for source in yaml.safe_load(file.read_text("utf-8"))["datasources"]:
            uids.add(source["uid"])
            url = urllib.parse.urlsplit(source["url"])
            if url.hostname not in composition.addresses:
                found.append(f"grafana: {file.name}: no service is called {url.hostname}")
    shown = {}
    for file in provisioning.glob("dashboards/*.yml"):
        for provider in yaml.safe_load(file.read_text("utf-8"))["providers"]:
            path = provider["options"]["path"]
            if path not in mounts:
                found.append(f"grafana: {file.name}: nothing is mounted at {path}")
                continue
            shown |= {f"{path}/{board.name}": json.loads(board.read_text("utf-8")) for board in mounts[path].glob("*.json")}
    if not uids or not shown:
        found.append(f"grafana: {len(uids)} data sources, {len(shown)} dashboards")
    home = service["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    if home not in shown:
        found.append(f"grafana: there is no dashboard {home}")
    return found


def start(composition: Composition) -> dict[str, Container]:
    """Every service but Grafana, each once those that it waits for are so far."""
    containers: dict[str, Container] = {}
    for name in composition.in_order(GRAFANA[composition.profile]):
        # Compose makes all before it starts any; a volume's owner depends on who comes first.
        containers[name] = Container(composition, name)
    for name, container in containers.items():
        for other, condition in composition.dependencies(name).items():
            if condition == "service_completed_successfully":
                containers[other].wait_completed(PATIENCE)
            elif condition == "service_healthy":
                containers[other].wait_healthy(PATIENCE)
        container.start()
    return containers


def prove(composition: Composition, profile: str, user: pathlib.Path) -> list[str]:
    """What is wrong with the profile as it runs, with a user's folder."""
    began = time.monotonic()
    found: list[str] = []
    containers = start(composition)
    daemons = [each for each in containers.values() if not each.ends]
    for each in daemons:
        each.wait_healthy(PATIENCE)
        found += each.problems() + published(each)
        print(f"{profile}: {each.name} is healthy after {time.monotonic() - began:.0f} s")
    server = Prometheus(composition.address("prometheus"))
    until("targets", lambda: scraped(server))
    until("Alertmanager", lambda: alertmanager(server))
    if profile == "demo":
        healthy = time.time()
        until("the past", lambda: past(server, healthy))
        until("counters", lambda: increases(server, containers["exporter-demo"], healthy))
        # As the next `up` does, while the others go on.
        for each in containers.values():
            if each.ends:
                each.start()
                each.wait_completed(PATIENCE)
        again = time.time()
        until("the past, started again", lambda: past(server, again))
        until("counters, started again", lambda: increases(server, containers["exporter-demo"], again))
    else:
        until("polls", lambda: asked_in_vain(server))
        compose_folder.exporter(containers["exporter"], user)
        compose_folder.nobody(containers["alertmanager"], server, user)
    until("rules", lambda: rules(server))
    for each in daemons:
        each.stop()
    used = composition.work / "volumes"
    found += [f"the volume {volume.name}: nothing was written" for volume in used.iterdir() if not any(volume.iterdir())]
    print(f"{profile}: {len(containers)} services ran, {time.monotonic() - began:.0f} s")
    return found


def inside(profile: str, file: str, work: str) -> int:
    """One profile, in namespaces of its own, with a user's folder of its own."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    found: list[str] = []
    try:
        user = pathlib.Path(work) / "user"
        composition = Composition(pathlib.Path(file), profile, pathlib.Path(work), compose_folder.make(user))
        found += grafana(composition)
        found += prove(composition, profile, user)
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        found.append(str(failure))
    for problem in found:
        print(f"{profile}: {problem}")
    return bool(found)


def outside(given: pathlib.Path) -> int:
    need("prometheus", "promtool", "prometheus-alertmanager", "amtool", "busybox", "ip", "unshare", "mount")
    exporter()
    # Asked to end, it ends its children first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        top = pathlib.Path(folder)
        # A copy, for the sake of the file that was given; the paths in it stay as they are.
        for name in ("deploy", "dashboards"):
            shutil.copytree(TOP / name, top / name, symlinks=True)
        file = top / "deploy/compose/compose.yml"
        shutil.copyfile(given, file)
        namespaces = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        children: list[subprocess.Popen] = []
        stack.callback(lambda: [(child.kill(), child.wait()) for child in children])
        for profile in PROFILES:
            work = top / profile
            work.mkdir()
            command = [*namespaces, sys.executable, __file__, profile, file, work]
            children.append(subprocess.Popen([str(part) for part in command]))
        failed = sum(child.wait() != 0 for child in children)
    print(f"{len(children)} profiles, {failed} failed")
    return bool(failed)


def main() -> int:
    if len(sys.argv) == 4:
        return inside(*sys.argv[1:])
    if os.geteuid():
        need("sudo")
        # Root is to leave nothing beside the sources.
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        os.execvp("sudo", ["sudo", "--preserve-env", sys.executable, *sys.argv])
    try:
        return outside(pathlib.Path(sys.argv[1] if sys.argv[1:] else TOP / "deploy/compose/compose.yml"))
    except Failure as failure:
        print(failure)
        return 1


if __name__ == "__main__":
    sys.exit(main())
