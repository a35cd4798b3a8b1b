import { ServerMode } from "../../agent/server-mode.ts";
import type { Server } from "../../server/server.ts";
import { checksOfNode, nodeWithServices } from "../../state/catalog/node-queries.ts";
import { getNode } from "../../state/catalog/nodes.ts";
import type { SimAgent } from "./datacenter.ts";

const SERF_HEALTH = "serfHealth";
/** The catalog's own service of a server, which no agent registers. */
const CONSUL = "consul";

export interface Truth {
  readonly live: readonly SimAgent[];
  /** Without power for good. */
  readonly dead: readonly SimAgent[];
  /** Left in good order. */
  readonly gone: readonly SimAgent[];
}

export function serverOfAgent({ agent }: SimAgent): Server | undefined {
  const mode = agent?.mode;
  return mode instanceof ServerMode ? mode.server : undefined;
}

/** What is not yet as it has to be once the faults are over; undefined when all is well. */
export function divergence(truth: Truth): string | undefined {
  for (const each of truth.live) {
    if (!each.ready) return `${each.name} is not up`;
    const seen = memberError(each, truth);
    if (seen !== undefined) return seen;
  }
  for (const each of truth.live) {
    const server = serverOfAgent(each);
    if (server === undefined) continue;
    const error = catalogError(server, truth) ?? peersError(server, truth);
    if (error !== undefined) return `${each.name}: ${error}`;
  }
  return undefined;
}

function memberError({ name, agent }: SimAgent, { live, dead, gone }: Truth): string | undefined {
  const status = (of: SimAgent): string => agent!.lan.member(of.name)?.status ?? "unknown";
  for (const other of live)
    if (status(other) !== "alive") return `${name} has ${other.name} as ${status(other)}, which runs`;
  for (const other of dead)
    if (!["failed", "unknown"].includes(status(other)))
      return `${name} has ${other.name} as ${status(other)}, which is dead`;
  for (const other of gone)
    if (!["left", "unknown"].includes(status(other)))
      return `${name} has ${other.name} as ${status(other)}, which left`;
  return undefined;
}

function catalogError(server: Server, { live, dead, gone }: Truth): string | undefined {
  return server.peek((tx) => {
    for (const { name, agent } of live) {
      // By its name: the beginning of another's id may read the same.
      if (getNode(tx, name) === undefined) return `${name} is not in the catalog`;
      const { services } = nodeWithServices(tx, name);
      const { checks } = checksOfNode(tx, name);
      const serf = checks.find(({ CheckID }) => CheckID === SERF_HEALTH)?.Status;
      if (serf !== "passing") return `${name}, which runs, has serfHealth ${serf}`;
      const { state } = agent!.local.registry;
      const difference =
        differs(
          services.filter(({ ID }) => ID !== CONSUL),
          [...state.liveServices()],
          ({ ID, Service, Port, Tags }) => `service ${ID} ${Service} ${Port} ${Tags?.join()}`,
        ) ??
        differs(
          checks.filter(({ CheckID }) => CheckID !== SERF_HEALTH),
          [...state.liveChecks()],
          ({ CheckID, ServiceID, Status }) => `check ${CheckID} ${ServiceID} ${Status}`,
        );
      if (difference !== undefined) return `${name}: ${difference}`;
    }
    for (const { name } of dead) {
      // A leader that started after its death has never heard of it, and takes it out, as Consul does.
      if (getNode(tx, name) === undefined) continue;
      const serf = checksOfNode(tx, name).checks.find(({ CheckID }) => CheckID === SERF_HEALTH)?.Status;
      if (serf !== "critical") return `${name}, which is dead, has serfHealth ${serf}`;
    }
    for (const { name } of gone) if (getNode(tx, name) !== undefined) return `${name}, which left, is in the catalog`;
    return undefined;
  });
}

function differs<T>(catalog: readonly T[], local: readonly T[], show: (row: T) => string): string | undefined {
  const there = new Set(catalog.map(show));
  const here = new Set(local.map(show));
  for (const row of here) if (!there.has(row)) return `the catalog lacks ${row}`;
  for (const row of there) if (!here.has(row)) return `the catalog has ${row}, the agent does not`;
  return undefined;
}

function peersError(server: Server, { live }: Truth): string | undefined {
  const { configuration } = server.raftStatus();
  const voters = configuration.servers.filter(({ suffrage }) => suffrage === "voter").map(({ address }) => address);
  const expected = live.filter((each) => each.server).map(({ host }) => `${host.address}:8300`);
  const show = (addresses: readonly string[]): string => [...addresses].sort().join(" ");
  if (show(voters) !== show(expected) || configuration.servers.length !== voters.length)
    return `the peer set is ${configuration.servers.map(({ address, suffrage }) => `${address} ${suffrage}`).join(", ")}`;
  return undefined;
}
