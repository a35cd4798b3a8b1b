/**
 * What a chain that overrides changed is told apart by. Proxies that Consul and Tribune configure side by side must
 * agree on it, so it is the sum that Consul's library makes of the three overrides: FNV-1 of 64 bits over names and
 * values of fields, fields exclusive-ored with each other.
 */
import type { ChainOverrides } from "./discovery-chain.ts";

const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;
const DIGITS = 8;

interface Customized {
  readonly meshGateway: boolean;
  readonly protocol: boolean;
  readonly connectTimeout: boolean;
}

/** @returns eight hexadecimal digits; "" when no override had an effect. */
export function customizationHash(overrides: ChainOverrides, had: Customized): string {
  if (!had.meshGateway && !had.protocol && !had.connectTimeout) return "";
  const gateway = structOf("MeshGatewayConfig", { Mode: ofText(had.meshGateway ? overrides.meshGateway.Mode : "") });
  const sum = structOf("", {
    OverrideMeshGateway: gateway,
    OverrideProtocol: ofText(had.protocol ? overrides.protocol : ""),
    OverrideConnectTimeout: fnv(littleEndian(BigInt(had.connectTimeout ? overrides.connectTimeoutNs : 0))),
  });
  return sum.toString(16).slice(0, DIGITS);
}

function structOf(name: string, fields: Readonly<Record<string, bigint>>): bigint {
  let sum = ofText(name);
  for (const [field, value] of Object.entries(fields))
    sum ^= fnv([...littleEndian(ofText(field)), ...littleEndian(value)]);
  return sum;
}

function ofText(text: string): bigint {
  return fnv(new TextEncoder().encode(text));
}

function fnv(bytes: Iterable<number>): bigint {
  let hash = OFFSET;
  for (const byte of bytes) hash = BigInt.asUintN(64, hash * PRIME) ^ BigInt(byte);
  return hash;
}

function littleEndian(value: bigint): number[] {
  return Array.from({ length: 8 }, (_, at) => Number((value >> BigInt(8 * at)) & 0xffn));
}
