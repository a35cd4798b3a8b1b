/**
 * Configuration entries on the wire. Their shape depends on their kind, so Consul puts the kind in front and wraps
 * both into one byte string (sheet consul-rpc §4):
 *
 *  - request: `raw(kind, {Datacenter, Entry, Op, Token})`, which is also a snapshot's record;
 *  - reply with one: `raw(kind, entry, meta)`, or `raw("", meta)` when there is none;
 *  - reply with a list: `raw(count, kind, {Entries, Kind, …meta})`. An empty `kind` lists entries of all kinds,
 *    which Consul's own form cannot tell apart; here each is then wrapped like a reply's.
 *
 * Fields that came after Consul 1.10 are written only where one of them says something: all other entries are, byte by
 * byte, what they were.
 *
 * A `proxy-defaults` entry is wrapped once more, wherever it stands; so is what entries say of a service.
 */
import { type ConfigEntry, configEntryStruct, laterPart, plainKind, type Schema, type Struct } from "@tribune/api";
import { finished, ROWS_A_STEP } from "../lib/steps.ts";
import { MsgpackError, MsgpackReader, MsgpackWriter } from "./msgpack.ts";
import type { SteppedCodec, StructCodec } from "./struct-msgpack.ts";

type CodecOf = <T>(schema: Schema<T>) => StructCodec<T>;
type Form = (schema: Schema<unknown>) => StructCodec<unknown>;

/** The wire forms by the name in their schema's `wire`. */
export function configEntryForms(codecOf: CodecOf): Readonly<Record<string, Form>> {
  const entries = entryCodecs(codecOf);
  return {
    ConfigEntryRequest: (schema) =>
      wrapped(requestForm(schema as Struct<WithEntry>, codecOf, entries)) as StructCodec<unknown>,
    ConfigEntryResponse: (schema) =>
      wrapped(replyForm(schema as Struct<WithEntry>, codecOf, entries)) as StructCodec<unknown>,
    IndexedConfigEntries: (schema) =>
      wrapped(listForm(schema as Struct<WithEntries>, codecOf, entries)) as StructCodec<unknown>,
    ServiceConfigResponse: (schema) => wrapped(codecOf(without(schema as Struct<unknown>))),
  };
}

type WithEntry = {
  readonly Entry: ConfigEntry | null;
};
type WithEntries = {
  readonly Kind: string;
  readonly Entries: readonly ConfigEntry[] | null;
};
type EntryCodecs = (kind: string, position: number) => StructCodec<ConfigEntry>;

function entryCodecs(codecOf: CodecOf): EntryCodecs {
  const byKind = new Map<string, StructCodec<ConfigEntry>>();
  return (kind, position) => {
    let codec = byKind.get(kind);
    if (codec === undefined) {
      const schema = configEntryStruct(plainKind(kind));
      if (schema === undefined) throw new MsgpackError(`invalid config entry kind: ${kind}`, position);
      codec = kindFilledIn(kind, entryCodec(kind, schema, codecOf));
      byKind.set(kind, codec);
    }
    return codec;
  };
}

/** An agent of Consul that has an entry deleted says its kind in front only, not in the entry itself. */
function kindFilledIn(kind: string, codec: StructCodec<ConfigEntry>): StructCodec<ConfigEntry> {
  return {
    ...codec,
    read(reader) {
      const entry = codec.read(reader);
      return entry.Kind === "" ? { ...entry, Kind: kind } : entry;
    },
  };
}

/** @param marked the kind, or what stands for it on the way to the leader. */
function entryCodec(marked: string, schema: Struct<ConfigEntry>, codecOf: CodecOf): StructCodec<ConfigEntry> {
  const kind = plainKind(marked);
  if (kind === "proxy-defaults") return wrapped(fieldsCodec(schema, codecOf));
  if (kind === "exported-services") {
    const { write, read } = codecOf(without(schema, "Kind"));
    return { write, read: (reader) => ({ ...read(reader), Kind: kind }) };
  }
  if (kind !== "mesh") return fieldsCodec(schema, codecOf);
  const { write, read } = fieldsCodec(schema, codecOf, "Kind", "Name");
  return { write, read: (reader) => ({ ...read(reader), Kind: marked, Name: kind }) };
}

/** All fields but some; those of later versions only where they say something. */
function fieldsCodec(
  schema: Struct<ConfigEntry>,
  codecOf: CodecOf,
  ...but: readonly string[]
): StructCodec<ConfigEntry> {
  const later = schema.fields.filter((field) => field.schema.later === true).map(({ name }) => name);
  const all = codecOf(but.length === 0 ? schema : without(schema, ...but));
  if (later.length === 0) return all;
  const plain = codecOf(without(schema, ...but, ...later));
  return {
    write: (writer, entry) => (laterPart(entry) === undefined ? plain : all).write(writer, entry),
    read: all.read,
  };
}

/** The value as a byte string of its own. */
function wrapped<T>(inner: StructCodec<T>): StructCodec<T> {
  return {
    write(writer, value) {
      const own = new MsgpackWriter();
      inner.write(own, value);
      writer.bytes(own.view());
    },
    read: (reader) => inner.read(new MsgpackReader(reader.bytesView())),
    inSteps: inner.inSteps && wrappedInSteps(inner.inSteps),
  };
}

