import type { ProtocolVersions } from "../../codec/memberlist-messages.ts";
import type { PushPullState } from "../../codec/memberlist-stream.ts";

interface Versioned {
  readonly name: string;
  readonly state: PushPullState;
  readonly versions: ProtocolVersions | undefined;
}

/** What every alive member can speak. */
interface Range {
  protocolMin: number;
  protocolMax: number;
  delegateMin: number;
  delegateMax: number;
}

/**
 * Before two lists become one, everybody on either must currently speak what every alive member understands (sheet
 * memberlist §7, Join-time checks). @returns what is wrong, or undefined.
 */
export function incompatibility(theirs: Iterable<Versioned>, ours: Iterable<Versioned>): string | undefined {
  const range: Range = { protocolMin: 0, protocolMax: 255, delegateMin: 0, delegateMax: 255 };
  narrow(range, theirs);
  narrow(range, ours);
  return outside(range, theirs) ?? outside(range, ours);
}

function narrow(range: Range, members: Iterable<Versioned>): void {
  let last: ProtocolVersions | undefined;
  for (const { state, versions } of members) {
    // Without versions it takes part with version 0, which the second look refuses where others need more.
    if (state !== "alive" || versions === undefined || versions === last) continue;
    last = versions;
    range.protocolMin = Math.max(range.protocolMin, versions.protocolMin);
    range.protocolMax = Math.min(range.protocolMax, versions.protocolMax);
    range.delegateMin = Math.max(range.delegateMin, versions.delegateMin);
    range.delegateMax = Math.min(range.delegateMax, versions.delegateMax);
  }
}

function outside(range: Range, members: Iterable<Versioned>): string | undefined {
  const { protocolMin, protocolMax, delegateMin, delegateMax } = range;
  for (const { name, versions } of members) {
    const protocol = versions?.protocolCurrent ?? 0;
    if (protocol < protocolMin || protocol > protocolMax) {
      return `Node '${name}' protocol version (${protocol}) is incompatible: [${protocolMin}, ${protocolMax}]`;
    }
    const delegate = versions?.delegateCurrent ?? 0;
    if (delegate < delegateMin || delegate > delegateMax) {
      return `Node '${name}' delegate protocol version (${delegate}) is incompatible: [${delegateMin}, ${delegateMax}]`;
    }
  }
  return undefined;
}
