/** One process with a SWIM core, as the simulator hosts it: its sockets, its timer, and what is done to it. */
import type { PacketMessage } from "../../codec/memberlist-messages.ts";
import { COMPOUND_OVERHEAD_BYTES, COMPOUND_PART_OVERHEAD_BYTES } from "../../codec/memberlist-packet.ts";
import type { PushPull } from "../../codec/memberlist-stream.ts";
import { type Endpoint, endpointOf } from "../../gossip/swim/endpoint.ts";
import { memberAt } from "../../gossip/swim/member.ts";
import type { MemberList } from "../../gossip/swim/member-list.ts";
import type { SwimSettings } from "../../gossip/swim/settings.ts";
import { Swim } from "../../gossip/swim/swim.ts";
import type {
  ExchangeId,
  MemberState,
  NodeName,
  SwimDelegate,
  SwimEffect,
  SwimInput,
  SwimOptions,
} from "../../gossip/swim/types.ts";
import { randomInt } from "../../lib/random.ts";
import type { Cancel } from "../../lib/runtime.ts";
import type { SimNetwork } from "../sim-network.ts";
import type { Simulator } from "../simulator.ts";
import type { SharedRecords } from "./shared-records.ts";

/** Rules that can be broken on purpose. */
export const BROKEN_RULES = ["no-refute", "suspect-forever", "forge-incarnation", "no-gossip"] as const;
export type BrokenRule = (typeof BROKEN_RULES)[number];

/** Told of everything a member's core says. */
export interface Observer {
  changed(by: SimMember, before: MemberState | undefined, after: MemberState): void;
  stepped(by: SimMember): void;
}

export interface GossipWorld {
  readonly sim: Simulator;
  readonly network: SimNetwork;
  readonly records: SharedRecords;
  readonly settings: SwimSettings;
  readonly byEndpoint: Map<Endpoint, SimMember>;
  readonly broken: BrokenRule | undefined;
  observer: Observer;
}

const VERSIONS = {
  protocolMin: 1,
  protocolMax: 5,
  protocolCurrent: 2,
  delegateMin: 2,
  delegateMax: 5,
  delegateCurrent: 4,
} as const;
/** As large as the tags of a Consul client. */
const META = Uint8Array.from({ length: 150 }, (_, at) => at);
const NOTHING = new Uint8Array(0);
const DELEGATE: SwimDelegate = {
  // A coordinate's size.
  ackPayload: () => META.subarray(0, 110),
  userState: () => NOTHING,
  refuseMember: () => undefined,
  refuseMerge: () => undefined,
};
/** Serf's: how often a failed member is tried again. */
const RECONNECT_MS = 30_000;
const RETRY_JOIN_MS = 5_000;
/** Packets that wait in the socket of a process that stands still; about 200 KiB with the system's overhead. */
const SOCKET_PACKETS_MAX = 256;
/** Time that a process takes to read what waited. */
const HANDLING_MS = 0.1;
/** What TCP waits before it sends a lost segment again. */
const RETRANSMIT_MS = 200;
const CRC_BYTES = 5;

export class SimMember {
  readonly name: NodeName;
  readonly endpoint: Endpoint;
  readonly #world: GossipWorld;
  #core: Swim | undefined;
  /** Counts starts: what was under way for an earlier life is lost. */
  #life = 0;
  #isPaused = false;
  #isDeaf = false;
  #packetsWaiting = 0;
  #waiting: (() => void)[] = [];
  #unsent: (() => void)[] = [];
  #armedAtMs = Number.POSITIVE_INFINITY;
  #disarm: Cancel = () => {};
  #lastRequest = 0;
  readonly #answers = new Map<ExchangeId, (message: PushPull | Extract<PacketMessage, { type: "ack" }>) => void>();
  readonly #failed = new Map<NodeName, Endpoint>();
  hasLeft = false;
  /** Sent in packets, and in push/pulls. */
  packetBytes = 0;
  packets = 0;
  streamBytes = 0;

  constructor(at: number, world: GossipWorld) {
    this.name = `m${at}` as NodeName;
    this.endpoint = endpointOf(Uint8Array.from([10, at >> 16, (at >> 8) & 255, at & 255]), 8301)!;
    this.#world = world;
    world.byEndpoint.set(this.endpoint, this);
  }

  get isUp(): boolean {
    return this.#core !== undefined;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get core(): Swim | undefined {
    return this.#core;
  }

  /** As everybody knows it in its first life. */
  record(): MemberState {
    return memberAt(this.endpoint, {
      name: this.name,
      incarnation: 1,
      status: "alive",
      meta: META,
      versions: VERSIONS,
    })!;
  }

