import { invariant, unreachable } from "../../lib/invariant.ts";
import { randomInt } from "../../lib/random.ts";
import type { Rng } from "../../lib/runtime.ts";
import {
  type Configuration,
  type ExchangeId,
  type LogEntry,
  type LogIndex,
  type ProposalId,
  type RaftConfig,
  RaftCore,
  type RaftEffect,
  type RaftInput,
  type RaftMessage,
  type RaftStatus,
  type ReadId,
  type SnapshotMeta,
  type WriteId,
} from "../../raft/index.ts";
import type { ConfigurationCodec, ServerId } from "../../raft/types.ts";
import { SimDisk } from "../sim-disk.ts";
import type { SimNetwork } from "../sim-network.ts";
import type { Simulator } from "../simulator.ts";
import type { RaftChecker } from "./checker.ts";
import { type CommandResult, KeyValue } from "./key-value.ts";
import {
  emptyServerDisk,
  installUpdate,
  persistUpdate,
  recoverServer,
  type ServerDisk,
  snapshotUpdate,
} from "./server-disk.ts";

/** A rule broken on purpose, to see the checkers catch it. */
export type BrokenRule =
  | "vote-before-durable"
  | "ack-before-durable"
  | "fsync-lies"
  | "forget-vote"
  | "unconfirmed-reads"
  | "endless-lease";

export const BROKEN_RULES: readonly BrokenRule[] = [
  "vote-before-durable",
  "ack-before-durable",
  "fsync-lies",
  "forget-vote",
  "unconfirmed-reads",
  "endless-lease",
];

/** Moments at which a crash hurts most. */
export type Moment = "votes" | "acknowledges" | "leads" | "truncates" | "changes configuration" | "installs";

/** What all servers of a simulated cluster share. */
export interface World {
  readonly sim: Simulator;
  readonly network: SimNetwork;
  readonly checker: RaftChecker;
  readonly codec: ConfigurationCodec;
  readonly servers: Map<ServerId, SimServer>;
  readonly disks: Map<ServerId, ServerDisk>;
  readonly broken: BrokenRule | undefined;
  /** Clocks run at like speed, so that leaders may read by their lease. */
  readonly leases: boolean;
  /** Longest wait for a reply before the exchange fails. */
  readonly exchangeTimeoutMs: number;
  /** Told before the moment's effects are carried out; the nemesis listens. */
  onMoment: (server: SimServer, moment: Moment) => void;
  /** Told that a leader leads no more. */
  readonly onLeaderLost?: (server: SimServer) => void;
}

export type ProposalOutcome =
  | { readonly result: CommandResult | undefined; readonly index: LogIndex }
  | { readonly error: string };

interface Life {
  readonly core: RaftCore;
  state: KeyValue;
  /** Messages that wait for a write, in the order of writes. */
  held: { readonly after: WriteId; readonly send: () => void }[];
  durable: WriteId;
  readonly exchanges: Map<ExchangeId, () => void>;
  /** How to answer requests that arrived. */
  readonly inbound: Map<ExchangeId, (message: RaftMessage) => void>;
  readonly incoming: Map<ExchangeId, string>;
  readonly proposals: Map<ProposalId, (outcome: ProposalOutcome) => void>;
  readonly reads: Map<ReadId, (error: string | undefined) => void>;
  readonly waiting: Map<LogIndex, (outcome: ProposalOutcome) => void>;
  /** Work of the state machine, strictly one after the other. */
  readonly queue: (() => void)[];
  applying: boolean;
  snapshotting: boolean;
  leads: boolean;
  timerAtMs: number;
}

/** Hosts one core: the simulator's counterpart of the production shell. */
export class SimServer {
  readonly id: ServerId;
  readonly disk: SimDisk<ServerDisk>;
  knowsPreVote = true;
  /** Offered at every start, as `bootstrap_expect` does. */
  bootstrapConfiguration: Configuration | undefined;
  /** Its clock, seen from the simulator's: an origin nobody else shares, and a pace that may lie for a while. */
  #clock: { readonly fromMs: number; readonly originMs: number; readonly rate: number };
  readonly #world: World;
  readonly #config: RaftConfig;
  readonly #rng: Rng;
  #life: Life | undefined;
  #pausedUntilMs = 0;
  #ids = 0;
  /** Entries between snapshots, and how many stay behind one. */
  snapshotEvery = 50;
  trailing = 10;

