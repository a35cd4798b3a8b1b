// Runs the blocks of one page in order, in one shell, as a reader would who types them in.
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { blocksOf, matches } from "./blocks.mjs";

export const root = fileURLToPath(new URL("../..", import.meta.url));
/** An agent whose first try to join failed tries again after 30 s. */
const STEP_DEADLINE_MS = 60_000;
const RETRY_MS = 100;

/** Reads `MODE FILE OUTPUT` from 3, says the exit code on 4. What a block sets stays for the next. */
const SHELL = `
set -u -o pipefail; shopt -s expand_aliases
while read -r -u 3 mode file output; do
  case $mode in
    background) ( set -e; source "$file" ) >"$output" 2>&1 </dev/null 3<&- 4>&- & disown; echo 0 >&4 ;;
    until) source "$file" >"$output" 2>&1 </dev/null; echo $? >&4 ;;
    *) set -e; trap 'echo $? >&4' EXIT; source "$file" >"$output" 2>&1 </dev/null; trap - EXIT; set +e; echo 0 >&4 ;;
  esac
done`;

/**
 * A directory of its own stands for `/etc`, `/var`, `/srv` and `/tmp`, and a network of its own for 127.0.x.x: so that
 * pages can say the ports and paths that readers use.
 */
export class PageRun {
  #directory = mkdtempSync(join(tmpdir(), "tribune-docs-"));
  #home = join(this.#directory, "home");
  #network;
  #shell;
  #codes;
  #steps = 0;

