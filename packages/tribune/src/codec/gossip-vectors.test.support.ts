/** The recorded gossip of real peers (`test-data/gossip-*.json`), and how it compares with decoded messages. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Rng } from "../lib/runtime.ts";
import { gossipCipher } from "../net/gossip-crypto.ts";
import type { GossipEncryption, SealVersion } from "./gossip-encryption.ts";
import { GossipKeyring } from "./gossip-keyring.ts";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonMap = { readonly [key: string]: Json };

/** One direction of an exchange, or a packet. `decoded` holds a tree of layers and messages. */
export interface RecordedBytes {
  readonly hex: string;
  readonly decoded: {
    readonly label?: string;
    readonly encryptionVersion?: SealVersion;
    readonly plainHex?: string;
    readonly message: RecordedLayer;
  };
}

export interface RecordedLayer {
  readonly name: string;
  readonly inner?: RecordedLayer;
  readonly parts?: readonly RecordedLayer[];
  readonly msg?: JsonMap;
  readonly serf?: RecordedSerf;
  readonly payload?: Json;
  readonly header?: JsonMap;
  readonly nodes?: readonly JsonMap[];
  readonly userState?: string | RecordedSerf;
  readonly coordinate?: JsonMap;
  readonly plainHex?: string;
}

export interface RecordedSerf {
  readonly serfType: number;
  readonly serfName: string;
  readonly msg?: JsonMap;
  readonly payload?: RecordedSerf;
  readonly relayHeader?: JsonMap;
  readonly inner?: RecordedSerf;
}

export interface RecordedPacket extends RecordedBytes {
  readonly description: string;
  readonly key?: string;
}

export interface RecordedStream {
  readonly description: string;
  readonly key?: string;
  readonly initiator: RecordedBytes;
  readonly responder?: RecordedBytes;
}

function vectors<T>(file: string): readonly T[] {
  return JSON.parse(readFileSync(new URL(`../../test-data/${file}`, import.meta.url), "utf8")).vectors;
}
export const recordedPackets = (): readonly RecordedPacket[] => vectors("gossip-packets.json");
export const recordedStreams = (): readonly RecordedStream[] => vectors("gossip-streams.json");

export const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Both keys of the recorded Consul keyring, the second installed later. */
const CONSUL_KEYS = ["YqoCELq3FcqVwqjTBo4/ehFZhEwPI87FvtPo6is98Cw=", "9SDDlxBRik2B9XaJWCaWiCCqrfNV81XsUGdqKQUc4oc="];

/** Encryption as the recorded sender had it; its nonce is the recorded one, so that sealing gives the same bytes. */
export function encryptionOf(
  key: string | undefined,
  version: SealVersion = 1,
  nonce?: Uint8Array,
): GossipEncryption | undefined {
  if (key === undefined) return undefined;
  const rng: Pick<Rng, "bytes"> = { bytes: (count) => nonce ?? new Uint8Array(count) };
  const others = CONSUL_KEYS.includes(key) ? CONSUL_KEYS : [];
  const keyring = GossipKeyring.of(
    Buffer.from(key, "base64"),
    others.map((other) => Buffer.from(other, "base64")),
  );
  return { cipher: gossipCipher, keyring, rng, version, verifyIncoming: true, verifyOutgoing: true };
}

/** The messages inside of all layers, in order. */
export function leaves(layer: RecordedLayer): readonly RecordedLayer[] {
  if (layer.inner !== undefined) return leaves(layer.inner);
  return layer.parts === undefined ? [layer] : layer.parts.flatMap(leaves);
}

export function layerNames(layer: RecordedLayer): readonly string[] {
  return layer.inner === undefined ? [layer.name] : [layer.name, ...layerNames(layer.inner)];
}

/** Asserts that a decoded value says what the recording says: its properties are the wire's names in camelCase. */
export function assertSays(ours: unknown, recorded: Json | undefined, path: string): void {
  if (ours instanceof Uint8Array) assert.equal(hex(ours), hex(bytesOf(recorded, path)), path);
  else if (ours === undefined) assert.equal(recorded ?? null, null, path);
  else if (ours instanceof Map) assertSays(Object.fromEntries(ours), recorded, path);
  else if (Array.isArray(ours)) {
    const items = (recorded ?? []) as readonly Json[];
    assert.equal(ours.length, items.length, `${path}.length`);
    for (const [index, item] of ours.entries()) assertSays(item, items[index], `${path}[${index}]`);
  } else if (typeof ours === "object" && ours !== null) {
    const fields = Object.entries(recorded as JsonMap).filter(([key]) => !key.startsWith("$"));
    for (const [key, value] of fields) assertSays(propertyOf(ours, key), value, `${path}.${key}`);
    assert.equal(Object.keys(ours).filter((key) => key !== "type").length, fields.length, `${path}: fields`);
  } else assert.deepEqual(ours, recorded, path);
}

function propertyOf(ours: object, wireName: string): unknown {
  const fields = ours as { readonly [key: string]: unknown };
  if (wireName === "Vsn") return Uint8Array.from(Object.values(fields.versions as object));
  if (wireName === "Timeout") return (fields.timeoutMs as number) * 1e6;
  if (wireName === "State") return ["alive", "suspect", "dead", "left"].indexOf(fields.state as string);
  const camel = wireName.replace(/^[A-Z]+(?=[A-Z][a-z]|$)|^[A-Z]/, (start) => start.toLowerCase());
  const property = wireName in fields ? wireName : camel;
  assert.ok(property in fields, `no property for ${wireName}`);
  return fields[property];
}

function bytesOf(recorded: Json | undefined, path: string): Uint8Array {
  if (recorded === null || recorded === undefined) return new Uint8Array(0);
  if (typeof recorded === "string") return new Uint8Array(Buffer.from(recorded));
  const raw = (recorded as JsonMap).$hex;
  assert.equal(typeof raw, "string", path);
  return unhex(raw as string);
}
