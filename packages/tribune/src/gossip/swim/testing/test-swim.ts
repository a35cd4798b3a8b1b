/** A core and everything it said, for tests. Members are named by letters and have addresses made from them. */
import { decodeMessage, type PacketMessage, type ProtocolVersions } from "../../../codec/memberlist-messages.ts";
import type { PushPull, PushPullNode, PushPullState } from "../../../codec/memberlist-stream.ts";
import { seededRng } from "../../../lib/random.ts";
import { type Endpoint, endpointOf } from "../endpoint.ts";
import { LAN_SETTINGS, type SwimSettings } from "../settings.ts";
import { Swim } from "../swim.ts";
import type { ExchangeId, MemberState, NodeName, SwimDelegate, SwimEffect, SwimInput } from "../types.ts";

export const VERSIONS: ProtocolVersions = {
  protocolMin: 1,
  protocolMax: 5,
  protocolCurrent: 2,
  delegateMin: 2,
  delegateMax: 5,
  delegateCurrent: 4,
};

export const NOTHING = new Uint8Array(0);

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function addrOf(name: string): Uint8Array {
  return Uint8Array.from([10, 0, name.charCodeAt(0), name.charCodeAt(1) || 0]);
}

export function endpointOfName(name: string): Endpoint {
  return endpointOf(addrOf(name), 8301)!;
}

/** Everything that may be said about a member, with the usual values for what a test leaves out. */
export interface Facts {
  readonly incarnation?: number;
  readonly addr?: Uint8Array;
  readonly port?: number;
  readonly meta?: Uint8Array;
  readonly versions?: ProtocolVersions | undefined;
}

export function alive(node: string, facts: Facts = {}): PacketMessage {
  const base = { incarnation: 1, addr: addrOf(node), port: 8301, meta: NOTHING, versions: VERSIONS };
  return { type: "alive", node, ...base, ...facts };
}

export function suspect(node: string, from: string, incarnation = 1): PacketMessage {
  return { type: "suspect", node, from, incarnation };
}

export function dead(node: string, from: string, incarnation = 1): PacketMessage {
  return { type: "dead", node, from, incarnation };
}

export function node(name: string, state: PushPullState, facts: Facts = {}): PushPullNode {
  const base = { incarnation: 1, addr: addrOf(name), port: 8301, meta: NOTHING, versions: VERSIONS };
  return { name, state, ...base, ...facts };
}

type Sent = Extract<SwimEffect, { type: "sendPacket" }> & { readonly messages: readonly PacketMessage[] };

export class TestSwim {
  nowMs = 0;
  /** Every ping of ours is answered at once. */
  answered = false;
  readonly core: Swim;
  readonly effects: SwimEffect[] = [];
  /** What the layer above answers; tests change it. */
  readonly delegate: { -readonly [Key in keyof SwimDelegate]: SwimDelegate[Key] } = {
    ackPayload: () => bytes("coordinate"),
    userState: () => NOTHING,
    refuseMember: () => undefined,
    refuseMerge: () => undefined,
  };

  constructor(
    settings: Partial<SwimSettings> = {},
    options: { readonly meta?: Uint8Array; readonly seed?: number; readonly incarnation?: number } = {},
  ) {
    this.core = new Swim(
      {
        name: "self" as NodeName,
        endpoint: endpointOfName("self"),
        versions: VERSIONS,
        meta: options.meta ?? NOTHING,
        incarnation: options.incarnation ?? 1,
        settings: { ...LAN_SETTINGS, ...settings },
      },
      { rng: seededRng(options.seed ?? 1), delegate: this.delegate },
    );
    this.step({ type: "start" });
  }

  /** @returns the effects of this step. */
  step(input: SwimInput): readonly SwimEffect[] {
    const effects = this.core.step(this.nowMs, input);
    this.effects.push(...effects);
    if (this.answered) this.#answer(effects);
    return effects;
  }

