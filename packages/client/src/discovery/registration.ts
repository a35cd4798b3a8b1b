import type { AgentServiceRegistration, Draft } from "@tribune/api";
import type { CallOptions, ContractClient } from "../contract-client.ts";
import { ResponseError } from "../errors.ts";
import { isTransient } from "../failures.ts";
import { backoffMs, delay, follow, onAbort, type Surroundings } from "../surroundings.ts";

export type ServiceDefinition = Draft<AgentServiceRegistration> & { readonly Name: string };
export type Status = "passing" | "warning" | "critical";

export interface RegistrationOptions {
  /** We vouch for the service ourselves: the agent calls it critical when it has not heard from us for so long. */
  readonly ttlMs?: number;
  /** With `ttlMs`: the agent removes it when it has been critical for so long. Not before a minute. */
  readonly deregisterAfterMs?: number;
  readonly token?: string;
  /** Aborting it deregisters the service. */
  readonly signal?: AbortSignal;
  /** Told when the agent had forgotten the service, as after a restart without data, and knows it again. */
  readonly onRegisteredAgain?: () => void;
  /** Told of each failure to reach the agent or to convince it. It is tried again. */
  readonly onFailure?: (error: unknown) => void;
}

const AGAIN = { minMs: 100, maxMs: 5_000 };
/** How long the agent holds the question whether it still knows us. */
const WATCH_WAIT = "60s";
/** An agent that answers at once all the time is asked no more often. */
const WATCH_EVERY_MS = 1_000;
const NS_PER_MS = 1e6;

/**
 * A service that stays registered with one agent: its TTL is renewed, and an agent that has forgotten it is told again.
 */
export class Registration {
  readonly id: string;
  readonly #definition: ServiceDefinition;
  readonly #checkId: string | undefined;
  readonly #client: ContractClient;
  readonly #world: Surroundings;
  readonly #options: RegistrationOptions;
  readonly #call: CallOptions;
  readonly #end = new AbortController();
  #status: Status = "passing";
  #note = "";
  #telling: Promise<void> | undefined;
  #deregistered: Promise<void> | undefined;

  private constructor(
    definition: ServiceDefinition,
    client: ContractClient,
    world: Surroundings,
    options: RegistrationOptions,
  ) {
    const { ttlMs, deregisterAfterMs, token } = options;
    this.id = definition.ID === undefined || definition.ID === "" ? definition.Name : definition.ID;
    const alone = !definition.Check && !definition.Checks?.length;
    this.#checkId = ttlMs === undefined ? undefined : `service:${this.id}${alone ? "" : ":ttl"}`;
    this.#definition =
      this.#checkId === undefined || ttlMs === undefined
        ? definition
        : withCheck(definition, {
            CheckID: this.#checkId,
            Name: `${definition.Name} says so itself`,
            TTL: ttlMs * NS_PER_MS,
            Status: "passing",
            ...(deregisterAfterMs === undefined
              ? {}
              : { DeregisterCriticalServiceAfter: deregisterAfterMs * NS_PER_MS }),
          });
    this.#client = client;
    this.#world = world;
    this.#options = options;
    this.#call = { token };
  }

  /** Resolves once the agent knows the service. @throws what the agent says against it */
  static async start(
    definition: ServiceDefinition,
    client: ContractClient,
    world: Surroundings,
    closed: AbortSignal,
    options: RegistrationOptions,
  ): Promise<Registration> {
    const registration = new Registration(definition, client, world, options);
    options.signal?.throwIfAborted();
    await registration.#register(options.signal);
    registration.#keep(closed);
    return registration;
  }

  /** What the next renewals say. Only with `ttlMs`. */
  async report(status: Status, note = ""): Promise<void> {
    this.#status = status;
    this.#note = note;
    await this.#renew();
  }

  /** Takes the service from the agent, if it still knows it. @throws what keeps it from that, after some tries */
  deregister(): Promise<void> {
    this.#deregistered ??= this.#leave();
    return this.#deregistered;
  }