  /** @param list whom it knows from the start; without one it knows nobody. */
  boot(list?: MemberList): void {
    const { sim, settings, records } = this.#world;
    this.#life++;
    this.hasLeft = false;
    this.#failed.clear();
    const options: SwimOptions = { name: this.name, endpoint: this.endpoint, versions: VERSIONS, meta: META, settings };
    const sharing = { records, list: list ?? records.list() };
    this.#core = new Swim(options, { rng: sim.fork(), delegate: DELEGATE }, sharing);
    sim.record(`${this.name} starts`);
    this.#step({ type: "start" });
    this.#later(sim.rng.next() * RECONNECT_MS, () => this.#reconnect());
  }

  /** As with `retry_join`: until somebody answers. */
  join(via: () => SimMember | undefined): void {
    const peer = via();
    const core = this.#core;
    if (core === undefined || core.memberCount > 1) return;
    if (peer !== undefined && peer !== this) this.#step({ type: "join", endpoint: peer.endpoint });
    this.#later(RETRY_JOIN_MS, () => this.join(via));
  }

  /** Serf's reconnector: SWIM itself never speaks again to who is dead for long. */
  #reconnect(): void {
    const { sim } = this.#world;
    const core = this.#core!;
    const alive = Math.max(1, core.memberCount - this.#failed.size);
    if (this.#failed.size > 0 && sim.rng.next() < this.#failed.size / alive) {
      const endpoints = [...this.#failed.values()];
      this.#step({ type: "join", endpoint: endpoints[randomInt(sim.rng, endpoints.length)]! });
    }
    this.#later(RECONNECT_MS, () => this.#reconnect());
  }

  crash(): void {
    this.#world.sim.record(`${this.name} crashes`);
    this.#core = undefined;
    this.#life++;
    this.#isPaused = false;
    this.#isDeaf = false;
    this.#waiting = [];
    this.#unsent = [];
    this.#packetsWaiting = 0;
    this.#answers.clear();
    this.#disarm();
    this.#armedAtMs = Number.POSITIVE_INFINITY;
  }

  leave(): void {
    this.hasLeft = true;
    this.#world.sim.record(`${this.name} leaves`);
    this.#step({ type: "leave" });
  }

  /** The process does not run for `forMs`: packets wait in its socket, connections are accepted and not served. */
  pause(forMs: number): void {
    if (!this.isUp || this.#isPaused) return;
    this.#isPaused = true;
    const life = this.#life;
    this.#world.sim.after(forMs, () => {
      if (life === this.#life) this.resume();
    });
  }

  /** Late timers first, as in Node; then what waits, one after the other as fast as the process can. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#step({ type: "tick" });
    this.#drain();
  }

  #drain(): void {
    if (this.#isPaused || this.#isDeaf) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    next();
    const life = this.#life;
    this.#world.sim.after(HANDLING_MS, () => {
      if (life === this.#life) this.#drain();
    });
  }

  /** Nothing goes in or out for `forMs`, while timers run on: what Lifeguard's authors did to theirs (§V). */
  deafen(forMs: number): void {
    if (!this.isUp || this.#isDeaf) return;
    this.#isDeaf = true;
    const life = this.#life;
    this.#world.sim.after(forMs, () => {
      if (life !== this.#life) return;
      this.#isDeaf = false;
      const unsent = this.#unsent;
      this.#unsent = [];
      for (const send of unsent) send();
      this.#drain();
    });
  }

  /** Whether what comes in has to wait, behind what already does. */
  get #isBehind(): boolean {
    return this.#isPaused || this.#isDeaf || this.#waiting.length > 0;
  }

  // ---- the network's side ----

  packet(from: Endpoint, messages: readonly PacketMessage[]): void {
    if (!this.isUp) return;
    const read = (): void => this.#step({ type: "packet", from, messages: this.#heard(messages) });
    if (!this.#isBehind) return read();
    if (this.#packetsWaiting >= SOCKET_PACKETS_MAX) return;
    this.#packetsWaiting++;
    this.#waiting.push(() => {
      this.#packetsWaiting--;
      read();
    });
  }

  /** @returns false where the connection is refused. */
  request(
    message: Extract<SwimInput, { type: "request" }>["message"],
    answer: (message: PushPull | Extract<PacketMessage, { type: "ack" }>) => void,
  ): boolean {
    if (!this.isUp) return false;
    const serve = (): void => {
      const exchange = ++this.#lastRequest as ExchangeId;
      this.#answers.set(exchange, answer);
      this.#step({ type: "request", exchange, message: this.#heardState(message) });
      this.#answers.delete(exchange);
    };
    if (this.#isBehind) this.#waiting.push(serve);
    else serve();
    return true;
  }

  /** `--break no-refute`: deaf to what is said against ourselves. */
  #heard(messages: readonly PacketMessage[]): readonly PacketMessage[] {
    if (this.#world.broken !== "no-refute") return messages;
    return messages.filter((one) => !((one.type === "suspect" || one.type === "dead") && one.node === this.name));
  }

  #heardState<T extends { readonly type: string }>(message: T): T {
    if (this.#world.broken !== "no-refute" || message.type !== "pushPull") return message;
    const pushPull = message as unknown as PushPull;
    return { ...message, nodes: pushPull.nodes.filter(({ name, state }) => name !== this.name || state === "alive") };
  }

  // ---- the core's side ----

  #later(afterMs: number, run: () => void): void {
    const life = this.#life;
    this.#world.sim.after(afterMs, () => {
      if (life !== this.#life) return;
      if (this.#isPaused) this.#waiting.push(run);
      else run();
    });
  }

