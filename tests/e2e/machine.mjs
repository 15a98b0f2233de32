// What the machine lets a story do. Root in a container may be less than root.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { temporaryFolder } from "./harness.mjs";

const succeeds = (...command) => spawnSync(command[0], command.slice(1)).status === 0;

function mayMount() {
  const folder = temporaryFolder();
  const may = succeeds("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder);
  if (may) succeeds("umount", "-l", folder);
  fs.rmSync(folder, { recursive: true, force: true });
  return may;
}

function mayFreeze() {
  const folder = temporaryFolder(), file = path.join(folder, "file");
  fs.writeFileSync(file, "");
  const may = succeeds("chattr", "+i", file) && succeeds("chattr", "-i", file);
  fs.rmSync(folder, { recursive: true, force: true });
  return may;
}

function mayGive() {
  const folder = temporaryFolder();
  try {
    fs.chownSync(folder, 65534, 65534);
    fs.accessSync(folder, fs.constants.W_OK);
    return true;
  } catch {
    return false;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** For `skip`: false, or why not. */
export const noSmallDisk = mayMount() ? false : "needs the right to mount a small disk";
export const noFreezing = mayFreeze() ? false : "needs the right to make a file immutable, and a file system that can";
export const noGiving = mayGive() ? false : "needs the right to give a file to somebody else";
