// Every program on a page of the library's documentation, compiled against what is installed, and run to its end.
//
// A program is a ```c or ```cpp fence with an `int main`. It must compile without a warning, end with 0 within the
// limit, leak nothing, and print what the ```text fence right below it says, where there is one. Each page has one at
// least.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, describe, test } from "node:test";
import { ROOT } from "./harness.mjs";
import { Installed, STRICT } from "./installed.mjs";

const LIMIT_MS = 60_000;
const SANITIZERS = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"];
const LANGUAGES = {
  c: { compiler: "cc", flags: [...STRICT, ...SANITIZERS] },
  // g++ warns of what designators leave out, as C never does.
  cpp: { compiler: "c++", flags: ["-std=c++20", "-Wall", "-Wextra", "-Werror", "-pedantic",
    "-Wno-missing-field-initializers", ...SANITIZERS] },
};
// The index has no program of its own; README.md has an example, which has stories of its own.
const WITHOUT_PROGRAM = new Set(["docs/library/README.md"]);

const pages = fs.readdirSync(path.join(ROOT, "docs/library")).filter((name) => name.endsWith(".md"))
  .map((name) => `docs/library/${name}`);

/** The programs of a page: { line, language, code, output }. */
function programsOf(page) {
  const text = fs.readFileSync(path.join(ROOT, page), "utf8");
  const fences = text.matchAll(/^```(c|cpp)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/gms);
  return [...fences].filter(([, , code]) => /\bint main\(/.test(code))
    .map(({ index, 1: language, 2: code, 3: output }) =>
      ({ line: text.slice(0, index).split("\n").length, language, code, output }));
}

describe("the library's pages", () => {
  const installed = new Installed();
  after(() => installed.remove());

  test("the index names every page", () => {
    const index = fs.readFileSync(path.join(ROOT, "docs/library/README.md"), "utf8");
    for (const page of pages.filter((page) => !WITHOUT_PROGRAM.has(page))) {
      assert.ok(index.includes(`](${path.basename(page)})`), page);
    }
  });

  for (const page of [...pages, "docs/library.md"]) {
    const programs = programsOf(page);
    if (page.startsWith("docs/library/") && !WITHOUT_PROGRAM.has(page)) {
      test(`${page} has a whole program`, () => assert.ok(programs.length > 0));
    }
    for (const { line, language, code, output } of programs) {
      test(`${page}:${line} compiles and runs`, () => {
        const name = `${path.basename(page, ".md")}-${line}`;
        const source = path.join(installed.folder, `${name}.${language}`);
        fs.writeFileSync(source, code);
        const program = installed.compile(source, name, LANGUAGES[language].flags, LANGUAGES[language].compiler);
        const ran = spawnSync(program, [], {
          cwd: fs.mkdtempSync(path.join(installed.folder, "run-")), env: installed.environment(),
          encoding: "utf8", timeout: LIMIT_MS,
        });
        assert.equal(ran.status, 0, `ended with ${ran.status ?? ran.signal}: ${ran.stdout}${ran.stderr}`);
        assert.equal(ran.stderr, "");
        if (output !== undefined) assert.equal(ran.stdout, output);
      });
    }
  }
});
