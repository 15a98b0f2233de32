// How long a node goes on with what it knew before, measured so that it says nothing about how fast the machine is.

import assert from "node:assert/strict";
import { until } from "../harness.mjs";

/**
 * From now on until the last question was asked that still got the old answer, in milliseconds; `isOld` asks one. An
 * answer may be long on its way: what counts is when it was asked for, as the node did not answer before that.
 */
export async function lingers(isOld, what) {
  const begun = performance.now();
  let last = begun;
  await until(async () => {
    const asked = performance.now();
    if (!(await isOld())) return true;
    last = asked;
    return false;
  }, what);
  return last - begun;
}

const WINDOW = 15, ENOUGH = 11, MANY = 200;

/**
 * Who is told knows at once, unless the machine is busy; who finds out by looking knows after any time between two looks.
 * Measures again and again, until nearly all in a row were quicker than `limitMs`, which a machine that is not busy for
 * two seconds gets to; by looking, a quarter of the way between two looks, hardly ever.
 */
export async function mostlyWithin(limitMs, measure, t) {
  const all = [];
  while (all.slice(-WINDOW).filter((ms) => ms < limitMs).length < ENOUGH) {
    assert.ok(all.length < MANY, `hardly ever within ${limitMs} ms: ${all.map((ms) => ms.toFixed(0)).join(", ")}`);
    all.push(await measure());
  }
  t.diagnostic(`known elsewhere after ${all.map((ms) => ms.toFixed(1)).join(", ")} ms`);
}
