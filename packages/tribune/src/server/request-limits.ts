import { TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { MetricLabels, Metrics } from "../lib/metrics.ts";
import { RateLimit } from "../lib/rate-limit.ts";
import type { Clock } from "../lib/runtime.ts";

/** `limits.request_limits` */
export interface RequestLimitsConfig {
  /** `permissive`: what is too much is counted and logged, and done all the same. */
  readonly mode: "disabled" | "permissive" | "enforcing";
  /** Requests a second; negative means no limit. */
  readonly readRate: number;
  readonly writeRate: number;
}

export const NO_REQUEST_LIMITS: RequestLimitsConfig = { mode: "disabled", readRate: -1, writeRate: -1 };

/** So many seconds' worth of requests may come at once (Consul's `requestLimitsBurstMultiplier`). */
const BURST_SECONDS = 10;

/** Methods that change something; all others read, also those that nobody knows. */
const WRITES: ReadonlySet<string> = new Set(
  Object.entries({
    ACL: "AuthMethodDelete AuthMethodSet BindingRuleDelete BindingRuleSet Login Logout PolicyDelete PolicySet RoleDelete RoleSet TokenDelete TokenSet",
    AutoEncrypt: "Sign",
    Catalog: "Deregister Register",
    ConfigEntry: "Apply Delete",
    ConnectCA: "ConfigurationSet Sign SignIntermediate",
    Coordinate: "Update",
    FederationState: "Apply Delete",
    Intention: "Apply",
    Internal: "EventFire",
    KVS: "Apply",
    PreparedQuery: "Apply",
    Session: "Apply Renew",
    Txn: "Apply",
  }).flatMap(([service, methods]) => methods.split(" ").map((method) => `${service}.${method}`)),
);

/** What must be answered however much is asked: who leads, and what mends a cluster. */
const EXEMPT: ReadonlySet<string> = new Set(
  Object.entries({
    Operator:
      "AutopilotGetConfiguration AutopilotSetConfiguration AutopilotState RaftGetConfiguration RaftRemovePeerByAddress RaftRemovePeerByID ServerHealth",
    Status: "Leader Peers Ping RaftStats",
  }).flatMap(([service, methods]) => methods.split(" ").map((method) => `${service}.${method}`)),
);

export interface RequestLimitsDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly leads: () => boolean;
}

/**
 * How many requests a server answers, by RPC and through its own doors: two buckets, for reads and for writes. What is
 * too much is refused before anything is done, so that it may be asked again elsewhere.
 */
export class RequestLimits {
  readonly #d: RequestLimitsDependencies;
  readonly #reads: RateLimit;
  readonly #writes: RateLimit;
  #mode: RequestLimitsConfig["mode"];

  constructor({ mode, readRate, writeRate }: RequestLimitsConfig, dependencies: RequestLimitsDependencies) {
    this.#d = dependencies;
    this.#mode = mode;
    this.#reads = new RateLimit(readRate, burstOf(readRate), dependencies.clock);
    this.#writes = new RateLimit(writeRate, burstOf(writeRate), dependencies.clock);
  }

  /** Whether requests have to be asked about at all. */
  get active(): boolean {
    return this.#mode !== "disabled";
  }

  configure({ mode, readRate, writeRate }: RequestLimitsConfig): void {
    this.#mode = mode;
    this.#reads.set(readRate, burstOf(readRate));
    this.#writes.set(writeRate, burstOf(writeRate));
  }

  /**
   * Counts a request. @returns why it is not answered: `RETRY_ELSEWHERE`, or `RETRY_LATER` where only this server can
   * @param from the caller's address; empty for this agent itself
   */
  refusal(method: string, from: string): TribuneError | undefined {
    if (this.#mode === "disabled" || EXEMPT.has(method)) return undefined;
    const writes = WRITES.has(method);
    if ((writes ? this.#writes : this.#reads).admit()) return undefined;
    const { logger, metrics, leads } = this.#d;
    const kind = writes ? "global/write" : "global/read";
    const enforced = this.#mode === "enforcing";
    logger.debug("RPC exceeded allowed rate limit", {
      rpc: method,
      source_addr: from,
      limit_type: kind,
      limit_enforced: enforced,
    });
    const labels: MetricLabels = [
      ["limit_type", kind],
      ["op", method],
      ["mode", this.#mode],
    ];
    metrics.count("rpc.rate_limit.exceeded", 1, labels);
    if (!enforced) return undefined;
    return TribuneError.of(writes && leads() ? "RETRY_LATER" : "RETRY_ELSEWHERE");
  }
}

/** A rate below one a second must let something through, too. */
function burstOf(rate: number): number {
  return rate === 0 ? 0 : Math.max(1, Math.trunc(rate) * BURST_SECONDS);
}
