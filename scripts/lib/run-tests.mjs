import { run } from "node:test";
import { spec } from "node:test/reporters";

/**
 * Runs test files in processes of their own, prints each test, and closes with `N passed, N failed, N skipped`.
 *
 * @param {string[]} files
 * @param {{concurrency?: number | boolean, timeout?: number}} [options]
 * @returns {Promise<boolean>} whether there was a test and none failed
 */
export function runTests(files, options = {}) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  // The runner marks its own children so, and would take us for one of them if we were started by another runner.
  delete process.env.NODE_TEST_CONTEXT;
  return new Promise((resolve, reject) => {
    const events = run({ files, concurrency: true, ...options });
    const isFile = ({ name }) => files.includes(name);
    events.on("test:pass", (test) => {
      if (isFile(test) || test.details?.type === "suite") return;
      if (test.skip !== undefined || test.todo !== undefined) count.skipped++;
      else count.passed++;
    });
    events.on("test:fail", (test) => {
      // A file fails with its tests, which are counted already, or by itself: then it is the only sign.
      const only = !isFile(test) || test.details?.error?.failureType !== "subtestsFailed";
      if (only && test.details?.type !== "suite") count.failed++;
    });
    events.on("error", reject);
    const text = events.compose(new spec());
    text.pipe(process.stdout, { end: false });
    text.on("end", () => {
      console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
      resolve(count.failed === 0 && count.passed > 0);
    });
  });
}
