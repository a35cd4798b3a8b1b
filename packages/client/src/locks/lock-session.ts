import type { CallOptions, ContractClient } from "../contract-client.ts";
import { ResponseError } from "../errors.ts";
import { isTransient } from "../failures.ts";
import { backoffMs, type Surroundings } from "../surroundings.ts";

export interface SessionOptions {
  readonly name: string;
  /** Shortest time a server keeps the session without hearing from us; it may take twice as long. 10 s to a day. */
  readonly ttlMs: number;
  /** How long nobody gets the lock after the session has ended without a word. At most a minute; 0: at once. */
  readonly lockDelayMs: number;
  readonly behavior: "release" | "delete";
}

/** Between failed renewals. */
const AGAIN = { minMs: 250, maxMs: 2_000 };
const NS_PER_MS = 1e6;

/**
 * A session kept alive until it is closed. Once it may have run out, because a server said so or because no renewal got
 * through for a whole TTL, `lost` is aborted: from then on somebody else may hold what it held.
 */
export class LockSession {
  readonly id: string;
  readonly lost: AbortSignal;
  readonly #lost = new AbortController();
  readonly #client: ContractClient;
  readonly #world: Surroundings;
  readonly #ttlMs: number;
  readonly #call: CallOptions;
  #cancelRenewal = (): void => {};
  #cancelEnd = (): void => {};
  #closed = false;

  private constructor(
    id: string,
    startedMs: number,
    client: ContractClient,
    world: Surroundings,
    ttlMs: number,
    call: CallOptions,
  ) {
    this.id = id;
    this.lost = this.#lost.signal;
    this.#client = client;
    this.#world = world;
    this.#ttlMs = ttlMs;
    this.#call = call;
    this.#aliveSince(startedMs);
    this.#renewIn(ttlMs / 2);
  }

  /** @param call its signal only ends the opening */
  static async open(
    client: ContractClient,
    world: Surroundings,
    { name, ttlMs, lockDelayMs, behavior }: SessionOptions,
    { signal, ...call }: CallOptions,
  ): Promise<LockSession> {
    const startedMs = world.nowMs();
    const session = {
      Name: name,
      TTL: `${ttlMs / 1_000}s`,
      LockDelay: lockDelayMs * NS_PER_MS,
      Behavior: behavior,
    };
    // One that was opened and lost holds nothing, and its TTL ends it.
    const { value } = await client.sessionCreate({ session }, { ...call, signal, retry: "always" });
    return new LockSession(value.ID, startedMs, client, world, ttlMs, call);
  }

  /** Stops renewing and destroys it. Never rejects: its TTL ends it as well. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#stop();
    await this.#client.sessionDestroy({ session: this.id }, this.#call).catch(() => {});
  }

  #stop(): void {
    this.#closed = true;
    this.#cancelRenewal();
    this.#cancelEnd();
  }

  /** A server counts from when it heard us, which is not before we asked. */
  #aliveSince(askedMs: number): void {
    this.#cancelEnd();
    this.#cancelEnd = this.#world.after(askedMs + this.#ttlMs - this.#world.nowMs(), () =>
      this.#end(`session ${this.id} could not be renewed within its TTL`),
    );
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#stop();
    this.#lost.abort(new Error(reason));
  }

  #renewIn(delayMs: number, failures = 0): void {
    this.#cancelRenewal = this.#world.after(delayMs, () => void this.#renew(failures));
  }

  async #renew(failures: number): Promise<void> {
    const askedMs = this.#world.nowMs();
    try {
      await this.#client.sessionRenew({ session: this.id }, { ...this.#call, retry: false });
      if (this.#closed) return;
      this.#aliveSince(askedMs);
      this.#renewIn(this.#ttlMs / 2);
    } catch (error) {
      if (this.#closed) return;
      if (error instanceof ResponseError && !isTransient(error) && error.status === 404)
        this.#end(`session ${this.id} is gone`);
      else this.#renewIn(backoffMs(AGAIN, failures, this.#world.random()), failures + 1);
    }
  }
}
