"""A user's folder beside the composition: what takes effect when a file in it is replaced, and that nobody is told."""

import os
import pathlib
import shutil
import signal
from collections.abc import Callable

from compose_file import EXAMPLE, settings
from compose_proofs import Prometheus, until
from container_lab import Container
from lab import Failure, fetch

EXPORTER, GRAFANA = 65532, 472
NOBODY = "NOBODY IS TOLD ABOUT ALERTS"


def make(top: pathlib.Path) -> dict[str, str]:
    """The example as its comments say it is to be used; the variables that go with it."""
    shutil.copytree(EXAMPLE, top)
    for name, text, user in (("exporter/keys/shop.key", "0123456789abcdef" * 4, EXPORTER),
                             ("grafana/admin-password", "correct horse battery staple", GRAFANA)):
        replace(top / name, text, user)
    return settings(top / "compose.env") | {"TIMPUSH_FOLDER": str(top)}


def replace(file: pathlib.Path, text: str, user: int | None = None) -> None:
    """As editors and scripts do: another file takes the name."""
    other = file.with_name(f".{file.name}.new")
    other.write_text(text)
    if user is not None:
        other.chmod(0o400)
        os.chown(other, user, user)
    os.replace(other, file)


def reload(container: Container, what: str, is_so: Callable[[], bool]) -> None:
    container.process.send_signal(signal.SIGHUP)
    try:
        until(what, lambda: [] if is_so() else [f"not after a reload of {container.name}"])
    except Failure as failure:
        raise container.failure(str(failure)) from failure


def exporter(container: Container, top: pathlib.Path) -> None:
    """A replaced configuration and a replaced key are what is read next."""
    file = top / "exporter/timpush.yml"
    second = file.read_text("utf-8").split("apps:\n")[1].replace("name: shop", "name: second").replace("00001", "00002")
    replace(file, file.read_text("utf-8") + second)
    replace(top / "exporter/keys/shop.key", "fedcba9876543210" * 4, EXPORTER)
    said = "configuration reloaded: added app second, key of shop changed"
    reload(container, said, lambda: said in container.log.read_text())
    url = f"http://{container.address}:10898/metrics"
    reload(container, "the app's metrics", lambda: 'timpush_target_info{app="second"' in fetch(url))


def told_nobody(server: Prometheus) -> bool:
    """Whether the alert fires; the series ALERTS has it only after some evaluations."""
    alerts = [each for each in server.get("alerts")["alerts"] if each["labels"]["alertname"] == "TimpushNobodyIsTold"]
    return any(each["state"] == "firing" for each in alerts)


def nobody(container: Container, server: Prometheus, top: pathlib.Path) -> None:
    """It is said that nobody is told, until somebody is."""
    if NOBODY not in container.log.read_text():
        raise container.failure("does not say that nobody is told")
    until("an alert of it", lambda: [] if told_nobody(server) else ["nothing fires"])
    file = top / "alertmanager/alertmanager.yml"
    replace(file, file.read_text("utf-8") + "    webhook_configs:\n      - url: http://127.0.0.1:9/\n")
    metrics = f"http://{container.address}:9093/metrics"
    reload(container, "a receiver", lambda: "\nalertmanager_integrations 1\n" in fetch(metrics))
    until("its end", lambda: ["it still fires"] if told_nobody(server) else [])
    # The next start has nothing to say of it.
    container.stop()
    container.start()
    container.wait_healthy(30)
    if NOBODY in container.log.read_text():
        raise container.failure("says that nobody is told, when somebody is")
