/**
 * Configuration entries of kinds, or with fields, that came after Consul 1.10. One of its servers that finds such a kind
 * in the log or in a snapshot ends, at every start again, as with a null in the settings of all proxies; the fields it passes over, so that they are lost once it
 * leads; and an entry that the command `delete-cas` deletes stays there. So none of these is written while a server is
 * about that may not know them, and no such server becomes a Raft peer while the state holds such an entry, or the log
 * such a command.
 *
 * Between the two there is no gap: a server that wants to become a peer is a member of the pool first, from when on
 * nothing is written, and what was written before is applied by the time the leader looks (`MemberDuties`).
 */
import type { LaterPart } from "@tribune/api";
import { laterPart, NULL_SETTING } from "@tribune/api";
import { TribuneError } from "../../lib/errors.ts";
import { goQuote } from "../../lib/go-quote.ts";
import { keeps, type ServerMember } from "../../pool/server-tags.ts";
import type { Configuration } from "../../raft/types.ts";
import { laterEntries } from "../../state/config-entry.ts";
import type { Database } from "../../state/memdb/types.ts";
import { foremostById } from "../server-directory.ts";

function neededFor(part: LaterPart | "delete-cas") {
  if (part === "delete-cas") return "deleteCas";
  if (part.fields.includes(NULL_SETTING)) return "nullSettings";
  return part.fields.length === 0 ? "laterKinds" : "laterFields";
}

/**
 * @param servers of this datacenter, as the pool knows them; this one among them, or not.
 * @param self id of this server, which knows all kinds.
 * @throws TribuneError that names who might not be able to keep the entry.
 */
export function requireKeepers(
  part: LaterPart | "delete-cas",
  { servers, peers, self }: { servers: readonly ServerMember[]; peers: Configuration; self: string },
): void {
  const foremost = foremostById(servers);
  const isOldName = (server: ServerMember): boolean => server.id !== "" && foremost.get(server.id) !== server;
  const here = servers.filter((server) => server.status !== "left" && server.id !== self && !isOldName(server));
  const old = here
    .filter((server) => !keeps(server, neededFor(part)))
    .map(({ name, version }) => `${name} (${version})`);
  const known = new Set([self, ...here.map(({ id }) => id)]);
  const unseen = peers.servers.filter(({ id }) => !known.has(id)).map(({ id, address }) => `${id} at ${address}`);
  if (old.length === 0 && unseen.length === 0) return;
  const unsure = [...old, ...unseen].join(", ");
  throw new TribuneError("internal", refusal(part, unsure));
}

function refusal(part: LaterPart | "delete-cas", unsure: string): string {
  if (part === "delete-cas")
    return `deleting a config entry with ?cas (config delete -cas) needs servers that know it, and of these it is not known: ${unsure}. A server of Consul before 1.11 would keep the entry. Delete it without the condition, or upgrade these servers first`;
  const { kind, fields } = part;
  if (fields.length === 0)
    return `config entries of kind ${goQuote(kind)} need servers that know them, and of these it is not known: ${unsure}. A server of Consul before 1.13 would end with such an entry`;
  const loss = fields.includes(NULL_SETTING)
    ? "A server of Consul may end with it"
    : "A server of Consul before 1.21 may lose what it says";
  return `invalid config key ${fields.map(goQuote).join(", ")}: it needs servers that know it, and of these it is not known: ${unsure}. ${loss}`;
}

/** Why a server must not become a Raft peer now; undefined when it may. @param firstIndex the log's */
export function whyNotPeer(server: ServerMember, db: Database, firstIndex: number): string | undefined {
  const { entries, lastOfLaterKind, lastNullSetting, lastDeleteCas } = db.peek(laterEntries);
  const lost = entries.filter((entry) => !keeps(server, neededFor(laterPart(entry) as LaterPart)));
  if (lost.length > 0) {
    const names = lost.map(({ Kind, Name }) => `${Kind}/${Name}`).join(", ");
    return `it would end with, or lose parts of, these config entries, which its version does not know; delete them first: ${names}`;
  }
  const isLogged = (last: number): boolean => last >= firstIndex;
  const snapshotEndsThat = "a snapshot beyond raft_trailing_logs more entries ends that";
  if (isLogged(lastOfLaterKind) && !keeps(server, "laterKinds"))
    return `the log still holds commands about config entries that its version cannot read, up to index ${lastOfLaterKind}; ${snapshotEndsThat}`;
  if (isLogged(lastNullSetting) && !keeps(server, "nullSettings"))
    return `the log still holds proxy-defaults with a null in Config, which its version may not be able to read, up to index ${lastNullSetting}; ${snapshotEndsThat}`;
  if (isLogged(lastDeleteCas) && !keeps(server, "deleteCas"))
    return `the log still holds deletions of config entries with ?cas, which its version would not carry out, up to index ${lastDeleteCas}; ${snapshotEndsThat}`;
  return undefined;
}
