import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Api } from "./api-group.ts";
import { ResponseError } from "./errors.ts";
import { parseJson } from "./json-text.ts";
import type { ClientOptions } from "./options.ts";
import { SessionApi } from "./session-api.ts";
import { type Query, type Request, Transport } from "./transport.ts";
import type {
  AgentCheck,
  AgentMember,
  AgentSelf,
  AutopilotConfiguration,
  AutopilotState,
  CatalogNode,
  CatalogService,
  CoordinateDatacenter,
  CoordinateEntry,
  KvPair,
  KvWrite,
  RaftServer,
  UserEvent,
} from "./types.ts";

/**
 * Client of one agent. Methods are grouped as the API is and named for what they do; each rejects with
 * `ResponseError` when the agent refuses and `RequestError` when it cannot be reached.
 */
export class ConsulClient {
  readonly kv: KvApi;
  readonly catalog: CatalogApi;
  readonly agent: AgentApi;
  readonly operator: OperatorApi;
  readonly coordinate: CoordinateApi;
  readonly event: EventApi;
  readonly session: SessionApi;
  readonly snapshot: SnapshotApi;
  /** Requests as they are, for what has no method here. */
  readonly http: Transport;

  constructor(options: ClientOptions = {}) {
    const http = new Transport(options);
    this.http = http;
    this.kv = new KvApi(http);
    this.catalog = new CatalogApi(http);
    this.agent = new AgentApi(http);
    this.operator = new OperatorApi(http);
    this.coordinate = new CoordinateApi(http);
    this.event = new EventApi(http);
    this.session = new SessionApi(http);
    this.snapshot = new SnapshotApi(http);
  }

  /**
   * One request whose answer is JSON, for endpoints without a method here. `index` is what a blocking query waits
   * behind, 0 where the endpoint has none; numbers above 2^53 are bigints. @throws ResponseError, RequestError
   */
  async ask<T>(request: Request): Promise<{ readonly value: T; readonly index: bigint }> {
    const { body, headers } = await this.http.ok(request);
    const value = (body.length === 0 ? undefined : parseJson(body.toString())) as T;
    return { value, index: indexOf(headers) };
  }
}

/** X-Consul-Index; 0 where there is none or no number. */
const indexOf = (headers: IncomingHttpHeaders): bigint => {
  const text = headers["x-consul-index"];
  return typeof text === "string" && /^\d+$/.test(text) ? BigInt(text) : 0n;
};

const segment = (text: string): string => encodeURIComponent(text);
/** Keys keep their slashes. */
const keyPath = (key: string): string => `/v1/kv/${key.split("/").map(segment).join("/")}`;

class KvApi extends Api {
  async read(key: string): Promise<KvPair | undefined> {
    return (await this.#read(key, {}))[0];
  }

  list(prefix: string): Promise<readonly KvPair[]> {
    return this.#read(prefix, { recurse: true });
  }

  /**
   * A key, or all below a prefix, once the answer is newer than `index` or `waitMs` are over.
   * @returns no pairs where there is none.
   */
  async watch(
    key: string,
    options: KvWatch = {},
  ): Promise<{ readonly pairs: readonly KvPair[]; readonly index: bigint }> {
    const query = { recurse: options.recurse === true, consistent: options.consistent === true, ...blocking(options) };
    const response = await this.http.send({ method: "GET", path: keyPath(key), query, ...abortable(options) });
    return { pairs: pairsOf(response), index: indexOf(response.headers) };
  }

  /** The same with names only. */
  async watchKeys(
    prefix: string,
    options: KvWatch = {},
  ): Promise<{ readonly keys: readonly string[]; readonly index: bigint }> {
    const query = { keys: true, ...blocking(options) };
    const response = await this.http.send({ method: "GET", path: keyPath(prefix), query, ...abortable(options) });
    if (response.status !== 200 && response.status !== 404)
      throw new ResponseError(response.status, response.body.toString(), false);
    const keys = response.status === 404 ? [] : (JSON.parse(response.body.toString()) as readonly string[]);
    return { keys, index: indexOf(response.headers) };
  }

  async keys(prefix: string, separator: string): Promise<readonly string[]> {
    const response = await this.http.send({ method: "GET", path: keyPath(prefix), query: { keys: true, separator } });
    if (response.status === 404) return [];
    if (response.status !== 200) throw new ResponseError(response.status, response.body.toString(), false);
    return JSON.parse(response.body.toString()) as readonly string[];
  }

  /** @returns false when `cas`, `acquire` or `release` did not hold. */
  async write(
    pair: KvWrite,
    condition: { readonly cas?: number | bigint; readonly acquire?: string; readonly release?: string } = {},
  ): Promise<boolean> {
    if (pair.key.startsWith("/")) throw new Error(`Invalid key. Key must not begin with a '/': ${pair.key}`);
    const query = {
      flags: pair.flags === undefined || pair.flags === 0n ? undefined : String(pair.flags),
      cas: condition.cas === undefined ? undefined : String(condition.cas),
      acquire: condition.acquire,
      release: condition.release,
    };
    const { body } = await this.http.ok({ method: "PUT", path: keyPath(pair.key), query, body: pair.value });
    return body.toString().includes("true");
  }

  async delete(
    key: string,
    options: { readonly recurse?: boolean; readonly cas?: number | bigint } = {},
  ): Promise<boolean> {
    const cas = options.cas === undefined ? undefined : String(options.cas);
    const query = { recurse: options.recurse === true, cas };
    const { body } = await this.http.ok({ method: "DELETE", path: keyPath(key), query });
    return body.toString().includes("true");
  }

  async #read(key: string, query: Query): Promise<readonly KvPair[]> {
    return pairsOf(await this.http.send({ method: "GET", path: keyPath(key), query }));
  }
}

