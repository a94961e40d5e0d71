#!/usr/bin/env python3
"""Checks the Alertmanager example: where alerts go, what silences what, what a message says.

Needs amtool, and a real Alertmanager on this machine for the inhibition.
"""

import datetime
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import lab

TOP = pathlib.Path(__file__).parents[2]
FOLDER = TOP / "deploy/alertmanager"
CONFIG = FOLDER / "alertmanager.example.yml"
ALERTS = TOP / "deploy/prometheus/timpush.alerts.yml"

ROUTES = [
    ("alertname=TimpushExporterDown severity=critical", "timpush-page"),
    ("alertname=TimpushPlatformLossHigh severity=critical app=shop region=china platform=apns", "timpush-page"),
    ("alertname=TimpushConfigurationLoss severity=critical app=shop", "timpush-page"),
    ("alertname=TimpushConfigurationLoss severity=warning app=shop", "timpush-chat"),
    ("alertname=TimpushDataStale severity=warning app=shop region=china", "timpush-chat"),
    ("alertname=TimpushNewErrorCode severity=info app=shop region=china", "timpush-chat"),
    ("alertname=PushLossWatchdog severity=none", "timpush-watchdog"),
    ("alertname=TimpushTargetUnwatched severity=none app=shop region=china", "nobody"),
    ("alertname=NodeDown severity=critical", "default"),
]

SHOP = {"app": "shop", "region": "china"}
GAME = {"app": "game", "region": "tokyo"}
APNS = SHOP | {"platform": "apns"}
CODE = APNS | {"stage": "post_send_delivered", "err_code": "403"}
CREDENTIAL = APNS | {"class": "credential"}
CHAT = {"push": "normal"}
ALL_USERS = {"push": "all_member"}
READ = {"severity": "warning"}
PAGE = {"severity": "critical"}
LOSSES = [
    ("TimpushPostSendLossSlowBurn", SHOP | READ),
    ("TimpushReadyToSendLossSlowBurn", APNS | READ),
    ("TimpushPlatformLossDaily", APNS | READ),
    ("TimpushConfigurationLoss", CREDENTIAL | READ),
    ("TimpushErrorCodeSurge", CODE | READ),
    ("TimpushTokenSurge", CODE | {"severity": "info"}),
    ("TimpushTrafficDisappeared", SHOP | READ),
    ("TimpushPlatformTrafficDisappeared", APNS | READ),
    ("TimpushDataLate", SHOP | READ),
    ("TimpushNewErrorCode", CODE | {"severity": "info"}),
]
PAGES = [
    ("TimpushPostSendLossFastBurn", SHOP | PAGE),
    ("TimpushReadyToSendLossFastBurn", GAME | PAGE),
    ("TimpushPlatformLossSurge", GAME | {"platform": "oppo"} | PAGE),
]

