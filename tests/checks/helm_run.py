#!/usr/bin/env python3
"""Runs what the chart renders: the container's arguments, environment and mounts start the real program.

    tests/checks/helm_run.py FILE WORK     one rendered file, in namespaces of its own

The last pod of the last StatefulSet is run, on a host of its name. The service is a simulated one. The
probes of the container are carried out as the kubelet would.
"""

import base64
import contextlib
import hashlib
import json
import pathlib
import re
import secrets
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import yaml
from helm_pod import Pod, config_maps
from lab import Failure

SIMULATOR = "127.0.0.1:9000"
BASE = "127.0.0.1:10898"
# bcrypt of "scrape".
USERS = "basic_auth_users:\n  prometheus: $2y$04$BQXOT9ohkuKbK.uK3JqtcepxFJuJ/puz8DJqJZigBdua6I273b/uC\n"
SERVER = "tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n"
CLIENTS = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n"


def certificates(work: pathlib.Path) -> dict[str, str]:
    """A key and a certificate for this machine's loopback address, for both sides, and who vouches for it."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    leaf = ["-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "subjectAltName=IP:127.0.0.1"]
    leaf += ["-addext", "basicConstraints=critical,CA:FALSE"]
    for name, more in (("ca", []), ("tls", leaf)):
        subprocess.run(
            ["openssl", "req", "-x509", *key, "-subj", f"/CN={name}", *more, "-keyout", f"{name}.key",
             "-out", f"{name}.crt"],
            cwd=work, check=True, capture_output=True,
        )
    return {name: (work / name).read_text() for name in ("tls.key", "tls.crt", "ca.crt")}


def made_up_secrets(rendered: str, work: pathlib.Path) -> dict[str, dict[str, str]]:
    """The Secrets that the files in ci/ expect."""
    key = secrets.token_hex(32)
    # A port that only asks for a certificate cannot be asked for a password by the same test.
    web = SERVER + (CLIENTS if "tcpSocket" in rendered else USERS)
    return {
        "timpush-keys": {"shop.key": key, "game.key": secrets.token_hex(32)},
        "timpush-more-keys": {"other.key": key},
        "timpush-web": {"web.yml": web, **certificates(work)},
        "proxy": {"url": "http://user:password@proxy.example:3128"},
    }


def simulated(config: str) -> str:
    """The configuration with the simulated service in all regions, which needs no proxy."""
    document = yaml.safe_load(config)
    document.pop("proxy_url", None)
    for app in document["apps"]:
        names = [region if isinstance(region, str) else region["name"] for region in app["regions"]]
        app["regions"] = [{"name": name, "url": f"http://{SIMULATOR}"} for name in names]
    return yaml.safe_dump(document)


def owned(app: dict, pod: Pod) -> bool:
    """Whether the app is one of the pod's shard, as the chart's values have it divided."""
    environment = pod.environment()
    if "TIMPUSH_SHARD_TOTAL" not in environment:
        return True

    def weight(shard: int) -> bytes:
        return hashlib.sha256(f"{app['sdk_app_id']}/{shard}".encode()).digest()

    own = int(pod.name.rpartition("-")[2])
    return own == max(range(int(environment["TIMPUSH_SHARD_TOTAL"])), key=weight)


def given_config_maps(documents: list[dict]) -> dict[str, dict[str, str]]:
    """Those rendered, and the one that a values file expects to exist."""
    app = {
        "name": "shop", "sdk_app_id": 1400000001, "identifier": "administrator", "regions": ["singapore"],
        "secret_key_file": "/run/secrets/timpush-exporter/other.key",
    }
    found = {"timpush-config": {"timpush.yml": yaml.safe_dump({"apps": [app]})}, **config_maps(documents)}
    found |= {"company-ca": {"ca.crt": "none"}}
    for files in found.values():
        if "timpush.yml" in files:
            files["timpush.yml"] = simulated(files["timpush.yml"])
    return found


@contextlib.contextmanager
def running(pod: Pod, log: pathlib.Path, *command: str) -> Iterator[subprocess.Popen]:
    with log.open("w") as out:
        process = pod.launch([*command], stdout=out, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def is_open(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 5):
        return True
    return False


class Client:
    """Asks the exporter as the operator's endpoint or as the kubelet would."""

    def __init__(self, is_tls: bool, work: pathlib.Path) -> None:
        self.scheme = "https" if is_tls else "http"
        self._with_certificate = ssl.create_default_context(cafile=work / "ca.crt")
        self._with_certificate.load_cert_chain(work / "tls.crt", work / "tls.key")

    def scrape(self) -> str:
        request = urllib.request.Request(f"{self.scheme}://{BASE}/metrics")
        request.add_header("Authorization", "Basic " + base64.b64encode(b"prometheus:scrape").decode())
        with urllib.request.urlopen(request, timeout=10, context=self._with_certificate) as answer:
            return answer.read().decode()

    @staticmethod
    def probe(probe: dict) -> bool:
        if "tcpSocket" in probe:
            return is_open(BASE)
        get = probe["httpGet"]
        unchecked = ssl.create_default_context()
        unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
        url = f"{get['scheme'].lower()}://{BASE}{get['path']}"
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(url, timeout=probe["timeoutSeconds"], context=unchecked) as answer:
                return answer.status == 200
        return False


