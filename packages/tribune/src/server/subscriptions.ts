/**
 * Health of services as a stream of events, for agents that keep a view of it (Consul's `use_streaming_backend`). All
 * who watch a service share one feed: what an event says is encoded once.
 */
import { healthContracts, make, ServiceSpecificRequest } from "@tribune/api";
import { decodePb, encodePb, ProtobufError } from "../codec/protobuf.ts";
import {
  CATALOG_OP,
  CheckServiceNodeMessage,
  EventMessage,
  SubscribeRequestMessage,
  TOPIC,
} from "../codec/subscribe-messages.ts";
import type { Method } from "../endpoints/binding.ts";
import { ENDPOINTS } from "../endpoints/index.ts";
import { invariant } from "../lib/invariant.ts";
import type { Cancel } from "../lib/runtime.ts";
import { GRPC_STATUS, type GrpcCall } from "../rpc/grpc-server.ts";
import type { Instance } from "../state/catalog/health-queries.ts";
import type { Indexed } from "./query-engine.ts";
import { questionKey } from "./question-key.ts";
import type { Server } from "./server.ts";

const SUBSCRIBE = "/subscribe.StateChangeSubscription/Subscribe";
/** Services that are watched at once, by whom ever. */
const FEEDS_MAX = 65_536;
const WAIT_MS = 600_000;

interface Subscriber {
  send(message: Uint8Array): void;
  end(status: number, text: string): void;
}

/** An instance as it was last told, and what it was read from. */
interface Told {
  readonly rows: readonly unknown[];
  readonly message: Uint8Array;
  readonly value: Readonly<Record<string, unknown>>;
}

export class Subscriptions {
  readonly #server: Pick<Server, "readLater">;
  readonly #datacenter: string;
  readonly #feeds = new Map<string, Feed>();

  constructor(server: Pick<Server, "readLater">, datacenter: string) {
    this.#server = server;
    this.#datacenter = datacenter;
  }

