/**
 * The shape in which others get a value: what `decodeStruct(schema, encodeStruct(schema, value))` would answer, made
 * without the bytes. A server that has a request in hand need not read again what it has just written.
 *
 * As a rule it is the value itself: nobody changes what goes over the wire, nor do its types let him, and who keeps bytes
 * copies them out of the message they came in. A copy of each request lived as long as the request, and was a third of
 * what the collector of garbage had to move.
 *
 * Only what is plainly the same is taken. A value that the wire cannot hold as it is – half a character, a bigint that
 * fits a number, a time in another zone, a field that is missing – gets no decoded form, and is decoded after all.
 */
import { type Schema, sharedZero, ZERO_TIME } from "@tribune/api";

const UNSURE = Symbol("not plainly what others decode");

/** The decoded form: what it was given where that is the same, else one that shares with it what is. */
// biome-ignore lint/suspicious/noExplicitAny: the schema, not the compiler, knows what a closure is given.
type Form = (value: any) => unknown;

const forms = new WeakMap<Schema<unknown>, Form>();

/** @returns undefined where only decoding tells. */
export function decodedForm<T>(schema: Schema<T>, value: T): T | undefined {
  const form = formOf(schema as Schema<unknown>)(value);
  return form === UNSURE ? undefined : (form as T);
}

function formOf(schema: Schema<unknown>): Form {
  let form = forms.get(schema);
  if (form === undefined) {
    form = schema.wire === undefined ? plainForm(schema) : () => UNSURE;
    forms.set(schema, form);
  }
  return form;
}

function plainForm(schema: Schema<unknown>): Form {
  switch (schema.kind) {
    case "text":
      return text;
    case "bool":
      return (value) => (typeof value === "boolean" ? value : UNSURE);
    case "int":
    case "uint":
    case "duration":
      return safeInteger;
    case "u64":
      return (value) => (typeof value === "bigint" ? unsafeInteger(value) : safeInteger(value));
    case "float":
      return (value) => (typeof value === "number" && schema.single !== true ? value : UNSURE);
    case "bytes":
      return (value) => (value === null ? null : value instanceof Uint8Array ? asBuffer(value) : UNSURE);
    case "time":
      return (value) => (value === ZERO_TIME ? value : UNSURE);
    case "any":
      return (value) => (value === null ? null : UNSURE);
    case "list":
      return listForm(formOf(schema.of as Schema<unknown>));
    case "map":
      return mapForm(formOf(schema.of as Schema<unknown>));
    case "nullable": {
      const form = formOf(schema.of as Schema<unknown>);
      return (value) => (value === null ? null : form(value));
    }
    case "struct":
      return structForm(schema);
  }
}

/** A lone surrogate stands for a byte that is no UTF-8, or for nothing. */
const text: Form = (value) => (typeof value === "string" && value.isWellFormed() ? value : UNSURE);

/** There is no negative zero on the wire. */
const safeInteger: Form = (value) => (Number.isSafeInteger(value) && !Object.is(value, -0) ? value : UNSURE);

/** Which is what decoding gives. */
const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

/** What fits a number comes back as one. */
const unsafeInteger = (value: bigint): unknown => (value > BigInt(Number.MAX_SAFE_INTEGER) ? value : UNSURE);

function listForm(form: Form): Form {
  return (value) => {
    if (!Array.isArray(value)) return value === null ? null : UNSURE;
    let items: unknown[] | undefined; // only if one is not the same
    for (let at = 0; at < value.length; at++) {
      const item = form(value[at]);
      if (item === UNSURE) return UNSURE;
      if (items === undefined && item !== value[at]) items = value.slice(0, at);
      items?.push(item);
    }
    return items ?? value;
  };
}

function mapForm(form: Form): Form {
  return (value) => {
    if (typeof value !== "object" || value === null) return value === null ? null : UNSURE;
    const map: Record<string, unknown> = {};
    let isSame = isPlain(value);
    for (const name of Object.keys(value)) {
      // A plain assignment of this one name would change the object's prototype.
      if (name === "__proto__" || !name.isWellFormed()) return UNSURE;
      const item = form(value[name]);
      if (item === UNSURE) return UNSURE;
      map[name] = item;
      isSame &&= item === value[name];
    }
    return isSame ? value : map;
  };
}

/** Compiled, as the writers and readers are: straight code with every name in its place. */
function structForm(schema: Schema<unknown>): Form {
  const fields = schema.fields ?? [];
  const zeroValue = sharedZero(schema);
  const lines = fields.map(
    ({ name }, at) => `
      const given${at} = value[${JSON.stringify(name)}], own${at} = form${at}(given${at});
      if (own${at} === UNSURE) return UNSURE;`,
  );
  const same = fields.map((_, at) => `own${at} === given${at}`).join(" && ") || "true";
  const object = fields.map(({ name }, at) => `${JSON.stringify(name)}: own${at}`).join(", ");
  const body = `return function (value) {
      if (value === zero) return zero;
      if (typeof value !== "object" || value === null) return UNSURE;
      ${lines.join("")}
      if (${same} && isPlain(value) && hasNoMoreThan(${fields.length}, value)) return value;
      return { ${object} };
    };`;
  const parameters = ["UNSURE", "zero", "isPlain", "hasNoMoreThan", ...fields.map((_, at) => `form${at}`)];
  const given = [UNSURE, zeroValue, isPlain, hasNoMoreThan, ...fields.map((field) => formOf(field.schema))];
  return new Function(...parameters, body)(...given) as Form;
}

/** An instance of a class may show fields that it does not have. */
const isPlain = (value: object): boolean => Object.getPrototypeOf(value) === Object.prototype;

function hasNoMoreThan(count: number, value: object): boolean {
  let found = 0;
  for (const _ in value) found++;
  return found <= count;
}
