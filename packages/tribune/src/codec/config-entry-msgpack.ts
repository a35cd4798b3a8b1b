/**
 * Configuration entries on the wire. Their shape depends on their kind, so Consul puts the kind in front and wraps
 * both into one byte string (sheet consul-rpc §4):
 *
 *  - request: `raw(kind, {Datacenter, Entry, Op, Token})`, which is also a snapshot's record;
 *  - reply with one: `raw(kind, entry, meta)`, or `raw("", meta)` when there is none;
 *  - reply with a list: `raw(count, kind, {Entries, Kind, …meta})`. An empty `kind` lists entries of all kinds,
 *    which Consul's own form cannot tell apart; here each is then wrapped like a reply's.
 *
 * A `proxy-defaults` entry is wrapped once more, wherever it stands; so is what entries say of a service.
 */
import { type ConfigEntry, configEntryStruct, type Schema, type Struct } from "@tribune/api";
import { MsgpackError, MsgpackReader, MsgpackWriter } from "./msgpack.ts";
import type { StructCodec } from "./struct-msgpack.ts";

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

interface WithEntry {
  readonly Entry: ConfigEntry | null;
}
interface WithEntries {
  readonly Kind: string;
  readonly Entries: readonly ConfigEntry[] | null;
}
type EntryCodecs = (kind: string, position: number) => StructCodec<ConfigEntry>;

function entryCodecs(codecOf: CodecOf): EntryCodecs {
  const byKind = new Map<string, StructCodec<ConfigEntry>>();
  return (kind, position) => {
    let codec = byKind.get(kind);
    if (codec === undefined) {
      const schema = configEntryStruct(kind);
      if (schema === undefined) throw new MsgpackError(`invalid config entry kind: ${kind}`, position);
      codec = entryCodec(kind, schema, codecOf);
      byKind.set(kind, codec);
    }
    return codec;
  };
}

function entryCodec(kind: string, schema: Struct<ConfigEntry>, codecOf: CodecOf): StructCodec<ConfigEntry> {
  if (kind === "proxy-defaults") return wrapped(codecOf(schema));
  if (kind !== "mesh") return codecOf(schema);
  const nameless = without(schema, "Kind", "Name");
  const { write, read } = codecOf(nameless);
  return { write, read: (reader) => ({ ...read(reader), Kind: kind, Name: kind }) };
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
        else fields.get(name)?.write(writer, (value as unknown as Record<string, unknown>)[name]);
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
      return value as unknown as WithEntry;
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
  return {
    write(writer, value: WithEntries) {
      const all = value.Entries ?? [];
      const codec = codecFor(value.Kind, 0);
      writer.int(all.length).text(value.Kind).mapHeader(names.length);
      for (const name of names) {
        writer.text(name);
        if (name !== "Entries") {
          fields.get(name)?.write(writer, (value as unknown as Record<string, unknown>)[name]);
          continue;
        }
        writer.arrayHeader(all.length);
        for (const entry of all) codec.write(writer, entry);
      }
    },
    read(reader) {
      reader.int();
      const codec = codecFor(reader.text(), reader.position);
      const value: Record<string, unknown> = {};
      for (let left = reader.mapHeader(); left > 0; left--) {
        const name = reader.key();
        if (name === "Entries") {
          const all: ConfigEntry[] = [];
          if (!reader.tryNil()) for (let more = reader.arrayHeader(); more > 0; more--) all.push(codec.read(reader));
          value[name] = all;
        } else if (fields.has(name)) value[name] = fields.get(name)?.read(reader);
        else reader.skip();
      }
      return value as unknown as WithEntries;
    },
  };
}

function without<T>(schema: Struct<T>, ...names: readonly string[]): Struct<T> {
  // The wire's form is that of the whole struct: its rest is a plain map.
  const { wire: _, ...plain } = schema;
  return { ...plain, fields: schema.fields.filter((field) => !names.includes(field.name)) };
}
