#!/usr/bin/env python3
"""Gives chart and manifests to a real API server, and runs the pods that its controller makes of them.

    tests/checks/kubernetes_server.py

etcd, the API server and the controllers for StatefulSets and ServiceAccounts run in a network
namespace of their own. Namespaces enforce the restricted Pod Security level, and the operator's
definitions are installed. Both Helms install every values file, Helm 4 upgrades both, and the
kustomizations are applied with strict validation; the pods that admission then accepts are run by
helm_run as they come back.

Needs root, and etcd from the distribution. Builds the rest from Go modules, once.
"""

import json
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import yaml
from go_programs import tool
from helm import CHART, HELMS, ci_values
from helm_tools import in_parallel, kubernetes, operator_crds
from kubernetes_manifests import MANIFESTS
from lab import Failure, exporter, need, running

TOKEN = "a-token-for-this-test"
URL = "https://127.0.0.1:6443"
RESTRICTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
}
OVERLAYS = ("base", "overlays/operator", "overlays/replicas", "overlays/shards")


class Server:
    """An API server that listens already, or soon."""

    def __init__(self, work: pathlib.Path) -> None:
        self.kubeconfig = work / "kubeconfig"
        entry = {"name": "lab"}
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "lab",
            "clusters": [entry | {"cluster": {"server": URL, "insecure-skip-tls-verify": True}}],
            "users": [entry | {"user": {"token": TOKEN}}],
            "contexts": [entry | {"context": {"cluster": "lab", "user": "lab"}}],
        }))
        self.kubeconfig.chmod(0o600)
        self._unchecked = ssl.create_default_context()
        self._unchecked.check_hostname, self._unchecked.verify_mode = False, ssl.CERT_NONE
        self._paths: dict[tuple[str, str], tuple[str, bool]] = {}

    def ask(self, method: str, path: str, body: object = None, content: str = "application/json") -> dict:
        request = urllib.request.Request(URL + path, method=method, data=json.dumps(body).encode() if body else None)
        request.add_header("Authorization", f"Bearer {TOKEN}")
        request.add_header("Content-Type", content)
        try:
            with urllib.request.urlopen(request, timeout=30, context=self._unchecked) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            raise Failure(f"{method} {path}: {error.read().decode()[:1500]}") from None
        return json.loads(text) if text.startswith("{") else {"text": text}

    def _path(self, document: dict) -> tuple[str, bool]:
        """Where objects of the kind are, and whether they are in a namespace."""
        group, kind = document["apiVersion"], document["kind"]
        if (group, kind) not in self._paths:
            root = f"/api/{group}" if "/" not in group else f"/apis/{group}"
            for resource in self.ask("GET", root)["resources"]:
                if "/" not in resource["name"]:
                    self._paths[group, resource["kind"]] = f"{root}|{resource['name']}", resource["namespaced"]
        return self._paths[group, kind]

    def apply(self, document: dict, namespace: str = "") -> None:
        """Server-side, and strictly: an unknown or repeated field is refused."""
        found, is_namespaced = self._path(document)
        root, _, plural = found.partition("|")
        inside = f"/namespaces/{document['metadata'].get('namespace', namespace)}" if is_namespaced else ""
        path = f"{root}{inside}/{plural}/{document['metadata']['name']}?fieldManager=lab&fieldValidation=Strict"
        self.ask("PATCH", path, document, "application/apply-patch+yaml")

    def namespace(self, name: str, labels: dict[str, str]) -> None:
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})

    def pods(self, namespace: str) -> list[dict]:
        return self.ask("GET", f"/api/v1/namespaces/{namespace}/pods")["items"]


def until(what: str, condition, patience: float = 60):
    end = time.monotonic() + patience
    while True:
        try:
            if found := condition():
                return found
            said = ""
        except (Failure, OSError) as error:
            said = str(error)
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {patience:.0f} s {said}")
        time.sleep(0.3)


def command_lines(work: pathlib.Path) -> list[list[object]]:
    """etcd, the API server and the controllers."""
    key = work / "accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    (work / "tokens").write_text(f"{TOKEN},lab,lab,system:masters\n")
    api = {
        "etcd-servers": "http://127.0.0.1:2379", "bind-address": "127.0.0.1", "secure-port": 6443,
        "advertise-address": "127.0.0.1", "endpoint-reconciler-type": "none", "cert-dir": work / "certificates",
        "token-auth-file": work / "tokens", "authorization-mode": "RBAC", "service-cluster-ip-range": "10.0.0.0/16",
        "service-account-issuer": URL, "service-account-key-file": key, "service-account-signing-key-file": key,
    }
    controllers = {
        "kubeconfig": work / "kubeconfig", "controllers": "statefulset-controller,serviceaccount-controller",
        "leader-elect": "false", "secure-port": 0,
    }
    return [
        ["etcd", "--data-dir", work / "etcd", "--unsafe-no-fsync"],
        [kubernetes("kube-apiserver"), *(f"--{name}={value}" for name, value in api.items())],
        [kubernetes("kube-controller-manager"), *(f"--{name}={value}" for name, value in controllers.items())],
    ]


def prepare(server: Server) -> None:
    """What the values files expect to exist in a cluster."""
    until("the API server", lambda: server.ask("GET", "/readyz")["text"] == "ok", 120)
    for definition in operator_crds().values():
        server.apply(definition)
    for definition in operator_crds().values():
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{definition['metadata']['name']}"

        def established(path: str = path) -> bool:
            conditions = server.ask("GET", path)["status"].get("conditions", [])
            return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)

        until(f"the definition {definition['metadata']['name']}", established)
    server.namespace("monitoring", RESTRICTED)
    priority = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 1}
    server.apply(priority | {"metadata": {"name": "monitoring"}})