  #keep(closed: AbortSignal): void {
    const { ttlMs, signal } = this.#options;
    const { controller, release } = follow(signal, closed);
    const leave = (): void => void this.deregister().catch((error) => this.#options.onFailure?.(error));
    onAbort(controller.signal, leave);
    onAbort(this.#end.signal, release);
    if (controller.signal.aborted) return leave();
    void this.#watch();
    if (ttlMs !== undefined) void this.#renewEvery(ttlMs / 3);
  }

  async #leave(): Promise<void> {
    this.#end.abort();
    await this.#telling?.catch(() => {}); // so that it does not come back behind us
    try {
      await this.#client.agentServiceDeregister({ id: this.id }, { ...this.#call, retry: "always" });
    } catch (error) {
      if (!isUnknown(error)) throw error;
    }
  }

  async #register(signal?: AbortSignal): Promise<void> {
    const definition = {
      ...this.#definition,
      // It begins with what was last said of it.
      ...(this.#definition.Checks === undefined || this.#definition.Checks === null
        ? {}
        : {
            Checks: this.#definition.Checks.map((check) =>
              check?.CheckID === this.#checkId ? { ...check, Status: this.#status } : check,
            ),
          }),
    };
    await this.#client.agentServiceRegister({ definition }, { ...this.#call, signal });
  }

  /** Registers again. Whoever finds out first does it for all. */
  #tellAgain(): Promise<void> {
    this.#telling ??= this.#register()
      .then(() => this.#options.onRegisteredAgain?.())
      .finally(() => {
        this.#telling = undefined;
      });
    return this.#telling;
  }

  /** @throws what the agent says; that it does not know us is put right */
  async #renew(): Promise<void> {
    if (this.#checkId === undefined) throw new TypeError("without ttlMs, the service's own checks say how it is");
    const report = { Status: this.#status, Output: this.#note };
    const options = { ...this.#call, signal: this.#end.signal };
    try {
      await this.#client.agentCheckUpdate({ id: this.#checkId, report }, options);
    } catch (error) {
      if (this.#end.signal.aborted) return;
      if (!isUnknown(error)) throw error;
      await this.#tellAgain();
      await this.#client.agentCheckUpdate({ id: this.#checkId, report }, options);
    }
  }

  async #renewEvery(intervalMs: number): Promise<void> {
    await this.#forAsLongAs(async () => {
      await delay(this.#world, intervalMs, this.#end.signal);
      await this.#renew();
    });
  }

  /** A held question for the service is answered as soon as the agent does not know it any more. */
  async #watch(): Promise<void> {
    let hash = "";
    await this.#forAsLongAs(async () => {
      const startedMs = this.#world.nowMs();
      const options = { ...this.#call, wait: WATCH_WAIT, signal: this.#end.signal, retry: false } as const;
      try {
        const { contentHash, value } = await this.#client.agentService({ id: this.id, hash }, options);
        hash = contentHash ?? value.ContentHash;
      } catch (error) {
        hash = "";
        if (!isUnknown(error)) throw error;
        await this.#tellAgain();
      }
      const restMs = WATCH_EVERY_MS - (this.#world.nowMs() - startedMs);
      if (restMs > 0) await delay(this.#world, restMs, this.#end.signal);
    });
  }

  async #forAsLongAs(work: () => Promise<void>): Promise<void> {
    const { signal } = this.#end;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await work();
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#options.onFailure?.(error);
        const pauseMs = backoffMs(AGAIN, failures++, this.#world.random());
        await delay(this.#world, pauseMs, signal).catch(() => {}); // aborted: the loop ends
      }
    }
  }
}

function withCheck(
  definition: ServiceDefinition,
  check: NonNullable<NonNullable<ServiceDefinition["Checks"]>[number]>,
): ServiceDefinition {
  const { Check, Checks, ...rest } = definition;
  const own = Check === undefined || Check === null ? [] : [Check];
  return { ...rest, Checks: [...own, ...(Checks ?? []), check] };
}

/** The agent's words for a service or check that it does not know, of several releases. */
function isUnknown(error: unknown): boolean {
  if (!(error instanceof ResponseError) || isTransient(error)) return false;
  return error.status === 404 || /unknown (?:service|check)|does not have associated ttl|not found/i.test(error.body);
}
