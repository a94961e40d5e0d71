#!/usr/bin/env python3
"""Sends alerts through a real Alertmanager to what stands for Slack, WeCom, DingTalk, Feishu and a
mail server, and checks what each gets: its documented form, its limit, and that text from outside is text.

    tests/checks/alert_receivers.py [path of an Alertmanager that knows `payload`]

Debian's Alertmanager does not know `payload`: for DingTalk and Feishu it sends its own webhook here,
and amtool renders the payload's templates from that. A newer one sends theirs itself.
"""

import contextlib
import datetime
import email
import email.policy
import html
import html.parser
import http.server
import json
import pathlib
import re
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import yaml
from lab import free_port, serving

TOP = pathlib.Path(__file__).parents[2]
FOLDER = TOP / "deploy/alertmanager"
NATIVE = FOLDER / "receivers.example.yml"
PAYLOAD = FOLDER / "receivers-payload.example.yml"
ROUTES = FOLDER / "alertmanager.example.yml"
ALERTS = TOP / "deploy/prometheus/timpush.alerts.yml"

LIMITS = {"wecom": 2048, "dingtalk": 20_000, "feishu": 20_000, "email": 65_536, "slack": 40_000}
# Alerts in a message.
SHOWN = {"wecom": 4, "dingtalk": 11, "feishu": 9, "email": 20, "slack": 15}
WAIT = 60

# What an app may be called and a vendor may say.
EVIL = (
    '<script>alert(1)</script> <a href="http://evil.example">x</a> <at id=all></at> <!channel> @all '
    "**bold** `code` ~~gone~~ _it_ [text](http://evil.example) ![i](http://evil.example/i) | a & b &lt; "
    "$x {{ .Status }} back\\slash \"quoted\": x: y #z\n# head\n> quote\n- item"
)
FLAT = re.sub(r"\s+", " ", EVIL)
RUNBOOK = "https://example.com/runbooks/TimpushPlatformLossHigh.md"
DASHBOARD = "https://grafana.example.com/d/timpush-app?var-app=a%2Ab%5Bx%5D&var-region=china"


def alert(name: str, app: str, severity: str = "critical", push: str = "all_member", **annotations: str) -> dict:
    labels = {"alertname": name, "severity": severity, "app": app, "region": "china", "push": push, "platform": "apns"}
    links = {"runbook_url": RUNBOOK, "dashboard_url": DASHBOARD}
    return {"labels": labels, "annotations": links | annotations}


def long(characters: str) -> str:
    return (characters * 3000)[:3000]


# The longest that is not left out.
LINK = "https://" + "a" * 250
LONG = {"TimpushDataStale": "*&<_", "TimpushDataLost": "😀", "TimpushTargetDown": "丢", "TimpushAuthFailing": '"\\',
        "TimpushDataLate": "a", "TimpushCrashLoop": "a b😀*"}
EVIL_ALERT = alert(
    "TimpushPlatformLossHigh", "a*b[x](http://evil.example) <b>", summary=EVIL, description=EVIL,
    worst="post_send_delivered apns 403 InvalidProviderToken <b>*x*</b>",
)
QUIET = alert("TimpushNewAlertOfTomorrow", "shop", "info", "normal", summary="S.", description="D.")
FIRING = [
    EVIL_ALERT,
    QUIET,
    *(
        alert(name, f"{number} {long(text)}"[:1000], "warning", summary=f"{number} {long(text)}",
              description=long(text), worst=f"post_send_delivered apns 403 InvalidProviderToken {long(text)}",
              runbook_url=LINK, dashboard_url=LINK)
        for name, text in LONG.items() for number in range(100)
    ),
]


