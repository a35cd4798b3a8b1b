import type { Cancel, Runtime } from "../lib/runtime.ts";
import { SimFiles } from "./sim-files.ts";
import type { SimInternet } from "./sim-internet.ts";

/** Where every simulated wall clock starts: 2026-01-01 UTC. */
const WALL_EPOCH_MS = 1_767_225_600_000;

/** Timers fire a little late, never early: an error of rounding would have them armed again without end. */
const TIMER_LATE_MS = 1e-6;

/** A machine: its runtime for the process it runs, and ways to do it harm. */
export interface SimHost {
  readonly address: string;
  readonly files: SimFiles;
  /** The ports for a process started now. Those of an earlier life are dead. */
  runtime(): Runtime;
  /** The process and everything unsynced are gone; a new `runtime()` starts over on the same files. */
  crash(): void;
  /** The process is not given the processor: nothing reaches it and no timer fires until then. */
  pause(forMs: number): void;
  /** How fast its clock and timers run; 1 is right. */
  setPace(pace: number): void;
}

/** A clock that can be given another pace without a leap. */
class PacedClock {
  readonly #now: () => number;
  #pace = 1;
  #sinceMs: number;
  #atMs: number;
  /** What its process knows to be over, while it is held up within one turn. */
  #heldUntilMs = 0;

  constructor(now: () => number) {
    this.#now = now;
    this.#sinceMs = now();
    this.#atMs = this.#sinceMs;
  }

  nowMs(): number {
    return Math.max(this.#heldUntilMs, this.#atMs + (this.#now() - this.#sinceMs) * this.#pace);
  }

  hold(ms: number): void {
    this.#heldUntilMs = this.nowMs() + ms;
  }

  setPace(pace: number): void {
    this.#atMs = this.nowMs();
    this.#sinceMs = this.#now();
    this.#pace = pace;
  }

  /** How long it takes until it shows so much more. */
  realMs(ms: number): number {
    return ms / this.#pace;
  }
}

/**
 * A host at `address` whose clock, timers, chance, files and network all belong to the simulator, so that a whole
 * agent runs in virtual time from one seed. Drive it with `Simulator.play`.
 */
export function simHost(internet: SimInternet, address: string): SimHost {
  const { sim, network } = internet;
  const files = new SimFiles(sim, 3);
  files.whenAwake = (run) => network.whenAwake(address, run);
  const originMs = sim.rng.next() * 1e6;
  const clock = new PacedClock(() => sim.nowMs);
  files.onHeld = (ms) => {
    clock.hold(ms);
    network.sleep(address, network.asleepMs(address) + clock.realMs(ms));
  };
  let life = 0;
  return {
    address,
    files,
    runtime: () => {
      const born = ++life;
      const after = (delayMs: number, run: () => void): Cancel => {
        const dueMs = clock.nowMs() + Math.max(0, delayMs);
        let cancelled = false;
        const arm = (): void => {
          const waitMs = clock.realMs(dueMs - clock.nowMs());
          sim.after(waitMs > 0 ? waitMs + TIMER_LATE_MS : 0, () => {
            if (cancelled || born !== life) return;
            if (dueMs > clock.nowMs()) return arm(); // the clock was slowed down meanwhile
            network.whenAwake(address, () => {
              if (!cancelled && born === life) run();
            });
          });
        };
        arm();
        return () => {
          cancelled = true;
        };
      };
      return {
        clock: { nowMs: () => originMs + clock.nowMs(), wallMs: () => WALL_EPOCH_MS + clock.nowMs() },
        timers: { after, soon: (run) => void after(0, run) },
        rng: sim.fork(),
        disk: files.disk(),
        network: internet.attach(address),
      };
    },
    crash: () => {
      life++;
      network.wake(address);
      files.crash();
      internet.crash(address);
    },
    pause: (forMs) => network.sleep(address, forMs),
    setPace: (pace) => clock.setPace(pace),
  };
}

/** The runtime of a host that never crashes: for tests of one process. */
export function simRuntime(internet: SimInternet, address = "10.0.0.1"): Runtime {
  return simHost(internet, address).runtime();
}