def wait_for(what: str, condition, process: subprocess.Popen, log: pathlib.Path, patience: float) -> None:
    end = time.monotonic() + patience
    while not condition():
        if process.poll() is not None or time.monotonic() > end:
            raise Failure(f"{what}: not within {patience:.0f} s; it said last: {log.read_text()[-1500:]}")
        time.sleep(0.25)


def check(pod: Pod, client: Client, config: dict, work: pathlib.Path) -> list[str]:
    log, wanted = work / "exporter.log", {
        (app.get("name", str(app["sdk_app_id"])), region["name"])
        for app in config["apps"] if owned(app, pod) for region in app["regions"]
    }
    if not wanted:
        raise Failure(f"{pod.name} has no app, so it shows nothing")
    arguments, container = pod.arguments(), pod.container

    def succeeded() -> bool:
        with contextlib.suppress(OSError):
            lines = re.findall(r'^timpush_target_up\{app="([^"]*)",region="([^"]*)".*\} 1$', client.scrape(), re.M)
            return set(lines) == wanted
        return False

    with running(pod, log, *arguments) as process:
        startup = container["startupProbe"]
        patience = startup["failureThreshold"] * startup["periodSeconds"]
        wait_for("the startup probe", lambda: client.probe(startup), process, log, patience)
        wait_for("the readiness probe", lambda: client.probe(container["readinessProbe"]), process, log, 60)
        wait_for("every target up", succeeded, process, log, 60)
        found = pod.problems(process)
        if not client.probe(container["livenessProbe"]):
            found.append("the liveness probe fails")
        process.terminate()
        if process.wait(pod.spec["terminationGracePeriodSeconds"]):
            found.append(f"ended with {process.returncode}")
    state = config.get("state_file")
    if state:
        found += [] if (pod.root / state.lstrip("/")).exists() else [f"{state} was not written"]
    return found


def main(rendered: str, folder: str) -> int:
    work = pathlib.Path(folder)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    text = pathlib.Path(rendered).read_text("utf-8")
    documents = json.loads(text)
    workloads = (document for document in documents if document["kind"] == "StatefulSet")
    workload = max(workloads, key=lambda document: document["metadata"]["name"])
    maps = given_config_maps(documents)
    pod = Pod(workload, maps, made_up_secrets(text, work), work)
    # As the kubelet does; the namespace of host names is the caller's.
    socket.sethostname(pod.name)
    (volume,) = (volume for volume in pod.spec["volumes"] if volume["name"] == "config")
    config = yaml.safe_load(maps[volume["configMap"]["name"]]["timpush.yml"])
    client = Client('"timpush-web"' in text, work)
    simulator = ["simulate", "--listen", SIMULATOR, "--config", "/etc/timpush-exporter/timpush.yml"]
    with running(pod, work / "simulator.log", *simulator) as process:
        # An exporter that finds nobody there asks again only after its interval.
        wait_for("the service", lambda: is_open(SIMULATOR), process, work / "simulator.log", 60)
        found = check(pod, client, config, work)
    for problem in found:
        print(problem)
    return bool(found)


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except Failure as failure:
        sys.exit(str(failure))