class Got:
    """What came, by receiver."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.messages: dict[str, list] = {}

    def add(self, receiver: str, message: object) -> None:
        with self.lock:
            self.messages.setdefault(receiver, []).append(message)

    def count(self) -> dict[str, int]:
        with self.lock:
            return {receiver: len(messages) for receiver, messages in self.messages.items()}


def http_service(got: Got) -> http.server.ThreadingHTTPServer:
    class Service(http.server.BaseHTTPRequestHandler):
        def reply(self, body: dict | str) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write((body if isinstance(body, str) else json.dumps(body)).encode())

        def do_GET(self) -> None:  # WeCom's token
            assert re.search(r"/gettoken\?corpid=ww\w+&corpsecret=", self.path), self.path
            self.reply({"errcode": 0, "errmsg": "ok", "access_token": "made-up", "expires_in": 7200})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver = self.path.split("/")[1]
            got.add(receiver, (self.path, self.headers["Content-Type"], body))
            # Anything else from Slack is an error to Alertmanager since 0.26, and sent again.
            done = {"errcode": 0, "errmsg": "ok", "code": 0, "msg": "success", "data": {}}
            self.reply("ok" if receiver == "timpush-slack" else done)

        def log_message(self, *_: object) -> None:
            pass

    return http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)


def mail_service(got: Got) -> socketserver.ThreadingTCPServer:
    class Mail(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            def say(line: str) -> None:
                self.wfile.write(f"{line}\r\n".encode())

            say("220 127.0.0.1 ESMTP")
            receiver = ""
            while line := self.rfile.readline(2000).decode().strip():
                verb = line.upper()
                if verb.startswith("EHLO"):
                    say("250 127.0.0.1")
                elif verb.startswith("RCPT"):
                    receiver = re.search(r"<([\w-]+)@", line)[1]
                    say("250 ok")
                elif verb == "DATA":
                    say("354 go on")
                    data = b""
                    while (part := self.rfile.readline(2000)) != b".\r\n":
                        assert part and len(part) <= 1000, part
                        data += part
                    got.add(receiver, data)
                    say("250 ok")
                elif verb == "QUIT":
                    say("221 bye")
                    return
                else:
                    say("250 ok")

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    return socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail)


def amtool(*arguments: str) -> str:
    done = subprocess.run(["amtool", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"amtool {arguments[0]}: {done.stdout}{done.stderr}")
    return done.stdout


def config(web: int, mail: int, payload: bool) -> dict:
    """The examples with local addresses, and all receivers get everything."""
    receivers = [each for file in (NATIVE, PAYLOAD) for each in yaml.safe_load(file.read_text())["receivers"]]
    routes = yaml.safe_load(ROUTES.read_text())["receivers"]
    receivers += [each | {"name": "timpush-slack"} for each in routes if each["name"] == "timpush-chat"]
    for receiver in receivers:
        name = receiver["name"]
        for each in receiver.get("wechat_configs", []):
            each["api_url"] = f"http://127.0.0.1:{web}/{name}/"
        for each in receiver.get("slack_configs", []):
            del each["api_url_file"]
            each["api_url"] = f"http://127.0.0.1:{web}/{name}/"
        for each in receiver.get("email_configs", []):
            each |= {"smarthost": f"127.0.0.1:{mail}", "to": f"{name}@example.com", "require_tls": False}
            del each["auth_username"], each["auth_password_file"]
        for each in receiver.get("webhook_configs", []):
            del each["url_file"]
            each["url"] = f"http://127.0.0.1:{web}/{name}/send"
            if not payload:
                del each["payload"]
    routes = [{"receiver": each["name"], "continue": True} for each in receivers]
    route = {"receiver": receivers[0]["name"], "routes": routes, "group_by": ["alertname"],
             "group_wait": "2s", "group_interval": "2s", "repeat_interval": "1h"}
    return {"templates": ["timpush*.tmpl"], "route": route, "receivers": receivers}


def post(address: str, alerts: list[dict]) -> None:
    body = json.dumps(alerts).encode()
    request = urllib.request.Request(f"http://{address}/api/v2/alerts", body, {"Content-Type": "application/json"})
    for _ in range(100):
        try:
            urllib.request.urlopen(request, timeout=10).close()
            return
        except urllib.error.HTTPError:
            raise
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise SystemExit("the Alertmanager does not respond")


def leaves(value: object, render) -> object:
    if isinstance(value, dict):
        return {key: leaves(each, render) for key, each in value.items()}
    if isinstance(value, list):
        return [leaves(each, render) for each in value]
    return render(value) if isinstance(value, str) else value


def payload_of(receiver: str, webhook: bytes, folder: pathlib.Path) -> bytes:
    """What `payload` makes of a webhook's data."""
    file = folder / "data.json"
    file.write_bytes(webhook)
    [each] = [each for each in yaml.safe_load(PAYLOAD.read_text())["receivers"] if each["name"] == receiver]

    def render(text: str) -> str:
        if "{{" not in text:
            return text
        rendered = amtool("template", "render", f"--template.glob={FOLDER}/timpush*.tmpl",
                          f"--template.data={file}", f"--template.text={text}").removesuffix("\n")
        # Alertmanager takes what begins as YAML's lists and maps do for that.
        with contextlib.suppress(yaml.YAMLError):
            assert isinstance(next(yaml.safe_load_all(rendered)), str), rendered
        assert rendered[0] not in "[{\"'&!|>%@`-?:#" and not re.search(r"^[^*].*:( |$)", rendered), rendered
        return rendered

    body = json.dumps(leaves(each["webhook_configs"][0]["payload"], render), ensure_ascii=False)
    # As Go writes it.
    for character in "<>&":
        body = body.replace(character, f"\\u{ord(character):04x}")
    return body.encode()


