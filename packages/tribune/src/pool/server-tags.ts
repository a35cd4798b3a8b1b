import type { PoolMember, PoolMemberStatus } from "./types.ts";

/** A server as its tags describe it: where its RPC port is, and what else others go by. */
export interface ServerMember {
  /** Name in the pool it was seen in: `NODE`, in the WAN pool `NODE.DC`. */
  readonly name: string;
  /** Without the datacenter. */
  readonly shortName: string;
  /** Node id (UUID); "" for a server that does not say. */
  readonly id: string;
  /** Address of the member: RPC listens on the same one. */
  readonly host: string;
  /** RPC port. */
  readonly port: number;
  readonly datacenter: string;
  readonly segment: string;
  readonly status: PoolMemberStatus;
  readonly bootstrap: boolean;
  /** 0: the server does not wait for others. */
  readonly expect: number;
  /** `1.10.11`: the first three numbers of the `build` tag. */
  readonly version: string;
  readonly raftVersion: number;
  /** Consul's protocol versions; min and max are 0 where the tags are missing. */
  readonly protocol: { readonly current: number; readonly min: number; readonly max: number };
  /** Port of the WAN pool; 0 where the server has none or was seen there. */
  readonly wanJoinPort: number;
  readonly useTls: boolean;
  /** A read replica, which never votes. */
  readonly nonVoter: boolean;
  readonly aclMode: AclMode;
  /** `ft_NAME` tags without their prefix. */
  readonly features: ReadonlyMap<string, number>;
}

export type AclMode = "disabled" | "enabled" | "legacy" | "unknown";

const ACL_MODES: Readonly<Record<string, AclMode>> = { "0": "disabled", "1": "enabled", "2": "legacy" };
const VERSION = /\d+\.\d+\.\d+/;
/** `host:port`; an IPv6 host stands in brackets. */
const HOST_PORT = /^(?:\[[^[\]]*\]|[^:[\]]*):([+-]?\d+)$/;

/** As Consul's log names a server. */
export function serverText({ shortName, host, port, datacenter }: ServerMember): string {
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return `${shortName} (Addr: tcp/${address}) (DC: ${datacenter})`;
}

/**
 * What a member says of itself as a server (sheet serf §8 Tags); undefined for everybody else. A number that does not
 * parse makes the member no server at all, as for every other reader of these tags.
 */
export function serverOf(member: PoolMember, pool: "lan" | "wan"): ServerMember | undefined {
  const { tags } = member;
  if (tags.get("role") !== "consul") return undefined;
  const datacenter = tags.get("dc") ?? "";
  const expect = optionalInt(tags.get("expect"));
  const port = int(tags.get("port"));
  const version = VERSION.exec(tags.get("build") ?? "")?.[0];
  const wanJoinPort = optionalInt(tags.get("wan_join_port"));
  const current = int(tags.get("vsn"));
  const raftVersion = optionalInt(tags.get("raft_vsn"));
  const features = featuresOf(tags);
  if (expect === undefined || port === undefined || version === undefined || wanJoinPort === undefined)
    return undefined;
  if (current === undefined || raftVersion === undefined || features === undefined) return undefined;
  return {
    name: member.name,
    shortName: pool === "wan" ? withoutSuffix(member.name, `.${datacenter}`) : member.name,
    id: tags.get("id") ?? "",
    host: member.host,
    port,
    datacenter,
    segment: tags.get("segment") ?? "",
    status: member.status,
    bootstrap: tags.has("bootstrap"),
    expect,
    version,
    raftVersion,
    protocol: { current, min: int(tags.get("vsn_min")) ?? 0, max: int(tags.get("vsn_max")) ?? 0 },
    wanJoinPort,
    useTls: tags.has("use_tls"),
    nonVoter: tags.has("nonvoter") || tags.has("read_replica"),
    aclMode: ACL_MODES[tags.get("acls") ?? ""] ?? "unknown",
    features,
  };
}

/**
 * The tag `ft_config_kinds` of servers that can keep configuration entries that came after Consul 1.10: from 1 on those
 * of later kinds, from 2 on those with later fields; from 3 on they know the command `delete-cas`.
 */
export const CONFIG_KINDS_FEATURE = "config_kinds";
export const CONFIG_KINDS = "3";

/** Since when: the tag of ours, and the version of Consul's. */
const SINCE = {
  laterKinds: { tag: 1, minor: 13 },
  laterFields: { tag: 2, minor: 21 },
  deleteCas: { tag: 3, minor: 11 },
  /** No version of Consul's is known to keep one wherever it stands. */
  nullSettings: { tag: 2, minor: Number.POSITIVE_INFINITY },
} as const;

export function keeps({ features, version }: ServerMember, what: keyof typeof SINCE): boolean {
  const since = SINCE[what];
  if ((features.get(CONFIG_KINDS_FEATURE) ?? 0) >= since.tag) return true;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 1 || (major === 1 && minor >= since.minor);
}

/** Feature flags, and the check of segment addresses (`sl_NAME`), which nothing here uses. */
function featuresOf(tags: ReadonlyMap<string, string>): ReadonlyMap<string, number> | undefined {
  const features = new Map<string, number>();
  for (const [name, value] of tags) {
    if (name.startsWith("sl_")) {
      if (int(HOST_PORT.exec(value)?.[1]) === undefined) return undefined;
    } else if (name.startsWith("ft_")) {
      const state = int(value);
      if (state === undefined) return undefined;
      features.set(name.slice("ft_".length), state);
    }
  }
  return features;
}

/** As Go's `strconv.Atoi` reads it: digits with a sign at most. */
function int(text: string | undefined): number | undefined {
  if (text === undefined || !/^[+-]?\d+$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** 0 for a tag that is not there. */
function optionalInt(text: string | undefined): number | undefined {
  return text === undefined ? 0 : int(text);
}

function withoutSuffix(text: string, suffix: string): string {
  return text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
}
