import { invariant, unreachable } from "../../lib/invariant.ts";
import { randomInt } from "../../lib/random.ts";
import type { Rng } from "../../lib/runtime.ts";
import {
  type Configuration,
  type ProposalId,
  type RaftConfig,
  RaftCore,
  type RaftEffect,
  type RaftInput,
  type RaftMessage,
  type RaftStatus,
  type ReadId,
  type WriteId,
} from "../../raft/index.ts";
import type { ServerId } from "../../raft/types.ts";
import { SimDisk } from "../sim-disk.ts";
import { KeyValue } from "./key-value.ts";
import { type Host, type Life, newLife } from "./life.ts";
import { Messages } from "./messages.ts";
import { emptyServerDisk, loadedEntries, persistUpdate, recoverServer, type ServerDisk } from "./server-disk.ts";
import { StateMachine } from "./state-machine.ts";
import type { Moment, ProposalOutcome, World } from "./world.ts";

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
  /** Entries between snapshots, and how many stay behind one. */
  readonly snapshots = { every: 50, trailing: 10 };
  #life: Life | undefined;
  #pausedUntilMs = 0;
  #ids = 0;
  readonly #messages: Messages;
  readonly #machine: StateMachine;

  constructor(id: ServerId, config: RaftConfig, syncMaxMs: number, world: World) {
    this.id = id;
    this.#config = config;
    this.#world = world;
    this.#rng = world.sim.fork();
    this.#clock = { fromMs: 0, originMs: randomInt(this.#rng, 100_000), rate: 1 };
    this.disk = new SimDisk<ServerDisk>(world.sim, emptyServerDisk(), syncMaxMs);
    world.disks.set(id, this.disk.durable);
    const host: Host = {
      ...{ id, world, rng: this.#rng, disk: this.disk, snapshots: this.snapshots },
      isCurrent: (life) => life === this.#life,
      feed: (life, input) => this.#feed(life, input),
      durable: (life, write, input) => this.#durable(life, write, input),
      newId: () => ++this.#ids,
      reached: (moment) => this.#reached(moment),
    };
    this.#messages = new Messages(host, () => this.knowsPreVote);
    this.#machine = new StateMachine(host);
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
    this.#life = newLife(core, state);
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

  /** A peer's request. @param bytes of a snapshot, what follows it */
  deliver(
    from: ServerId,
    message: RaftMessage,
    bytes: string | undefined,
    answer: (message: RaftMessage | "unsupported") => void,
  ): void {
    if (this.#life !== undefined) this.#messages.deliver(this.#life, from, message, bytes, answer);
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

  #reached(moment: Moment): void {
    this.#world.onMoment(this, moment);
  }

  #carryOut(life: Life, effect: RaftEffect): void {
    const { sim, checker, disks } = this.#world;
    switch (effect.type) {
      case "persist":
        checker.persisting(this.id, effect);
        if (effect.truncateFrom !== undefined) this.#reached("truncates");
        if (effect.entries.some((entry) => entry.type === "configuration")) this.#reached("changes configuration");
        this.#persist(life, effect);
        break;
      case "send":
        this.#messages.send(life, effect);
        break;
      case "apply":
        sim.record(`${this.id} applies ${effect.entries[0]!.index}..${effect.entries.at(-1)!.index}`);
        checker.applies(this.id, effect.entries, life.core.status(), disks);
        this.#machine.apply(life, effect.entries);
        break;
      case "settle":
        this.#machine.settle(life, effect);
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
          this.#reached("leads");
        } else if (life.leads) this.#world.onLeaderLost?.(this);
        life.leads = effect.role === "leader";
        break;
      case "configurationChanged":
        sim.record(`${this.id} configuration ${effect.index}${effect.committed ? " committed" : ""}`);
        break;
      case "loadEntries":
        sim.after(randomInt(this.#rng, 4), () => {
          const entries = loadedEntries(this.disk.durable, effect);
          this.#feed(life, { type: "entriesLoaded", load: effect.load, entries });
        });
        break;
      case "receiveSnapshot":
        this.#messages.receive(life, effect.from, effect.exchange);
        break;
      case "installSnapshot":
        this.#machine.install(life, effect);
        this.#reached("installs");
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
}
