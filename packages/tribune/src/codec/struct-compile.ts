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
  /** Whatever is `===` to zero has its bytes. */
  readonly hasOneZero: boolean;
}

/**
 * Most fields of most structs are zero, and what stands on the wire for a struct of zeroes is known: so what lies between
 * two values that are not is copied in one piece, names and all.
 *
 * @param fields in the order of the wire. A field that is undefined is written as nil.
 */
export function structWriter(fields: readonly StructField[]): Write {
  let zeroes: Zeroes | undefined; // made when it is first needed: a struct may hold its like
  const lines = fields.map(
    ({ name }, at) => `
      own = value[${JSON.stringify(name)}];
      if (own !== zero${at}) {
        writer.part(bytes, from, valueAt[${at}]);
        from = valueEnd[${at}];
        if (own === undefined) writer.nil(); else write${at}(writer, own);
      }`,
  );
  const body = `return function (writer, value, bytes, valueAt, valueEnd) {
      let own, from = 0;
      ${lines.join("")}
      writer.part(bytes, from, bytes.length);
    };`;
  const parameters = fields.flatMap((_, at) => [`zero${at}`, `write${at}`]);
  const values = fields.flatMap(({ zero, hasOneZero, write }) => [hasOneZero ? zero : NEVER, write]);
  const write = new Function(...parameters, body)(...values);
  return (writer, value) => {
    zeroes ??= zeroesOf(fields);
    write(writer, value, zeroes.bytes, zeroes.valueAt, zeroes.valueEnd);
  };
}

/** Not the value of any field. */
const NEVER = Symbol("no zero");

/** A struct of zeroes on the wire, and where in it each field's value begins and ends. */
interface Zeroes {
  readonly bytes: Uint8Array;
  readonly valueAt: readonly number[];
  readonly valueEnd: readonly number[];
}

function zeroesOf(fields: readonly StructField[]): Zeroes {
  const writer = new MsgpackWriter().mapHeader(fields.length);
  const valueAt: number[] = [];
  const valueEnd: number[] = [];
  for (const { name, hasOneZero, zero, write } of fields) {
    valueAt.push(writer.text(name).length);
    if (hasOneZero) write(writer, zero);
    valueEnd.push(writer.length);
  }
  return { bytes: writer.take(), valueAt, valueEnd };
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
