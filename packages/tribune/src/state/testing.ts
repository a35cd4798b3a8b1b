/** Short forms for the tests of this folder. */
import {
  DirEntry,
  KVSRequest,
  make,
  RegisterRequest,
  type Schema,
  Session,
  SessionRequest,
  type TxnOp,
  TxnOp as TxnOpSchema,
  TxnRequest,
} from "@tribune/api";
import { decodedForm } from "../codec/decoded-form.ts";
import { encodeStruct } from "../codec/struct-msgpack.ts";
import { Fsm } from "./fsm.ts";
import { createDatabase, type MemDatabase } from "./memdb/database.ts";
import { MESSAGE } from "./message-types.ts";

export const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
export const sessionId = (n: number): string => `00000000-0000-0000-0000-${String(n).padStart(12, "0")}`;

/** A state machine whose commands are numbered from 1 on, with what it asked of its server. */
export class Machine {
  readonly db: MemDatabase = createDatabase();
  readonly lockDelays: (readonly [string, number])[] = [];
  readonly tombstoneIndexes: number[] = [];
  readonly fsm = new Fsm({
    db: this.db,
    effects: {
      locksDelayed: (keys, delayMs) => void this.lockDelays.push(...keys.map((key) => [key, delayMs] as const)),
      tombstoned: (index) => void this.tombstoneIndexes.push(index),
    },
  });
  index = 0;
  /** Applies what it is given as the proposing server does, instead of decoding the bytes as the others do. */
  readonly proposes: boolean;

  constructor({ proposes = false } = {}) {
    this.proposes = proposes;
  }

  apply<T>(type: number, schema: Schema<T>, request: T): unknown {
    this.index++;
    const command = { index: this.index, term: 1, data: encodeStruct(schema, request, type) };
    const form = this.proposes ? decodedForm(schema, request) : undefined;
    return this.fsm.apply(command, form && { schema: schema as Schema<unknown>, request: form });
  }

  kv(
    Op: string,
    Key: string,
    given: Partial<Omit<DirEntry, "Value">> & { readonly value?: string | null } = {},
  ): unknown {
    const { value = "", ...fields } = given;
    const Value = value === null ? null : bytesOf(value);
    return this.apply(
      MESSAGE.KVS,
      KVSRequest,
      make(KVSRequest, { Op, DirEnt: make(DirEntry, { Key, Value, ...fields }) }),
    );
  }

  register(Node: string, given: Partial<RegisterRequest> = {}): unknown {
    return this.apply(
      MESSAGE.REGISTER,
      RegisterRequest,
      make(RegisterRequest, { Node, Address: "10.0.0.1", ...given }),
    );
  }

  session(Op: string, n: number, given: Partial<Session> = {}): unknown {
    const session = make(Session, { ID: sessionId(n), Node: "n1", ...given });
    return this.apply(MESSAGE.SESSION, SessionRequest, make(SessionRequest, { Op, Session: session }));
  }

  txn(...ops: readonly Partial<TxnOp>[]): unknown {
    const Ops = ops.map((op) => make(TxnOpSchema, op));
    return this.apply(MESSAGE.TXN, TxnRequest, make(TxnRequest, { Ops }));
  }
}

export const kvOp = (Verb: string, Key: string, given: Partial<DirEntry> = {}): Partial<TxnOp> => ({
  KV: { Verb, DirEnt: make(DirEntry, { Key, ...given }) },
});
