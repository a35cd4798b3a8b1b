/** Clients of the key-value store, whose history is judged for linearizability. */
import { randomInt } from "../../../lib/random.ts";
import type { RegisterOperation } from "../../linearizability.ts";
import type { SimDatacenter } from "../datacenter.ts";
import { entryOf, KEYS, readKey, writeKey } from "./asking.ts";
import type { Requests } from "./requests.ts";

export class KvUsers {
  readonly #datacenter: SimDatacenter;
  readonly #requests: Requests;
  readonly #history: RegisterOperation[] = [];
  /** Writes that were sent and neither answered nor given up. */
  readonly #sent = new Set<RegisterOperation>();
  /** The last value that was written: no two writes write the same. */
  #values = 0;
  completed = 0;
  unknown = 0;

  constructor(datacenter: SimDatacenter, requests: Requests) {
    this.#datacenter = datacenter;
    this.#requests = requests;
  }

  /** What was done to the keys, also what may still have been done. */
  get history(): readonly RegisterOperation[] {
    return [...this.#history, ...this.#sent];
  }

  /** @returns one round of the client of this name */
  client(client: string): () => Promise<void> {
    /** What it read last, so that some cas succeed. */
    const seen = new Map<string, { readonly value: number; readonly modifyIndex: number }>();
    return async () => {
      const { sim } = this.#datacenter;
      const each = this.#requests.running();
      if (each === undefined) return;
      const key = KEYS[randomInt(sim.rng, KEYS.length)]!;
      const dice = sim.rng.next();
      const invokedAtMs = sim.nowMs;
      const note = (kind: RegisterOperation["kind"], answered: boolean): void => {
        if (answered) this.completed++;
        else this.unknown++;
        this.#history.push({ client, key, kind, invokedAtMs, returnedAtMs: answered ? sim.nowMs : undefined });
      };
      const sent = (kind: RegisterOperation["kind"]): (() => void) => {
        const operation = { client, key, kind, invokedAtMs, returnedAtMs: undefined };
        this.#sent.add(operation);
        return () => void this.#sent.delete(operation);
      };
      if (dice < 0.5) {
        const consistent = dice < 0.15;
        const outcome = await this.#requests.attempt(`${client} reads ${key}`, each, (agent) =>
          readKey(agent, key, { consistent }),
        );
        if (outcome === "no answer" || "error" in outcome) return;
        const entry = entryOf(outcome.value);
        sim.record(`${client} saw ${entry.value}`);
        seen.set(key, entry);
        note({ op: "read", value: entry.value }, true);
        return;
      }
      const value = ++this.#values;
      const Value = Buffer.from(String(value));
      if (dice < 0.8) {
        const over = sent({ op: "put", value });
        const outcome = await this.#requests.attempt(`${client} puts ${key}=${value}`, each, (agent) =>
          writeKey(agent, "set", { Key: key, Value }),
        );
        over();
        note({ op: "put", value }, outcome !== "no answer" && !("error" in outcome));
        return;
      }
      const { value: expected, modifyIndex: ModifyIndex } = seen.get(key) ?? { value: 0, modifyIndex: 0 };
      const over = sent({ op: "cas", expected, value, ok: undefined, found: undefined });
      const outcome = await this.#requests.attempt(`${client} puts ${key}=${value} for ${expected}`, each, (agent) =>
        writeKey(agent, "cas", { Key: key, Value, ModifyIndex }),
      );
      over();
      const ok = outcome !== "no answer" && "value" in outcome ? outcome.value === true : undefined;
      note({ op: "cas", expected, value, ok, found: undefined }, ok !== undefined);
    };
  }
}
