import type { RuntimeConfig } from "../../config/types.ts";
import type { Member } from "../../endpoints/agent-local-api.ts";
import { goMap } from "../../lib/go-json.ts";
import { serverTags } from "../member-tags.ts";

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
    Tags: goMap(Object.fromEntries(serverTags(config, nodeId, pool))),
    Status: ALIVE,
    ...PROTOCOL,
  };
}

/** Without a port there is no pool between datacenters. */
export function hasWan(config: RuntimeConfig): boolean {
  return config.ports.serfWan > 0;
}
