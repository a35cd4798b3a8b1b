/** Whom the SWIM core may let in: merge rules, and allow lists of addresses. */
import { GossipCodecError } from "../codec/gossip-error.ts";
import { serfMemberOf } from "../gossip/serf/member.ts";
import { type Endpoint, endpointParts } from "../gossip/swim/endpoint.ts";
import type { MemberState, SwimDelegate } from "../gossip/swim/types.ts";
import type { AllowList } from "./cidrs.ts";
import type { MergeRules } from "./merge-rules.ts";
import type { PoolMember } from "./types.ts";

type Admission = Pick<SwimDelegate, "refuseMember" | "refuseMerge" | "refuseEndpoint">;

/** @param allowed undefined for everywhere; @param merge undefined for everybody */
export function admission(merge: MergeRules | undefined, allowed: AllowList | undefined): Admission {
  const refuse = (states: readonly MemberState[]): string | undefined => merge?.refuse(states.map(poolMemberOf));
  const refuseEndpoint = (endpoint: Endpoint): string | undefined => {
    const addr = endpointParts(endpoint)?.addr;
    return addr !== undefined && allowed?.(addr) ? undefined : `${endpoint} is not allowed`;
  };
  return {
    refuseMember: (member) => refuse([member]),
    refuseMerge: refuse,
    ...(allowed === undefined ? {} : { refuseEndpoint }),
  };
}

/** A member that SWIM has just heard of. */
function poolMemberOf(state: MemberState): PoolMember {
  const status = state.status === "left" ? "left" : state.status === "dead" ? "failed" : "alive";
  try {
    return serfMemberOf(state, status);
  } catch (error) {
    if (!(error instanceof GossipCodecError)) throw error;
    return serfMemberOf(state, status, new Map());
  }
}
