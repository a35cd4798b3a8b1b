/** What can be watched. */
import type { AnswerOf } from "@tribune/api";
import type { CallOptions, ContractClient } from "../contract-client.ts";
import type { Change } from "./change.ts";
import type { Subject } from "./transport.ts";
import { newEvents } from "./user-events.ts";
import { type Rows, Watch, type WatchOptions, type WatchPorts } from "./watch.ts";

/** One row of a list that may be null. */
type Item<A> = A extends readonly (infer T)[] ? NonNullable<T> : never;
export type ServiceInstance = Item<AnswerOf<"CheckServiceNodes">>;
export type CatalogNodeRow = Item<AnswerOf<"Nodes">>;
export type CheckRow = Item<AnswerOf<"HealthChecks">>;
export type KvEntry = Item<AnswerOf<"DirEntries">>;
export type UserEventRow = Item<AnswerOf<"UserEvents">>;
export type NodeServiceRow = NonNullable<NonNullable<NonNullable<AnswerOf<"NodeServices">>["Services"]>[string]>;

export interface NamedService {
  readonly name: string;
  /** Tags of all its instances. */
  readonly tags: readonly string[];
}
export interface KeyChange extends Change<KvEntry> {
  /** Undefined when there is no such key. */
  readonly entry: KvEntry | undefined;
}
export interface NodeChange extends Change<NodeServiceRow> {
  /** Undefined when there is no such node. */
  readonly node: CatalogNodeRow | undefined;
}

export interface Selection {
  readonly nodeMeta?: Readonly<Record<string, string>>;
  readonly filter?: string;
}
export interface NearSelection extends Selection {
  readonly near?: string;
}
export interface ServiceSelection extends NearSelection {
  /** Only instances whose checks all pass. */
  readonly passing?: boolean;
  /** Only instances with all of these tags. */
  readonly tag?: string | readonly string[];
}
export type CheckSelection = Selection &
  ({ readonly service: string } | { readonly node: string } | { readonly state?: string });

/** `for await (const change of client.watch.service("web"))` */
export class Watches {
  readonly #client: ContractClient;
  readonly #ports: WatchPorts;

  constructor(client: ContractClient, ports: WatchPorts) {
    this.#client = client;
    this.#ports = ports;
  }