def check_refusals(server: Server) -> None:
    """The server is as strict as this test needs it."""
    metadata = {"name": "loose", "namespace": "monitoring"}
    container = {"name": "loose", "image": "loose"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"prots": []}}
    for document, said in ((pod, "violates PodSecurity"), (service, "prots")):
        try:
            server.apply(document)
        except Failure as failure:
            if said in str(failure):
                continue
            raise
        raise Failure(f"the server accepts what {said} should refuse")


def given(server: Server, namespace: str, give) -> tuple[str, list[dict], str]:
    """The pods that come of something given to a namespace, or what is wrong."""
    server.namespace(namespace, RESTRICTED)
    try:
        # One that a values file expects to exist.
        server.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "monitoring"}}, namespace)
        give()
        path = f"/apis/apps/v1/namespaces/{namespace}/statefulsets"
        wanted = sum(workload["spec"]["replicas"] for workload in server.ask("GET", path)["items"])
        pods = until(f"{wanted} pods", lambda: len(found := server.pods(namespace)) == wanted and found)
        return namespace, pods, ""
    except Failure as failure:
        events = server.ask("GET", f"/api/v1/namespaces/{namespace}/events")["items"]
        return namespace, [], f"{failure} {[event['message'] for event in events][-3:]}"


def install(server: Server, name: str, values: pathlib.Path) -> tuple[str, list[dict], str]:
    namespace = f"{name}-{values.stem.removesuffix('-values')}"

    def give() -> None:
        # Whoever has Helm 3 goes on with Helm 4 some day.
        for helm, action, more in ((name, "install", []), ("helm4", "upgrade", ["--set", "logLevel=warn"])):
            # The monitoring namespace is shared: one name for each release in it.
            command = [tool(helm), action, namespace, CHART, "--namespace", namespace, "--values", values, *more]
            environment = {**os.environ, "KUBECONFIG": str(server.kubeconfig)}
            done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment)
            if done.returncode:
                raise Failure(f"{helm} {action}: {done.stderr[-1500:]}")

    return given(server, namespace, give)


def kustomized(server: Server, folder: str) -> tuple[str, list[dict], str]:
    namespace = f"kustomize-{pathlib.Path(folder).name}"

    def give() -> None:
        output = subprocess.check_output([tool("kustomize"), "build", MANIFESTS / folder], text=True)
        for document in yaml.load_all(output, Loader=yaml.CSafeLoader):
            server.apply(document, namespace)

    return given(server, namespace, give)


def as_rendered(server: Server, namespace: str, pods: list[dict]) -> list[dict]:
    """The last pod as the server gives it back, in the form that helm_run takes, and the ConfigMaps."""
    pod = max(pods, key=lambda each: each["metadata"]["name"])
    template = {"metadata": {"labels": pod["metadata"]["labels"]}, "spec": pod["spec"]}
    name, _, ordinal = pod["metadata"]["name"].rpartition("-")
    spec = {"replicas": int(ordinal) + 1, "template": template}
    workload = {"kind": "StatefulSet", "metadata": {"name": name}, "spec": spec}
    maps = server.ask("GET", f"/api/v1/namespaces/{namespace}/configmaps")["items"]
    return [workload, *({"kind": "ConfigMap"} | each for each in maps)]


def run(job: tuple[str, list[dict], pathlib.Path]) -> str:
    name, documents, work = job
    work.mkdir(mode=0o755)
    (work / "rendered.json").write_text(json.dumps(documents))
    command = ["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command += [sys.executable, pathlib.Path(__file__).with_name("helm_run.py"), work / "rendered.json", work]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=240)
    return f"{name}, run: {(done.stdout + done.stderr).strip()}" if done.returncode else ""


def inside(folder: str) -> int:
    work, found = pathlib.Path(folder), []
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    server = Server(work)
    etcd, api, controllers = command_lines(work)
    with running(work / "etcd.log", *etcd), running(work / "api.log", *api):
        prepare(server)
        with running(work / "controllers.log", *controllers):
            account = "/api/v1/namespaces/monitoring/serviceaccounts/default"
            until("the default ServiceAccount", lambda: server.ask("GET", account))
            check_refusals(server)
            jobs = [(name, values) for values in ci_values() for name in HELMS]
            made = in_parallel(lambda job: install(server, *job), jobs)
            made += [kustomized(server, folder) for folder in OVERLAYS]
        found += [f"{namespace}: {problem}" for namespace, _, problem in made if problem]
        # Both Helms' pods are of the same making; one is run.
        started = [
            (namespace, as_rendered(server, namespace, pods), work / f"run-{namespace}")
            for namespace, pods, problem in made if not problem and not namespace.startswith("helm3")
        ]
    found += filter(None, in_parallel(run, started, 8))
    for problem in found:
        print(problem)
    pods = sum(len(pods) for _, pods, _ in made)
    print(f"{len(made)} installations, {pods} pods accepted, {len(started)} run, {len(found)} failed")
    return bool(found)


def main() -> int:
    if len(sys.argv) == 2:
        return inside(sys.argv[1])
    need("etcd", "unshare", "mount", "ip", "openssl")
    exporter()
    for name in (*HELMS, "kustomize"):
        tool(name)
    for name in ("kube-apiserver", "kube-controller-manager"):
        kubernetes(name)
    with tempfile.TemporaryDirectory() as work:
        namespaces = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        return subprocess.run([*namespaces, sys.executable, __file__, work]).returncode


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(str(failure))