  constructor(id: ServerId, config: RaftConfig, syncMaxMs: number, world: World) {
    this.id = id;
    this.#config = config;
    this.#world = world;
    this.#rng = world.sim.fork();
    this.#clock = { fromMs: 0, originMs: randomInt(this.#rng, 100_000), rate: 1 };
    this.disk = new SimDisk<ServerDisk>(world.sim, emptyServerDisk(), syncMaxMs);
    world.disks.set(id, this.disk.durable);
  }

  get isUp(): boolean {
    return this.#life !== undefined;
  }

  get status(): RaftStatus | undefined {
    return this.#life?.core.status();
  }

  get appliedDigest(): string | undefined {
    return this.#life?.state.digest;
  }

  get isLeader(): boolean {
    return this.#life?.core.status().role === "leader";
  }

  // --- life and death ------------------------------------------------------------------------------

  boot(): void {
    invariant(this.#life === undefined, `${this.id} is up already`);
    const { durable } = this.disk;
    if (this.#world.broken === "forget-vote") durable.hardState = { ...durable.hardState, votedFor: undefined };
    const log = recoverServer(durable);
    const snapshot = durable.snapshot;
    const core = new RaftCore(
      { id: this.id, config: this.#config, hardState: durable.hardState, log, snapshot: snapshot?.meta },
      { rng: this.#world.sim.fork(), codec: this.#world.codec },
    );
    const state = snapshot === undefined ? new KeyValue() : KeyValue.restore(snapshot.state);
    this.#world.checker.booted(this.id, durable);
    this.#world.checker.restarted(this.id, state.appliedIndex);
    this.#life = {
      core,
      state,
      held: [],
      durable: 0 as WriteId,
      exchanges: new Map(),
      inbound: new Map(),
      incoming: new Map(),
      proposals: new Map(),
      reads: new Map(),
      waiting: new Map(),
      queue: [],
      applying: false,
      snapshotting: false,
      leads: false,
      timerAtMs: Number.POSITIVE_INFINITY,
    };
    this.#world.sim.record(`${this.id} boots`);
    this.#feed(this.#life, { type: "tick" });
    const configuration = this.bootstrapConfiguration;
    if (configuration !== undefined) this.#feed(this.#life, { type: "bootstrap", configuration });
  }

  /** The process is gone, and with it everything that was not durable. Clients wait in vain. */
  crash(why: string): void {
    if (this.#life === undefined) return;
    this.#world.sim.record(`${this.id} crashes: ${why}`);
    this.#life = undefined;
    this.disk.crash();
  }

  /** The process stands still, as in a long collection or a suspended machine. */
  pause(forMs: number): void {
    this.#pausedUntilMs = this.#world.sim.nowMs + forMs;
    this.#world.sim.record(`${this.id} stands still for ${forMs}`);
  }

  /** Of a leader: how long writes take those who could go on without it. */
  get successionMs(): number {
    return this.#life?.core.successionMs() ?? Number.POSITIVE_INFINITY;
  }

  /** Tells the core that a peer's connection was reset. */
  connectionLost(peer: ServerId): void {
    if (this.#life !== undefined) this.#feed(this.#life, { type: "peerConnectionLost", peer });
  }

  // --- what clients and operators ask ----------------------------------------------------------------

  propose(data: readonly Uint8Array[], done: (at: number, outcome: ProposalOutcome) => void): void {
    const life = this.#life;
    if (life === undefined) return;
    const proposals = data.map((bytes, at) => {
      const id = ++this.#ids as ProposalId;
      life.proposals.set(id, (outcome) => done(at, outcome));
      return { id, type: "command" as const, data: bytes };
    });
    this.#feed(life, { type: "propose", proposals });
  }

  read(key: string, done: (outcome: { readonly value: number } | { readonly error: string }) => void): void {
    const life = this.#life;
    if (life === undefined) return;
    const { broken } = this.#world;
    if (broken === "unconfirmed-reads") {
      done(this.isLeader ? { value: life.state.get(key) } : { error: "notLeader" });
      return;
    }
    if (this.#world.leases) {
      const heldMs = this.#pausedUntilMs - this.#world.sim.nowMs;
      if (heldMs > 0) {
        this.#world.sim.after(heldMs, () => this.read(key, done));
        return;
      }
      if (life.core.mayReadByLease(broken === "endless-lease" ? Number.NEGATIVE_INFINITY : this.#localMs())) {
        done({ value: life.state.get(key) });
        return;
      }
    }
    const read = ++this.#ids as ReadId;
    life.reads.set(read, (error) => done(error === undefined ? { value: life.state.get(key) } : { error }));
    this.#feed(life, { type: "readIndex", read });
  }

  operate(
    input: (proposal: ProposalId) => Extract<RaftInput, { type: "proposeConfiguration" | "transferLeadership" }>,
    done: (outcome: ProposalOutcome) => void,
  ): void {
    const life = this.#life;
    if (life === undefined) return;
    const id = ++this.#ids as ProposalId;
    life.proposals.set(id, done);
    this.#feed(life, input(id));
  }

  // --- the loop ------------------------------------------------------------------------------------

  #localMs(): number {
    const { fromMs, originMs, rate } = this.#clock;
    return originMs + (this.#world.sim.nowMs - fromMs) * rate;
  }

  /** Changes the pace of this server's clock; it never jumps back. */
  setClockRate(rate: number): void {
    this.#clock = { fromMs: this.#world.sim.nowMs, originMs: this.#localMs(), rate };
  }

  #feed(life: Life, input: RaftInput): void {
    if (life !== this.#life) return; // of an earlier life
    const { sim } = this.#world;
    if (sim.nowMs < this.#pausedUntilMs) {
      // On waking, what clients asked meanwhile may be found before what peers sent, and timers may come last.
      const lateMs = input.type === "tick" ? this.#rng.next() * 2 : 0.01;
      sim.after(this.#pausedUntilMs - sim.nowMs + lateMs, () => this.#feed(life, input));
      return;
    }
    const effects = life.core.step(this.#localMs(), input);
    for (let at = 0; at < effects.length && life === this.#life; at++) this.#carryOut(life, effects[at]!);
    if (life === this.#life) this.#armTimer(life);
  }

  /** One pending timer, moved only when the core wants an earlier one. */
  #armTimer(life: Life): void {
    const dueMs = life.core.nextTickAt();
    if (dueMs === undefined) return;
    const { sim } = this.#world;
    const delayMs = Math.max(0, (dueMs - this.#localMs()) / this.#clock.rate);
    // Rounding may wake us a hair early; a delay of almost nothing must still move time.
    const atMs = sim.nowMs + (delayMs === 0 ? 0 : Math.max(delayMs, 0.001));
    if (life.timerAtMs <= atMs) return;
    life.timerAtMs = atMs;
    sim.after(atMs - sim.nowMs, () => {
      if (life.timerAtMs !== atMs) return; // superseded
      life.timerAtMs = Number.POSITIVE_INFINITY;
      this.#feed(life, { type: "tick" });
    });
  }

  #carryOut(life: Life, effect: RaftEffect): void {
    const { sim, checker, disks, onMoment } = this.#world;
    switch (effect.type) {
      case "persist":
        checker.persisting(this.id, effect);
        if (effect.truncateFrom !== undefined) onMoment(this, "truncates");
        if (effect.entries.some((entry) => entry.type === "configuration")) onMoment(this, "changes configuration");
        this.#persist(life, effect);
        break;
      case "send":
        this.#send(life, effect);
        break;
      case "apply":
        sim.record(`${this.id} applies ${effect.entries[0]!.index}..${effect.entries.at(-1)!.index}`);
        checker.applies(this.id, effect.entries, life.core.status(), disks);
        this.#enqueue(life, () => this.#apply(life, effect.entries));
        break;
      case "settle":
        this.#settle(life, effect);
        break;
      case "readReady": {
        const done = life.reads.get(effect.read);
        life.reads.delete(effect.read);
        done?.("error" in effect.outcome ? effect.outcome.error : undefined);
        break;
      }
      case "roleChanged":
        sim.record(`${this.id} is ${effect.role} of term ${effect.term}, leader ${effect.leader ?? "?"}`);
        if (effect.role === "leader") {
          checker.leads(this.id, effect.term);
          onMoment(this, "leads");
        } else if (life.leads) this.#world.onLeaderLost?.(this);
        life.leads = effect.role === "leader";
        break;
      case "configurationChanged":
        sim.record(`${this.id} configuration ${effect.index}${effect.committed ? " committed" : ""}`);
        break;
      case "loadEntries":
        sim.after(randomInt(this.#rng, 4), () => this.#load(life, effect));
        break;
      case "receiveSnapshot":
        this.#receive(life, effect.from, effect.exchange);
        break;
      case "installSnapshot":
        this.#install(life, effect);
        onMoment(this, "installs");
        break;
      case "discardSnapshot":
        life.incoming.delete(effect.exchange);
        break;
      case "contradicted":
      case "dropped":
        throw new Error(`${this.id} got nonsense from ${effect.from}: ${effect.reason}`);
      default:
        unreachable(effect);
    }
  }

  // --- disk ----------------------------------------------------------------------------------------

  #persist(life: Life, effect: Extract<RaftEffect, { type: "persist" }>): void {
    const lies = this.#world.broken === "fsync-lies";
    this.disk.write(persistUpdate(effect), () => {
      if (!lies) this.#durable(life, effect.write, { type: "persisted", write: effect.write });
    });
    if (lies)
      this.#world.sim.after(0, () => this.#durable(life, effect.write, { type: "persisted", write: effect.write }));
  }

  #durable(life: Life, write: WriteId, input: RaftInput): void {
    if (life !== this.#life) return;
    life.durable = write;
    let released = 0;
    while (released < life.held.length && life.held[released]!.after <= write) life.held[released++]!.send();
    life.held.splice(0, released);
    this.#feed(life, input);
  }

  #load(life: Life, effect: Extract<RaftEffect, { type: "loadEntries" }>): void {
    const { log } = this.disk.durable;
    const first = log[0]?.index ?? 0;
    const from = effect.from - first;
    const entries: LogEntry[] = [];
    let bytes = 0;
    if (from >= 0) {
      for (const entry of log.slice(from, effect.to - first + 1)) {
        bytes += entry.data.length;
        if (entries.length > 0 && bytes > effect.maxBytes) break;
        entries.push(entry);
      }
    }
    this.#feed(life, { type: "entriesLoaded", load: effect.load, entries });
  }

  // --- network -------------------------------------------------------------------------------------

  #send(life: Life, effect: Extract<RaftEffect, { type: "send" }>): void {
    const { broken, onMoment } = this.#world;
    const { type } = effect.message;
    const isReply = type.endsWith("Reply");
    const reply = isReply ? life.inbound.get(effect.exchange) : undefined;
    if (isReply) life.inbound.delete(effect.exchange);
    const send = (): void => {
      if (isReply) reply?.(effect.message);
      else this.#request(life, effect);
    };
    const early =
      (broken === "vote-before-durable" && type === "requestVoteReply") ||
      (broken === "ack-before-durable" && type === "appendEntriesReply");
    if (effect.after === undefined || effect.after <= life.durable || early) send();
    else life.held.push({ after: effect.after, send });
    if (effect.after === undefined) return;
    if (type === "requestVoteReply") onMoment(this, "votes");
    if (type === "appendEntriesReply") onMoment(this, "acknowledges");
  }

  #request(life: Life, effect: Extract<RaftEffect, { type: "send" }>): void {
    const { sim, network, servers, exchangeTimeoutMs } = this.#world;
    const { to, exchange, message } = effect;
    const failed = (): void => {
      if (life.exchanges.delete(exchange)) this.#feed(life, { type: "exchangeFailed", exchange, reason: "failed" });
    };
    // A deadline; sometimes the connection breaks earlier than that.
    const cancel = sim.after(exchangeTimeoutMs * (0.5 + this.#rng.next() / 2), failed);
    life.exchanges.set(exchange, cancel);
    const bytes = message.type === "installSnapshot" ? this.#snapshotBytes(message.snapshot) : undefined;
    if (message.type === "installSnapshot") {
      cancel(); // the stream has its own end
      if (bytes === undefined) {
        sim.after(1, failed); // replaced by a newer one meanwhile
        return;
      }
      life.exchanges.set(exchange, sim.after(4 * exchangeTimeoutMs, failed));
    }
    network.send(this.id, to, () => {
      servers.get(to)?.deliver(this.id, message, bytes, (reply) => {
        network.send(to, this.id, () => this.#replied(life, to, exchange, reply));
      });
    });
  }

  #replied(life: Life, from: ServerId, exchange: ExchangeId, reply: RaftMessage | "unsupported"): void {
    if (life !== this.#life) return;
    const cancel = life.exchanges.get(exchange);
    if (cancel === undefined) return; // failed already, or answered by a double
    cancel();
    life.exchanges.delete(exchange);
    if (reply === "unsupported") this.#feed(life, { type: "exchangeFailed", exchange, reason: "unsupported" });
    else this.#feed(life, { type: "message", from, exchange, message: reply });
  }

  deliver(
    from: ServerId,
    message: RaftMessage,
    bytes: string | undefined,
    answer: (message: RaftMessage | "unsupported") => void,
  ): void {
    const life = this.#life;
    if (life === undefined) return;
    const { sim, checker } = this.#world;
    sim.record(`${from}>${this.id} ${describe(message)}`);
    if (message.type === "requestPreVote" && !this.knowsPreVote) {
      answer("unsupported");
      return;
    }
    const exchange = ++this.#ids as ExchangeId;
    life.inbound.set(exchange, (reply) => {
      sim.record(`${this.id}>${from} ${describe(reply)}`);
      if (reply.type === "requestVoteReply" && reply.granted) checker.votes(this.id, reply.term, from);
      answer(reply);
    });
    if (bytes !== undefined) life.incoming.set(exchange, bytes);
    this.#feed(life, { type: "message", from, address: `${from}:8300`, exchange, message });
  }

  /** The bytes behind an accepted snapshot, some chunks over some time, cut off by a partition. */
  #receive(life: Life, from: ServerId, exchange: ExchangeId): void {
    const { sim, network } = this.#world;
    let chunks = 1 + randomInt(this.#rng, 4);
    const next = (): void => {
      if (life !== this.#life || !life.incoming.has(exchange)) return;
      if (network.isBlocked(from, this.id) || this.#rng.next() < network.faults.loss / 4) {
        life.incoming.delete(exchange);
        this.#feed(life, { type: "snapshotFailed", exchange });
        return;
      }
      if (--chunks > 0) {
        this.#feed(life, { type: "snapshotChunk", exchange });
        sim.after(randomInt(this.#rng, 30), next);
      } else {
        this.#feed(life, { type: "snapshotReceived", exchange });
      }
    };
    sim.after(randomInt(this.#rng, 30), next);
  }

  // --- state machine -------------------------------------------------------------------------------

  #enqueue(life: Life, work: () => void): void {
    life.queue.push(work);
    if (life.applying) return;
    life.applying = true;
    const run = (): void => {
      if (life !== this.#life) return;
      const next = life.queue.shift();
      if (next === undefined) {
        life.applying = false;
        return;
      }
      next();
      this.#world.sim.after(this.#rng.next() * 2, run);
    };
    this.#world.sim.after(this.#rng.next() * 2, run);
  }

  #apply(life: Life, entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      invariant(entry.index === life.state.appliedIndex + 1, `${this.id} applies with a gap at ${entry.index}`);
      const result = life.state.apply(entry);
      const done = life.waiting.get(entry.index);
      if (done !== undefined) {
        life.waiting.delete(entry.index);
        done({ result, index: entry.index });
      }
    }
    const { appliedIndex: index, digest } = life.state;
    this.#world.checker.stateAt(this.id, index, digest);
    this.#feed(life, { type: "applied", index });
    if (life === this.#life) this.#maybeSnapshot(life);
  }

  #settle(life: Life, effect: Extract<RaftEffect, { type: "settle" }>): void {
    const { outcome } = effect;
    effect.proposals.forEach((id, at) => {
      const done = life.proposals.get(id);
      if (done === undefined) return;
      life.proposals.delete(id);
      if ("error" in outcome) done({ error: outcome.error });
      else if (outcome.firstIndex === 0) done({ result: undefined, index: 0 });
      else life.waiting.set(outcome.firstIndex + at, done);
    });
  }

  // --- snapshots -----------------------------------------------------------------------------------

  #maybeSnapshot(life: Life): void {
    const { appliedIndex } = life.state;
    const newest = this.disk.durable.snapshot?.meta.index ?? 0;
    if (life.snapshotting || appliedIndex - newest < this.snapshotEvery) return;
    const entry = this.#world.checker.committedEntry(appliedIndex);
    if (entry === undefined) return;
    const { index: configurationIndex, configuration } = life.core.configurationAt(appliedIndex);
    const meta: SnapshotMeta = { index: appliedIndex, term: entry.term, configuration, configurationIndex };
    const firstIndex = Math.max(1, appliedIndex + 1 - randomInt(this.#rng, this.trailing + 1));
    life.snapshotting = true;
    this.#world.sim.record(`${this.id} snapshot ${appliedIndex}, log from ${firstIndex}`);
    this.disk.write(snapshotUpdate(meta, life.state.snapshot(), firstIndex), () => {
      life.snapshotting = false;
      this.#feed(life, { type: "snapshotTaken", snapshot: meta, firstIndex });
    });
  }

  #snapshotBytes(meta: SnapshotMeta): string | undefined {
    const { snapshot } = this.disk.durable;
    return snapshot?.meta.index === meta.index && snapshot.meta.term === meta.term ? snapshot.state : undefined;
  }

  #install(life: Life, effect: Extract<RaftEffect, { type: "installSnapshot" }>): void {
    const bytes = life.incoming.get(effect.exchange);
    invariant(bytes !== undefined, `${this.id} installs a snapshot it did not receive`);
    life.incoming.delete(effect.exchange);
    const { snapshot, write, keepLog } = effect;
    this.#world.sim.record(`${this.id} installs snapshot ${snapshot.index}${keepLog ? " and keeps its log" : ""}`);
    this.disk.write(installUpdate(effect, bytes), () => {
      this.#enqueue(life, () => {
        life.state = KeyValue.restore(bytes);
        this.#world.checker.stateAt(this.id, life.state.appliedIndex, life.state.digest);
        this.#world.checker.installs(this.id, snapshot.index, snapshot.term, keepLog);
        this.#durable(life, write, { type: "snapshotInstalled", write });
      });
    });
  }
}

function describe(message: RaftMessage): string {
  switch (message.type) {
    case "appendEntries":
      return message.entries.length === 0 && message.prevLogIndex === 0
        ? `heartbeat ${message.term}`
        : `append ${message.term} behind ${message.prevLogIndex}/${message.prevLogTerm}: ${message.entries.length}, commit ${message.leaderCommit}`;
    case "appendEntriesReply":
      return `append reply ${message.term} ${message.success ? "ok" : "no"} ${message.lastLog}`;
    case "requestVote":
    case "requestPreVote":
      return `${message.type} ${message.term}, log ${message.lastLogIndex}/${message.lastLogTerm}`;
    case "requestVoteReply":
    case "requestPreVoteReply":
      return `${message.type} ${message.term} ${message.granted ? "granted" : "refused"}`;
    case "installSnapshot":
      return `snapshot ${message.snapshot.index}/${message.snapshot.term} in term ${message.term}`;
    case "installSnapshotReply":
      return `snapshot reply ${message.success ? "ok" : "no"}`;
    case "timeoutNow":
    case "timeoutNowReply":
      return message.type;
  }
}
