"""What the composition's images bring along, and which of this machine's programs stand in for theirs."""

import json
import re

from lab import TOP, Failure, exporter

# Programs of the images, by the distribution's names for them, and what the distribution's need.
BUSYBOX = {f"/bin/{applet}": "busybox" for applet in ("grep", "sh", "wget")}


class Image:
    """What an image brings along."""

    def __init__(self, user: int, entrypoint: list[str], programs: dict[str, str], folders: list[str]) -> None:
        self.user, self.entrypoint, self.programs = user, entrypoint, programs
        # Those that belong to its user.
        self.folders = folders


def images() -> dict[str, Image]:
    """By name. Ours is as the Dockerfile says; theirs are as published."""
    dockerfile = (TOP / "Dockerfile").read_text("utf-8").split("FROM scratch")[1]

    def said(pattern: str) -> str:
        match = re.search(pattern, dockerfile, re.M)
        if not match:
            raise Failure(f"the Dockerfile has no {pattern}")
        return match[1]

    user = int(said(r"^USER (\d+):\d+$"))
    ours = Image(
        user,
        json.loads(said(r"^ENTRYPOINT (.+)$")),
        {said(r"^COPY --from=build \S+ (/timpush-exporter)$"): str(exporter())},
        [said(rf"^COPY --from=build --chown={user}:{user} \S+ (\S+)$")],
    )
    prometheus = {"/bin/prometheus": "prometheus", "/bin/promtool": "promtool"}
    alertmanager = {"/bin/alertmanager": "prometheus-alertmanager", "/bin/amtool": "amtool"}
    templates = "/usr/share/prometheus/alertmanager"
    alertmanager[templates] = templates
    return {
        "timpush-exporter": ours,
        "docker.io/prom/prometheus": Image(65534, ["/bin/prometheus"], prometheus | BUSYBOX, ["/prometheus"]),
        "docker.io/prom/alertmanager": Image(65534, ["/bin/alertmanager"], alertmanager | BUSYBOX, ["/alertmanager"]),
    }
