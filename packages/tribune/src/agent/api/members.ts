import type { RuntimeConfig } from "../../config/types.ts";
import type { Member } from "../../endpoints/agent-local-api.ts";
import { goMap } from "../../lib/go-json.ts";
import { CONSUL_VERSION } from "../../lib/version.ts";

const ALIVE = 1;
/** Ranges of the serf and memberlist protocols of Consul 1.10, and what it speaks of them. */
const PROTOCOL = { ProtocolMin: 1, ProtocolMax: 5, ProtocolCur: 2, DelegateMin: 2, DelegateMax: 5, DelegateCur: 4 };

/** This server as the members of its pools see it: name, address and tags that peers go by. */
export function ownMember(config: RuntimeConfig, nodeId: string, pool: "lan" | "wan"): Member {
  const wan = pool === "wan";
  return {
    Name: wan ? `${config.nodeName}.${config.datacenter}` : config.nodeName,
    Addr: wan ? config.advertiseAddrWan : config.advertiseAddrLan,
    Port: wan ? config.ports.serfWan : config.ports.serfLan,
    Tags: goMap({ ...serverTags(config, nodeId), ...(wan || !hasWan(config) ? {} : wanTags(config)) }),
    Status: ALIVE,
    ...PROTOCOL,
  };
}

/** Without a port there is no pool between datacenters. */
export function hasWan(config: RuntimeConfig): boolean {
  return config.ports.serfWan > 0;
}

const wanTags = (config: RuntimeConfig) => ({ wan_join_port: String(config.ports.serfWan) });

function serverTags(config: RuntimeConfig, nodeId: string): Record<string, string> {
  return {
    role: "consul",
    dc: config.datacenter,
    segment: config.segmentName,
    id: nodeId,
    vsn: String(config.rpc.protocol),
    vsn_min: "2",
    vsn_max: "3",
    raft_vsn: String(config.raft.protocol),
    build: `${CONSUL_VERSION}:`,
    port: String(config.ports.server),
    acls: "0",
    // Federation states and intentions as config entries: replies to peers have their shapes.
    ft_fs: "1",
    ft_si: "1",
    ...(config.bootstrap ? { bootstrap: "1" } : {}),
    ...(config.bootstrapExpect > 0 ? { expect: String(config.bootstrapExpect) } : {}),
    ...(config.readReplica ? { nonvoter: "1", read_replica: "1" } : {}),
  };
}
