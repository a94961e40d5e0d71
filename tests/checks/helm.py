#!/usr/bin/env python3
"""Checks the chart and the plain manifests, with Helm 3, Helm 4 and kustomize.

    tests/checks/helm.py                everything
    tests/checks/helm.py --no-run       without starting what is rendered, which needs root

Builds the programs into .tools/go/bin from their Go modules, once. The exporter must be built.
"""

import copy
import functools
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

import yaml
from go_programs import tool
from helm_pod import config_maps
from helm_schemas import VERSIONS, problems
from helm_tools import in_parallel
from kubernetes_manifests import MANIFESTS, overlays
from lab import TOP, Failure, exporter, need

CHART = TOP / "deploy/helm/timpush-exporter"
HELMS = ("helm3", "helm4")
# What a package has at its top.
PACKAGED = {
    ".helmignore", "Chart.yaml", "README.md", "files", "templates", "values.schema.json", "values.yaml",
}

# What the schema or the templates must refuse: a change of ci/minimal-values.yaml, and what is said.
APP = {"sdk_app_id": 1, "identifier": "a", "regions": ["singapore"], "secret_key_file": "k"}
REFUSED: dict[str, tuple[dict, str]] = {
    "an unknown key": ({"replica": 2}, "replica"),
    "an unknown key below": ({"serviceMonitor": {"enable": True}}, "enable"),
    "no replicas": ({"replicas": 0}, "replicas"),
    "no shards": ({"shards": 0}, "shards"),
    "more shards than the program knows": ({"shards": 1001}, "shards"),
    "no apps": ({"config": {"apps": None}}, "apps"),
    "a key in the values": ({"config": {"apps": [APP | {"secret_key": "0" * 64}]}}, "secret_key"),
    "two sources of a key": ({"config": {"apps": [APP | {"secret_key_env": "KEY"}]}}, "apps"),
    "no source of a key": ({"config": {"apps": [{k: APP[k] for k in APP if k != "secret_key_file"}]}}, "apps"),
    "a password in the proxy's URL": ({"config": {"proxy_url": "http://user:password@proxy:1"}}, "proxy_url"),
    "a region that does not exist": ({"config": {"apps": [APP | {"regions": ["singapur"]}]}}, "regions"),
    "another port": ({"config": {"listen": "0.0.0.0:80"}}, "listen"),
    "a misspelt digest": ({"image": {"digest": "sha256:12"}}, "digest"),
    "a time without a unit": ({"config": {"defaults": {"interval": 60}}}, "interval"),
    "a proxy's password outside a Secret": (
        {"extraEnv": [{"name": "TIMPUSH_PROXY_URL", "value": "http://u:p@proxy:1"}]}, "must come from a Secret",
    ),
}


