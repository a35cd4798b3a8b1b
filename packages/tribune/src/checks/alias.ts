import type { Cancel, Timers } from "../lib/runtime.ts";
import type { CheckStatus } from "./status.ts";

/** Failed reads before the waits between them begin to grow, and how long such a wait gets at most. */
const FREE_ATTEMPTS = 3;
const MAX_BACKOFF_MS = 60_000;
/** Outputs of local checks may change without notice; they are looked at again after this time. */
const REFRESH_MS = 60_000;

/** What an alias looks at of another check. */
export interface AliasedCheck {
  readonly CheckID: string;
  readonly Name: string;
  readonly Node: string;
  readonly Status: string;
  readonly Output: string;
  readonly ServiceID: string;
}

/** The checks an alias can follow: this agent's, and those of other nodes in the catalog. */
export interface AliasSource {
  /** Checks of a local service and of this node. */
  localChecks(serviceId: string): readonly AliasedCheck[];
  localServiceExists(serviceId: string): boolean;
  /** Calls `wake` whenever a check of the service or of this node is added, removed or changes its status. */
  onLocalChange(serviceId: string, wake: () => void): Cancel;
  /** Checks of another node; waits for an index above `minIndex`, one minute at most. */
  remoteChecks(query: {
    node: string;
    token: string;
    minIndex: number;
  }): Promise<{ readonly index: number; readonly checks: readonly AliasedCheck[] }>;
  remoteServiceExists(query: { node: string; token: string; serviceId: string }): Promise<boolean>;
}

export interface AliasOptions {
  readonly checkId: string;
  /** "" is this agent's node. */
  readonly node: string;
  readonly serviceId: string;
  readonly token: string;
  readonly onResult: (status: CheckStatus, output: string) => void;
}

/** Follows a service on this agent. @returns stop */
export function followLocal(options: AliasOptions, deps: { source: AliasSource; timers: Timers }): Cancel {
  const { source, timers } = deps;
  const { serviceId } = options;
  let stopped = false;
  let due = false;
  let refresh: Cancel = () => {};
  const look = (): void => {
    due = false;
    if (stopped) return;
    const found = aliasVerdict(source.localChecks(serviceId), options);
    const missing = !found.serviceSeen && !source.localServiceExists(serviceId);
    const { status, output } = missing ? notFound(options) : found;
    options.onResult(status, output);
    refresh();
    refresh = timers.after(REFRESH_MS, look);
  };
  // Never within the change itself: aliases of aliases would recurse.
  const wake = (): void => {
    if (due || stopped) return;
    due = true;
    timers.soon(look);
  };
  const unlisten = source.onLocalChange(serviceId, wake);
  wake();
  return () => {
    stopped = true;
    unlisten();
    refresh();
  };
}

/** Follows a service (or all checks) of another node with blocking reads. @returns stop */
export function followRemote(options: AliasOptions, deps: { source: AliasSource; timers: Timers }): Cancel {
  const { source, timers } = deps;
  const { node, token, serviceId } = options;
  let stopped = false;
  let cancelWait: Cancel = () => {};
  let attempts = 0;
  let minIndex = 0;

  const look = async (): Promise<void> => {
    const { index, checks } = await source.remoteChecks({ node, token, minIndex });
    attempts = 0;
    minIndex = Math.max(1, index); // 0 would not block, and the loop would spin
    const found = aliasVerdict(checks, options);
    if (stopped) return;
    let missing = false;
    if (!found.serviceSeen) {
      // Where this cannot be found out the service is taken to exist: doubt must not turn it critical.
      missing = !(await source.remoteServiceExists({ node, token, serviceId }).catch(() => true));
      if (stopped) return;
    }
    const { status, output } = missing ? notFound(options) : found;
    options.onResult(status, output);
  };
  const failed = (error: unknown): void => {
    attempts++;
    if (attempts > 1 && !stopped) {
      const reason = error instanceof Error ? error.message : String(error);
      options.onResult("critical", `Failure checking aliased node or service: ${reason}`);
    }
  };
  const next = (): void => {
    if (stopped) return;
    const shift = Math.min(31, attempts - FREE_ATTEMPTS);
    const waitMs = attempts > FREE_ATTEMPTS ? Math.min(MAX_BACKOFF_MS, 2 ** shift * 1_000) : 0;
    cancelWait = timers.after(waitMs, () => void look().catch(failed).finally(next));
  };
  next();
  return () => {
    stopped = true;
    cancelWait();
  };
}

/** The worst status among the followed service's and its node's checks. */
export function aliasVerdict(
  checks: readonly AliasedCheck[],
  { checkId, node, serviceId }: Pick<AliasOptions, "checkId" | "node" | "serviceId">,
): { status: CheckStatus; output: string; serviceSeen: boolean } {
  let status: CheckStatus = "passing";
  let output = "No checks found.";
  let serviceSeen = false;
  for (const check of checks) {
    if (node !== "" && check.Node !== node) continue;
    if (check.ServiceID !== "" && check.ServiceID !== serviceId) continue;
    // A node-level alias would otherwise follow itself, and never recover.
    if (check.CheckID === checkId && (node === "" || check.Node === node)) continue;
    if (check.ServiceID === serviceId) serviceSeen = true;
    if (check.Status === "critical" || check.Status === "warning") {
      status = check.Status;
      output = `Aliased check ${JSON.stringify(check.Name)} failing: ${check.Output}`;
      if (status === "critical") break;
    } else if (status === "passing") output = "All checks passing.";
  }
  return { status, output, serviceSeen };
}

function notFound({ serviceId, node }: AliasOptions): { status: CheckStatus; output: string } {
  return { status: "critical", output: `Service ${serviceId} could not be found on node ${node}` };
}
