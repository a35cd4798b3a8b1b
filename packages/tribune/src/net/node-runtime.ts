import { randomBytes, randomFillSync } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { Cancel, Clock, Rng, Runtime, Timers } from "../lib/runtime.ts";
import { nodeDisk } from "./node-disk.ts";
import { nodeNetwork } from "./node-network.ts";

/** setTimeout takes a signed 32-bit delay and fires at once for more. */
const TIMER_MS_MAX = 2 ** 31 - 1;

const clock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
};

/** Timers for any delay, however long. */
export const nodeTimers: Timers = {
  after(delayMs, run) {
    let timer: NodeJS.Timeout;
    const arm = (leftMs: number): void => {
      const stepMs = Math.min(leftMs, TIMER_MS_MAX);
      timer = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : run()), stepMs);
    };
    arm(Math.max(0, delayMs));
    const cancel: Cancel = () => clearTimeout(timer);
    return cancel;
  },
  soon(run) {
    setImmediate(run);
  },
};

/** Strong randomness drawn in blocks: one system call serves 512 numbers. */
function systemRng(): Rng {
  const block = new Uint32Array(1_024);
  let used = block.length;
  return {
    next() {
      if (used === block.length) {
        randomFillSync(block);
        used = 0;
      }
      const high = block[used]! >>> 6; // 26 bits
      const low = block[used + 1]! >>> 5; // 27 bits: together all that a double's fraction holds
      used += 2;
      return (high * 2 ** 27 + low) / 2 ** 53;
    },
    bytes: (count) => randomBytes(count),
  };
}

/** Every port of the runtime as production has it. Cheap; one per process is enough. */
export function nodeRuntime(): Runtime {
  return { clock, timers: nodeTimers, rng: systemRng(), disk: nodeDisk, network: nodeNetwork };
}