  #step(input: SwimInput): void {
    const core = this.#core;
    if (core === undefined) return;
    for (const effect of core.step(this.#world.sim.nowMs, input)) this.#carryOut(effect);
    this.#world.observer.stepped(this);
    this.#arm();
  }

  #arm(): void {
    const atMs = this.#core?.nextTickAt() ?? Number.POSITIVE_INFINITY;
    // An early tick is harmless, and cheaper than to move it each time.
    if (atMs >= this.#armedAtMs || this.#isPaused) return;
    this.#disarm();
    this.#armedAtMs = atMs;
    const { sim } = this.#world;
    this.#disarm = sim.after(Math.max(0, atMs - sim.nowMs), () => {
      this.#armedAtMs = Number.POSITIVE_INFINITY;
      if (!this.#isPaused) this.#step({ type: "tick" });
    });
  }

  #carryOut(effect: SwimEffect): void {
    switch (effect.type) {
      case "sendPacket":
        return this.#send(() => this.#sendPacket(effect.to, effect.parts, effect.crc));
      case "dial":
        return this.#send(() => this.#dial(effect));
      case "respond":
        return this.#answers.get(effect.exchange)?.(effect.message);
      case "memberChanged": {
        const { before, after } = effect;
        if (after.status === "dead") this.#failed.set(after.name, after.endpoint);
        else this.#failed.delete(after.name);
        return this.#world.observer.changed(this, before, after);
      }
      default:
        return;
    }
  }

  #send(send: () => void): void {
    if (this.#isDeaf) this.#unsent.push(send);
    else send();
  }

  #sendPacket(to: Endpoint, allParts: readonly Uint8Array[], crc: boolean): void {
    const parts = this.#said(allParts);
    if (parts.length === 0) return;
    let bytes = crc ? CRC_BYTES : 0;
    for (const part of parts) bytes += part.length;
    if (parts.length > 1) bytes += COMPOUND_OVERHEAD_BYTES + COMPOUND_PART_OVERHEAD_BYTES * parts.length;
    this.packetBytes += bytes;
    this.packets++;
    const { byEndpoint, network, records } = this.#world;
    const target = byEndpoint.get(to);
    if (target === undefined) return;
    network.send(this.name, target.name, () => {
      target.packet(
        this.endpoint,
        parts.map((part) => records.decode(part)),
      );
    });
  }

  #said(parts: readonly Uint8Array[]): readonly Uint8Array[] {
    const { broken, records } = this.#world;
    if (broken === "no-gossip") {
      return parts.filter((part) => ["ping", "indirectPing", "ack", "nack"].includes(records.decode(part).type));
    }
    if (broken !== "forge-incarnation") return parts;
    return parts.map((part) => {
      const message = records.decode(part);
      if (message.type !== "suspect") return part;
      return records.encode({ ...message, incarnation: message.incarnation + 1 });
    });
  }

  #dial({ exchange, message, timeoutMs, to }: Extract<SwimEffect, { type: "dial" }>): void {
    const { sim, network, records, byEndpoint } = this.#world;
    const life = this.#life;
    let open = true;
    const finish = (input: SwimInput): void => {
      if (!open || life !== this.#life) return;
      open = false;
      if (this.#isBehind) this.#waiting.push(() => this.#step(input));
      else this.#step(input);
    };
    sim.after(timeoutMs, () => finish({ type: "exchangeFailed", exchange, reason: "timeout" }));
    const target = byEndpoint.get(to);
    if (target === undefined) return;
    if (message.type === "pushPull") this.streamBytes += records.pushPullBytes(message.nodes, message.userState.length);
    // Loss makes a stream late, a cut makes it silent.
    sim.after(this.#streamDelayMs(), () => {
      if (network.isBlocked(this.name, target.name)) return;
      const accepted = target.request(message, (answer) => {
        if (answer.type === "pushPull")
          target.streamBytes += records.pushPullBytes(answer.nodes, answer.userState.length);
        sim.after(this.#streamDelayMs(), () => {
          if (network.isBlocked(target.name, this.name)) return;
          finish({ type: "reply", exchange, message: this.#heardState(answer) });
        });
      });
      if (!accepted && sim.rng.next() < 0.5)
        finish({ type: "exchangeFailed", exchange, reason: "connection refused", refused: true });
    });
  }

  #streamDelayMs(): number {
    const { rng } = this.#world.sim;
    const { delayMinMs, delayMaxMs, loss } = this.#world.network.faults;
    let delayMs = delayMinMs + 2 * rng.next() * (delayMaxMs - delayMinMs);
    while (rng.next() < loss) delayMs += RETRANSMIT_MS;
    return delayMs;
  }
}
