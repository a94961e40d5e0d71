"""A pod of a rendered StatefulSet as processes on this machine, as closed in as its container would be.

It gets what the objects give it: a root of its own with nothing but the program and the mounts, laid
out as the kubelet does it, the user, no capabilities, no new privileges, the environment, the
arguments. Call this from a network, mount and process namespace of its own, where its port is free.

The container is closed in by container_lab, as those of the composition are.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

import container_lab
from lab import Failure, exporter

POD_INDEX = "apps.kubernetes.io/pod-index"


class Pod:
    """The last pod of a StatefulSet, whose ConfigMaps and Secrets are given as files by name."""

    def __init__(self, workload: dict, config_maps: dict, secrets: dict, work: pathlib.Path) -> None:
        self.spec = workload["spec"]["template"]["spec"]
        (self.container,) = self.spec["containers"]
        self._config_maps, self._secrets, self._work = config_maps, secrets, work
        ordinal = workload["spec"]["replicas"] - 1
        self.name = f"{workload['metadata']['name']}-{ordinal}"
        # As the controller labels it, if it has not yet.
        self._labels = {POD_INDEX: str(ordinal)} | workload["spec"]["template"]["metadata"]["labels"]
        claims = workload["spec"].get("volumeClaimTemplates", [])
        self._volumes = {volume["name"]: volume for volume in self.spec["volumes"]}
        self._volumes |= {claim["metadata"]["name"]: {"persistentVolumeClaim": {}} for claim in claims}
        self.root, self.log = work / "root", work / "log"
        self.user = self.spec["securityContext"]["runAsUser"]
        self._build()

    def _build(self) -> None:
        self.root.mkdir()
        container_lab.mount("-t", "tmpfs", "-o", "mode=0755", "root", self.root)
        for path in ("/lib", "/lib64"):
            if os.path.islink(path):
                self._inside(path).symlink_to(os.readlink(path))
        libraries = ("/usr/lib", "/usr/lib64", "/lib", "/lib64")
        for path in (path for path in libraries if os.path.isdir(path) and not os.path.islink(path)):
            self._bind(pathlib.Path(path), path, "ro,nosuid")
        self._bind(pathlib.Path("/dev/null"), "/dev/null", "nosuid")
        self._bind(pathlib.Path("/dev/urandom"), "/dev/urandom", "nosuid")
        self._inside("/proc").mkdir()
        container_lab.mount("-t", "proc", "proc", self._inside("/proc"))
        self._bind(exporter(), "/timpush-exporter", "ro,nosuid")
        for mounted in self.container["volumeMounts"]:
            source = self._volume(self._volumes[mounted["name"]])
            self._bind(source, mounted["mountPath"], "ro" if mounted.get("readOnly") else "rw")
        if self.container["securityContext"]["readOnlyRootFilesystem"]:
            container_lab.mount("-o", "remount,bind,ro", self.root)

    def _inside(self, path: str) -> pathlib.Path:
        return self.root / path.lstrip("/")

    def _bind(self, source: pathlib.Path, inside: str, options: str) -> None:
        container_lab.bind(source, self._inside(inside), options)

    def _volume(self, volume: dict) -> pathlib.Path:
        """A folder with what is in the volume."""
        folder = self._work / f"volume-{len(list(self._work.glob('volume-*')))}"
        folder.mkdir()
        os.chown(folder, 0, self.spec["securityContext"]["fsGroup"])
        if volume.keys() & {"emptyDir", "persistentVolumeClaim"}:
            folder.chmod(0o2770)
            return folder
        if "configMap" in volume:
            given = volume["configMap"]
            files = self._named(self._config_maps, given["name"])
            files = {item["path"]: files[item["key"]] for item in given.get("items", [])} or files
        elif "secret" in volume:
            given = volume["secret"]
            files = self._named(self._secrets, given["secretName"])
        else:
            given, files = volume["projected"], {}
            for source in given["sources"]:
                files |= self._named(self._secrets, source["secret"]["name"])
        self._project(files, folder, given.get("defaultMode", 0o644))
        return folder

    @staticmethod
    def _named(known: dict, name: str) -> dict[str, str]:
        if name not in known:
            raise Failure(f"a volume needs {name}, which does not exist; there are {', '.join(known)}")
        return known[name]

    def _project(self, files: dict[str, str], folder: pathlib.Path, mode: int) -> None:
        """As the kubelet does it: a link to a folder, which it can replace at once, and links into that."""
        folder.chmod(0o755)
        data = folder / "..2026"
        data.mkdir()
        (folder / "..data").symlink_to(data.name)
        for name, text in files.items():
            file = data / name
            file.write_text(text)
            os.chown(file, 0, self.spec["securityContext"]["fsGroup"])
            file.chmod(mode)
            (folder / name).symlink_to(f"..data/{name}")

    def environment(self) -> dict[str, str]:
        found = {"PATH": "/"}
        for given in self.container.get("env", []):
            source = given.get("valueFrom", {})
            if "fieldRef" in source:
                label = re.fullmatch(r"metadata\.labels\['(.+)'\]", source["fieldRef"]["fieldPath"])
                found[given["name"]] = self._labels[label[1]]
            elif "secretKeyRef" in source:
                reference = source["secretKeyRef"]
                found[given["name"]] = self._named(self._secrets, reference["name"])[reference["key"]]
            else:
                found[given["name"]] = given["value"]
        return found

    def launch(self, command: list[str], **more: object) -> subprocess.Popen:
        """The program in the container, with a command line of its own."""
        launched = [self.root, self.user, json.dumps(self.environment()), "/timpush-exporter", *command]
        return subprocess.Popen([sys.executable, container_lab.__file__, *map(str, launched)], **more)

    def arguments(self) -> list[str]:
        environment = self.environment()
        return [re.sub(r"\$\((\w+)\)", lambda found: environment[found[1]], part) for part in self.container["args"]]

    def problems(self, process: subprocess.Popen) -> list[str]:
        """How the running container is less closed in than it should be, as the kernel sees it."""
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        facts = dict(re.findall(r"^(\w+):\s*(.*)$", status, re.M))
        found = []
        if set(facts["Uid"].split()) != {str(self.user)}:
            found.append(f"runs as {facts['Uid']}")
        if any(int(facts[kind], 16) for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")):
            found.append("has capabilities")
        if facts["NoNewPrivs"] != "1":
            found.append("may gain privileges")
        if os.access(self.root, os.W_OK):
            found.append("its root can be written to")
        return found


def config_maps(documents: list[dict]) -> dict[str, dict[str, str]]:
    """The files in the ConfigMaps among the objects, by their names."""
    return {
        document["metadata"]["name"]: document.get("data") or {}
        for document in documents if document["kind"] == "ConfigMap"
    }