export interface KvWatch {
  readonly recurse?: boolean;
  readonly consistent?: boolean;
  readonly index?: bigint;
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

/** Go sends no index of 0. */
const blocking = ({ index = 0n, waitMs }: KvWatch): Query => ({
  index: index === 0n ? undefined : String(index),
  wait: waitMs === undefined ? undefined : `${Math.max(1, Math.round(waitMs))}ms`,
});
const abortable = ({ signal }: KvWatch): { readonly signal?: AbortSignal } => (signal === undefined ? {} : { signal });

function pairsOf(response: { readonly status: number; readonly body: Buffer }): readonly KvPair[] {
  if (response.status === 404) return [];
  const text = response.body.toString();
  if (response.status !== 200) throw new ResponseError(response.status, text, false);
  const rows = parseJson(text) as readonly RawPair[];
  return rows.map((row) => ({
    ...row,
    Flags: BigInt(row.Flags),
    Value: Buffer.from(row.Value ?? "", "base64"),
    Session: row.Session ?? "",
  }));
}

interface RawPair {
  readonly Key: string;
  readonly Value: string | null;
  readonly Flags: number | bigint;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
  readonly LockIndex: number;
  readonly Session?: string;
}

export interface CatalogQuery {
  readonly near?: string;
  /** `key:value` pairs. */
  readonly nodeMeta?: readonly string[];
  readonly filter?: string;
}

const catalogQuery = (query: CatalogQuery): Query => ({
  near: query.near,
  "node-meta": query.nodeMeta,
  filter: query.filter,
});

class CatalogApi extends Api {
  datacenters(): Promise<readonly string[]> {
    return this.get("/v1/catalog/datacenters");
  }

  nodes(query: CatalogQuery = {}): Promise<readonly CatalogNode[]> {
    return this.get("/v1/catalog/nodes", catalogQuery(query));
  }

  services(query: CatalogQuery = {}): Promise<Readonly<Record<string, readonly string[]>>> {
    return this.get("/v1/catalog/services", catalogQuery(query));
  }

  service(name: string, query: CatalogQuery = {}): Promise<readonly CatalogService[]> {
    return this.get(`/v1/catalog/service/${segment(name)}`, catalogQuery(query));
  }

  node(
    name: string,
    query: CatalogQuery = {},
  ): Promise<{
    readonly Services: Readonly<Record<string, { readonly Service: string; readonly Tags: readonly string[] | null }>>;
  } | null> {
    return this.get(`/v1/catalog/node/${segment(name)}`, catalogQuery(query));
  }
}

class AgentApi extends Api {
  self(): Promise<AgentSelf> {
    return this.get("/v1/agent/self");
  }

  /** @param options.filter an older Consul passes over it */
  members(
    options: { readonly wan?: boolean; readonly segment?: string; readonly filter?: string } = {},
  ): Promise<readonly AgentMember[]> {
    const { wan, segment, filter } = options;
    return this.get("/v1/agent/members", { segment, wan: wan === true ? "1" : undefined, filter: filter || undefined });
  }