# What each service got, as a title, a text without the message's own markup, and its bytes.


def wecom(path: str, body: bytes) -> tuple[str, str, int]:
    assert path.endswith("/message/send?access_token=made-up"), path
    message = json.loads(body)
    known = {"touser", "toparty", "totag", "msgtype", "agentid", "text", "safe", "markdown"}
    assert message.keys() <= known and message["msgtype"] == "text", message
    assert message["toparty"] == "1" and message["agentid"] == "1000002" and message["safe"] in ("0", ""), message
    text = message["text"]["content"]
    # All that WeCom's text knows of markup is <a>.
    assert not set("<>") & set(text), text
    return text.partition("\n")[0], text, len(text.encode())


MARKDOWN = re.compile(r"^\*\*(\[[^]]+\] timpush)\*\*$|^- |^\[([^]]+)\]\(https://[^()]+\)$", re.M)


def dingtalk(body: bytes) -> tuple[str, str, int]:
    message = json.loads(body)
    assert message.keys() == {"msgtype", "markdown"} and message["msgtype"] == "markdown", message
    assert message["markdown"].keys() == {"title", "text"}, message
    text = MARKDOWN.sub(r"\1\2", message["markdown"]["text"])
    rest = re.sub(r"^\[[^]]+\] timpush", "", text)
    assert not set("*`[]<>~|#@!&\\") & set(rest), rest
    return message["markdown"]["title"], text, len(body)


def feishu(body: bytes) -> tuple[str, str, int]:
    message = json.loads(body)
    assert message.keys() == {"msg_type", "card"} and message["msg_type"] == "interactive", message
    card = message["card"]
    assert card["header"]["template"] in ("red", "orange", "green"), card["header"]
    assert card["header"]["title"].keys() == {"tag", "content"} and card["header"]["title"]["tag"] == "plain_text"
    [element] = card["elements"]
    assert element.keys() == {"tag", "content"} and element["tag"] == "markdown", element
    text = MARKDOWN.sub(r"\1\2", element["content"])
    rest = re.sub(r"^\[[^]]+\] timpush", "", re.sub(r"&#\d+;", "", text))
    rest = rest.replace("agconnect-services.json", "")
    assert not set("*`[]<>~|!&\\_@$") & set(rest), rest
    return card["header"]["title"]["content"], html.unescape(text), len(body)


def slack(body: bytes) -> tuple[str, str, int]:
    [message] = json.loads(body)["attachments"]
    assert not set("<>") & set(message["title"] + message["text"]), message
    # Its limit is in characters.
    return f"timpush {message['title']}", f"timpush {message['title']}\n{message['text']}", len(message["text"])


class Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags, self.links, self.text = set(), set(), ""

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.tags.add(tag)
        self.links |= {value for name, value in attributes if name not in ("style", "lang", "charset")}

    def handle_data(self, data: str) -> None:
        self.text += data


def mail(data: bytes) -> tuple[str, str, int]:
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert {part.get_content_type() for part in message.walk()} >= {"text/html", "text/plain"}, data
    page = Page()
    page.feed(message.get_body(("html",)).get_content())
    assert page.tags <= {"html", "head", "meta", "title", "body", "p", "strong", "h3", "a", "ul", "li"}, page.tags
    assert page.links <= {RUNBOOK, DASHBOARD, LINK}, page.links
    plain = message.get_body(("plain",)).get_content()
    assert "timpush" in plain and (RUNBOOK in plain or LINK in plain), plain
    return message["subject"], page.text, len(data)


def read(receiver: str, raw: object, folder: pathlib.Path, payload: bool) -> tuple[str, str, int]:
    kind = receiver.removeprefix("timpush-").removesuffix("-zh")
    if kind == "email":
        return mail(raw)
    path, content_type, body = raw
    assert content_type == "application/json", content_type
    if kind == "wecom":
        return wecom(path, body)
    if kind == "slack":
        return slack(body)
    if not payload:
        assert json.loads(body)["version"] == "4"
        body = payload_of(receiver, body, folder)
    return {"dingtalk": dingtalk, "feishu": feishu}[kind](body)


def narrow(text: str) -> str:
    """Full-width twins back to what they stand for."""
    return text.translate({code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)})