function wrappedInSteps<T>(inner: SteppedCodec<T>): SteppedCodec<T> {
  return {
    isLong: inner.isLong,
    *write(writer, value) {
      const own = new MsgpackWriter();
      yield* inner.write(own, value);
      writer.bytes(own.view());
    },
    read: (reader) => inner.read(new MsgpackReader(reader.bytesView())),
  };
}

function requestForm(schema: Struct<WithEntry>, codecOf: CodecOf, entries: EntryCodecs): StructCodec<WithEntry> {
  const rest = without(schema, "Entry");
  const names = schema.fields.map((field) => field.name).sort();
  const fields = new Map(rest.fields.map((field) => [field.name, codecOf(field.schema)]));
  return {
    write(writer, value: WithEntry) {
      const { Entry } = value;
      if (Entry === null) throw new Error("a request without a config entry");
      writer.text(Entry.Kind).mapHeader(names.length);
      for (const name of names) {
        writer.text(name);
        if (name === "Entry") entries(Entry.Kind, 0).write(writer, Entry);
        else fields.get(name)?.write(writer, value[name as keyof typeof value]);
      }
    },
    read(reader) {
      const entry = entries(reader.text(), reader.position);
      const value: Record<string, unknown> = { Op: "", Datacenter: "", Entry: null, Token: "" };
      for (let left = reader.mapHeader(); left > 0; left--) {
        const name = reader.key();
        const codec = name === "Entry" ? entry : fields.get(name);
        if (codec === undefined) reader.skip();
        else value[name] = codec.read(reader);
      }
      if (value.Entry === null) throw new MsgpackError("a request without a config entry", reader.position);
      return value as WithEntry;
    },
  };
}

function replyForm(schema: Struct<WithEntry>, codecOf: CodecOf, entries: EntryCodecs): StructCodec<WithEntry> {
  const meta = codecOf(without(schema, "Entry"));
  return {
    write(writer, value: WithEntry) {
      writer.text(value.Entry?.Kind ?? "");
      if (value.Entry !== null) entries(value.Entry.Kind, 0).write(writer, value.Entry);
      meta.write(writer, value);
    },
    read(reader) {
      const kind = reader.text();
      const Entry = kind === "" ? null : entries(kind, reader.position).read(reader);
      return { ...meta.read(reader), Entry };
    },
  };
}

function listForm(schema: Struct<WithEntries>, codecOf: CodecOf, entries: EntryCodecs): StructCodec<WithEntries> {
  const mixed: StructCodec<ConfigEntry> = {
    write: (writer, entry) => entries(entry.Kind, 0).write(writer.text(entry.Kind), entry),
    read: (reader) => entries(reader.text(), reader.position).read(reader),
  };
  const rest = without(schema, "Entries");
  const names = schema.fields.map((field) => field.name).sort();
  const fields = new Map(rest.fields.map((field) => [field.name, codecOf(field.schema)]));
  const codecFor = (kind: string, position: number): StructCodec<ConfigEntry> =>
    kind === "" ? mixed : entries(kind, position);
  const inSteps: SteppedCodec<WithEntries> = {
    isLong: ({ Entries }) => Entries !== null && Entries.length > ROWS_A_STEP,
    *write(writer, value) {
      const all = value.Entries ?? [];
      const codec = codecFor(value.Kind, 0);
      writer.int(all.length).text(value.Kind).mapHeader(names.length);
      for (const name of names) {
        writer.text(name);
        if (name !== "Entries") {
          fields.get(name)?.write(writer, value[name as keyof typeof value]);
          continue;
        }
        writer.arrayHeader(all.length);
        for (const [at, entry] of all.entries()) {
          codec.write(writer, entry);
          if ((at + 1) % ROWS_A_STEP === 0) yield;
        }
      }
    },
    *read(reader) {
      reader.int();
      const codec = codecFor(reader.text(), reader.position);
      const value: Record<string, unknown> = {};
      for (let left = reader.mapHeader(); left > 0; left--) {
        const name = reader.key();
        if (name === "Entries") {
          const all: ConfigEntry[] = [];
          for (let more = reader.tryNil() ? 0 : reader.arrayHeader(); more > 0; more--) {
            all.push(codec.read(reader));
            if (all.length % ROWS_A_STEP === 0) yield;
          }
          value[name] = all;
        } else if (fields.has(name)) value[name] = fields.get(name)?.read(reader);
        else reader.skip();
      }
      return value as WithEntries;
    },
  };
  return {
    write: (writer, value) => finished(inSteps.write(writer, value)),
    read: (reader) => finished(inSteps.read(reader)),
    inSteps,
  };
}

function without<T>(schema: Struct<T>, ...names: readonly string[]): Struct<T> {
  // The wire's form is that of the whole struct: its rest is a plain map.
  const { wire: _, ...plain } = schema;
  return { ...plain, fields: schema.fields.filter((field) => !names.includes(field.name)) };
}
