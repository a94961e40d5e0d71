#!/usr/bin/env python3
"""Writes what codes mean into the Alertmanager template, from the exporter's own catalogue.

Without arguments it checks that the file is what it would write; with --write it writes it.
"""

import json
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).parents[2]
CATALOGUE = TOP / "src/model/catalogue/vendor_codes.json"
TEMPLATE = TOP / "deploy/alertmanager/timpush-codes.tmpl"

HEAD = """\
{{- /*
What the codes of lost pushes mean and what to do about them. Made from the exporter's
catalogue by tests/checks/alert_template.py --write: do not edit.

The argument is the annotation `worst`: stage, platform, code and the service's description.
*/ -}}
{{ define "timpush.code" -}}
"""

UNKNOWN = (
    "A code that the catalogue does not have.",
    "Look it up in the vendor's documentation, by its platform and description.",
)


def literal(text: str) -> str:
    """A string as a Go template understands it."""
    return json.dumps(text)


def branches() -> list[tuple[str, str, str]]:
    """Regular expression, meaning and advice: the first that fits is right."""
    groups: dict[tuple[str, str], list[dict]] = {}
    for row in json.loads(CATALOGUE.read_text()):
        # Pseudo codes stand for numbers that no document gives.
        if re.fullmatch(r"-?\d+", row["code"]):
            groups.setdefault((row["vendor"], row["code"]), []).append(row)
    own, exact, rest = [], [], []
    for (vendor, code), rows in groups.items():
        if vendor == "tencent":
            pattern = rf"^ready_to_send \S+ {code}( |$)"
            own.append((pattern, rows[0]["meaning"], rows[0]["advice"]))
            continue
        for row in rows:
            if reason := row.get("reason"):
                pattern = rf"^\S+ {vendor} {code} .*\b{re.escape(reason)}\b"
                exact.append((pattern, row["meaning"], row["advice"]))
        if len(rows) == 1:
            meaning, advice = rows[0]["meaning"], rows[0]["advice"]
        else:
            meaning = f"One of: {', '.join(row.get('reason', 'another') for row in rows)}."
            advice = "Look at the description of the code on the dashboard: it tells which."
        rest.append((rf"^\S+ {vendor} {code}( |$)", meaning, advice))
    return own + exact + rest


def template() -> str:
    word, out = "if", [HEAD]
    for pattern, meaning, advice in branches():
        out.append(f"{{{{- {word} match {literal(pattern)} . }}}}\nMeaning: {meaning}\nAdvice: {advice}\n")
        word = "else if"
    out.append("{{- else }}\nMeaning: {}\nAdvice: {}\n{{- end }}\n".replace("{}", "%s") % UNKNOWN)
    out.append("{{- end }}\n")
    return "".join(out)


def main() -> int:
    text = template()
    if sys.argv[1:] == ["--write"]:
        TEMPLATE.write_text(text)
    elif TEMPLATE.read_text() != text:
        print(f"{TEMPLATE.relative_to(TOP)} is not what the catalogue says: run {sys.argv[0]} --write")
        return 1
    print(f"{len(branches())} meanings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