def check(receiver: str, message: tuple[str, str, int], phase: str) -> str:
    """Which group the message is about."""
    title, text, size = message
    chinese = receiver.endswith("-zh")
    kind = receiver.removeprefix("timpush-").removesuffix("-zh")
    assert size < LIMITS[kind], f"{receiver}: {size} bytes"
    assert "timpush" in text and "timpush" in title and len(title.encode()) < 3000, title
    assert kind == "slack" or "\n" not in title, title
    marks = {"evil": ("CRITICAL", "严重"), "over": ("OVER", "已恢复")}
    if more := re.search(r"(?:and|另有) (\d+) (?:more|条)", text):
        assert int(more[1]) == 100 - SHOWN[kind], text
        assert ("另有" in text) == chinese, text
        return "long"
    evil = "InvalidProviderToken" in text
    assert not chinese or ("全员推送" in text) == evil and "all_member" not in text and "normal" not in text, text
    if not evil:
        assert "TimpushNewAlertOfTomorrow" in text if chinese else "S." in text, text
        return "quiet"
    mark = marks[phase][chinese]
    assert mark in title and mark in text, (title, text)
    assert ("请重新上传 p8 密钥" if chinese else "Upload the p8 key again") in text, text
    assert ("处理手册" in text and "全员推送：厂商通道丢失率过高" in text) if chinese else "Runbook" in text, text
    # The words themselves arrive.
    seen = narrow(re.sub(r"\s+", " ", text))
    assert FLAT[:60] in seen, f"{receiver}: {seen}"
    if chinese:
        assert "a*b[x](http://evil.example)" in seen, f"{receiver}: {seen}"
    return "evil"


def run(program: str, payload: bool) -> None:
    sizes: dict[str, int] = {}
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        got = Got()
        web, mailer = http_service(got), mail_service(got)
        for server in (web, mailer):
            server.daemon_threads = True
            stack.enter_context(serving(server))
        for file in FOLDER.glob("*.tmpl"):
            shutil.copy(file, folder)
        settings = config(web.server_address[1], mailer.server_address[1], payload)
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(settings, allow_unicode=True))
        address = f"127.0.0.1:{free_port()}"
        log = stack.enter_context(open(folder / "log", "w"))
        process = subprocess.Popen(
            [program, f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder / 'data'}",
             f"--web.listen-address={address}", "--cluster.listen-address="], stdout=log, stderr=log,
        )
        stack.callback(process.wait)
        stack.callback(process.terminate)

        def wait(groups: int) -> None:
            expected = {each["name"]: groups for each in settings["receivers"]}
            begin = time.monotonic()
            while got.count() != expected:
                if time.monotonic() - begin > WAIT:
                    print((folder / "log").read_text()[-4000:])
                    raise SystemExit(f"came: {got.count()}, expected {groups} each")
                time.sleep(0.2)
            # A second message about one group would come now.
            time.sleep(3)
            assert got.count() == expected, got.count()

        post(address, FIRING)
        wait(2 + len(LONG))
        for receiver, messages in got.messages.items():
            kinds = []
            for raw in messages:
                message = read(receiver, raw, folder, payload)
                kinds.append(check(receiver, message, "evil"))
                sizes[receiver] = max(sizes.get(receiver, 0), message[2])
            assert sorted(kinds) == ["evil", *["long"] * len(LONG), "quiet"], (receiver, kinds)
        got.messages.clear()
        past = datetime.datetime.now(datetime.timezone.utc)
        post(address, [EVIL_ALERT | {"endsAt": past.isoformat()}])
        wait(1)
        for receiver, [raw] in got.messages.items():
            assert check(receiver, read(receiver, raw, folder, payload), "over") == "evil"
    for receiver, size in sorted(sizes.items()):
        print(f"{receiver}: largest message {size} bytes")


def main() -> int:
    amtool("check-config", str(NATIVE))
    # Every alert has its Chinese words.
    words = (FOLDER / "timpush-messages.tmpl").read_text()
    alerts = set(re.findall(r"alert: (\w+)", ALERTS.read_text()))
    named = set(re.findall(r'eq \. "(\w+)" \}\}', words)) - {"critical", "warning", "info"}
    assert alerts == named, f"timpush.zh.alert in timpush-messages.tmpl lacks or has too much: {sorted(alerts ^ named)}"
    if sys.argv[1:]:
        run(sys.argv[1], payload=True)
    else:
        run(shutil.which("prometheus-alertmanager") or "alertmanager", payload=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
