/** What a pool is built from; the agent derives it from its configuration. */
import type { MemberTags } from "../codec/serf-tags.ts";
import type { SwimSettings } from "../gossip/swim/settings.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { MergeRules } from "./merge-rules.ts";

export interface Address {
  /** An IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface KeyringOptions {
  /** Base64 of the first key; "" where only a file that is there already turns encryption on. */
  readonly key: string;
  /** A file that exists wins over `key`. undefined: keys are in memory alone. */
  readonly path: string | undefined;
  /** False takes plaintext too. */
  readonly verifyIncoming: boolean;
  /** False sends plaintext. */
  readonly verifyOutgoing: boolean;
}

export interface SocketPoolOptions {
  /** LAN: the node's name. WAN: `NODE.DC`. */
  readonly name: string;
  readonly scope: "lan" | "wan";
  /** Port 0 lets the system choose one, for TCP and UDP alike. */
  readonly bind: Address;
  /** What peers are told; undefined: as bound. A wildcard address needs it. Port 0: as bound. */
  readonly advertise?: Address | undefined;
  readonly tags: MemberTags;
  readonly settings: SwimSettings;
  readonly keyring?: KeyringOptions | undefined;
  /** undefined: nothing is remembered over a restart. */
  readonly snapshotPath?: string | undefined;
  readonly rejoinAfterLeave: boolean;
  /** Where members may be; empty for anywhere. */
  readonly allowedCidrs: readonly string[];
  /** 0 for serf's default as Consul sets it, 72 h. */
  readonly reconnectTimeoutMs: number;
  readonly merge?: MergeRules | undefined;
  /** Whether the pool decides by a vote whose name it is when two addresses have the same; left out: it is only logged. */
  readonly resolveNameConflicts?: boolean;
}

export interface SocketPoolDependencies {
  readonly runtime: Runtime;
  /** `agent.server` or `agent.client`: lines come from `.serf.lan` and `.memberlist.lan` below it. */
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Addresses of a name. Left out, only IP addresses can be joined. */
  readonly resolveHost?: ((host: string) => Promise<readonly string[]>) | undefined;
}