  /** For the gRPC server. */
  readonly handle = (call: GrpcCall): void => {
    if (call.path !== SUBSCRIBE) return call.end(GRPC_STATUS.unimplemented, `unknown method ${call.path}`);
    let request: { Topic?: number; Key?: string; Index?: number; Datacenter?: string };
    try {
      request = decodePb(SubscribeRequestMessage, call.request);
    } catch (error) {
      if (!(error instanceof ProtobufError)) throw error;
      return call.end(GRPC_STATUS.invalidArgument, error.message);
    }
    const { Topic = 0, Key = "", Index = 0, Datacenter = "" } = request;
    if (Datacenter !== "" && Datacenter !== this.#datacenter)
      return call.end(GRPC_STATUS.unknown, "No path to datacenter");
    if (Topic !== TOPIC.serviceHealth && Topic !== TOPIC.serviceHealthConnect)
      return call.end(GRPC_STATUS.invalidArgument, `no topic ${Topic}`);
    if (Key === "") return call.end(GRPC_STATUS.invalidArgument, "Key is required");
    const connect = Topic === TOPIC.serviceHealthConnect;
    const key = `${Topic} ${Key.toLowerCase()}`;
    let feed = this.#feeds.get(key);
    if (feed === undefined) {
      if (this.#feeds.size >= FEEDS_MAX)
        return call.end(GRPC_STATUS.resourceExhausted, "too many services are watched");
      const opened: Feed = new Feed(this.#server, this.#datacenter, Key, connect, () => {
        if (this.#feeds.get(key) === opened) this.#feeds.delete(key);
      });
      feed = opened;
      this.#feeds.set(key, feed);
    }
    call.onOver = feed.add(call, Index);
  };
}

/** The health of one service, and who listens. Lives while somebody does. */
class Feed {
  readonly #server: Pick<Server, "readLater">;
  readonly #read: Omit<Parameters<Server["readLater"]>[0], "minIndex">;
  readonly #onEmpty: () => void;
  readonly #subscribers = new Set<Subscriber>();
  /** Came before the first answer. */
  #early: { readonly subscriber: Subscriber; readonly index: number }[] = [];
  #told = new Map<string, Told>();
  /** Of the last event, or of the first answer; 0: there is none yet. */
  #index = 0;
  #cancel: Cancel = () => {};

  constructor(
    server: Pick<Server, "readLater">,
    datacenter: string,
    service: string,
    connect: boolean,
    onEmpty: () => void,
  ) {
    this.#server = server;
    this.#onEmpty = onEmpty;
    const endpoint = connect ? CONNECT : SERVICE;
    const request = make(ServiceSpecificRequest, {
      Datacenter: datacenter,
      ServiceName: service,
      Connect: connect,
      AllowStale: true,
    });
    const key = questionKey(endpoint, request);
    this.#read = { endpoint, key, request, waitMs: WAIT_MS, consistency: "stale", datacenter };
    this.#follow(0);
  }

  /** @param index of the last event the subscriber has seen; 0: none. @returns remove */
  add(subscriber: Subscriber, index: number): () => void {
    if (this.#index === 0) this.#early.push({ subscriber, index });
    else this.#begin(subscriber, index);
    return () => {
      this.#early = this.#early.filter((one) => one.subscriber !== subscriber);
      this.#subscribers.delete(subscriber);
      if (this.#subscribers.size + this.#early.length > 0) return;
      this.#cancel();
      this.#onEmpty();
    };
  }

  #follow(minIndex: number): void {
    const before = this.#cancel;
    const begun = this.#server.readLater({ ...this.#read, minIndex }, (outcome) => {
      if (outcome instanceof Error) return this.#fail(outcome);
      const { answer } = outcome;
      this.#take((answer.reply as Indexed & { readonly Nodes: readonly Instance[] }).Nodes ?? [], answer.index);
      // An index that does not grow is a time-out; one that goes back would be answered at once, without end.
      const next = Math.max(answer.index, minIndex);
      if (this.#subscribers.size + this.#early.length > 0 || minIndex === 0) this.#follow(next);
    });
    if (this.#cancel === before) this.#cancel = begun; // else it called back at once, and another is under way
  }

  #fail(error: Error): void {
    for (const subscriber of [...this.#subscribers, ...this.#early.map((one) => one.subscriber)])
      subscriber.end(GRPC_STATUS.unknown, error.message);
    this.#early = [];
    this.#subscribers.clear();
    this.#onEmpty();
  }

  #take(instances: readonly Instance[], index: number): void {
    const told = new Map<string, Told>();
    const changed: Readonly<Record<string, unknown>>[] = [];
    for (const instance of instances) {
      const id = `${instance.Node.Node.toLowerCase()} ${instance.Service.ID}`;
      const rows = [instance.Node, instance.Service, ...(instance.Checks ?? [])];
      const before = this.#told.get(id);
      // Rows are never changed in place: the same objects say the same.
      if (before !== undefined && sameRows(before.rows, rows)) {
        told.set(id, before);
        continue;
      }
      const value = messageOf(instance);
      const message = encodePb(CheckServiceNodeMessage, value);
      told.set(id, { rows, message, value });
      if (before === undefined || Buffer.compare(before.message, message) !== 0)
        changed.push({ Op: CATALOG_OP.register, CheckServiceNode: value });
    }
    for (const [id, before] of this.#told)
      if (!told.has(id)) changed.push({ Op: CATALOG_OP.deregister, CheckServiceNode: before.value });
    this.#told = told;
    const first = this.#index === 0;
    if (first || changed.length > 0) this.#index = Math.max(index, this.#index);
    if (first) for (const { subscriber, index: seen } of this.#early.splice(0)) this.#begin(subscriber, seen);
    else if (changed.length > 0) this.#announce(changed);
  }

  #announce(changed: readonly Readonly<Record<string, unknown>>[]): void {
    const Index = this.#index;
    const [only, second] = changed;
    const event =
      second === undefined
        ? { Index, ServiceHealth: only }
        : { Index, EventBatch: { Events: changed.map((ServiceHealth) => ({ Index, ServiceHealth })) } };
    const message = encodePb(EventMessage, event);
    for (const subscriber of [...this.#subscribers]) subscriber.send(message);
  }

  /** What it needs to know to go on from `seen`: nothing if that is what we have, else all of it. */
  #begin(subscriber: Subscriber, seen: number): void {
    this.#subscribers.add(subscriber);
    const Index = this.#index;
    if (seen === Index) return;
    if (seen > 0) subscriber.send(encodePb(EventMessage, { Index, NewSnapshotToFollow: true }));
    for (const { value } of this.#told.values()) {
      const ServiceHealth = { Op: CATALOG_OP.register, CheckServiceNode: value };
      subscriber.send(encodePb(EventMessage, { Index, ServiceHealth }));
    }
    subscriber.send(encodePb(EventMessage, { Index, EndOfSnapshot: true }));
  }
}

const SERVICE = endpointOf(healthContracts.healthService);
const CONNECT = endpointOf(healthContracts.healthConnect);

function endpointOf(contract: unknown): Method {
  const found = ENDPOINTS.find((endpoint) => endpoint.contract === contract);
  invariant(found !== undefined, "the health of services has an endpoint");
  return found;
}

function sameRows(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((row, at) => row === right[at]);
}

/** Our rows have the names of the messages, but for what is nested there and not here. */
function messageOf({ Node, Service, Checks }: Instance): Readonly<Record<string, unknown>> {
  return {
    Node: withIndex(Node),
    Service: withIndex(Service),
    Checks: (Checks ?? []).flatMap((check) => {
      if (check === null) return [];
      const { Header } = check.Definition;
      const headers = Object.entries(Header ?? {}).map(([name, Value]) => [name, { Value }]);
      return [{ ...withIndex(check), Definition: { ...check.Definition, Header: Object.fromEntries(headers) } }];
    }),
  };
}

function withIndex<T extends { readonly CreateIndex: number; readonly ModifyIndex: number }>(row: T) {
  return { ...row, RaftIndex: { CreateIndex: row.CreateIndex, ModifyIndex: row.ModifyIndex } };
}
