import { type KeyringRequest, KeyringResponse, KeyringResponses, make } from "@tribune/api";
import type { PoolsApi } from "../endpoints/agent-api.ts";
import type { ServerIdentity } from "./identity.ts";

/** What a server without gossip answers for its pools: it is alone, and nothing is encrypted. */
export function lonePools({ name, datacenter }: ServerIdentity): PoolsApi {
  return {
    datacenters: () => [datacenter],
    datacenterMaps: () => [{ Datacenter: datacenter, AreaID: "wan", Coordinates: [] }],
    fireEvent: () => {},
    keyring: async (request) => make(KeyringResponses, { Responses: keyringRefusals(request, name, datacenter) }),
  };
}

/** Both pools refuse: the WAN's first, as Consul lists them. */
export function keyringRefusals(
  { Operation, Key }: Pick<KeyringRequest, "Operation" | "Key">,
  node: string,
  datacenter: string,
): readonly KeyringResponse[] {
  const refused = (WAN: boolean, member: string): KeyringResponse => {
    const common = make(KeyringResponse, { WAN, Datacenter: datacenter, NumNodes: 1 });
    const bad = Operation === "list" ? -1 : firstBadBase64(Key);
    if (bad >= 0) return { ...common, Error: `illegal base64 data at input byte ${bad}` };
    const problem = Operation === "list" ? "Keyring is empty" : "No keyring to modify";
    return {
      ...common,
      Error: "1/1 nodes reported failure",
      Messages: { [member]: `${problem} (encryption not enabled)` },
    };
  };
  return [refused(true, `${node}.${datacenter}`), refused(false, node)];
}

/** Where Go's decoder stops (`base64.StdEncoding`); -1 for what it takes. */
export function firstBadBase64(key: string): number {
  let digits = 0;
  for (let at = 0; at < key.length; at++) {
    const char = key.charAt(at);
    if (isLineEnd(char)) continue;
    if (/[A-Za-z0-9+/]/.test(char)) digits = (digits + 1) % 4;
    else if (char !== "=" || digits < 2) return at;
    else return badPadding(key, at + 1, digits);
  }
  return digits === 0 ? -1 : key.length - digits;
}

/** @param from behind the first `=` @param digits before it in its group: 2 want another `=` */
function badPadding(key: string, from: number, digits: number): number {
  const next = (at: number): number => {
    let end = at;
    while (end < key.length && isLineEnd(key.charAt(end))) end++;
    return end;
  };
  let at = next(from);
  if (digits === 2) {
    if (at === key.length) return at;
    if (key.charAt(at) !== "=") return at - 1;
    at = next(at + 1);
  }
  return at < key.length ? at : -1;
}

function isLineEnd(char: string): boolean {
  return char === "\n" || char === "\r";
}
