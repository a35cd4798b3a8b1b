import type { MsgpackExtension, MsgpackValue } from "./msgpack-reader.ts";
import type { MsgpackWriter } from "./msgpack-writer.ts";

/**
 * Writes a value whose shape only its sender knows, with sorted map keys so that equal values give equal
 * bytes on every server.
 *
 * `numbers` decides a JavaScript number's form: "float" as Go has every number that came out of JSON (proxy
 * config, CA config), "int" for whole numbers in integer form.
 */
export function writeAny(writer: MsgpackWriter, value: MsgpackValue, numbers: "float" | "int"): void {
  if (value === null) writer.nil();
  else if (typeof value === "boolean") writer.bool(value);
  else if (typeof value === "string") writer.text(value);
  else if (typeof value === "bigint") writer.int(value);
  else if (typeof value === "number") writeNumber(writer, value, numbers);
  else if (value instanceof Uint8Array) writer.bytes(value);
  else if (Array.isArray(value)) {
    writer.arrayHeader(value.length);
    for (const item of value as readonly MsgpackValue[]) writeAny(writer, item, numbers);
  } else if (isExtension(value)) writeExtension(writer, value);
  else writeMap(writer, value as Readonly<Record<string, MsgpackValue>>, numbers);
}

function writeNumber(writer: MsgpackWriter, value: number, numbers: "float" | "int"): void {
  if (numbers === "int" && Number.isSafeInteger(value)) writer.int(value);
  else writer.float(value);
}

function writeMap(writer: MsgpackWriter, map: Readonly<Record<string, MsgpackValue>>, numbers: "float" | "int"): void {
  const keys = Object.keys(map).sort(byBytes);
  writer.mapHeader(keys.length);
  for (const key of keys) {
    writer.text(key);
    writeAny(writer, map[key]!, numbers);
  }
}

/** Order of the UTF-8 bytes, which differs from JavaScript's own only above the surrogates. */
function byBytes(left: string, right: string): number {
  const plain = left < right ? -1 : 1;
  return SURROGATE.test(left) || SURROGATE.test(right) ? Buffer.compare(Buffer.from(left), Buffer.from(right)) : plain;
}
const SURROGATE = /[\ud800-\udfff]/;

function isExtension(value: object): value is MsgpackExtension {
  return "extensionType" in value && "data" in value && value.data instanceof Uint8Array;
}

function writeExtension(writer: MsgpackWriter, { extensionType, data }: MsgpackExtension): void {
  const power = [1, 2, 4, 8, 16].indexOf(data.length);
  if (power >= 0) writer.byte(0xd4 + power);
  else if (data.length <= 0xff) writer.byte(0xc7).byte(data.length);
  else
    writer
      .byte(0xc9)
      .byte(data.length >>> 24)
      .byte(data.length >>> 16)
      .byte(data.length >>> 8)
      .byte(data.length);
  writer.byte(extensionType).encoded(data);
}
