/** The health of one service as a server's events tell it (Consul's `use_streaming_backend`), kept as rows. */
import { CheckServiceNode, type Schema } from "@tribune/api";
import { decodePb } from "../../codec/protobuf.ts";
import { CATALOG_OP, EventMessage } from "../../codec/subscribe-messages.ts";

/** What an event did to the view. */
export type Took =
  /** Part of a snapshot that is still coming. */
  | "gathering"
  /** All of a snapshot is there: the view is the server's state at `index`. */
  | "begun"
  /** It is the state at a new `index`. */
  | "changed";

interface Update {
  readonly Op?: number;
  readonly CheckServiceNode?: Readonly<Record<string, unknown>>;
}

interface Event {
  readonly Index?: number;
  readonly EndOfSnapshot?: boolean;
  readonly NewSnapshotToFollow?: boolean;
  readonly EventBatch?: { readonly Events?: readonly { readonly ServiceHealth?: Update }[] };
  readonly ServiceHealth?: Update;
}

export class HealthView {
  /** Of the state that `rows` are; 0 before the first. */
  index = 0;
  #rows: readonly CheckServiceNode[] | undefined;
  #instances = new Map<string, CheckServiceNode>();
  /** A snapshot on its way; events go there until it is whole, and what was there before stays. */
  #coming: Map<string, CheckServiceNode> | undefined = new Map();

  /** A new subscription begins: the server tells everything again. */
  restart(): void {
    this.#coming = new Map();
  }

  /** By node, then by id, as a server's answer has them. Rows are never changed in place. */
  get rows(): readonly CheckServiceNode[] {
    this.#rows ??= [...this.#instances].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
    return this.#rows;
  }

  /** @throws ProtobufError for bytes that are no event. */
  take(message: Uint8Array): Took {
    const event = decodePb(EventMessage, message) as Event;
    const { Index = 0 } = event;
    if (event.NewSnapshotToFollow === true) {
      this.restart();
      return "gathering";
    }
    if (event.EndOfSnapshot === true) {
      this.#instances = this.#coming ?? this.#instances;
      this.#coming = undefined;
      return this.#at(Index, "begun");
    }
    if (event.ServiceHealth !== undefined) this.#update(event.ServiceHealth);
    for (const { ServiceHealth } of event.EventBatch?.Events ?? [])
      if (ServiceHealth !== undefined) this.#update(ServiceHealth);
    return this.#coming === undefined ? this.#at(Index, "changed") : "gathering";
  }

  #at(index: number, took: Took): Took {
    this.index = index;
    this.#rows = undefined;
    return took;
  }

  #update({ Op = CATALOG_OP.register, CheckServiceNode: given }: Update): void {
    if (given === undefined) return;
    const row = filled(CheckServiceNode, given) as CheckServiceNode;
    if (row.Node === null || row.Service === null) return;
    const into = this.#coming ?? this.#instances;
    const key = `${row.Node.Node.toLowerCase()}\0${row.Service.ID.toLowerCase()}`;
    if (Op === CATALOG_OP.deregister) into.delete(key);
    else into.set(key, row);
  }
}

/**
 * A message as the struct of the same names: what it left out is zero, what it nests lies flat here. The wire does not
 * tell an empty map from none: it is none, as in what agents register.
 */
function filled(schema: Schema<unknown>, given: unknown): unknown {
  const { kind, of, fields = [] } = schema;
  if (kind === "struct") {
    const from = (given ?? {}) as Record<string, unknown>;
    const raft = (from.RaftIndex ?? {}) as Record<string, unknown>;
    const value: Record<string, unknown> = {};
    for (const field of fields) value[field.name] = filled(field.schema, from[field.name] ?? raft[field.name]);
    return value;
  }
  if (kind === "nullable") return given === undefined ? null : filled(of!, given);
  if (kind === "list") return listOf(given)?.map((item) => filled(of!, item)) ?? null;
  if (kind === "map") return given === undefined ? null : mapped(of!, given as Record<string, unknown>);
  return given ?? { text: "", bool: false, any: null }[kind as string] ?? 0;
}

const mapped = (of: Schema<unknown>, given: Record<string, unknown>): unknown =>
  Object.fromEntries(Object.entries(given).map(([key, item]) => [key, filled(of, item)]));

/** Header values stand in a message of their own, since a map cannot hold lists there. */
function listOf(given: unknown): readonly unknown[] | undefined {
  if (given === undefined || Array.isArray(given)) return given as readonly unknown[] | undefined;
  return (given as { readonly Value?: readonly unknown[] }).Value ?? [];
}
