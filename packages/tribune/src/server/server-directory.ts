import { type ServerMember, serverOf } from "../pool/server-tags.ts";
import type { PoolMember } from "../pool/types.ts";
import type { Configuration, ServerId } from "../raft/types.ts";
import { hostPort } from "./identity.ts";

const STANDING: Readonly<Record<PoolMember["status"], number>> = { alive: 3, leaving: 2, failed: 1, left: 0 };

/**
 * One server for each id: a host that took another name is still known by its old one, until the pool forgets it, and
 * who is there goes before who is gone.
 */
export function foremostById(servers: readonly ServerMember[]): Map<string, ServerMember> {
  const byId = new Map<string, ServerMember>();
  for (const server of servers) {
    if (server.id === "") continue;
    const other = byId.get(server.id);
    if (other === undefined || STANDING[server.status] >= STANDING[other.status]) byId.set(server.id, server);
  }
  return byId;
}

/** Servers of this datacenter by id and by address: from the LAN pool first, from the peer set where that says nothing. */
export class ServerDirectory {
  readonly #members: () => readonly PoolMember[];
  readonly #datacenter: string;
  #configuration: Configuration = { servers: [] };
  #servers: readonly ServerMember[] | undefined;
  #byId = new Map<string, ServerMember>();
  #idByAddress = new Map<string, ServerId>();

  constructor(members: () => readonly PoolMember[], datacenter: string) {
    this.#members = members;
    this.#datacenter = datacenter;
  }

  /** The members changed: what was read from them is stale. */
  refresh(): void {
    this.#servers = undefined;
  }

  follow(configuration: Configuration): void {
    this.#configuration = configuration;
    this.refresh();
  }

  servers(): readonly ServerMember[] {
    return this.#servers ?? this.#load();
  }

  byId(id: string): ServerMember | undefined {
    this.servers();
    return this.#byId.get(id);
  }

  /** `host:port` of a server's RPC listener. */
  addressOf(id: ServerId): string | undefined {
    const member = this.byId(id);
    if (member !== undefined) return hostPort(member.host, member.port);
    return this.#configuration.servers.find((server) => server.id === id)?.address;
  }

  idOf(address: string): ServerId | undefined {
    this.servers();
    return this.#idByAddress.get(address);
  }

  #load(): readonly ServerMember[] {
    const servers: ServerMember[] = [];
    for (const member of this.#members()) {
      const server = serverOf(member, "lan");
      if (server?.datacenter === this.#datacenter && server.segment === "") servers.push(server);
    }
    this.#byId = foremostById(servers.filter(({ status }) => status !== "left"));
    this.#idByAddress = new Map();
    for (const { id, address } of this.#configuration.servers) this.#idByAddress.set(address, id);
    for (const { id, host, port } of this.#byId.values()) this.#idByAddress.set(hostPort(host, port), id as ServerId);
    this.#servers = servers;
    return servers;
  }
}

/** Undoes `hostPort`. */
export function splitHostPort(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  return { host, port: Number(address.slice(colon + 1)) };
}
