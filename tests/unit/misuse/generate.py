#!/usr/bin/env python3
"""Calls of every exported function with arguments that are wrong: generate.py CC INCLUDE OUTPUT DEPFILE

Reads the prototypes that the public headers declare with DW_API and writes, for each function, calls in which one
argument is wrong and the others are samples (test_misuse.c): a pointer that is NULL, a struct of zeros, a string that
is absent, an enum out of range, a number at its end; and one in which all of them are. A new function is called without
a line written here.

A function that returns enum dw_err must answer DW_ERR_ARGUMENT to a NULL, unless MAY_BE_NULL says that it may be one.
"""

import pathlib
import re
import subprocess
import sys

# What the headers say may be NULL, or leave without an effect.
MAY_BE_NULL = {
    "dw_app_new": ["ret_problem"],
    "dw_app_override": ["replacement"],
    "dw_auth_new": ["ret_problem"],
    "dw_fail": ["text"],
    "dw_jwe_encrypt": ["header"],
    "dw_jwe_encrypt_json": ["header"],
    "dw_jwt_sign": ["typ"],
    "dw_model_new": ["ret_problem"],
    "dw_password_verify": ["ret_needs_rehash"],
    "dw_policy_decide": ["trace"],
    "dw_policy_enforce": ["resource"],
    "dw_policy_validate": ["ret_problem"],
    "dw_ws_publish_event": ["value"],
    "dw_ws_send_event": ["value"],
}

# Calls that would do what they are told: serve for ever, or write past the samples.
LEFT_OUT = {
    "dw_app_run": ["server", "ret_problem", "config zeros"],
    "dw_serve": ["config zeros"],
    "dw_mem_eq": ["size"],
    "dw_random": ["size"],
    "dw_wipe": ["size"],
}

ENDS = {"int": "INT_MAX", "int64_t": "INT64_MIN"}


class Parameter:
    """One of a prototype: its name, its type without const, and what it may be."""

    def __init__(self, text, complete):
        array = re.fullmatch(r"(.*?)(\w+)\[.*\]", text)
        declared = array or re.fullmatch(r"(.*?)(\w+)", text)
        self.name = declared.group(2)
        self.type = re.sub(r"\s+", " ", re.sub(r"\bconst\b", "", declared.group(1) + (" *" if array else ""))).strip()
        pointed = re.fullmatch(r"struct (\w+) \*", self.type)
        self.struct = pointed.group(1) if pointed else None
        self.is_opaque = self.struct is not None and self.struct not in complete

    def sample(self, index):
        if self.type == "char *" and not self.name.startswith("ret_"):
            return "TEXT"
        if self.is_opaque:
            return f'sample_opaque("{self.struct}")'
        if self.type.endswith("*"):
            return f'sample("{"" if self.name.startswith("ret_") else self.struct or ""}", {index})'
        if self.type == "struct dw_str":
            return "STRING"
        return f"({self.type}){'{ 0 }' if self.type.startswith('struct ') else '1'}"

    def wrong(self, index):
        """[(words, expression)]; the first is nothing at all."""
        if self.type.endswith("*"):
            zeros = [] if self.struct is None or self.is_opaque else [("zeros", f'sample("", {index})')]
            return [("NULL", "NOTHING")] + zeros
        if self.type == "struct dw_str":
            return [("absent", "dw_str_n(NULL, 0)"), ("empty", 'dw_str("")'), ("foreign", "FOREIGN"), ("huge", "HUGE_ONE")]
        if self.type.startswith("struct "):
            return [("zeros", f"({self.type}){{ 0 }}")]
        if self.type.startswith("enum"):
            return [("0", f"({self.type})0"), ("-1", f"({self.type})-1"), ("9999", f"({self.type})9999")]
        return [("0", "0"), ("at its end", ENDS.get(self.type, f"({self.type})-1"))]


def prototypes(text):
    """(return type, name, [parameter text]) of every function with the visibility that DW_API gives."""
    for piece in re.split(r"[;{}]", text.replace("\n", " ")):
        if 'visibility("default")' not in piece or re.match(r"\s*(typedef|extern const)", piece):
            continue
        piece = re.sub(r"__attribute__ ?\(\((?:[^()]|\([^()]*\))*\)\)", "", piece)
        match = re.fullmatch(r"\s*(.*?)(dw_\w+) ?\((.*)\)\s*", piece)
        if match:
            parameters = [] if match.group(3).strip() == "void" else re.split(r"\s*,\s*", match.group(3).strip())
            yield match.group(1).strip(), match.group(2), [p for p in parameters if p != "..."]


def calls(text):
    """(return type, function, words, [argument], whether it must be DW_ERR_ARGUMENT)"""
    complete = set(re.findall(r"struct (\w+) \{", text))
    for returned, function, texts in sorted(prototypes(text), key=lambda prototype: prototype[1]):
        parameters = [Parameter(p, complete) for p in texts]
        samples = [p.sample(i) for i, p in enumerate(parameters)]
        must = [returned == "enum dw_err" and p.type.endswith("*") and p.name not in MAY_BE_NULL.get(function, [])
                for p in parameters]
        left_out = LEFT_OUT.get(function, [])
        for i, p in enumerate(parameters):
            for words, expression in p.wrong(i):
                if p.name not in left_out and f"{p.name} {words}" not in left_out:
                    arguments = samples[:i] + [expression] + samples[i + 1:]
                    yield returned, function, f"{p.name} {words}", arguments, must[i] and words == "NULL"
        if parameters:
            yield returned, function, "nothing at all", [p.wrong(i)[0][1] for i, p in enumerate(parameters)], any(must)


def main():
    compiler, include, output, depfile = sys.argv[1:]
    headers = sorted(pathlib.Path(include, "doorward").glob("*.h"))
    source = "".join(f"#include <doorward/{header.name}>\n" for header in headers)
    text = subprocess.run([*compiler.split(), "-E", "-P", "-MD", "-MF", depfile, "-MT", output, f"-I{include}", "-x", "c", "-"],
                          input=source, capture_output=True, text=True, check=True).stdout
    lines, rows = [], []
    for number, (returned, function, words, arguments, must) in enumerate(calls(text)):
        call = f"{function}({', '.join(arguments)})"
        body = f"return {call};" if returned == "enum dw_err" else f"(void){call};\n    return DW_OK;"
        lines.append(f"static enum dw_err call_{number}(void)\n{{\n    {body}\n}}\n")
        rows.append(f'    {{ "{function}: {words}", call_{number}, {"true" if must else "false"} }},')
    pathlib.Path(output).write_text(
        "\n".join(lines) + "\nstatic const struct misuse MISUSES[] = {\n" + "\n".join(rows) + "\n};\n", encoding="utf-8")


if __name__ == "__main__":
    main()
