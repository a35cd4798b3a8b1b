import type { IncomingMessage } from "node:http";
import { ResponseError } from "./errors.ts";
import type { ClientOptions } from "./options.ts";
import { type Query, Transport } from "./transport.ts";
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
  readonly snapshot: SnapshotApi;

  constructor(options: ClientOptions = {}) {
    const http = new Transport(options);
    this.kv = new KvApi(http);
    this.catalog = new CatalogApi(http);
    this.agent = new AgentApi(http);
    this.operator = new OperatorApi(http);
    this.coordinate = new CoordinateApi(http);
    this.event = new EventApi(http);
    this.snapshot = new SnapshotApi(http);
  }
}

abstract class Api {
  protected readonly http: Transport;

  constructor(http: Transport) {
    this.http = http;
  }

  protected async get<T>(path: string, query: Query = {}): Promise<T> {
    const { body } = await this.http.ok({ method: "GET", path, query });
    return JSON.parse(body.toString()) as T;
  }

  protected async put<T = unknown>(path: string, query: Query = {}, value?: unknown): Promise<T | undefined> {
    const sent = value === undefined ? {} : { body: JSON.stringify(value) };
    const { body } = await this.http.ok({ method: "PUT", path, query, ...sent });
    return body.length === 0 ? undefined : (JSON.parse(body.toString()) as T);
  }
}

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

  async keys(prefix: string, separator: string): Promise<readonly string[]> {
    const response = await this.http.send({ method: "GET", path: keyPath(prefix), query: { keys: true, separator } });
    if (response.status === 404) return [];
    if (response.status !== 200) throw new ResponseError(response.status, response.body.toString());
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
    const response = await this.http.send({ method: "GET", path: keyPath(key), query });
    if (response.status === 404) return [];
    const text = response.body.toString();
    if (response.status !== 200) throw new ResponseError(response.status, text);
    // Flags may need all of their 64 bits. Inside a string the quotes would be escaped, so only the field matches.
    const rows = JSON.parse(text.replace(/"Flags":(\d+)/g, '"Flags":"$1"')) as readonly RawPair[];
    return rows.map((row) => ({
      ...row,
      Flags: BigInt(row.Flags),
      Value: Buffer.from(row.Value ?? "", "base64"),
      Session: row.Session ?? "",
    }));
  }
}

interface RawPair {
  readonly Key: string;
  readonly Value: string | null;
  readonly Flags: string;
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

  members(options: { readonly wan?: boolean; readonly segment?: string } = {}): Promise<readonly AgentMember[]> {
    return this.get("/v1/agent/members", { segment: options.segment, wan: options.wan === true ? "1" : undefined });
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
