import type { Cancel, Runtime } from "../lib/runtime.ts";
import { SimFiles } from "./sim-files.ts";
import type { SimInternet } from "./sim-internet.ts";

/** Where every simulated wall clock starts: 2026-01-01 UTC. */
const WALL_EPOCH_MS = 1_767_225_600_000;

/** A machine: its runtime for the process it runs, and ways to do it harm. */
export interface SimHost {
  readonly address: string;
  readonly files: SimFiles;
  /** The ports for a process started now. Those of an earlier life are dead. */
  runtime(): Runtime;
  /** The process and everything unsynced are gone; a new `runtime()` starts over on the same files. */
  crash(): void;
}

/**
 * A host at `address` whose clock, timers, chance, files and network all belong to the simulator, so that a whole
 * agent runs in virtual time from one seed. Drive it with `Simulator.play`.
 */
export function simHost(internet: SimInternet, address: string): SimHost {
  const { sim } = internet;
  const files = new SimFiles(sim, 3);
  const originMs = sim.rng.next() * 1e6;
  let life = 0;
  return {
    address,
    files,
    runtime: () => {
      const born = ++life;
      const after = (delayMs: number, run: () => void): Cancel =>
        sim.after(Math.max(0, delayMs), () => {
          if (born === life) run();
        });
      return {
        clock: { nowMs: () => originMs + sim.nowMs, wallMs: () => WALL_EPOCH_MS + sim.nowMs },
        timers: { after, soon: (run) => void after(0, run) },
        rng: sim.fork(),
        disk: files.disk(),
        network: internet.attach(address),
      };
    },
    crash: () => {
      life++;
      files.crash();
      internet.crash(address);
    },
  };
}

/** The runtime of a host that never crashes: for tests of one process. */
export function simRuntime(internet: SimInternet, address = "10.0.0.1"): Runtime {
  return simHost(internet, address).runtime();
}