  /** @param {number} number of the network: 127.NUMBER.x.x */
  constructor(number) {
    this.#network = `127.${number}.`;
    const bin = join(this.#directory, "bin");
    for (const path of [this.#home, bin, ...PLACES.map((place) => join(this.#directory, place))])
      mkdirSync(path, { recursive: true });
    symlinkSync(join(root, "node_modules"), join(this.#home, "node_modules"));
    symlinkSync(join(root, "packages"), join(this.#home, "packages"));
    symlinkSync(join(root, "examples"), join(this.#home, "examples"));
    this.#tool(bin, "node", `exec "${process.execPath}" --import "${join(root, "test/docs/ts-loader.mjs")}" "$@"`);
    // A development agent listens on 127.0.0.1, which here is another address.
    const dev = `case "$*" in *-bind*) ;; agent*-dev*) set -- "$@" -bind=${this.#network}0.1 -client=${this.#network}0.1 ;; esac`;
    this.#tool(
      bin,
      "tribune",
      `${dev}\nexec "${process.execPath}" "${join(root, "packages/tribune/bin/tribune.js")}" "$@"`,
    );
    this.#tool(bin, "python3", `exec "${python ?? "python3"}" "$@"`);
    this.#shell = spawn("bash", ["-c", SHELL], {
      cwd: this.#home,
      detached: true,
      stdio: ["ignore", "inherit", "inherit", "pipe", "pipe"],
      env: {
        ...process.env,
        PATH: `${bin}${delimiter}${process.env.PATH}`,
        HOME: this.#home,
        CONSUL_HTTP_ADDR: `${this.#network}0.1:8500`,
        AGENT_URL: `http://${this.#network}0.1:8500`,
        NODE_TEST_CONTEXT: undefined, // a test among the examples is no part of ours
        PYTHONDONTWRITEBYTECODE: "1",
      },
    });
    this.#codes = createInterface({ input: this.#shell.stdio[4] })[Symbol.asyncIterator]();
    this.#shell.stdio[3].on("error", () => {}); // the shell has ended, which the missing code says
  }

  /** @returns {Promise<string | undefined>} why the block was left out */
  async run(block) {
    const { use, needs, line } = block;
    if (use === "shown" || use === "none") return undefined;
    const missing = needs.filter((need) => !has(need));
    if (missing.length > 0) return `line ${line} NOT RUN, MISSING: ${missing.join(", ")}`;
    if (use === "file") this.#write(this.#here(block.file), block.text);
    else if (block.language === "sh") await this.#step(block, block.text);
    else {
      const file = `line-${line}.${block.language}`;
      this.#write(file, block.text);
      await this.#step(block, `${block.language === "py" ? "python3" : "node"} "$HOME/${file}"`);
    }
    return undefined;
  }

  /** The TypeScript of the page, for the compiler. */
  get directory() {
    return this.#home;
  }

  /** Ends all that the page has started. */
  stop() {
    try {
      process.kill(-this.#shell.pid, "SIGKILL");
    } catch (error) {
      if (error.code !== "ESRCH") throw error;
    }
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }

  async #step({ use, output, line }, text) {
    const number = ++this.#steps;
    const file = join(this.#directory, `step-${number}`);
    this.#write(file, text);
    this.#write(`${file}.out`, "");
    const deadline = Date.now() + STEP_DEADLINE_MS;
    for (;;) {
      this.#shell.stdio[3].write(`${use} ${file} ${file}.out\n`);
      const code = await this.#code(`${file}.out`, line);
      let printed = this.#printed(`${file}.out`);
      while (
        use === "background" &&
        !(output === undefined || matches(output, printed, true)) &&
        Date.now() < deadline
      ) {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        printed = this.#printed(`${file}.out`);
      }
      const isRight = output === undefined || matches(output, printed, use === "background");
      if (code === "0" && isRight) return;
      if (use === "until" && Date.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        continue;
      }
      const wanted = output === undefined ? "" : `\n--- wanted\n${output}`;
      throw new Error(`line ${line}: exit code ${code}\n--- printed\n${printed}${wanted}`);
    }
  }

  async #code(file, line) {
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, STEP_DEADLINE_MS, { value: undefined, done: false });
    });
    const { value, done } = await Promise.race([this.#codes.next(), late]);
    clearTimeout(timer);
    if (value === undefined)
      throw new Error(`line ${line}: ${done ? "the shell ended" : "no end"}\n--- printed\n${this.#printed(file)}`);
    return value;
  }

  /** As the page would say it, without the shell's own news of jobs that were killed. */
  #printed(file) {
    return readFileSync(file, "utf8")
      .replaceAll(this.#network, "127.0.")
      .replaceAll(this.#directory, "")
      .replace(/^.*: line \d+: +\d+ (Killed|Terminated) .*\n/gm, "");
  }

  #write(path, text) {
    const target = path.startsWith("/") ? path : join(this.#home, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, this.#here(text));
  }

  #here(text) {
    return text
      .replace(/(?<![\w./}])\/(etc|var|srv|tmp)(?=\/)/g, (path) => this.#directory + path)
      .replace(/\b127\.0\.(?=\d)/g, this.#network)
      .replace(/\blocalhost(?=:\d)/g, `${this.#network}0.1`);
  }

  #tool(bin, name, text) {
    const path = join(bin, name);
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
  }
}

const PLACES = ["etc/tribune.d", "var/lib", "srv", "tmp"];

/** The Python that has the most of what the pages need. */
const python = ["/usr/bin/python3", "python3"].find((each) => succeeds(each, "-c", "import consul"));
const known = new Map();

/** @param {string} need a program, or `python:MODULE` */
function has(need) {
  if (!known.has(need)) {
    const [kind, module] = need.split(":");
    known.set(
      need,
      module === undefined
        ? succeeds("sh", "-c", `command -v ${kind}`)
        : succeeds(python ?? "python3", "-c", `import ${module}`),
    );
  }
  return known.get(need);
}

function succeeds(program, ...args) {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false; // whatever the reason, it is not to be had
  }
}

/** Runs a page. @returns {Promise<string[]>} what was left out, and why */
export async function runPage(text, number) {
  const page = new PageRun(number);
  try {
    const skipped = [];
    for (const block of blocksOf(text)) {
      const startedMs = Date.now();
      const why = await page.run(block);
      if (process.env.DOCS_TIMES !== undefined) console.log(`line ${block.line}: ${Date.now() - startedMs} ms`);
      if (why !== undefined) skipped.push(why);
    }
    return skipped;
  } finally {
    page.stop();
  }
}