# What fires, and which of it is silenced.
Alert = tuple[str, dict[str, str]]
INHIBITION: list[tuple[str, list[Alert], list[Alert]]] = [
    (
        "no exporter: pages that are open stay, and are resolved",
        [("TimpushExporterDown", PAGE), ("NodeDown", {}), ("TimpushDataLost", SHOP | PAGE), *PAGES],
        [("TimpushDataStale", SHOP | READ), ("TimpushTargetDown", GAME | READ), *LOSSES],
    ),
    (
        "a shard is down",
        [("TimpushExporterDown", {"instance": "a:1"} | PAGE), ("TimpushTargetUnwatched", SHOP | {"severity": "none"}),
         ("TimpushReplicaDown", {"instance": "b:1"} | READ), ("TimpushDataStale", GAME | READ)],
        [("TimpushDataStale", SHOP | READ), ("TimpushDataLost", SHOP | PAGE), ("TimpushTargetDown", SHOP | READ)],
    ),
    (
        "half of all targets",
        [("TimpushTargetsDown", PAGE), ("TimpushAuthFailing", GAME | PAGE)],
        [("TimpushTargetDown", SHOP | READ), ("TimpushDataStale", SHOP | READ), ("TimpushApiErrorRateHigh", GAME | READ),
         ("TimpushTasksDown", SHOP | READ)],
    ),
    *[
        (
            f"{name}: no warning silences a page",
            [(name, SHOP | severity), *PAGES],
            [("TimpushApiErrorRateHigh", SHOP | READ)] * (name != "TimpushDataStale") + LOSSES,
        )
        for name, severity in (
            ("TimpushTargetDown", READ), ("TimpushDataStale", READ), ("TimpushAuthFailing", PAGE), ("TimpushDataLost", PAGE)
        )
    ],
    (
        "a vendor in most apps is one page",
        [("TimpushPlatformDown", {"platform": "apns"} | PAGE), ("TimpushPlatformLossHigh", APNS | {"platform": "oppo"} | PAGE)],
        [("TimpushPlatformLossHigh", APNS | PAGE), ("TimpushConfigurationLoss", CREDENTIAL | PAGE),
         ("TimpushErrorCodeSurge", CODE | READ)],
    ),
    (
        "a platform of an app is one page, and one of the app that was open before is resolved",
        [("TimpushPlatformLossHigh", APNS | PAGE), ("TimpushErrorCodeSurge", CODE | GAME | READ),
         ("TimpushPostSendLossFastBurn", SHOP | PAGE), ("TimpushReadyToSendLossFastBurn", SHOP | PAGE)],
        [("TimpushConfigurationLoss", CREDENTIAL | PAGE), ("TimpushPostSendLossSlowBurn", SHOP | READ),
         ("TimpushErrorCodeSurge", CODE | READ)],
    ),
    (
        "fast burn",
        [("TimpushPostSendLossFastBurn", SHOP | PAGE), ("TimpushErrorCodeSurge", GAME | READ)],
        [("TimpushPostSendLossSlowBurn", SHOP | READ), ("TimpushErrorCodeSurge", CODE | READ)],
    ),
    (
        "a credential",
        [("TimpushConfigurationLoss", CREDENTIAL | PAGE)],
        [("TimpushConfigurationLoss", CREDENTIAL | READ), ("TimpushPlatformLossDaily", APNS | READ)],
    ),
    (
        "no traffic at all",
        [("TimpushTrafficDisappeared", SHOP | READ)],
        [("TimpushPlatformTrafficDisappeared", APNS | READ), ("TimpushDataLate", SHOP | READ)],
    ),
    (
        "polls of both kinds of pushes fail for one cause",
        [("TimpushTargetDown", SHOP | CHAT | READ), ("TimpushTargetDown", GAME | ALL_USERS | READ)],
        [("TimpushTargetDown", SHOP | ALL_USERS | READ), ("TimpushDataStale", SHOP | ALL_USERS | READ),
         ("TimpushDataStale", SHOP | CHAT | READ)],
    ),
    (
        "a signature serves both kinds of pushes",
        [("TimpushAuthFailing", SHOP | PAGE)],
        [(name, SHOP | push | READ) for push in (CHAT, ALL_USERS)
         for name in ("TimpushTargetDown", "TimpushDataStale", "TimpushPostSendLossSlowBurn")]
        + [("TimpushTasksDown", SHOP | READ)],
    ),
    (
        "all-user pushes without data silence no warning about messages, nor does a page about them",
        [("TimpushTargetDown", SHOP | ALL_USERS | READ), ("TimpushPlatformLossHigh", APNS | ALL_USERS | PAGE),
         ("TimpushErrorCodeSurge", CODE | CHAT | READ), ("TimpushPostSendLossSlowBurn", SHOP | CHAT | READ),
         ("TimpushConfigurationLoss", CREDENTIAL | CHAT | READ)],
        [("TimpushErrorCodeSurge", CODE | ALL_USERS | READ), ("TimpushPostSendLossSlowBurn", SHOP | ALL_USERS | READ)],
    ),
    (
        "tasks that cannot be queried",
        [("TimpushTargetDown", SHOP | CHAT | READ), ("TimpushTasksDown", GAME | READ)],
        [("TimpushTasksDown", SHOP | READ)],
    ),
    ("a new code", [("TimpushErrorCodeSurge", CODE | READ)], [("TimpushNewErrorCode", CODE | {"severity": "info"})]),
]

# The annotation `worst`, and words that the message must have.
MEANINGS = [
    ("post_send_delivered apns 403 InvalidProviderToken", "Upload the p8 key again"),
    ("post_send_delivered apns 403 BadCertificateEnvironment", "Upload the one for this environment"),
    ("post_send_delivered apns 403", "the description of the code"),
    ("post_send_delivered apns 410 Unregistered", "the app was removed"),
    ("ready_to_send oppo -1 certificate id not set", "push certificate id"),
    ("post_send_delivered oppo -1", "OPPO is not available"),
    ("post_send_delivered xiaomi 1", "Xiaomi failed inside"),
    ("post_send_delivered oppo 11 invalid auth token", "Enter the MasterSecret again"),
    ("post_send_delivered vivo 10000", "vivo does not accept"),
    ("post_send_delivered platform_9 77 something", "not have"),
    ("post_send_delivered huawei 803000029", "not have"),
]


