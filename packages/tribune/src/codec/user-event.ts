/**
 * The payload of the gossip event `consul:event:NAME` (sheet serf §8 Events). Alone among Consul's messages it is
 * msgpack of the newer specification, with types of their own for bytes and for texts above 31 bytes.
 */
import { MsgpackReader, MsgpackWriter } from "./msgpack.ts";

/** Prefix of the gossip events that carry user events. */
export const USER_EVENT_PREFIX = "consul:event:";

export interface UserEventMessage {
  /** UUID. */
  readonly id: string;
  readonly name: string;
  /** Null and empty are one on the wire. */
  readonly payload: Uint8Array | null;
  /** Regular expressions; "" for none. */
  readonly nodeFilter: string;
  readonly serviceFilter: string;
  readonly tagFilter: string;
  readonly version: number;
}

const writer = new MsgpackWriter(1024);

export function encodeUserEvent(event: UserEventMessage): Uint8Array {
  const payload = event.payload ?? new Uint8Array(0);
  // In the order of the names' bytes; what is empty is left out.
  const optional: readonly (readonly [name: string, value: string | Uint8Array])[] = [
    ["nf", event.nodeFilter],
    ["p", payload],
    ["sf", event.serviceFilter],
    ["tf", event.tagFilter],
  ];
  const given = optional.filter(([, value]) => value.length > 0);
  writer.reset();
  writer.mapHeader(3 + given.length);
  writeText("ID");
  writeText(event.id);
  writeText("n");
  writeText(event.name);
  for (const [name, value] of given) {
    writeText(name);
    if (typeof value === "string") writeText(value);
    else writeBin(value);
  }
  writeText("v");
  writer.int(event.version);
  return Uint8Array.from(writer.view());
}

/** Unknown fields are passed over, missing ones empty. @throws MsgpackError for bytes that are no such map */
export function decodeUserEvent(bytes: Uint8Array): UserEventMessage {
  const reader = new MsgpackReader(bytes);
  const event = {
    id: "",
    name: "",
    payload: null as Uint8Array | null,
    nodeFilter: "",
    serviceFilter: "",
    tagFilter: "",
  };
  let version = 0;
  for (let left = reader.mapHeader(); left > 0; left--) {
    switch (reader.key()) {
      case "ID":
        event.id = reader.text();
        break;
      case "n":
        event.name = reader.text();
        break;
      case "p":
        event.payload = payloadOf(reader);
        break;
      case "nf":
        event.nodeFilter = reader.text();
        break;
      case "sf":
        event.serviceFilter = reader.text();
        break;
      case "tf":
        event.tagFilter = reader.text();
        break;
      case "v":
        version = reader.int();
        break;
      default:
        reader.skip();
    }
  }
  return { ...event, version };
}

function payloadOf(reader: MsgpackReader): Uint8Array | null {
  if (reader.tryNil()) return null;
  const bytes = reader.bytesView();
  return bytes.length === 0 ? null : Uint8Array.from(bytes);
}

function writeText(text: string): void {
  const bytes = Buffer.from(text);
  if (bytes.length <= 31) writer.byte(0xa0 | bytes.length);
  else header(0xd9, bytes.length);
  writer.encoded(bytes);
}

function writeBin(bytes: Uint8Array): void {
  header(0xc4, bytes.length);
  writer.encoded(bytes);
}

/** The codes for lengths of one, two and four bytes follow each other. */
function header(code: number, length: number): void {
  if (length <= 0xff) writer.byte(code).byte(length);
  else if (length <= 0xffff)
    writer
      .byte(code + 1)
      .byte(length >>> 8)
      .byte(length & 0xff);
  else
    writer
      .byte(code + 2)
      .byte(length >>> 24)
      .byte((length >>> 16) & 0xff)
      .byte((length >>> 8) & 0xff)
      .byte(length & 0xff);
}
