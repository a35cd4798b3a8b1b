/** What a pool says of its own member: versions, tags, address. */
import { GossipCodecError } from "../codec/gossip-error.ts";
import { parseIp } from "../codec/ip-address.ts";
import type { ProtocolVersions } from "../codec/memberlist-messages.ts";
import { encodeTags, type MemberTags } from "../codec/serf-tags.ts";
import { type Endpoint, endpointOf } from "../gossip/swim/endpoint.ts";
import { TribuneError } from "../lib/errors.ts";
import type { SocketPoolOptions } from "./options.ts";
import type { PoolMember } from "./types.ts";

/** As Consul 1.10 announces itself: memberlist 1 to 5, serf 2 to 5. */
export const VERSIONS: ProtocolVersions = {
  protocolMin: 1,
  protocolMax: 5,
  protocolCurrent: 2,
  delegateMin: 2,
  delegateMax: 5,
  delegateCurrent: 4,
};

/** Where the others find us. @param port that was bound, for an advertised one of 0 */
export function advertisedEndpoint({ bind, advertise }: SocketPoolOptions, port: number): Endpoint {
  const { host, port: wanted } = advertise ?? bind;
  const endpoint = endpointOf(parseIp(host)!, wanted === 0 ? port : wanted);
  return endpoint!;
}

/** Our own member before the pool has started. */
export function unstartedMember({ name, bind, advertise }: SocketPoolOptions, tags: MemberTags): PoolMember {
  return {
    name,
    host: (advertise ?? bind).host,
    port: advertise?.port || bind.port,
    tags,
    status: "alive",
    protocol: { min: VERSIONS.protocolMin, max: VERSIONS.protocolMax, current: VERSIONS.protocolCurrent },
    delegate: { min: VERSIONS.delegateMin, max: VERSIONS.delegateMax, current: VERSIONS.delegateCurrent },
  };
}

/** @throws TribuneError for tags that do not fit into a packet */
export function checkedTags(tags: MemberTags): MemberTags {
  try {
    encodeTags(tags);
    return tags;
  } catch (error) {
    if (error instanceof GossipCodecError) throw TribuneError.internal(error.message, error);
    throw error;
  }
}

/** @throws TribuneError for what is no address, and one that nobody could reach */
export function checkAdvertised({ bind, advertise }: SocketPoolOptions): void {
  const { host } = advertise ?? bind;
  const addr = parseIp(host);
  if (addr === undefined) throw TribuneError.badRequest(`${host} is not an IP address`);
  if (addr.every((byte) => byte === 0)) {
    throw TribuneError.badRequest(`${host} cannot be advertised: set an address that members can reach`);
  }
}
