// Clients of a datacenter that is being broken, and the judge of what they saw.

import { linearizabilityError } from "../../../packages/tribune/dist/sim/linearizability.js";
import { until } from "../agent-process.mjs";

/** A client that waited this long gives up and never learns what became of its operation. */
const CLIENT_TIMEOUT_MS = 3000;
/** Fewer acknowledged writes than these prove nothing. */
export const ACKNOWLEDGED_MIN = 20;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Load {
  acknowledged = 0;
  reads = 0;
  errors = 0;
  /** Longest time between two acknowledged writes of anybody. */
  longestGapMs = 0;
  #cluster;
  #run;
  #on = true;
  #running = [];
  #lastAckMs = 0;
  #keys = new Map();
  /** Operations on single registers, for the judge of linearizability. */
  #history = [];
  #values = 0;

  constructor(cluster, run) {
    this.#cluster = cluster;
    this.#run = run;
  }

  start() {
    this.#lastAckMs = performance.now();
    const through = [...this.#cluster.agents.keys()];
    for (const number of through) this.#running.push(this.#writeKeys(number));
    for (let client = 0; client < 4; client++) this.#running.push(this.#useRegister(client, through));
  }

  async stop() {
    this.#on = false;
    await Promise.all(this.#running);
  }

  /** @returns {Promise<{lost: number, problems: string[]}>} */
  async judge() {
    const problems = [];
    let lost = 0;
    const found = await this.#written();
    for (const [key, value] of this.#keys) if (found.get(key) !== value) lost++;
    if (lost > 0) problems.push(`${lost} of ${this.#keys.size} acknowledged keys are gone`);
    const error = linearizabilityError(this.#history);
    if (error !== undefined) problems.push(`consistent reads and writes are no linearizable history: ${error}`);
    if (this.acknowledged < ACKNOWLEDGED_MIN)
      problems.push(`only ${this.acknowledged} writes were acknowledged: that proves nothing`);
    return { lost, problems };
  }

  /** What the datacenter has of the keys, as soon as it says it. */
  async #written() {
    let said;
    let found;
    await until(
      async () => {
        const response = await fetch(`${this.#anyServer()}/v1/kv/unique-${this.#run}/?recurse&consistent`);
        said = `${response.status}`;
        if (!response.ok && response.status !== 404) return false;
        const rows = response.ok ? await response.json() : [];
        found = new Map(rows.map(({ Key, Value }) => [Key, atob(Value ?? "")]));
        return true;
      },
      () => `no consistent read of what was written: ${said}`,
    );
    return found;
  }

  /** Writes ever new keys through one agent, wherever the leader is. */
  async #writeKeys(number) {
    for (let n = 0; this.#on; n++) {
      const key = `unique-${this.#run}/${number}-${n}`;
      const value = `${number}:${n}`;
      if ((await this.#send(number, `/v1/kv/${key}`, value)) === "true") {
        this.#keys.set(key, value);
        this.#acknowledge();
      } else {
        this.errors++;
        await sleep(20);
      }
    }
  }

  #acknowledge() {
    const now = performance.now();
    this.longestGapMs = Math.max(this.longestGapMs, now - this.#lastAckMs);
    this.#lastAckMs = now;
    this.acknowledged++;
  }

  /** One client that puts, compares-and-sets and reads a register, through another agent each time. */
  async #useRegister(client, through) {
    const key = `register-${this.#run}-${client % 2}`;
    const mode = client < 2 ? "consistent" : "";
    let seen = { value: 0, index: 0 };
    while (this.#on) {
      const number = through[Math.floor(Math.random() * through.length)];
      const invokedAtMs = performance.now();
      const note = (kind, known) =>
        this.#history.push({
          client: String(client),
          key,
          kind,
          invokedAtMs,
          returnedAtMs: known ? performance.now() : undefined,
        });
      const dice = Math.random();
      if (dice < 0.5) {
        const read = await this.#read(number, key, mode);
        if (read === undefined) this.errors++;
        else {
          seen = read;
          this.reads++;
          note({ op: "read", value: read.value }, true);
        }
      } else if (dice < 0.75 || seen.index === 0) {
        const value = ++this.#values;
        const answer = await this.#send(number, `/v1/kv/${key}`, String(value));
        if (answer === undefined) this.errors++;
        note({ op: "put", value }, answer === "true");
      } else {
        const value = ++this.#values;
        const answer = await this.#send(number, `/v1/kv/${key}?cas=${seen.index}`, String(value));
        // A refused one saw another index, not a value: it says nothing about the register.
        if (answer !== "false")
          note(
            { op: "cas", expected: seen.value, value, ok: answer === "true" ? true : undefined, found: undefined },
            answer === "true",
          );
      }
      await sleep(Math.random() * 40);
    }
  }

  async #read(number, key, mode) {
    const url = this.#cluster.agents.get(number)?.url;
    try {
      const response = await fetch(`${url}/v1/kv/${key}${mode === "" ? "" : `?${mode}`}`, {
        signal: AbortSignal.timeout(CLIENT_TIMEOUT_MS),
      });
      if (response.status === 404) return { value: 0, index: 0 };
      if (!response.ok) return undefined;
      const [entry] = await response.json();
      return { value: Number(atob(entry.Value)), index: entry.ModifyIndex };
    } catch {
      return undefined;
    }
  }

  /** @returns the body of a good answer; undefined: nobody knows whether it happened, or it did not. */
  async #send(number, path, body) {
    const url = this.#cluster.agents.get(number)?.url;
    try {
      const response = await fetch(`${url}${path}`, {
        method: "PUT",
        body,
        signal: AbortSignal.timeout(CLIENT_TIMEOUT_MS),
      });
      const text = (await response.text()).trim();
      return response.ok ? text : undefined;
    } catch {
      return undefined;
    }
  }

  #anyServer() {
    return this.#cluster.servers.find(({ process }) => process !== undefined).url;
  }
}
