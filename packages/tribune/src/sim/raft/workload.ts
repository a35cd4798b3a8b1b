import { randomInt } from "../../lib/random.ts";
import type { RegisterOperation } from "../linearizability.ts";
import { encodeCommand } from "./key-value.ts";
import type { SimServer } from "./server.ts";
import type { World } from "./world.ts";

const KEYS = ["x", "y", "z"];
/** A client that waited this long gives up and never learns what became of its operation. */
const CLIENT_TIMEOUT_MS = 400;

/** Clients that put, compare-and-set and read a few keys, and write down what they saw when. */
export class Workload {
  readonly history: RegisterOperation[] = [];
  readonly #world: World;
  #values = 0;
  #stopped = false;
  readonly #open = new Set<() => void>();
  completed = 0;
  unknown = 0;

  constructor(world: World, clients: number) {
    this.#world = world;
    for (let client = 0; client < clients; client++) {
      world.sim.after(randomInt(world.sim.rng, 100), () => this.#next(client, { value: 0 }));
    }
  }

  /** No more operations; those still open are written down as of unknown outcome. */
  stop(): void {
    this.#stopped = true;
    for (const giveUp of [...this.#open]) giveUp();
  }

  #pickServer(): SimServer | undefined {
    const { sim, servers } = this.#world;
    const up = [...servers.values()].filter((server) => server.isUp);
    // Now and then somebody who only believes to lead, or nobody in particular.
    const leaders = up.filter((server) => server.isLeader);
    const from = leaders.length > 0 && sim.rng.next() < 0.9 ? leaders : up;
    return from[randomInt(sim.rng, from.length)];
  }

  /** One operation of one client; `seen` is the last value it read, so that some cas succeed. */
  #next(client: number, seen: { value: number }): void {
    if (this.#stopped) return;
    const { sim } = this.#world;
    const { rng } = sim;
    const again = (): void => {
      sim.after(rng.next() * 25, () => this.#next(client, seen));
    };
    const server = this.#pickServer();
    if (server === undefined) {
      again();
      return;
    }
    const key = KEYS[randomInt(rng, KEYS.length)]!;
    const invokedAtMs = sim.nowMs;
    const dice = rng.next();
    const kind: RegisterOperation["kind"] =
      dice < 0.4
        ? { op: "read", value: undefined }
        : dice < 0.8
          ? { op: "put", value: ++this.#values }
          : { op: "cas", expected: seen.value, value: ++this.#values, ok: undefined, found: undefined };
    const who = `c${client}`;
    let open = true;
    /** `kind` undefined: nothing happened, so nothing is written down. */
    const finish = (answered: RegisterOperation["kind"] | undefined, returnedAtMs: number | undefined): void => {
      if (!open) return;
      open = false;
      this.#open.delete(giveUp);
      if (answered !== undefined) this.#note({ client: who, key, kind: answered, invokedAtMs, returnedAtMs });
      again();
    };
    const giveUp = (): void => finish(kind.op === "read" ? undefined : kind, undefined);
    this.#open.add(giveUp);
    sim.after(CLIENT_TIMEOUT_MS, giveUp);
    // Requests and answers take a moment on their way, during which a leader may fall.
    sim.after(rng.next() * 5, () => {
      if (kind.op === "read") {
        server.read(key, (outcome) => {
          sim.after(rng.next() * 5, () => {
            if (!("value" in outcome)) return finish(undefined, undefined);
            seen.value = outcome.value;
            return finish({ op: "read", value: outcome.value }, sim.nowMs);
          });
        });
        return;
      }
      const { value } = kind;
      const command =
        kind.op === "put"
          ? ({ op: "put", key, value } as const)
          : ({ op: "cas", key, expected: kind.expected, value } as const);
      server.propose([encodeCommand(command)], (_at, outcome) => {
        sim.after(rng.next() * 5, () => {
          if ("error" in outcome) {
            finish(outcome.error === "leadershipLost" ? kind : undefined, undefined);
          } else if (kind.op === "put") {
            finish(kind, sim.nowMs);
          } else {
            const ok = outcome.result?.ok ?? false;
            seen.value = outcome.result?.value ?? 0;
            finish({ ...kind, ok, found: seen.value }, sim.nowMs);
          }
        });
      });
    });
  }

  #note(operation: RegisterOperation): void {
    if (operation.returnedAtMs === undefined) this.unknown++;
    else this.completed++;
    this.history.push(operation);
  }
}
