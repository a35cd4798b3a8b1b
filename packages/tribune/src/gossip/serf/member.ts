/** A member as SWIM knows it, made into one of serf's. */

import { parseIp } from "../../codec/ip-address.ts";
import type { ProtocolVersions } from "../../codec/memberlist-messages.ts";
import { decodeTags, type MemberTags } from "../../codec/serf-tags.ts";
import { type Endpoint, endpointOf, endpointParts } from "../swim/endpoint.ts";
import type { MemberState } from "../swim/types.ts";
import type { SerfMember, SerfStatus } from "./types.ts";

const NO_VERSIONS: ProtocolVersions = {
  protocolMin: 0,
  protocolMax: 0,
  protocolCurrent: 0,
  delegateMin: 0,
  delegateMax: 0,
  delegateCurrent: 0,
};

/** @param tags where they are known already. @throws GossipCodecError for damaged tags */
export function serfMemberOf(state: MemberState, status: SerfStatus, tags?: MemberTags): SerfMember {
  const parts = endpointParts(state.endpoint);
  const versions = state.versions ?? NO_VERSIONS;
  return {
    name: state.name,
    host: parts?.host ?? "",
    port: parts?.port ?? 0,
    tags: tags ?? decodeTags(state.meta),
    status,
    protocol: { min: versions.protocolMin, max: versions.protocolMax, current: versions.protocolCurrent },
    delegate: { min: versions.delegateMin, max: versions.delegateMax, current: versions.delegateCurrent },
  };
}

/** @returns undefined for a member without a usable address. */
export function endpointOfMember(member: Pick<SerfMember, "host" | "port">): Endpoint | undefined {
  const addr = parseIp(member.host);
  return addr === undefined ? undefined : endpointOf(addr, member.port);
}
