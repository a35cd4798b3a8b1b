import { relative } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { failureReport } from "./failure-report.mjs";

/**
 * Runs test files in processes of their own, prints each test, and closes with what failed and why, and with
 * `N passed, N failed, N skipped`: whoever has the end of the output only has what he needs.
 *
 * @param {string[]} files
 * @param {{concurrency?: number | boolean, timeout?: number, propertySeed?: number}} [options] `propertySeed`: all that
 *   fast-check draws comes from it; without one, from another seed each time
 * @returns {Promise<boolean>} whether there was a test and none failed
 */
export function runTests(files, { propertySeed, ...options } = {}) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  const running = new Running();
  // The runner marks its own children so, and would take us for one of them if we were started by another runner.
  delete process.env.NODE_TEST_CONTEXT;
  if (propertySeed !== undefined) {
    process.env.PROPERTY_SEED = String(propertySeed);
    const preload = `--import=${new URL("property-seed.mjs", import.meta.url).href}`;
    process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ""} ${preload}`.trim();
  }
  return new Promise((resolve, reject) => {
    const events = run({ files, concurrency: true, ...options });
    const isFile = ({ name }) => files.includes(name);
    events.on("test:dequeue", (test) => running.began(test));
    events.on("test:stderr", (said) => running.said(said));
    // What a test left running and what became of it; it comes at the end, and names the test.
    const strays = [];
    events.on("test:diagnostic", ({ message }) => {
      if (/^(Warning|Error): Test /.test(message) && strays.length < 10) strays.push(message.slice(0, 500));
    });
    const failed = (test, error, more = []) => {
      count.failed++;
      const file = relative(process.cwd(), test.file ?? "");
      failures.push({ name: test.name, where: `${file}:${test.line ?? 0}`, error, more });
    };
    events.on("test:pass", (test) => {
      running.ended(test);
      // A file that is well is told of by its tests. Where it has none it ended before them, or somebody forgot them.
      if (isFile(test)) {
        if (!running.knows(test.name)) failed(test, "it ended without a test", running.left(test.name));
        return;
      }
      // A suite that is skipped is told of without its tests.
      if (test.skip !== undefined || test.todo !== undefined) count.skipped++;
      else if (test.details?.type !== "suite") count.passed++;
    });
    events.on("test:fail", (test) => {
      running.ended(test);
      const { error, type } = test.details ?? {};
      if (error?.failureType === "subtestsFailed") {
        // Its tests tell why. Files and suites are no tests, and those in them are counted already.
        if (!isFile(test) && type !== "suite") count.failed++;
        return;
      }
      // A suite or a file that fails by itself (a hook, a signal) may be the only sign: all its tests may have passed.
      failed(test, error?.cause ?? error, isFile(test) ? [...endOf(error), ...running.left(test.name)] : []);
    });
    events.on("error", reject);
    const text = events.compose(new spec());
    text.pipe(process.stdout, { end: false });
    text.on("end", () => {
      if (failures.length > 0) console.log([failureReport(failures), ...strays].join("\n"));
      console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
      resolve(count.failed === 0 && count.passed > 0);
    });
  });
}

/** How a process ended that did not say why. */
function endOf({ exitCode, signal } = {}) {
  return [...(exitCode ? [`exit code ${exitCode}`] : []), ...(signal ? [`ended by ${signal}`] : [])];
}

/** What is known of files whose process ends before their tests do. */
class Running {
  #begun = new Map();
  #said = new Map();

  began({ file, name }) {
    if (file === undefined || file === name) return;
    if (!this.#begun.has(file)) this.#begun.set(file, new Set());
    this.#begun.get(file).add(name);
  }

  ended({ file, name }) {
    this.#begun.get(file)?.delete(name);
  }

  said({ file, message }) {
    this.#said.set(file, ((this.#said.get(file) ?? "") + message).slice(-4_000));
  }

  knows(file) {
    return this.#begun.has(file);
  }

  /** @returns {string[]} lines */
  left(file) {
    const names = [...(this.#begun.get(file) ?? [])].slice(0, 5);
    const said = (this.#said.get(file) ?? "").split("\n").filter((line) => line !== "");
    return [...names.map((name) => `begun, and not ended: ${name}`), ...said.slice(-20)];
  }
}
