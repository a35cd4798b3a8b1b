/**
 * Writers and readers of one struct, compiled from the names of its fields: straight code with every name in its
 * place takes half the time of a loop that all structs share.
 */
import { objectMaker } from "../lib/object-maker.ts";
import { type MsgpackReader, MsgpackWriter } from "./msgpack.ts";

// biome-ignore lint/suspicious/noExplicitAny: the schema, not the compiler, knows what a closure is given.
type Write = (writer: MsgpackWriter, value: any) => void;
type Read = (reader: MsgpackReader) => unknown;
type Fields = Record<string, unknown>;

export interface StructField {
  readonly name: string;
  /** Where the field stands in the object; on the wire they stand in the order of their names. */
  readonly place: number;
  readonly write: Write;
  readonly read: Read;
  readonly zero: unknown;
}

/** @param fields in the order of the wire. A field that is undefined is written as nil. */
export function structWriter(fields: readonly StructField[]): Write {
  const encodedNames = fields.map(({ name }) => new MsgpackWriter().text(name).take());
  const head = new MsgpackWriter().mapHeader(fields.length).take();
  const lines = fields.map(
    ({ name }, at) => `
      writer.short(names[${at}]);
      own = value[${JSON.stringify(name)}];
      if (own === undefined) writer.nil(); else write${at}(writer, own);`,
  );
  const body = `return function (writer, value) { let own; writer.short(head); ${lines.join("")} };`;
  const parameters = ["head", "names", ...fields.map((_, at) => `write${at}`)];
  return new Function(...parameters, body)(head, encodedNames, ...fields.map(({ write }) => write)) as Write;
}

/**
 * Reads a map that holds all fields in the order in which Go and we write them, and leaves any other to a loop that
 * knows nothing of order, passes over unknown fields, and takes zero for missing ones.
 */
export function structReader(fields: readonly StructField[]): Read {
  const byPlace = [...fields].sort((a, b) => a.place - b.place);
  const slow = anyOrderReader(fields, byPlace);
  const encodedNames = fields.map(({ name }) => new MsgpackWriter().text(name).take());
  const lines = fields.map(
    ({ place }, at) => `
      if (!reader.tryEncoded(names[${at}])) { reader.position = start; return slow(reader); }
      const value${place} = read${at}(reader);`,
  );
  const object = byPlace.map(({ name, place }) => `${JSON.stringify(name)}: value${place}`).join(", ");
  const body = `return function (reader) {
      const start = reader.position;
      if (reader.mapHeader() !== ${fields.length}) { reader.position = start; return slow(reader); }
      ${lines.join("")}
      return { ${object} };
    };`;
  const parameters = ["slow", "names", ...fields.map((_, at) => `read${at}`)];
  return new Function(...parameters, body)(slow, encodedNames, ...fields.map(({ read }) => read)) as Read;
}

function anyOrderReader(fields: readonly StructField[], byPlace: readonly StructField[]): Read {
  const byName = new Map(fields.map((field) => [field.name, field]));
  const zeros = byPlace.map((field) => field.zero);
  const make = objectMaker(byPlace.map((field) => field.name));
  return (reader): Fields => {
    const values = zeros.slice();
    const count = reader.mapHeader();
    for (let at = 0; at < count; at++) {
      const field = byName.get(reader.key());
      if (field === undefined) reader.skip();
      else values[field.place] = field.read(reader);
    }
    return make(values);
  };
}
