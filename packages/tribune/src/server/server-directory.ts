import { type ServerMember, serverOf } from "../pool/server-tags.ts";
import type { PoolMember } from "../pool/types.ts";
import type { Configuration, ServerId } from "../raft/types.ts";
import { hostPort } from "./identity.ts";

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
    this.#byId = new Map();
    this.#idByAddress = new Map();
    for (const { id, address } of this.#configuration.servers) this.#idByAddress.set(address, id);
    for (const server of servers) {
      if (server.id === "" || server.status === "left") continue;
      this.#byId.set(server.id, server);
      this.#idByAddress.set(hostPort(server.host, server.port), server.id as ServerId);
    }
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
