/** Joins that wait for SWIM to say how they went. */
import type { Endpoint } from "../gossip/swim/endpoint.ts";

type Settle = (failure: string | undefined) => void;

export class Joins {
  /** Several joins of one endpoint settle in the order in which they were asked for. */
  readonly #waiting = new Map<Endpoint, Settle[]>();

  /** @returns why it failed, or undefined. */
  wait(endpoint: Endpoint): Promise<string | undefined> {
    return new Promise((resolve) => {
      const list = this.#waiting.get(endpoint);
      if (list === undefined) this.#waiting.set(endpoint, [resolve]);
      else list.push(resolve);
    });
  }

  /** @returns false where nobody had asked: serf's layer reconnects by itself. */
  settle(endpoint: Endpoint, failure: string | undefined): boolean {
    const list = this.#waiting.get(endpoint);
    const settle = list?.shift();
    if (list?.length === 0) this.#waiting.delete(endpoint);
    settle?.(failure);
    return settle !== undefined;
  }

  failAll(reason: string): void {
    for (const list of this.#waiting.values()) for (const settle of list) settle(reason);
    this.#waiting.clear();
  }
}