  checks(): Promise<Readonly<Record<string, AgentCheck>>> {
    return this.get("/v1/agent/checks");
  }

  async registerService(registration: unknown): Promise<void> {
    await this.put("/v1/agent/service/register", {}, registration);
  }

  async deregisterService(id: string): Promise<void> {
    await this.put(`/v1/agent/service/deregister/${segment(id)}`);
  }

  async reload(): Promise<void> {
    await this.put("/v1/agent/reload");
  }

  async leave(): Promise<void> {
    await this.put("/v1/agent/leave");
  }

  async join(address: string, wan: boolean): Promise<void> {
    await this.put(`/v1/agent/join/${segment(address)}`, { wan: wan ? "1" : undefined });
  }

  async forceLeave(node: string, prune: boolean): Promise<void> {
    await this.put(`/v1/agent/force-leave/${segment(node)}`, { prune: prune ? "1" : undefined });
  }

  async nodeMaintenance(enable: boolean, reason = ""): Promise<void> {
    await this.put("/v1/agent/maintenance", { enable: String(enable), reason });
  }

  async serviceMaintenance(id: string, enable: boolean, reason = ""): Promise<void> {
    await this.put(`/v1/agent/service/maintenance/${segment(id)}`, { enable: String(enable), reason });
  }

  /** The agent's log from now on. @throws ResponseError for a level it does not know. */
  async monitor(level: string, json: boolean): Promise<IncomingMessage> {
    const query = { loglevel: level, logjson: json ? "true" : undefined };
    return okStream(await this.http.stream({ method: "GET", path: "/v1/agent/monitor", query }));
  }
}

async function okStream(message: IncomingMessage): Promise<IncomingMessage> {
  if (message.statusCode === 200) return message;
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  throw new ResponseError(message.statusCode ?? 0, Buffer.concat(chunks).toString());
}

class OperatorApi extends Api {
  async raftServers(): Promise<readonly RaftServer[]> {
    const reply = await this.get<{ Servers: readonly RaftServer[] }>("/v1/operator/raft/configuration");
    return reply.Servers;
  }

  async removeRaftPeer(peer: { readonly address?: string; readonly id?: string }): Promise<void> {
    await this.http.ok({ method: "DELETE", path: "/v1/operator/raft/peer", query: peer });
  }

  autopilotConfiguration(): Promise<AutopilotConfiguration> {
    return this.get("/v1/operator/autopilot/configuration");
  }

  /** @returns false when the configuration changed since it was read (`ModifyIndex`). */
  async casAutopilotConfiguration(configuration: AutopilotConfiguration): Promise<boolean> {
    const query = { cas: String(configuration.ModifyIndex) };
    return (await this.put("/v1/operator/autopilot/configuration", query, configuration)) === true;
  }

  autopilotState(): Promise<AutopilotState> {
    return this.get("/v1/operator/autopilot/state");
  }
}

class CoordinateApi extends Api {
  nodes(): Promise<readonly CoordinateEntry[]> {
    return this.get("/v1/coordinate/nodes");
  }

  datacenters(): Promise<readonly CoordinateDatacenter[]> {
    return this.get("/v1/coordinate/datacenters");
  }
}

class EventApi extends Api {
  /** @returns the event's ID. */
  async fire(event: UserEvent): Promise<string> {
    const query = { node: event.nodeFilter, service: event.serviceFilter, tag: event.tagFilter };
    const path = `/v1/event/fire/${segment(event.name)}`;
    const sent = event.payload === undefined ? {} : { body: event.payload };
    const { body } = await this.http.ok({ method: "PUT", path, query, ...sent });
    return (JSON.parse(body.toString()) as { ID: string }).ID;
  }
}

class SnapshotApi extends Api {
  /** The archive as a stream, and the index it stands for. */
  async save(): Promise<{ readonly archive: IncomingMessage; readonly index: number }> {
    const archive = await okStream(await this.http.stream({ method: "GET", path: "/v1/snapshot" }));
    return { archive, index: Number(archive.headers["x-consul-index"] ?? 0) };
  }

  async restore(archive: NodeJS.ReadableStream): Promise<void> {
    await this.http.ok({ method: "PUT", path: "/v1/snapshot", body: archive });
  }
}
