// Wall clocks that can be set while a process runs, by Debian's libfaketime. Monotonic clocks go on as they are.
import { execFileSync } from "node:child_process";
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Whether clocks can be set here; otherwise why not. */
export function clocksRefusal() {
  return library() === undefined ? "libfaketime is not there (Debian: faketime)" : undefined;
}

function library() {
  try {
    const listed = execFileSync("dpkg", ["-L", "libfaketime"], { stdio: ["ignore", "pipe", "ignore"] }).toString();
    // The variant for threads: Node has some.
    return listed.split("\n").find((path) => path.endsWith("libfaketimeMT.so.1") && existsSync(path));
  } catch {
    return undefined;
  }
}

export class Clocks {
  #directory;
  constructor(directory) {
    this.#directory = directory;
  }

  #file(number) {
    return join(this.#directory, `clock-${number}`);
  }

  /** Environment of a process whose clock can be set. */
  env(number) {
    this.set(number, 0);
    return {
      LD_PRELOAD: library(),
      FAKETIME_TIMESTAMP_FILE: this.#file(number),
      FAKETIME_CACHE_DURATION: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      DONT_FAKE_MONOTONIC: "1",
      FAKETIME_DONT_RESET: "1",
    };
  }

  /** @param {number} seconds ahead of the real time; below 0 behind it */
  set(number, seconds) {
    const file = this.#file(number);
    writeFileSync(`${file}.new`, `${seconds < 0 ? "-" : "+"}${Math.abs(seconds)}s\n`);
    renameSync(`${file}.new`, file);
  }
}
