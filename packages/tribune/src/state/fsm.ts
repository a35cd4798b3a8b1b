/**
 * The replicated state machine: what a committed command does to the state. The same commands in the same order
 * give the same state and the same answers on every server: nothing here reads a clock or draws a number.
 */
import {
  AutopilotSetConfigRequest,
  CARequest,
  ConfigEntryRequest,
  DeregisterRequest,
  IntentionRequest,
  KVSRequest,
  type LaterPart,
  PreparedQueryRequest,
  RegisterRequest,
  type Schema,
  SessionRequest,
  SystemMetadataRequest,
  TombstoneRequest,
  TxnRequest,
  type TxnResponse,
} from "@tribune/api";
import { MsgpackError } from "../codec/msgpack.ts";
import { decodeStruct } from "../codec/struct-msgpack.ts";
import { TribuneError } from "../lib/errors.ts";
import { InvariantError } from "../lib/invariant.ts";
import { autopilotSet, autopilotSetCas } from "./autopilot.ts";
import { updateCoordinates } from "./catalog/coordinates.ts";
import { deregister, ensureRegistration } from "./catalog/registration.ts";
import { CoordinateBatch } from "./catalog/snapshot.ts";
import { addChunk, decodeChunkHeader } from "./chunking.ts";
import { applyConfigEntry } from "./config-entry.ts";
import { applyConnectCa } from "./connect-ca.ts";
import { listenTo, operation, type StateEffects, writtenBy } from "./effects.ts";
import { applyIntention } from "./intention.ts";
import { kvDelete, kvDeleteCas, kvDeleteTree, kvLock, kvSet, kvSetCas, kvUnlock, reapTombstones } from "./kv.ts";
import type { MemDatabase } from "./memdb/database.ts";
import type { WriteTx } from "./memdb/types.ts";
import { IGNORE_IF_UNKNOWN, MESSAGE, messageName } from "./message-types.ts";
import { preparedQueryDelete, preparedQuerySet } from "./prepared-query.ts";
import { sessionCreate, sessionDestroy } from "./session.ts";
import { SnapshotReader } from "./snapshot-reader.ts";
import { writeSnapshot } from "./snapshot-writer.ts";
import { applySystemMetadata } from "./system-metadata.ts";
import { runTxn } from "./txn.ts";

/** A committed log entry of type "command". */
export interface Command {
  readonly index: number;
  readonly term: number;
  /** Message type byte, then msgpack of the request. */
  readonly data: Uint8Array;
  /** Present on a part of a command that was cut into several entries. */
  readonly extensions?: Uint8Array;
}

/** What a command's bytes say, where this server made them itself: never changed again, and the same as decoding gives. */
export interface DecodedCommand {
  readonly schema: Schema<unknown>;
  readonly request: unknown;
}

/** A moment of the state on its way to disk or to a peer. */
export interface StateSnapshot {
  /** Index of the last command in it. */
  readonly index: number;
  /** Pieces of `state.bin`, made one at a time as they are asked for. */
  readonly chunks: Iterable<Uint8Array>;
  release(): void;
}

/** Takes `state.bin` in pieces of any size; the state changes only in `finish`. Dropping it is safe. */
export interface StateRestore {
  /** @throws TribuneError */
  push(chunk: Uint8Array): void;
  /** Kinds of configuration entries among what was taken so far that Consul 1.10 does not know. */
  laterParts(): readonly LaterPart[];
  /** Changes nothing. @throws TribuneError when the state ends too soon: `finish` would, too. */
  check(): void;
  /** Replaces the whole state and wakes everybody who waits for a change. @throws TribuneError */
  finish(): void;
}

export class Fsm {
  readonly #db: MemDatabase;
  readonly #effects: StateEffects;

  constructor(dependencies: { readonly db: MemDatabase; readonly effects: StateEffects }) {
    this.#db = dependencies.db;
    this.#effects = dependencies.effects;
  }

