import type { MemberTags } from "../codec/serf-tags.ts";
import type { RuntimeConfig } from "../config/types.ts";
import { formatGoDuration } from "../lib/duration.ts";
import { CONSUL_VERSION } from "../lib/version.ts";
import { CONFIG_KINDS, CONFIG_KINDS_FEATURE } from "../pool/server-tags.ts";

/** Versions of Consul's own protocol that peers may speak with us. */
const PROTOCOL_MIN = "2";
const PROTOCOL_MAX = "3";
/** The revision behind the colon is empty: readers want the version in front. */
const BUILD = `${CONSUL_VERSION}:`;
/** Access control is not part of this build. */
const ACLS_DISABLED = "0";

/** What a client agent says of itself in the LAN pool (sheet serf §8 Tags). */
export function clientTags(config: RuntimeConfig, nodeId: string): MemberTags {
  const { advertiseReconnectTimeoutMs } = config.join;
  return tagMap({
    role: "node",
    ...common(config, nodeId),
    // Others forget a failed member after this time instead of their own.
    ...(advertiseReconnectTimeoutMs > 0 ? { rc_tm: formatGoDuration(advertiseReconnectTimeoutMs * 1e6) } : {}),
  });
}

/**
 * What a server says of itself in its pools.
 *
 * @param ports as bound, where the system chose them.
 */
export function serverTags(
  config: RuntimeConfig,
  nodeId: string,
  pool: "lan" | "wan",
  ports: { readonly server: number; readonly serfWan: number } = config.ports,
): MemberTags {
  return tagMap({
    role: "consul",
    ...common(config, nodeId),
    raft_vsn: String(config.raft.protocol),
    port: String(ports.server),
    // Federation states and intentions as config entries: replies to peers have their shapes.
    ft_fs: "1",
    ft_si: "1",
    ...(pool === "lan" ? { [`ft_${CONFIG_KINDS_FEATURE}`]: CONFIG_KINDS } : {}),
    ...(config.bootstrap ? { bootstrap: "1" } : {}),
    ...(config.bootstrapExpect > 0 ? { expect: String(config.bootstrapExpect) } : {}),
    ...(config.readReplica ? { nonvoter: "1", read_replica: "1" } : {}),
    ...(config.tls.internalRpc.caFile !== "" || config.tls.internalRpc.caPath !== "" ? { use_tls: "1" } : {}),
    ...(pool === "lan" && ports.serfWan > 0 ? { wan_join_port: String(ports.serfWan) } : {}),
  });
}

function common(config: RuntimeConfig, nodeId: string): Record<string, string> {
  return {
    dc: config.datacenter,
    segment: config.segmentName,
    id: nodeId,
    vsn: String(config.rpc.protocol),
    vsn_min: PROTOCOL_MIN,
    vsn_max: PROTOCOL_MAX,
    build: BUILD,
    acls: ACLS_DISABLED,
  };
}

function tagMap(tags: Readonly<Record<string, string>>): MemberTags {
  return new Map(Object.entries(tags));
}
