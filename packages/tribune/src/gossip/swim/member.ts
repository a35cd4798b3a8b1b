import type { Alive, ProtocolVersions } from "../../codec/memberlist-messages.ts";
import type { PushPullNode, PushPullState } from "../../codec/memberlist-stream.ts";
import { type Endpoint, endpointOf, endpointParts } from "./endpoint.ts";
import type { MemberState, NodeName } from "./types.ts";

type Status = MemberState["status"];

/** The same incarnation of a member in its other states, as far as they were ever needed. */
type Family = Partial<Record<Status, Member>>;

/**
 * A member as one node knows it. Immutable, and at the same time what a push/pull carries of it, so that sending ten
 * thousand of them makes no objects. Where many cores share a process (in a simulation) they share these too.
 */
export class Member implements MemberState, PushPullNode {
  readonly name: NodeName;
  readonly endpoint: Endpoint;
  readonly addr: Uint8Array;
  readonly port: number;
  readonly incarnation: number;
  readonly status: Status;
  readonly meta: Uint8Array;
  readonly versions: ProtocolVersions | undefined;
  readonly #family: Family;
  #alive: Alive | undefined;

  /** Without `family` it is the first of its incarnation. */
  constructor(of: Omit<PushPullNode, "name" | "state"> & MemberState, family: Family = {}) {
    this.name = of.name;
    this.endpoint = of.endpoint;
    this.addr = of.addr;
    this.port = of.port;
    this.incarnation = of.incarnation;
    this.status = of.status;
    this.meta = of.meta;
    this.versions = of.versions;
    this.#family = family;
    family[of.status] = this;
  }

  get state(): PushPullState {
    return this.status;
  }

  as(status: Status, incarnation: number = this.incarnation): Member {
    if (incarnation !== this.incarnation) return this.with({ status, incarnation });
    return this.#family[status] ?? new Member(this.#changed({ status }), this.#family);
  }

  with(changes: Partial<Pick<MemberState, "status" | "incarnation" | "meta">>): Member {
    return new Member(this.#changed(changes));
  }

  /** The message that says so. */
  toAlive(): Alive {
    const { name: node, incarnation, addr, port, meta, versions } = this;
    this.#alive ??= { type: "alive", node, incarnation, addr, port, meta, versions };
    return this.#alive;
  }

  /** What memberlist calls PMax: features are used by what the peer could speak. */
  get protocolMax(): number {
    return this.versions?.protocolMax ?? 0;
  }

  #changed(changes: Partial<MemberState>): Omit<PushPullNode, "name" | "state"> & MemberState {
    const { name, endpoint, addr, port, incarnation, status, meta, versions } = this;
    return { name, endpoint, addr, port, incarnation, status, meta, versions, ...changes };
  }
}

/** @returns undefined where there is no address. */
export function memberOfAlive(message: Alive, defaultPort: number): Member | undefined {
  const port = message.port === 0 ? defaultPort : message.port;
  const endpoint = endpointOf(message.addr, port);
  if (endpoint === undefined) return undefined;
  const { node, incarnation, addr, meta, versions } = message;
  return new Member({ name: node as NodeName, endpoint, addr, port, incarnation, status: "alive", meta, versions });
}

/** One entry of a push/pull, as the peer has it. @returns undefined where there is no address. */
export function memberOfNode(node: PushPullNode, defaultPort: number): Member | undefined {
  // It never changes: one that another core of this process sent is as good as one of our own.
  if (node instanceof Member) return node;
  const port = node.port === 0 ? defaultPort : node.port;
  const endpoint = endpointOf(node.addr, port);
  if (endpoint === undefined) return undefined;
  const { name, incarnation, addr, meta, versions, state: status } = node;
  return new Member({ name: name as NodeName, endpoint, addr, port, incarnation, status, meta, versions });
}

/** @returns undefined for text that is no endpoint. */
export function memberAt(endpoint: Endpoint, of: Omit<MemberState, "endpoint">): Member | undefined {
  const parts = endpointParts(endpoint);
  if (parts === undefined) return undefined;
  return new Member({ ...of, endpoint, addr: parts.addr, port: parts.port });
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

export function sameVersions(a: ProtocolVersions | undefined, b: ProtocolVersions | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return (
    a.protocolMin === b.protocolMin &&
    a.protocolMax === b.protocolMax &&
    a.protocolCurrent === b.protocolCurrent &&
    a.delegateMin === b.delegateMin &&
    a.delegateMax === b.delegateMax &&
    a.delegateCurrent === b.delegateCurrent
  );
}
