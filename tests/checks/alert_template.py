#!/usr/bin/env python3
"""Writes what codes mean into the Alertmanager template, from the exporter's own catalogue.

Without arguments it checks that the file is what it would write; with --write it writes it.
"""

import functools
import json
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).parents[2]
CATALOGUE = TOP / "src/model/catalogue/vendor_codes.json"
SENTENCES = TOP / "src/status/words/zh_sentences.json"
TEMPLATE = TOP / "deploy/alertmanager/timpush-codes.tmpl"

HEAD = """\
{{- /*
What the codes of lost pushes mean and what to do about them. Made from the exporter's
catalogue by tests/checks/alert_template.py --write: do not edit.

The argument is the annotation `worst`: stage, platform, code and the service's description.
*/ -}}
"""

# A language's template, and how it introduces a meaning and its advice.
LANGUAGES = {
    "en": ("timpush.code", "Meaning: ", "Advice: "),
    "zh": ("timpush.code.zh", "含义：", "建议："),
}

# A platform whose number has no documented name.
UNLISTED = r"platform_\d+"

# Vendors that are no platform's name.
UNNAMED = ("tencent", "harmonyos")

UNKNOWN = (
    "A code that the catalogue does not have.",
    "Look it up in the vendor's documentation, by its platform and description.",
)
DESCRIPTION_DECIDES = "Look at the description of the code on the dashboard: it tells which."

# What is said here alone.
CHINESE = {
    UNKNOWN[0]: "目录中没有这个错误码。",
    UNKNOWN[1]: "请按平台和描述查阅厂商文档。",
    DESCRIPTION_DECIDES: "请在仪表盘上查看该错误码的描述，它会说明是哪一种。",
}


@functools.cache
def sentences() -> dict[str, str]:
    return CHINESE | dict(json.loads(SENTENCES.read_text("utf-8")))


def chinese(text: str) -> str:
    """A sentence of the catalogue in Chinese, by the same table as the page's."""
    if text.startswith("One of: "):
        names = text.removeprefix("One of: ").removesuffix(".").split(", ")
        return f"以下之一：{'、'.join('其他' if name == 'another' else name for name in names)}。"
    sure = text.removeprefix("Probably: ")
    said = sentences()[sure]
    return said if sure == text else f"可能：{said}"


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
    catalogue = json.loads(CATALOGUE.read_text("utf-8"))
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
            advice = DESCRIPTION_DECIDES
        if nearest := [platform for platform in where if is_nearest(platform)]:
            rest.append((pattern(general[0], nearest, code), meaning, advice))
    return own + decided + named + rest + unnumbered


def template() -> str:
    out = [HEAD]
    for language, (name, meaning_is, advice_is) in LANGUAGES.items():
        said = chinese if language == "zh" else str
        out.append(f'{{{{ define "{name}" -}}}}\n')
        word = "if"
        for pattern, meaning, advice in branches():
            out.append(f"{{{{- {word} match {literal(pattern)} . }}}}\n{meaning_is}{said(meaning)}\n{advice_is}{said(advice)}\n")
            word = "else if"
        meaning, advice = map(said, UNKNOWN)
        out.append(f"{{{{- else }}}}\n{meaning_is}{meaning}\n{advice_is}{advice}\n{{{{- end }}}}\n{{{{- end }}}}\n")
    return "".join(out)


def main() -> int:
    text = template()
    if sys.argv[1:] == ["--write"]:
        TEMPLATE.write_text(text, "utf-8")
    elif TEMPLATE.read_text("utf-8") != text:
        print(f"{TEMPLATE.relative_to(TOP)} is not what the catalogue says: run {sys.argv[0]} --write")
        return 1
    print(f"{len(branches())} meanings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
