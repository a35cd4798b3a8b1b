import type { Cancel, Timers } from "../lib/runtime.ts";

/** How often files are looked at. Two looks in a row must find the same: a file may be half written. */
const PERIOD_MS = 1_000;

export interface WatchedFilesDependencies {
  readonly timers: Timers;
  /** Files and directories to look at, asked anew each time. */
  readonly paths: () => readonly string[];
  /** Something that is another text when the file is another one, and empty for one that is not there. */
  readonly stamp: (path: string) => Promise<string>;
  readonly onChange: () => Promise<void>;
}

/** `auto_reload_config`: tells when one of the files that an agent was started from has become another. */
export class WatchedFiles {
  readonly #d: WatchedFilesDependencies;
  #known: string | undefined;
  #last: string | undefined;
  #cancel: Cancel = () => {};
  #stopped = false;

  constructor(dependencies: WatchedFilesDependencies) {
    this.#d = dependencies;
  }

  /** What is there now is what is known. */
  async start(): Promise<void> {
    this.#known = await this.#stamps();
    this.#last = this.#known;
    this.#lookAgain();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #lookAgain(): void {
    if (!this.#stopped) this.#cancel = this.#d.timers.after(PERIOD_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    const now = await this.#stamps();
    const isSettled = now === this.#last;
    this.#last = now;
    if (isSettled && now !== this.#known) {
      await this.#d.onChange();
      // Other files may belong to the configuration now.
      this.#known = await this.#stamps();
      this.#last = this.#known;
    }
    this.#lookAgain();
  }

  async #stamps(): Promise<string> {
    const paths = this.#d.paths();
    return JSON.stringify(await Promise.all(paths.map(async (path) => [path, await this.#d.stamp(path)])));
  }
}