  /** Instances of a service with their node and checks. Keys: `node/id`. */
  service(
    service: string,
    options: ServiceSelection & WatchOptions<ServiceInstance> = {},
  ): AsyncIterable<Change<ServiceInstance>> {
    const { passing, tag, near, nodeMeta, filter, ...rest } = options;
    const given = { service, passing, tag: typeof tag === "string" ? [tag] : tag, near, nodeMeta, filter };
    return this.#watch(
      this.#subject("healthService", given),
      (rows) => (rows ?? []).map((row) => [`${row.Node?.Node}/${row.Service?.ID}`, row]),
      rest,
    );
  }

  /** Names of all services with their tags. */
  services(
    options: Pick<Selection, "nodeMeta"> & WatchOptions<NamedService> = {},
  ): AsyncIterable<Change<NamedService>> {
    const { nodeMeta, ...rest } = options;
    return this.#watch(
      this.#subject("catalogServices", { nodeMeta }),
      (services) => Object.entries(services ?? {}).map(([name, tags]) => [name, { name, tags: tags ?? [] }]),
      rest,
    );
  }

  nodes(options: NearSelection & WatchOptions<CatalogNodeRow> = {}): AsyncIterable<Change<CatalogNodeRow>> {
    const { near, nodeMeta, filter, ...rest } = options;
    return this.#watch(
      this.#subject("catalogNodes", { near, nodeMeta, filter }),
      (rows) => present(rows).map((row) => [row.Node, row]),
      rest,
    );
  }

  /** One node and the services on it. Keys: their IDs. */
  node(
    node: string,
    options: Pick<Selection, "filter"> & WatchOptions<NodeServiceRow> = {},
  ): AsyncIterable<NodeChange> {
    const { filter, ...rest } = options;
    return this.#watch(
      this.#subject("catalogNode", { node, filter }),
      (answer) => Object.entries(answer?.Services ?? {}).flatMap(([id, row]) => (row === null ? [] : [[id, row]])),
      rest,
      (change, answer) => ({ ...change, node: answer?.Node ?? undefined }),
    );
  }

  key(key: string, options: WatchOptions<KvEntry> = {}): AsyncIterable<KeyChange> {
    return this.#watch(
      this.#subject("kvGet", { key }),
      (rows) => present(rows).map((row) => [row.Key, row]),
      options,
      (change) => ({ ...change, entry: change.all.get(key) }),
    );
  }

  /** All keys that begin with `prefix`. */
  prefix(prefix: string, options: WatchOptions<KvEntry> = {}): AsyncIterable<Change<KvEntry>> {
    return this.#watch(
      this.#subject("kvList", { key: prefix }),
      (rows) => present(rows).map((row) => [row.Key, row]),
      options,
    );
  }

  /** Checks of a service, of a node, or in a state (default: any). Keys: `node/id`. */
  checks(selection: CheckSelection = {}, options: WatchOptions<CheckRow> = {}): AsyncIterable<Change<CheckRow>> {
    const { nodeMeta, filter } = selection;
    const subject: Subject<AnswerOf<"HealthChecks">> =
      "service" in selection
        ? this.#subject("healthChecks", { service: selection.service, nodeMeta, filter })
        : "node" in selection
          ? this.#subject("healthNode", { node: selection.node, filter })
          : this.#subject("healthState", {
              state: ("state" in selection && selection.state) || "any",
              nodeMeta,
              filter,
            });
    return this.#watch(subject, (rows) => present(rows).map((row) => [`${row.Node}/${row.CheckID}`, row]), options);
  }

  /**
   * User events, of one name or all, as `added`: first those that the agent remembers, unless resumed. None is ever
   * `changed` or `removed`.
   */
  event(name?: string, options: WatchOptions<UserEventRow> = {}): AsyncIterable<Change<UserEventRow>> {
    const subject = { ...this.#subject("eventList", { name }), unordered: true };
    const rows = (answer: AnswerOf<"UserEvents">) => present(answer).map((row) => [row.ID, row] as const);
    return this.#watch(subject, rows, options, (change) => newEvents(change, options.from));
  }

  #subject<K extends keyof ContractClient>(
    endpoint: K,
    given: Readonly<Record<string, unknown>>,
  ): Subject<Awaited<ReturnType<ContractClient[K]>>["value"]> {
    type Value = Awaited<ReturnType<ContractClient[K]>>["value"];
    const ask = this.#client[endpoint] as (g: unknown, o: CallOptions) => ReturnType<Subject<Value>["ask"]>;
    return { endpoint, given, client: this.#client, ask: (options) => ask(given, options) };
  }

  #watch<Answered, Row>(
    subject: Subject<Answered>,
    rows: (answer: Answered) => Iterable<readonly [string, Row]>,
    options: WatchOptions<Row>,
  ): AsyncIterable<Change<Row>>;
  #watch<Answered, Row, C extends Change<Row>>(
    subject: Subject<Answered>,
    rows: (answer: Answered) => Iterable<readonly [string, Row]>,
    options: WatchOptions<Row>,
    finish: (change: Change<Row>, answer: Answered) => C | undefined,
  ): AsyncIterable<C>;
  #watch<Answered, Row>(
    subject: Subject<Answered>,
    rows: Rows<Answered, Row, Change<Row>>["rows"],
    options: WatchOptions<Row>,
    finish: Rows<Answered, Row, Change<Row>>["finish"] = (change) => change,
  ): AsyncIterable<Change<Row>> {
    return new Watch({ subject, rows, finish }, options, this.#ports);
  }
}

const present = <T>(rows: readonly (T | null)[] | null): readonly T[] =>
  (rows ?? []).filter((row): row is T => row !== null);
