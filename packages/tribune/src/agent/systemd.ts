import type { Logger } from "../lib/log.ts";
import { type Environment, failureOf, type StartChild } from "../process/child.ts";

export interface SystemdPorts {
  readonly start: StartChild;
  readonly env: Environment;
  /** Of the user that this process runs as. */
  readonly uid: number;
  readonly logger: Logger;
}

const ADVICE = "set Type=exec in the unit, or NotifyAccess=all";

/**
 * Tells systemd that this agent has joined, where the unit has `Type=notify` as that of Consul's packages has: it ends the
 * agent after some time otherwise. Node has no datagram sockets of the file system, so `systemd-notify` sends it; of a child
 * of somebody who is not root systemd takes it only with `NotifyAccess=all`.
 */
export async function tellReady({ start, env, uid, logger }: SystemdPorts): Promise<void> {
  if ((env.NOTIFY_SOCKET ?? "") === "") return;
  const child = start({ args: ["systemd-notify", "--ready"], env, stdin: "none", output: () => {} });
  const failure = failureOf(await child.ended);
  if (failure !== undefined) logger.warn("systemd notify failed", { error: failure, advice: ADVICE });
  else if (uid !== 0)
    logger.warn("systemd listens to a child of this agent only if its unit says so", { advice: ADVICE });
}
