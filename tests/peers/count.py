#!/usr/bin/env python3
"""Counts how long a program is and how many names of a library it has to know, by one rule for all.

    count.py LIBRARY FILE

Lines: those of the file as rustfmt leaves it, without blank lines and comments. Names: the different ones that the file
imports from the library or names with a path of it (`use a::{b, C}` counts C, and b if it is used as `b::`), macros and
attributes included. Methods are not counted on either side.
"""
import re
import subprocess
import sys


def leaves(tree, prefix=()):
    """The last names of a use tree."""
    depth, part, parts = 0, "", []
    for char in tree:
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += char
    for part in filter(None, (one.strip() for one in [*parts, part])):
        if match := re.fullmatch(r"(.*?)\{(.*)\}", part, re.S):
            yield from leaves(match[2], (*prefix, *match[1].strip(": ").split("::")))
        else:
            path = [*prefix, *part.split("::")]
            yield path[-2] if path[-1] == "self" else path[-1].split(" as ")[-1]


def main(library, file):
    text = open(file).read()
    code = [line for line in text.splitlines() if line.strip() and not line.strip().startswith("//")]
    code = "\n".join(code)
    names = set()
    for tree in re.findall(rf"^\s*(?:pub )?use {library}::([^;]+);", code, re.M):
        names.update(leaves(tree))
    assert "*" not in names, "a glob hides what is used"
    without_uses = re.sub(r"^\s*(?:pub )?use [^;]+;", "", code, flags=re.M)
    names.update(re.findall(rf"\b{library}::(?:\w+::)*(\w+)", without_uses))
    # A module that is only the way to another name is none.
    names = {name for name in names if re.search(rf"\b{name}\b", without_uses)}
    subprocess.run(["rustfmt", "--edition", "2024", "--check", file], check=True, capture_output=True)
    print(f"{file}: {len(code.splitlines())} lines, {len(names)} names of {library}: {', '.join(sorted(names))}")


main(*sys.argv[1:])
