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

# A platform whose number has no documented name.
UNLISTED = r"platform_\d+"

# Vendors that are no platform's name.
UNNAMED = ("tencent", "harmonyos")

UNKNOWN = (
    "A code that the catalogue does not have.",
    "Look it up in the vendor's documentation, by its platform and description.",
)


def literal(text: str) -> str:
    """A string as a Go template understands it."""
    return json.dumps(text)


def vendors(platform: str, code: str) -> list[str]:
    """Whose rows apply to a platform's code, the nearest first: as src/model/catalogue/losses.rs has it."""
    shared = re.fullmatch(r"8[01]\d{6}", code)
    more = {
        "huawei": ["harmonyos", "honor"] if shared else ["harmonyos"],
        "honor": ["huawei", "harmonyos"] if shared else [],
        UNLISTED: ["harmonyos", "huawei", "honor"] if shared else [],
    }
    return [platform, *more.get(platform, [])]


def hedged(row: dict) -> str:
    """The meaning of a row, with a word of doubt where there is doubt."""
    if row["sure"] != "inferred":
        return row["meaning"]
    reason = row["meaning"].removeprefix("Receipt: ")
    return f"Probably: {reason}" if reason == row["meaning"] else f"Probably a receipt: {reason}"


def pattern(row: dict, platforms: list[str], code: str, words: str = "") -> str:
    stage = row.get("stage", r"\S+")
    platform = platforms[0] if len(platforms) == 1 else f"({'|'.join(platforms)})"
    return rf"^{stage} {platform} {code} .*(?i:{re.escape(words)})" if words else rf"^{stage} {platform} {code}( |$)"


def branches() -> list[tuple[str, str, str]]:
    """Regular expression, meaning and advice: the first that fits is right."""
    catalogue = json.loads(CATALOGUE.read_text())
    groups: dict[tuple[str, str], list[dict]] = {}
    for row in catalogue:
        groups.setdefault((row["vendor"], row["code"]), []).append(row)
    of_platforms = list(dict.fromkeys(row["vendor"] for row in catalogue if row["vendor"] not in UNNAMED)) + [UNLISTED]
    own, decided, named, rest, unnumbered = [], [], [], [], []
    for (vendor, code), rows in groups.items():
        where = [platform for platform in of_platforms if vendor in vendors(platform, code)]
        general = [row for row in rows if "words" not in row]
        # One name may begin another.
        for row in sorted(rows, key=lambda row: -len(row.get("words", row.get("reason", "")))):
            if words := row.get("words"):
                # Codes that no document gives: after all that are known.
                into, number = (unnumbered, r"\S+") if code == "*" else (decided, code)
                into.append((pattern(row, where, number, words), hedged(row), row["advice"]))
            elif reason := row.get("reason"):
                named.append((pattern(row, where, code, reason), hedged(row), row["advice"]))
        if not general:
            continue
        if vendor == "tencent":
            own.append((pattern(general[0], [r"\S+"], code), hedged(general[0]), general[0]["advice"]))
            continue

        def is_nearest(platform: str) -> bool:
            known = (of for of in vendors(platform, code) if any("words" not in row for row in groups.get((of, code), [])))
            return next(known) == vendor

        if len(general) == 1:
            meaning, advice = hedged(general[0]), general[0]["advice"]
        else:
            meaning = f"One of: {', '.join(row.get('reason', 'another') for row in general)}."
            advice = "Look at the description of the code on the dashboard: it tells which."
        if nearest := [platform for platform in where if is_nearest(platform)]:
            rest.append((pattern(general[0], nearest, code), meaning, advice))
    return own + decided + named + rest + unnumbered


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
