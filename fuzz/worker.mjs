// One fuzz target's loop. Posts one message: how it went, or the first input that failed.

import { createHash } from "node:crypto";
import { inspect } from "node:util";
import v8 from "node:v8";
import vm from "node:vm";
import { parentPort, workerData } from "node:worker_threads";
import { importBuilt, loadTarget } from "./targets.mjs";

const HEAP_GROWTH_MAX = 64 * 1024 * 1024;
/** The heap is looked at so many times, evenly over the run; what it holds at the first look is what it needs. */
const HEAP_LOOKS = 10;
/** A pause of the machine is not the reader's fault: a reader that is slow is so each time. */
const SLOW_ROUNDS = 10;
const INPUT_SHOWN_MAX = 2_000;

v8.setFlagsFromString("--expose-gc");
const collectGarbage = vm.runInNewContext("gc");

const { target: name, seed, seconds, inputs, only, slowMs, progress } = workerData;
const counter = new BigInt64Array(progress);
const { seededRng } = await importBuilt("lib/random.js");
const { mutateBytes, mutateText, pick } = await importBuilt("lib/fuzz.js");
const { target, missing } = await loadTarget(name);

if (target === undefined) parentPort.postMessage({ type: "missing", text: missing.join(", ") });
else {
  await (only !== undefined ? runOne(only) : loop());
  target.close?.();
}

/** The input of a number: a seed's mutation, sometimes mutated again, sometimes two seeds in one. */
function makeInput(number) {
  const rng = seededRng((Math.imul(seed, 0x9e3779b1) ^ number) >>> 0);
  const [mutate, join] =
    target.kind === "text" ? [mutateText, (a, b) => a + b] : [mutateBytes, (a, b) => Uint8Array.from([...a, ...b])];
  let input = pick(rng, target.seeds);
  if (rng.next() < 0.1) input = join(input, pick(rng, target.seeds));
  for (let more = rng.next(); more < 1; more += 0.4) input = mutate(rng, input);
  return input;
}

async function runOne(number) {
  // What a target keeps from one input to the next is there again behind those before it.
  for (let before = number - (number % (target.freshEvery ?? 1)); before < number; before++) {
    freshen(before);
    await attempt(makeInput(before));
  }
  freshen(number);
  const input = makeInput(number);
  console.log(shown(input));
  Atomics.store(counter, 0, BigInt(number));
  const start = performance.now();
  const error = await attempt(input);
  if (error === undefined) parentPort.postMessage({ type: "done", text: `fine in ${performance.now() - start} ms` });
  else fail(number, input, error);
}

async function loop() {
  const start = performance.now();
  const done = (number, now) => (inputs === undefined ? (now - start) / (seconds * 1000) : number / inputs);
  const digest = createHash("sha256");
  let looks = 0;
  let heapBefore;
  let slowest = 0;
  let number = 0;
  for (let now = start; done(number, now) < 1; number++) {
    Atomics.store(counter, 0, BigInt(number));
    freshen(number);
    const input = makeInput(number);
    digest.update(input).update(";");
    const began = performance.now();
    const outcome = attempt(input);
    const error = outcome instanceof Promise ? await outcome : outcome;
    now = performance.now();
    if (error !== undefined) return fail(number, input, error);
    const took = now - began;
    if (took > slowest) {
      if (took > slowMs && (await isSlow(input))) return fail(number, input, `took ${Math.round(took)} ms`);
      slowest = Math.min(took, slowMs);
    }
    if (done(number + 1, now) < (looks + 1) / HEAP_LOOKS) continue;
    looks++;
    collectGarbage();
    const heap = process.memoryUsage().heapUsed;
    heapBefore ??= heap;
    if (heap - heapBefore > HEAP_GROWTH_MAX) return fail(number, input, `the heap grew from ${heapBefore} to ${heap}`);
  }
  const rate = (number / (performance.now() - start)).toFixed(1);
  const text = `${number} inputs fine, ${rate} k/s, slowest ${slowest.toFixed(1)} ms; seed ${seed}, all inputs ${digest.digest("hex").slice(0, 12)}`;
  parentPort.postMessage({ type: "done", text });
}

function freshen(number) {
  if (target.freshEvery !== undefined && number % target.freshEvery === 0) target.freshen();
}

/** @returns what is wrong, or undefined; of a target that takes its time, a promise of that. */
function attempt(input) {
  const failed = (error) => (target.mayThrow(error) ? undefined : (error?.stack ?? String(error)));
  try {
    const running = target.run(input);
    return running instanceof Promise ? running.then(() => undefined, failed) : undefined;
  } catch (error) {
    return failed(error);
  }
}

/** By the processor's time, where nothing is waited for. */
async function isSlow(input) {
  for (let round = 0; round < SLOW_ROUNDS; round++) {
    const start = performance.now();
    const before = process.cpuUsage();
    const outcome = attempt(input);
    const { user, system } = process.cpuUsage(before);
    if (outcome instanceof Promise) await outcome;
    const tookMs = performance.now() - start;
    if ((outcome instanceof Promise ? tookMs : Math.min(tookMs, (user + system) / 1000)) <= slowMs) return false;
  }
  return true;
}

function fail(number, input, text) {
  parentPort.postMessage({ type: "failed", number, text: `${text}\ninput: ${shown(input)}` });
}

function shown(input) {
  if (typeof input === "string") return JSON.stringify(input).slice(0, INPUT_SHOWN_MAX);
  return inspect(Buffer.from(input).toString("hex").slice(0, INPUT_SHOWN_MAX));
}