  #answer(effects: readonly SwimEffect[]): void {
    for (const { to, messages } of sent(effects.filter(isPing))) {
      const { seqNo } = messages[0] as Extract<PacketMessage, { type: "ping" }>;
      this.step({ type: "packet", from: to, messages: [{ type: "ack", seqNo, payload: NOTHING }] });
    }
  }

  packet(from: string, ...messages: readonly PacketMessage[]): readonly SwimEffect[] {
    return this.step({ type: "packet", from: endpointOfName(from), messages });
  }

  /** These are members, and their news has gone round. */
  know(...names: readonly string[]): this {
    for (const name of names) this.packet(name, alive(name));
    return this.quiet();
  }

  /** Forgets what was said, and sends queued broadcasts until none is left. */
  quiet(): this {
    for (let left = 10_000; left > 0 && this.core.queued.membership > 0; left--) this.pingFrom("self");
    this.effects.length = 0;
    return this;
  }

  /** A ping of a member to us, whose ack carries broadcasts. @returns the parts behind the ack */
  pingFrom(name: string): readonly PacketMessage[] {
    const effects = this.packet(name, ping("self", name));
    return sent(effects)[0]!.messages.slice(1);
  }

  /** Lets time pass with ticks exactly when asked for. */
  run(forMs: number, onEffect: (effect: SwimEffect) => void = () => {}): this {
    const endMs = this.nowMs + forMs;
    for (;;) {
      const atMs = this.core.nextTickAt();
      if (atMs === undefined || atMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, atMs);
      for (const effect of this.step({ type: "tick" })) onEffect(effect);
    }
    this.nowMs = endMs;
    return this;
  }

  /** Runs until an effect `matches`. */
  runUntil<T extends SwimEffect>(matches: (effect: SwimEffect) => effect is T, limitMs = 600_000): T {
    const endMs = this.nowMs + limitMs;
    for (;;) {
      const atMs = this.core.nextTickAt();
      if (atMs === undefined || atMs > endMs) throw new Error("it never happens");
      this.nowMs = Math.max(this.nowMs, atMs);
      const found = this.step({ type: "tick" }).find(matches);
      if (found !== undefined) return found;
    }
  }

  /** Runs to the next ping of our own, and answers none. */
  nextPing(): { readonly to: Endpoint; readonly ping: Extract<PacketMessage, { type: "ping" }>; readonly sent: Sent } {
    const effect = this.runUntil(isPing);
    const [one] = sent([effect]);
    return { to: effect.to, ping: one!.messages[0] as Extract<PacketMessage, { type: "ping" }>, sent: one! };
  }

  status(name: string): MemberState["status"] | undefined {
    return this.core.member(name)?.status;
  }

  /** Messages about membership that wait to be told, whatever they are. */
  told(): readonly PacketMessage[] {
    return this.pingFrom("self");
  }

  changes(): readonly string[] {
    return changes(this.effects);
  }

  request(message: Extract<SwimInput, { type: "request" }>["message"]): readonly SwimEffect[] {
    return this.step({ type: "request", exchange: 1 as ExchangeId, message });
  }

  /** A peer's side of a push/pull reaches us. */
  merge(nodes: readonly PushPullNode[], changes: Partial<PushPull> = {}): readonly SwimEffect[] {
    return this.request({ type: "pushPull", join: false, nodes, userState: NOTHING, ...changes });
  }
}

export function ping(to: string, from: string, seqNo = 7): Extract<PacketMessage, { type: "ping" }> {
  return { type: "ping", seqNo, node: to, sourceAddr: addrOf(from), sourcePort: 8301, sourceNode: from };
}

export function sent(effects: readonly SwimEffect[]): readonly Sent[] {
  return effects
    .filter((effect) => effect.type === "sendPacket")
    .map((effect) => ({ ...effect, messages: effect.parts.map(decodeMessage) }));
}

/** `name before -> after incarnation` */
export function changes(effects: readonly SwimEffect[]): readonly string[] {
  return effects.flatMap((effect) =>
    effect.type === "memberChanged"
      ? [`${effect.after.name} ${effect.before?.status ?? "new"} -> ${effect.after.status} ${effect.after.incarnation}`]
      : [],
  );
}

export function isPing(effect: SwimEffect): effect is Extract<SwimEffect, { type: "sendPacket" }> {
  return effect.type === "sendPacket" && decodeMessage(effect.parts[0]!).type === "ping";
}
