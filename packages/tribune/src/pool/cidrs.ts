import { parseIp } from "../codec/ip-address.ts";
import { TribuneError } from "../lib/errors.ts";

/** Whether an address (4 or 16 bytes) is in one of some blocks. */
export type AllowList = (addr: Uint8Array) => boolean;

/**
 * @param blocks `10.0.0.0/8`, `fd00::/8`; none allows everything.
 * @throws TribuneError for a block that is none.
 */
export function allowList(blocks: readonly string[]): AllowList | undefined {
  if (blocks.length === 0) return undefined;
  const parsed = blocks.map(parseBlock);
  return (addr) => parsed.some((block) => contains(block, addr));
}

interface Block {
  readonly addr: Uint8Array;
  readonly bits: number;
}

function parseBlock(text: string): Block {
  const [, host, bits] = /^([0-9a-fA-F:.]+)\/(\d{1,3})$/.exec(text) ?? [];
  const addr = parseIp(host ?? "");
  if (addr === undefined || Number(bits) > 8 * addr.length) {
    throw TribuneError.badRequest(`invalid CIDR address: ${text}`);
  }
  return { addr, bits: Number(bits) };
}

function contains({ addr, bits }: Block, candidate: Uint8Array): boolean {
  if (candidate.length !== addr.length) return false;
  const whole = bits >> 3;
  for (let at = 0; at < whole; at++) if (addr[at] !== candidate[at]) return false;
  const rest = bits & 7;
  return rest === 0 || (addr[whole]! ^ candidate[whole]!) >> (8 - rest) === 0;
}
