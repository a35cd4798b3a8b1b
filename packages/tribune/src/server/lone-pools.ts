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

/** Where Go's decoder stops; -1 for what it takes. */
export function firstBadBase64(key: string): number {
  return /[^A-Za-z0-9+/]/.exec(key.replace(/={0,2}$/, ""))?.index ?? (key.length % 4 === 0 ? -1 : 0);
}