def helm(name: str, *arguments: object) -> str:
    done = subprocess.run([str(tool_path(name)), *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"{name} {' '.join(map(str, arguments[:2]))}: {(done.stderr or done.stdout).strip()[-1500:]}")
    return done.stdout


@functools.cache
def tool_path(name: str) -> pathlib.Path:
    return tool(name)


def loaded(text: str) -> list[dict]:
    return [document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document]


@functools.cache
def template(name: str, values: pathlib.Path, version: str, chart: pathlib.Path = CHART) -> tuple[str, list[dict]]:
    text = helm(
        name, "template", "release", chart, "--namespace", "push", "--kube-version", version, "--values", values,
    )
    # As both order objects of the same kind their own way.
    return text, sorted(loaded(text), key=lambda document: (document["kind"], document["metadata"]["name"]))


def ci_values() -> list[pathlib.Path]:
    return sorted((CHART / "ci").glob("*-values.yaml"))


def lint() -> list[str]:
    for name in HELMS:
        for values in ci_values():
            helm(name, "lint", "--strict", CHART, "--values", values)
    return []


def renders() -> list[str]:
    """Both Helms render the same, and every version of Kubernetes takes it."""
    found = []
    for values in ci_values():
        for version in VERSIONS:
            jobs = [(name, values, version) for name in HELMS]
            (_, third), (_, fourth) = in_parallel(lambda job: template(*job), jobs)
            if third != fourth:
                found.append(f"{values.name}, Kubernetes {version}: Helm 3 and Helm 4 render different objects")
            found += [f"{values.name}: {problem}" for document in fourth for problem in problems(document, version)]
            found += [f"{values.name}: {problem}" for document in fourth for problem in restrictions(document)]
            keys = [(document["kind"], document["metadata"]["name"]) for document in fourth]
            found += [f"{values.name}: {key} is rendered twice" for key in set(keys) if keys.count(key) > 1]
    return found


def restrictions(document: dict) -> list[str]:
    """Where pods exceed the restricted Pod Security level, and what we add to it."""
    if document["kind"] not in ("StatefulSet", "Pod"):
        return []
    spec = document["spec"]["template"]["spec"] if document["kind"] == "StatefulSet" else document["spec"]
    pod, (container,) = spec["securityContext"], spec["containers"]
    own = container["securityContext"]
    kept = {
        "runs as root": pod.get("runAsNonRoot") is True and pod.get("runAsUser", 0) > 0,
        "has no seccomp profile": pod.get("seccompProfile") == {"type": "RuntimeDefault"},
        "may gain privileges": own.get("allowPrivilegeEscalation") is False,
        "has capabilities": own.get("capabilities") == {"drop": ["ALL"]},
        "can write to its root": own.get("readOnlyRootFilesystem") is True,
        "has a token": spec.get("automountServiceAccountToken") is False,
        "has variables of all Services": spec.get("enableServiceLinks") is False,
        "has host paths": not any("hostPath" in volume for volume in spec.get("volumes", [])),
        "has no bound of memory": "memory" in container["resources"].get("limits", {}),
    }
    return [f"{document['kind']} {document['metadata']['name']} {what}" for what, good in kept.items() if not good]


def shards() -> list[str]:
    """Every shard has its pods, in sets that share no pod, as many as there are replicas."""
    found = []
    for values in ci_values():
        given = {"shards": 1, "replicas": 1} | yaml.safe_load(values.read_text("utf-8"))
        _, documents = template("helm4", values, VERSIONS[-1])
        sets = [document for document in documents if document["kind"] == "StatefulSet"]
        pods = sum(each["spec"]["replicas"] for each in sets)
        if pods != given["shards"] * given["replicas"]:
            found.append(f"{values.name}: {pods} pods")
        if given["shards"] == 1:
            continue
        numbers = set()
        for each in sets:
            selector = each["spec"]["selector"]["matchLabels"]
            (container,) = each["spec"]["template"]["spec"]["containers"]
            variables = {variable["name"]: variable.get("value") for variable in container["env"]}
            said = variables.get("TIMPUSH_SHARD_INDEX"), variables.get("TIMPUSH_SHARD_TOTAL")
            if said != ("auto", str(given["shards"])) or each["spec"]["replicas"] != given["shards"]:
                found.append(f"{values.name}: {each['metadata']['name']} is told {said}")
            numbers.add((*selector.items(), *(part for part in container["args"] if "replica-index" in part)))
            # The controller adds a dash and a hash to it in a label.
            if len(each["metadata"]["name"]) > 52:
                found.append(f"{values.name}: {each['metadata']['name']} is too long")
        if len(numbers) != given["replicas"]:
            found.append(f"{values.name}: {len(numbers)} different replicas")
    return found


def refusals() -> list[str]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        minimal = yaml.safe_load((CHART / "ci/minimal-values.yaml").read_text("utf-8"))
        for number, (what, (change, said)) in enumerate(REFUSED.items()):
            file = pathlib.Path(folder) / f"{number}.yaml"
            file.write_text(json.dumps(merged(minimal, change)))
            for name in HELMS:
                try:
                    template(name, file, VERSIONS[-1])
                    found.append(f"{name} accepts {what}")
                except Failure as failure:
                    if said not in str(failure):
                        found.append(f"{name} refuses {what} without saying {said}: {failure}")
    return found


def merged(old: object, new: object) -> object:
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {key: merged(old.get(key), value) for key, value in new.items()}
    return copy.deepcopy(new)


def schema() -> list[str]:
    """Every object of the schema that lists its keys is closed, and every value has an entry."""
    document = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    found = []

    def visit(part: object, path: str) -> None:
        if isinstance(part, dict):
            if "properties" in part and part.get("additionalProperties") is not False:
                found.append(f"values.schema.json: {path} takes unknown keys")
            for key, value in part.items():
                visit(value, f"{path}/{key}")

    visit(document, "")
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    missing = set(values) ^ (set(document["properties"]) - {"global"})
    return found + [f"values.schema.json and values.yaml do not both have {key}" for key in missing]


def configuration_keys() -> list[str]:
    """The schema's `config` has the keys of the exporter's configuration, less those that a chart must not hold."""
    known: set[str] = set()

    def visit(part: object) -> None:
        if isinstance(part, dict):
            known.update(part.get("properties", {}))
            for value in part.values():
                visit(value)
        elif isinstance(part, list):
            for value in part:
                visit(value)

    document = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    visit([document["properties"]["config"], document["definitions"]["app"]])
    example = (TOP / "deploy/timpush.example.yml").read_text("utf-8")
    # Keys that are switched off have a # directly before them.
    wanted = set(re.findall(r"^ *#?(?:- )?([a-z_]+):(?: |$)", example, re.M)) - {"listen", "secret_key"}
    return [f"values.schema.json and timpush.example.yml do not both have {key}" for key in sorted(known ^ wanted)]


def configurations() -> list[str]:
    """The exporter accepts the configuration of every values file, and of the plain manifests."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "timpush.yml"

        def check(name: str, text: str) -> None:
            file.write_text(text)
            command = [exporter(), "check-config", file, "--without-secrets"]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                found.append(f"{name}: check-config says {(done.stdout + done.stderr).strip()}")

        checked = 0
        for values in ci_values():
            for files in config_maps(template("helm4", values, VERSIONS[-1])[1]).values():
                if "timpush.yml" in files:
                    check(values.name, files["timpush.yml"])
                    checked += 1
        if checked < len(ci_values()) - 1:
            found.append(f"only {checked} values files have a configuration")
        for path in MANIFESTS.glob("**/timpush.yml"):
            check(str(path.relative_to(TOP)), path.read_text("utf-8"))
    return found


def rules_and_dashboards() -> list[str]:
    """Without options, the rules and dashboards of the chart are the plain ones."""
    with tempfile.TemporaryDirectory() as folder:
        values = pathlib.Path(folder) / "all.yaml"
        minimal = yaml.safe_load((CHART / "ci/minimal-values.yaml").read_text("utf-8"))
        options = {"enabled": True, "grafanaUrl": "https://grafana.example.com"}
        values.write_text(json.dumps(minimal | {"prometheusRule": options, "dashboards": {"enabled": True}}))
        _, documents = template("helm4", values, VERSIONS[-1])
    found = []
    rules = {
        document["metadata"]["name"].rpartition("-")[2]: document["spec"]
        for document in documents if document["kind"] == "PrometheusRule"
    }
    plain = {
        kind: yaml.safe_load((TOP / f"deploy/prometheus/timpush.{kind}.yml").read_text("utf-8"))
        for kind in ("alerts", "rules")
    }
    if rules != plain:
        found.append("the chart's rules are not those of deploy/prometheus")
    for name in ("operator", "pod-monitor"):
        _, documents_of = template("helm4", CHART / f"ci/{name}-values.yaml", VERSIONS[-1])
        (monitor,) = (each["spec"] for each in documents_of if each["kind"].endswith("Monitor"))
        (endpoint,) = monitor.get("endpoints") or monitor["podMetricsEndpoints"]
        (job,) = (each["replacement"] for each in endpoint["relabelings"] if each["targetLabel"] == "job")
        if f'absent(up{{job="{job}"}} == 1)' not in yaml.dump(plain["alerts"], width=10_000):
            found.append(f"{name}: no alert looks for the job {job}")
    shown = {name: text for files in config_maps(documents).values() for name, text in files.items()}
    for path in (TOP / "dashboards").glob("timpush-*.json"):
        if json.loads(shown.get(path.name, "null")) != json.loads(path.read_text("utf-8")):
            found.append(f"the chart's {path.name} is not that of dashboards")
    return found


def packaged() -> list[str]:
    """The folder alone can be packaged, and the package renders what the folder does."""
    found = []
    values = CHART / "ci/operator-values.yaml"
    with tempfile.TemporaryDirectory() as folder:
        alone = pathlib.Path(folder) / CHART.name
        # A link to a file elsewhere in the repository would lead nowhere.
        shutil.copytree(CHART, alone, symlinks=True)
        for name in HELMS:
            target = pathlib.Path(folder) / name
            helm(name, "package", alone, "--destination", target)
            (package,) = target.iterdir()
            if template(name, values, VERSIONS[-1], package) != template(name, values, VERSIONS[-1]):
                found.append(f"{name}: the package renders something else than the folder")
            with tarfile.open(package) as archive:
                strange = {part.name.split("/")[1] for part in archive} - PACKAGED
            if strange:
                found.append(f"{name}: the package has {', '.join(sorted(strange))}")
    return found


def drift() -> list[str]:
    found = []
    for script in (TOP / "deploy/helm/generate.py", MANIFESTS / "generate.py"):
        # Both Helms must give the same.
        for name in HELMS:
            done = subprocess.run(
                [sys.executable, script, "--check"], capture_output=True, text=True, env={"HELM": str(tool_path(name))},
            )
            if done.returncode:
                found.append(done.stdout + done.stderr[-1500:])
    return found


def runs() -> list[str]:
    """Every values file's container serves its apps."""
    need("unshare", "mount", "ip", "openssl")
    exporter()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        children = {}
        for values in ci_values():
            work = pathlib.Path(folder) / values.stem
            work.mkdir(mode=0o755)
            rendered = work / "rendered.json"
            rendered.write_text(json.dumps(template("helm4", values, VERSIONS[-1])[1]))
            command = ["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
            command += [sys.executable, pathlib.Path(__file__).with_name("helm_run.py"), rendered, work]
            children[values.name] = subprocess.Popen(
                [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )
        try:
            for name, child in children.items():
                said, _ = child.communicate(timeout=180)
                if child.returncode:
                    found.append(f"{name}, run: {said.strip()}")
        finally:
            for child in children.values():
                child.kill()
                child.wait()
    return found


CHECKS = (
    schema, configuration_keys, lint, renders, shards, refusals, configurations, rules_and_dashboards, packaged, drift,
    overlays, runs,
)


def main() -> int:
    failed = 0
    for name in (*HELMS, "kustomize"):
        tool_path(name)
    for check in CHECKS:
        if check is runs and "--no-run" in sys.argv[1:]:
            continue
        try:
            found = check()
        except Failure as failure:
            found = [str(failure)]
        failed += bool(found)
        for problem in found:
            print(f"{check.__name__}: {problem}")
    print(f"{len(ci_values())} values files, {len(CHECKS)} checks, {failed} failed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
