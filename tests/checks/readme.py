#!/usr/bin/env python3
"""Holds the two READMEs together: the same commands, the same names, no dead link."""

import pathlib
import re
import sys

TOP = pathlib.Path(__file__).parents[2]


def blocks(text: str) -> list[str]:
    """Code blocks without their comments, which are in the reader's language, as diagrams are."""
    found = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text, re.M | re.S)
    found = [block for language, block in found if language != "text"]
    return ["\n".join(re.sub(r"#.*", "", line).strip() for line in block.splitlines()) for block in found]


def names(text: str) -> set[str]:
    return set(re.findall(r"\btimpush_\w*[a-z]\b", text))


def links(text: str) -> set[str]:
    return {link for link in re.findall(r"\]\(([^)#]+)\)", text) if "README" not in link}


def code(text: str) -> set[str]:
    """What stands in backticks outside of blocks."""
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```$", "", text, flags=re.M | re.S)))


def numbers(text: str) -> list[str]:
    return re.findall(r"\| [\d,.]+ (?:req/s|MB|ms|s) ", text)


def main() -> int:
    english = (TOP / "README.md").read_text("utf-8")
    chinese = (TOP / "README.zh-CN.md").read_text("utf-8")
    problems = []
    for what, of in (("blocks", blocks), ("names", names), ("links", links), ("code", code), ("figures", numbers)):
        ours, theirs = of(english), of(chinese)
        if ours != theirs:
            differing = set(ours) ^ set(theirs)
            problems.append(f"the READMEs differ in their {what}: {sorted(differing) or 'order'}")
    for link in links(english):
        if "://" not in link and not (TOP / link).exists():
            problems.append(f"README.md: {link} does not exist")
    for problem in problems:
        print(problem)
    print(f"{len(names(english))} names, {len(blocks(english))} blocks, {len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
