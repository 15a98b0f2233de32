// Debian's Chromium, or the one that DOORWARD_CHROMIUM names.

import { execFileSync } from "node:child_process";

/** Its path; undefined when there is none on this machine. */
export function findChromium() {
  if (process.env.DOORWARD_CHROMIUM) return process.env.DOORWARD_CHROMIUM;
  try {
    return execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}
