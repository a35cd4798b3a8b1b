// Runs fuzz targets, each in a worker with a watchdog. See README.md.

import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { TARGET_NAMES } from "./targets.mjs";

const STUCK_MS = 10_000;

const { values } = parseArgs({
  options: {
    seconds: { type: "string" },
    inputs: { type: "string" },
    target: { type: "string", multiple: true, default: [] },
    seed: { type: "string", default: String(Math.floor(Date.now() / 1000)) },
    only: { type: "string" },
    "slow-ms": { type: "string", default: "250" },
  },
});
const refuse = (text) => {
  console.error(text);
  process.exit(2);
};
// By count a run is the same on every machine.
if (values.inputs !== undefined && values.seconds !== undefined) refuse("--inputs and --seconds: one of them");
const seconds = values.inputs === undefined ? Number(values.seconds ?? 10) : undefined;
const inputs = values.inputs === undefined ? undefined : Number(values.inputs);
if (!((seconds ?? inputs) > 0)) refuse("--inputs and --seconds take a number above 0");
if (!Number.isInteger(Number(values.seed))) refuse("--seed takes an integer");
const targets = values.target.length === 0 ? TARGET_NAMES : values.target.flatMap((names) => names.split(","));
const unknown = targets.filter((name) => !TARGET_NAMES.includes(name));
if (unknown.length > 0) refuse(`no target ${unknown.join(", ")}; there are ${TARGET_NAMES.join(", ")}`);

let failed = false;
for (const target of targets) {
  const outcome = await runTarget(target);
  console.log(`${target.padEnd(8)} ${outcome.text}`);
  failed ||= outcome.failed;
}
process.exit(failed ? 1 : 0);

/** @returns {Promise<{text: string, failed: boolean}>} */
function runTarget(target) {
  const progress = new SharedArrayBuffer(8);
  const counter = new BigInt64Array(progress);
  const workerData = {
    target,
    seed: Number(values.seed),
    seconds,
    inputs,
    only: values.only === undefined ? undefined : Number(values.only),
    slowMs: Number(values["slow-ms"]),
    progress,
  };
  const again = (number) => `repeat with: node fuzz/run.mjs --target ${target} --seed ${values.seed} --only ${number}`;
  return new Promise((resolve) => {
    const worker = new Worker(new URL("./worker.mjs", import.meta.url), { workerData });
    let last = -1n;
    const watchdog = setInterval(() => {
      const now = Atomics.load(counter, 0);
      if (now === last) {
        finish({ failed: true, text: `STUCK for ${STUCK_MS} ms on input ${now}; ${again(now)}` });
        worker.terminate();
      }
      last = now;
    }, STUCK_MS);
    const finish = (outcome) => {
      clearInterval(watchdog);
      resolve(outcome);
    };
    worker.on("message", (message) => {
      if (message.type === "done") finish({ failed: false, text: message.text });
      else if (message.type === "missing")
        finish({
          failed: true,
          text: `FAILED: no ${message.text}; run npm run build, or name where it is now in targets.mjs`,
        });
      else
        finish({ failed: true, text: `FAILED on input ${message.number}: ${message.text}\n${again(message.number)}` });
    });
    worker.on("error", (error) => {
      const number = Atomics.load(counter, 0);
      finish({ failed: true, text: `CRASHED on input ${number}: ${error.stack}\n${again(number)}` });
    });
  });
}