  /**
   * Applies one command.
   *
   * @param decoded spares the decoding, no more: the outcome is the same without it (`codec/decoded-form.ts`).
   * @returns what the proposer gets: true or false of a conditional write, a session's id, a `TxnResponse`,
   *   undefined for a command that just succeeds, and a `TribuneError` for one that is refused.
   * @throws InvariantError for a command this version does not know and must not pass over: the process stops,
   *   for its state would no longer be that of its peers.
   */
  apply(command: Command, decoded?: DecodedCommand): unknown {
    try {
      return this.#apply(command, decoded);
    } catch (error) {
      if (error instanceof TxnRefused) return error.response;
      if (error instanceof TribuneError) return error;
      if (error instanceof MsgpackError) {
        return TribuneError.internal(`failed to decode request: ${error.message}`, error);
      }
      throw error;
    }
  }

  #apply(command: Command, decoded?: DecodedCommand): unknown {
    const { index, term, data, extensions } = command;
    if (extensions === undefined || extensions.length === 0) {
      return this.#db.write(index, (tx) => {
        listenTo(tx, this.#effects);
        return dispatch(tx, index, data, decoded);
      });
    }
    const header = decodeChunkHeader(extensions);
    // In a transaction of its own: the parts must be gone also if the command they make up is refused.
    const whole = this.#db.write(index, (tx) => addChunk(tx, header, term, data));
    if (whole === undefined) return undefined;
    const next = { index, term, data: whole };
    return this.#apply(header.nextExtensions === undefined ? next : { ...next, extensions: header.nextExtensions });
  }

  snapshot(): StateSnapshot {
    const snapshot = this.#db.snapshot();
    return { index: snapshot.index, chunks: writeSnapshot(snapshot), release: () => snapshot.release() };
  }

  restore(): StateRestore {
    const reader = new SnapshotReader();
    return {
      push: (chunk) => reader.push(chunk),
      laterParts: () => reader.laterParts(),
      check: () => void reader.finish(),
      finish: () => this.#db.replaceWith(reader.finish()),
    };
  }
}

/** Carries the answer of a transaction out of the database transaction that its errors abort. */
class TxnRefused extends Error {
  readonly response: TxnResponse;
  constructor(response: TxnResponse) {
    super("transaction refused");
    this.response = response;
  }
}

type Apply = (tx: WriteTx, index: number, data: Uint8Array, decoded: DecodedCommand | undefined) => unknown;

function dispatch(tx: WriteTx, index: number, data: Uint8Array, decoded: DecodedCommand | undefined): unknown {
  const typeByte = data[0];
  if (typeByte === undefined) return TribuneError.internal("failed to decode request: the command is empty");
  const type = typeByte & ~IGNORE_IF_UNKNOWN;
  const apply = COMMANDS.get(type);
  if (apply !== undefined) return apply(tx, index, data, decoded);
  if ((typeByte & IGNORE_IF_UNKNOWN) !== 0) return undefined;
  if (type <= MESSAGE.SYSTEM_METADATA)
    return TribuneError.internal(`${messageName(type)} commands are not supported yet`);
  throw new InvariantError(
    `the log holds a command of unknown type ${type} at index ${index}: a newer version wrote it`,
  );
}

function command<T>(schema: Schema<T>, apply: (tx: WriteTx, index: number, request: T) => unknown): Apply {
  return (tx, index, data, decoded) => {
    const request = decoded?.schema === schema ? (decoded.request as T) : decodeStruct(schema, data, 1);
    const { Op = "", Entry } = request as { readonly Op?: string; readonly Entry?: { readonly Kind?: string } | null };
    operation(tx, Op, Entry?.Kind ?? "");
    return apply(tx, index, request);
  };
}

const COMMANDS: ReadonlyMap<number, Apply> = new Map<number, Apply>([
  [MESSAGE.REGISTER, command(RegisterRequest, applyRegister)],
  [MESSAGE.DEREGISTER, command(DeregisterRequest, deregister)],
  [MESSAGE.KVS, command(KVSRequest, applyKv)],
  [MESSAGE.SESSION, command(SessionRequest, applySession)],
  [MESSAGE.TOMBSTONE, command(TombstoneRequest, applyTombstone)],
  [MESSAGE.COORDINATE_BATCH_UPDATE, command(CoordinateBatch, applyCoordinates)],
  [MESSAGE.PREPARED_QUERY, command(PreparedQueryRequest, applyPreparedQuery)],
  [MESSAGE.TXN, command(TxnRequest, applyTxn)],
  [MESSAGE.INTENTION, command(IntentionRequest, applyIntention)],
  [MESSAGE.CONNECT_CA, command(CARequest, applyConnectCa)],
  [MESSAGE.CONFIG_ENTRY, command(ConfigEntryRequest, applyConfigEntry)],
  [MESSAGE.SYSTEM_METADATA, command(SystemMetadataRequest, applySystemMetadata)],
  [MESSAGE.AUTOPILOT, command(AutopilotSetConfigRequest, applyAutopilot)],
]);

