import { join } from "node:path";
import type { MemberTags } from "../codec/serf-tags.ts";
import type { GossipConfig, ListenAddress, RuntimeConfig } from "../config/types.ts";
import { LAN_SETTINGS, type SwimSettings, WAN_SETTINGS } from "../gossip/swim/settings.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Runtime } from "../lib/runtime.ts";
import { resolveHost } from "../net/resolve-host.ts";
import { lanMergeRules, wanMergeRules } from "../pool/merge-rules.ts";
import type { Address, KeyringOptions, SocketPoolOptions } from "../pool/options.ts";
import { SocketPool } from "../pool/socket-pool.ts";
import type { GossipPool } from "../pool/types.ts";

export interface PoolDependencies {
  readonly runtime: Runtime;
  /** `agent.server` or `agent.client`. */
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export function lanPool(
  config: RuntimeConfig,
  { nodeId, tags }: { readonly nodeId: string; readonly tags: MemberTags },
  dependencies: PoolDependencies,
): GossipPool {
  const { listen, join: joining, datacenter, nodeName, segmentName } = config;
  return new SocketPool(
    {
      ...common(config, "local"),
      name: nodeName,
      scope: "lan",
      bind: addressOf(listen.serfBindLan, config.bindAddr),
      advertise: advertised(listen.serfBindLan, listen.serfAdvertiseLan, config.advertiseAddrLan),
      tags,
      settings: settings(LAN_SETTINGS, config.gossipLan),
      allowedCidrs: joining.allowedCidrsLan,
      reconnectTimeoutMs: joining.reconnectTimeoutLanMs,
      // Consul's servers leave that to their operator.
      resolveNameConflicts: !config.server,
      merge: lanMergeRules({ datacenter, nodeId, nodeName, segment: segmentName }),
    },
    { ...dependencies, resolveHost },
  );
}

/** Undefined where the configuration closes the WAN pool (`ports.serf_wan` -1). */
export function wanPool(
  config: RuntimeConfig,
  tags: MemberTags,
  dependencies: PoolDependencies,
): GossipPool | undefined {
  const { listen, join: joining } = config;
  if (listen.serfBindWan === undefined) return undefined;
  return new SocketPool(
    {
      ...common(config, "remote"),
      name: `${config.nodeName}.${config.datacenter}`,
      scope: "wan",
      bind: addressOf(listen.serfBindWan, config.bindAddr),
      advertise: advertised(listen.serfBindWan, listen.serfAdvertiseWan, config.advertiseAddrWan),
      tags,
      settings: settings(WAN_SETTINGS, config.gossipWan),
      allowedCidrs: joining.allowedCidrsWan,
      reconnectTimeoutMs: joining.reconnectTimeoutWanMs,
      merge: wanMergeRules(),
    },
    { ...dependencies, resolveHost },
  );
}

/** Files are called as Consul calls them: a data directory of its agent is taken up with its keys and peers. */
function common(
  config: RuntimeConfig,
  file: "local" | "remote",
): Pick<SocketPoolOptions, "keyring" | "snapshotPath" | "rejoinAfterLeave"> {
  const directory = config.dataDir === "" ? undefined : join(config.dataDir, "serf");
  return {
    keyring: keyring(config, directory === undefined ? undefined : join(directory, `${file}.keyring`)),
    snapshotPath: directory === undefined ? undefined : join(directory, `${file}.snapshot`),
    rejoinAfterLeave: config.rejoinAfterLeave,
  };
}

function keyring({ encrypt, disableKeyringFile }: RuntimeConfig, path: string | undefined): KeyringOptions {
  return {
    key: encrypt.key,
    path: disableKeyringFile ? undefined : path,
    verifyIncoming: encrypt.verifyIncoming,
    verifyOutgoing: encrypt.verifyOutgoing,
  };
}

function settings(profile: SwimSettings, configured: GossipConfig): SwimSettings {
  return { ...profile, ...configured };
}

function addressOf(listen: ListenAddress | undefined, host: string): Address {
  return listen?.network === "tcp" ? { host: listen.host, port: listen.port } : { host, port: 0 };
}

/** A port that the system chooses is told as it was chosen. */
function advertised(bind: ListenAddress | undefined, configured: ListenAddress | undefined, host: string): Address {
  const address = addressOf(configured, host);
  return addressOf(bind, host).port === 0 ? { ...address, port: 0 } : address;
}
