/** Reads and writes as the HTTP door makes them, through the same seam; and the questions that users ask. */
import { DirEntry, KVSRequest, make } from "@tribune/api";
import type { Agent } from "../../../agent/agent.ts";
import { ask, endpointNamed, ownRead, type ReadCall, type ReadOutcome } from "../../../agent/asking.ts";
import type { Indexed } from "../../../server/query-engine.ts";

/** The datacenter of all agents. */
export const DC = "dc1";
/** Keys whose history is judged for linearizability. */
export const KEYS = ["lin/x", "lin/y", "lin/z"];
export const SERVICES = ["web", "db", "api"];

/** What is asked again and again. An index must be the same wherever it comes from, and never go back. */
export const QUESTIONS: readonly (readonly [endpoint: string, request: Readonly<Record<string, unknown>>])[] = [
  ["kvList", { Key: "lin/" }],
  ["kvGet", { Key: KEYS[0] }],
  ["healthService", { ServiceName: SERVICES[0] }],
  ["catalogNodes", {}],
  ["kvKeys", { Prefix: "lin/" }],
  ["catalogServices", {}],
  ["catalogService", { ServiceName: SERVICES[1] }],
  ["kvGet", { Key: "absent" }],
  ["healthService", { ServiceName: "absent" }],
  ["catalogServices", { NodeMetaFilters: { "consul-network-segment": "" } }],
  ["healthState", { State: "critical" }],
  ["catalogNodeServices", { Node: "absent" }],
];

/** Those that an agent's cache may answer. */
export const CACHEABLE = QUESTIONS.filter(([endpoint]) => {
  const { contract } = endpointNamed(endpoint);
  return "cacheable" in contract && contract.cacheable === true;
});

export function readKey(
  agent: Agent,
  key: string,
  options: { readonly consistent?: boolean; readonly stale?: boolean } = {},
): Promise<ReadOutcome> {
  const { consistent = false, stale = false } = options;
  const own = ownRead(endpointNamed("kvGet"), {
    Datacenter: DC,
    Key: key,
    AllowStale: stale,
    RequireConsistent: consistent,
  });
  return askAsDoor(agent, consistent ? ({ ...own, consistency: "consistent" } as const) : own);
}

/** As the HTTP door asks: at once if that may be, else when it comes. */
export function askAsDoor({ asking }: Agent, call: ReadCall): Promise<ReadOutcome> {
  try {
    const now = asking.readNow(call);
    return now === undefined ? ask(asking, call) : Promise.resolve(now);
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

export function entryOf({ answer }: ReadOutcome): { readonly value: number; readonly modifyIndex: number } {
  const { Entries } = answer.reply as Indexed & { readonly Entries: readonly DirEntry[] | null };
  const entry = Entries?.[0];
  if (entry === undefined) return { value: 0, modifyIndex: 0 };
  return { value: Number(Buffer.from(entry.Value ?? []).toString()), modifyIndex: Number(entry.ModifyIndex) };
}

export function writeKey(agent: Agent, Op: string, entry: Partial<DirEntry>): Promise<unknown> {
  return agent.asking.write(
    endpointNamed("kvPut"),
    make(KVSRequest, { Datacenter: DC, Op, DirEnt: make(DirEntry, entry) }),
  );
}

/** A question as its asker's agent's cache may answer it. */
export function cachedCall(
  [endpoint, request]: (typeof QUESTIONS)[number],
  wait: { readonly MinQueryIndex?: number; readonly MaxQueryTime?: number } = {},
): ReadCall {
  return ownRead(endpointNamed(endpoint), { Datacenter: DC, ...request, UseCache: true, ...wait });
}