function applyRegister(tx: WriteTx, index: number, request: RegisterRequest): void {
  writtenBy(tx, registrar(request));
  ensureRegistration(tx, index, request);
}

/** Who sends such a request: a guess by what only agents and leaders put into it, for display only. */
function registrar({ Check, Checks, SkipNodeUpdate, NodeMeta }: RegisterRequest): string {
  const ofMembership = Check?.CheckID === SERF_HEALTH || Checks?.some((check) => check?.CheckID === SERF_HEALTH);
  if (ofMembership === true) return "gossip";
  return SkipNodeUpdate || (NodeMeta !== null && AGENT_META in NodeMeta) ? "agent" : "catalog";
}
const SERF_HEALTH = "serfHealth";
/** Every agent says in its node's metadata which segment it is in, be it "". */
const AGENT_META = "consul-network-segment";

function applyKv(tx: WriteTx, index: number, { Op, DirEnt }: KVSRequest): boolean | undefined {
  switch (Op) {
    case "set":
      kvSet(tx, index, DirEnt);
      return undefined;
    case "delete":
      kvDelete(tx, index, DirEnt.Key);
      return undefined;
    case "delete-tree":
      kvDeleteTree(tx, index, DirEnt.Key);
      return undefined;
    case "delete-cas":
      return kvDeleteCas(tx, index, DirEnt.ModifyIndex, DirEnt.Key);
    case "cas":
      return kvSetCas(tx, index, DirEnt) !== undefined;
    case "lock":
      return kvLock(tx, index, DirEnt) !== undefined;
    case "unlock":
      return kvUnlock(tx, index, DirEnt) !== undefined;
    default:
      throw TribuneError.internal(`Invalid KVS operation '${Op}'`);
  }
}

function applySession(tx: WriteTx, index: number, { Op, Session }: SessionRequest): string | undefined {
  switch (Op) {
    case "create":
      return sessionCreate(tx, index, Session).ID;
    case "destroy":
      sessionDestroy(tx, index, Session.ID);
      return undefined;
    default:
      throw TribuneError.internal(`Invalid Session operation '${Op}'`);
  }
}

function applyTombstone(tx: WriteTx, _: number, { Op, ReapIndex }: TombstoneRequest): void {
  if (Op !== "reap") throw TribuneError.internal(`Invalid Tombstone operation '${Op}'`);
  reapTombstones(tx, ReapIndex);
}

function applyCoordinates(tx: WriteTx, index: number, batch: CoordinateBatchValue): void {
  updateCoordinates(
    tx,
    index,
    (batch ?? []).filter((update) => update !== null),
  );
}
type CoordinateBatchValue = typeof CoordinateBatch extends Schema<infer T> ? T : never;

function applyTxn(tx: WriteTx, index: number, { Ops }: TxnRequest): TxnResponse {
  writtenBy(tx, "txn");
  const response = runTxn(tx, index, Ops ?? []);
  if (response.Errors !== null) throw new TxnRefused(response);
  return response;
}

/** @returns the query's id, which the leader drew when it was created. */
function applyPreparedQuery(tx: WriteTx, index: number, { Op, Query }: PreparedQueryRequest): string {
  if (Query === null) throw TribuneError.internal("a prepared query command without a query");
  if (Op === "create" || Op === "update") preparedQuerySet(tx, index, Query);
  else if (Op === "delete") preparedQueryDelete(tx, index, Query.ID);
  else throw TribuneError.internal(`Invalid PreparedQuery operation '${Op}'`);
  return Query.ID;
}

function applyAutopilot(tx: WriteTx, index: number, { CAS, Config }: AutopilotSetConfigRequest): boolean | undefined {
  if (CAS) return autopilotSetCas(tx, index, Config);
  autopilotSet(tx, index, Config);
  return undefined;
}
