import type { ConsulClient, SessionRequest } from "@tribune/client/node";
import type { Timers } from "../../lib/runtime.ts";

export const SESSION_TTL_MS = 15_000;
const RENEW_AGAIN_MS = 1_000;

/** A session kept alive until it is closed, or until the servers let it go. */
export class LockSession {
  readonly id: string;
  readonly #client: ConsulClient;
  readonly #timers: Timers;
  #cancel = (): void => {};
  #closed = false;

  private constructor(id: string, client: ConsulClient, timers: Timers) {
    this.id = id;
    this.#client = client;
    this.#timers = timers;
    this.#renewIn(SESSION_TTL_MS / 2);
  }

  /** @throws Error when there is none to be had. */
  static async open(client: ConsulClient, timers: Timers, request: SessionRequest): Promise<LockSession> {
    try {
      const id = await client.session.create({ ...request, TTL: `${SESSION_TTL_MS / 1_000}s` });
      return new LockSession(id, client, timers);
    } catch (cause) {
      throw new Error(`failed to create session: ${(cause as Error).message}`, { cause });
    }
  }

  /** Stops renewing and destroys it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancel();
    await this.#client.session.destroy(this.id).catch(() => {}); // its TTL ends it as well
  }

  #renewIn(delayMs: number): void {
    this.#cancel = this.#timers.after(delayMs, () => {
      const again = (waitMs: number): void => {
        if (!this.#closed) this.#renewIn(waitMs);
      };
      this.#client.session.renew(this.id).then(
        (alive) => {
          if (alive) again(SESSION_TTL_MS / 2); // one that is gone shows in the key: its lock is lost
        },
        () => again(RENEW_AGAIN_MS),
      );
    });
  }
}