def amtool(*arguments: str) -> str:
    done = subprocess.run(["amtool", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"amtool {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


def routes() -> int:
    for labels, receiver in ROUTES:
        amtool("config", "routes", "test", f"--config.file={CONFIG}", f"--verify.receivers={receiver}", *labels.split())
    return len(ROUTES)


def render(folder: pathlib.Path, alerts: list[dict], **more: object) -> str:
    data = {
        "receiver": "timpush-chat",
        "status": "firing",
        "alerts": alerts,
        "groupLabels": {"alertname": "TimpushPlatformLossHigh"} | SHOP,
        "commonLabels": {"severity": "critical"},
        "commonAnnotations": {},
        "externalURL": "http://127.0.0.1:9093",
    } | more
    file = folder / "data.json"
    file.write_text(json.dumps(data))
    text = '{{ template "timpush.title" . }}|{{ template "timpush.dashboard" . }}\n{{ template "timpush.text" . }}'
    return amtool(
        "template", "render", f"--template.glob={FOLDER}/timpush*.tmpl", f"--template.data={file}",
        f"--template.text={text}",
    )


def messages(folder: pathlib.Path) -> int:
    def alert(worst: str, status: str = "firing") -> dict:
        texts = {"summary": "S.", "description": "D.", "runbook_url": "https://r", "dashboard_url": "https://d"}
        return {"status": status, "labels": SHOP, "annotations": texts | {"worst": worst}}

    one = render(folder, [alert("post_send_delivered apns 410 Unregistered")], commonAnnotations={"summary": "S."})
    expected = (
        "[CRITICAL] S.|https://d\nS.\nD.\nMost of it: post_send_delivered apns 410 Unregistered\n"
        "Meaning: The token is no longer active: the app was removed.\n"
        "Advice: Normal churn; look closer only if it jumps after a release.\n"
        "Runbook: https://r\nDashboard: https://d"
    )
    assert one.strip() == expected, f"is:\n{one}\nshould be:\n{expected}"
    over = render(folder, [alert("", "resolved"), alert("")], status="resolved")
    assert over.startswith("[OVER] TimpushPlatformLossHigh shop/china: 2 alerts|"), over
    assert "Over: S.\nD.\nRunbook:" in over, over
    many = render(folder, [alert(worst) for worst, _ in MEANINGS]).split("\n\n")
    for (worst, words), message in zip(MEANINGS, many, strict=False):
        assert worst in message and words in message, f"{worst!r} says:\n{message}"
        assert message.count("Meaning: ") == message.count("Advice: ") == 1, message
    return len(MEANINGS) + 2


def inhibition(folder: pathlib.Path) -> int:
    address = f"127.0.0.1:{lab.free_port()}"
    for file in FOLDER.iterdir():
        shutil.copy(file, folder)
    program = shutil.which("prometheus-alertmanager") or "alertmanager"
    log = folder / "log"
    command = [
        program, f"--config.file={folder / CONFIG.name}", f"--storage.path={folder / 'data'}",
        f"--web.listen-address={address}", "--cluster.listen-address=",
    ]
    with lab.running(log, *command):
        try:
            return sum(scenario(address, *each) for each in INHIBITION)
        except BaseException:
            print(log.read_text())
            raise


def call(address: str, path: str, body: object = None) -> object:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{address}{path}", data, {"Content-Type": "application/json"})
    for _ in range(100):
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.loads(answer.read() or "null")
        except (urllib.error.URLError, ConnectionError) as error:
            if isinstance(error, urllib.error.HTTPError):
                raise
            time.sleep(0.1)
    raise SystemExit("the Alertmanager does not answer")


def scenario(address: str, name: str, heard: list[Alert], silenced: list[Alert]) -> int:
    now = datetime.datetime.now(datetime.timezone.utc)

    def alerts(ends: datetime.datetime) -> list[dict]:
        return [
            {"labels": {"alertname": alert} | labels, "startsAt": (now - datetime.timedelta(minutes=1)).isoformat(),
             "endsAt": ends.isoformat()}
            for alert, labels in heard + silenced
        ]

    def key(alert: str, labels: dict[str, str]) -> str:
        return json.dumps({"alertname": alert} | labels, sort_keys=True)

    call(address, "/api/v2/alerts", alerts(now + datetime.timedelta(hours=1)))
    expected = {key(*alert): "active" for alert in heard} | {key(*alert): "suppressed" for alert in silenced}
    for _ in range(50):
        listed = call(address, "/api/v2/alerts")
        state = {json.dumps(each["labels"], sort_keys=True): each["status"]["state"] for each in listed}
        if state == expected:
            break
        time.sleep(0.1)
    wrong = {alert: state.get(alert) for alert in expected if state.get(alert) != expected[alert]}
    assert state == expected, f"{name}: {wrong or state}"
    call(address, "/api/v2/alerts", alerts(now))
    return len(expected)


def main() -> int:
    amtool("check-config", str(CONFIG))
    # Every alert is named somewhere above, so that a new one is thought about here, too.
    names = set(re.findall(r"alert: (\w+)", ALERTS.read_text()))
    known = {name for _, heard, silenced in INHIBITION for name, _ in heard + silenced}
    apart = {
        "TimpushSeriesLimitReached", "TimpushConfigReloadFailed", "TimpushUserSigExpiringSoon", "PushLossWatchdog",
        "TimpushCrashLoop", "TimpushClockSkew", "TimpushWindowUnresolved", "TimpushCountersOff",
        "TimpushTaskDispatchFailed", "TimpushTaskOverdue",
    }
    assert names == (known | apart) - {"NodeDown"}, names ^ (known | apart)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        counts = routes(), messages(path), inhibition(path)
    print("%d routes, %d messages, %d alerts heard or silenced" % counts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
