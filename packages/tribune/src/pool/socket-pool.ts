/** A gossip pool on sockets: both cores, and everything that they ask of the world. `types` has the contract. */

import { packetBudgetBytes } from "../codec/memberlist-packet.ts";
import type { Coordinate } from "../codec/serf-coordinate.ts";
import { encodeSerfMessage } from "../codec/serf-messages.ts";
import { encodeTags, type MemberTags } from "../codec/serf-tags.ts";
import { INTERNAL_PREFIX } from "../gossip/serf/internal-queries.ts";
import { Serf } from "../gossip/serf/serf.ts";
import { SERF_SETTINGS } from "../gossip/serf/settings.ts";
import type { SnapshotContents } from "../gossip/serf/snapshot-file.ts";
import type { KeyOperation } from "../gossip/serf/types.ts";
import type { Endpoint } from "../gossip/swim/endpoint.ts";
import { Swim } from "../gossip/swim/swim.ts";
import type { NodeName } from "../gossip/swim/types.ts";
import { TribuneError } from "../lib/errors.ts";
import { unreachable } from "../lib/invariant.ts";
import type { Logger } from "../lib/log.ts";
import type { Cancel } from "../lib/runtime.ts";
import { bindBoth, type Sockets } from "../net/tcp-and-udp.ts";
import { admission } from "./admission.ts";
import { type AllowList, allowList } from "./cidrs.ts";
import { Claimant } from "./claimant.ts";
import { CorePair, type SerfHostEffect, type SwimHostEffect } from "./core-pair.ts";
import { Exchanges } from "./exchanges.ts";
import { listErrors } from "./join-address.ts";
import { Joining } from "./joining.ts";
import { KeyringStore } from "./keyring-store.ts";
import { KeyringTally } from "./keyring-tally.ts";
import { recordEvent } from "./member-events.ts";
import type { SocketPoolDependencies, SocketPoolOptions } from "./options.ts";
import { advertisedEndpoint, checkAdvertised, checkedTags, unstartedMember, VERSIONS } from "./own-member.ts";
import { OwnQueries } from "./own-queries.ts";
import { Packets } from "./packets.ts";
import { poolStats } from "./pool-stats.ts";
import { sampleQueues } from "./queue-depth.ts";
import { singleLines } from "./single-lines.ts";
import { SnapshotWriter } from "./snapshot-writer.ts";
import { SwimLog } from "./swim-log.ts";
import type {
  GossipPool,
  KeyringOperation,
  KeyringOutcome,
  PoolEvent,
  PoolMember,
  QueryHandle,
  QueryOptions,
} from "./types.ts";

export type { SocketPoolDependencies, SocketPoolOptions } from "./options.ts";

/** What exists while the pool runs. */
interface Running {
  readonly sockets: Sockets;
  readonly swim: Swim;
  readonly serf: Serf;
  readonly cores: CorePair;
  readonly exchanges: Exchanges;
  readonly snapshot: SnapshotWriter | undefined;
  readonly stopSampling: Cancel;
}

export class SocketPool implements GossipPool {
  readonly #options: SocketPoolOptions;
  readonly #dependencies: SocketPoolDependencies;
  readonly #serfLogger: Logger;
  readonly #memberlistLogger: Logger;
  readonly #swimLog: SwimLog;
  readonly #keyring: KeyringStore;
  readonly #allowed: AllowList | undefined;
  readonly #packets: Packets;
  readonly #joining: Joining;
  readonly #queries = new OwnQueries();
  readonly #listeners = new Set<(event: PoolEvent) => void>();
  readonly #leaveWaiters: (() => void)[] = [];
  #tags: MemberTags;
  #remembered: readonly string[] = [];
  #running: Running | undefined;
  /** While it is being asked whether it is there. */
  #claimant: Claimant | undefined;
  #stopped = false;
  #stopping: Promise<void> | undefined;

  /** @throws TribuneError for tags that are too large, CIDR blocks that are none, a wildcard address to advertise */
  constructor(options: SocketPoolOptions, dependencies: SocketPoolDependencies) {
    const { logger, metrics, runtime } = dependencies;
    this.#options = options;
    this.#dependencies = dependencies;
    this.#serfLogger = singleLines(logger.named("serf").named(options.scope));
    this.#memberlistLogger = singleLines(logger.named("memberlist").named(options.scope));
    this.#swimLog = new SwimLog(this.#memberlistLogger, metrics);
    this.#keyring = new KeyringStore(options.keyring, runtime, this.#serfLogger);
    this.#allowed = allowList(options.allowedCidrs);
    this.#tags = checkedTags(options.tags);
    checkAdvertised(options);
    this.#joining = new Joining({
      name: options.name,
      rng: runtime.rng,
      serfLogger: this.#serfLogger,
      memberlistLogger: this.#memberlistLogger,
      resolveHost: dependencies.resolveHost,
      defaultPort: () => this.#running?.sockets.tcp.address.port ?? options.bind.port,
      start: (endpoint) => this.#running?.cores.feedSwim({ type: "join", endpoint }),
    });
    this.#packets = new Packets({
      logger: this.#memberlistLogger,
      metrics,
      security: () => ({ encryption: this.#keyring.encryption }),
      onPacket: (from, messages) => this.#running?.cores.feedSwim({ type: "packet", from, messages }),
    });
  }

  // ---- life ----

  async start(): Promise<void> {
    const { runtime } = this.#dependencies;
    const { snapshotPath, rejoinAfterLeave } = this.#options;
    await this.#keyring.load();
    const snapshot =
      snapshotPath === undefined
        ? undefined
        : new SnapshotWriter(snapshotPath, runtime, this.#serfLogger, this.#dependencies.metrics);
    const remembered = await snapshot?.open(rejoinAfterLeave);
    this.#remembered = [...(remembered?.alive ?? [])].flatMap(([name, address]) =>
      name === this.#options.name ? [] : [`${name}/${address}`],
    );
    const exchanges = this.#newExchanges();
    const sockets = await this.#bound(exchanges).catch(async (error: unknown) => {
      await snapshot?.close();
      throw error;
    });
    if (this.#stopped) {
      await Promise.all([sockets.tcp.close(), sockets.udp.close(), snapshot?.close()]);
      return;
    }
    this.#running = this.#newRunning(sockets, exchanges, snapshot, remembered);
    this.#running.cores.feedSwim({ type: "start" });
    if (remembered !== undefined && remembered.alive.size > 0) void this.#rejoin(remembered.alive);
  }

  /**
   * Announced like any join: our leave of the last life may still be on its way, and without a later word of ours who
   * hears it now would take us for leaving for ever.
   */
  async #rejoin(alive: ReadonlyMap<string, string>): Promise<void> {
    if (await this.#joining.rejoin(alive)) this.#running?.cores.feedSerf({ type: "joined" });
  }

  #bound(exchanges: Exchanges): Promise<Sockets> {
    return bindBoth(
      this.#dependencies.runtime.network,
      this.#options.bind,
      (stream) => exchanges.accept(stream),
      (packet, port, host) => this.#packets.received(packet, port, host),
    );
  }

  #newExchanges(): Exchanges {
    const { runtime, metrics } = this.#dependencies;
    return new Exchanges({
      network: runtime.network,
      timers: runtime.timers,
      clock: runtime.clock,
      logger: this.#memberlistLogger,
      metrics,
      security: () => ({ encryption: this.#keyring.encryption }),
      timeoutMs: this.#options.settings.streamTimeoutMs,
      onReply: (exchange, message) => this.#running?.cores.feedSwim({ type: "reply", exchange, message }),
      onFailed: (exchange, reason, refused) =>
        this.#running?.cores.feedSwim({ type: "exchangeFailed", exchange, reason, refused }),
      onRequest: (exchange, message) => {
        if (message.type === "ping") this.#claimant?.heardPing(message.seqNo);
        this.#running?.cores.feedSwim({ type: "request", exchange, message });
      },
    });
  }

  #newRunning(
    sockets: Sockets,
    exchanges: Exchanges,
    snapshot: SnapshotWriter | undefined,
    remembered: SnapshotContents | undefined,
  ): Running {
    const { settings, reconnectTimeoutMs, resolveNameConflicts = false } = this.#options;
    const { rng, clock, timers } = this.#dependencies.runtime;
    const name = this.#options.name as NodeName;
    const endpoint = advertisedEndpoint(this.#options, sockets.tcp.address.port);
    const serf = new Serf(
      {
        name,
        endpoint,
        tags: this.#tags,
        settings: {
          ...SERF_SETTINGS,
          gossipIntervalMs: settings.gossipIntervalMs,
          resolveNameConflicts,
          ...(reconnectTimeoutMs > 0 ? { reconnectTimeoutMs } : {}),
        },
        restored: remembered,
      },
      rng,
    );
    const delegate = {
      ackPayload: () => serf.ackPayload(),
      userState: () => serf.userState(),
      ...admission(this.#options.merge, this.#allowed),
    };
    const swim = new Swim(
      {
        name,
        endpoint,
        versions: VERSIONS,
        meta: encodeTags(this.#tags),
        settings,
        packetBudgetBytes: packetBudgetBytes({ encryption: this.#keyring.encryption }),
        incarnation: Math.max(1, remembered?.incarnation ?? 0),
        defaultPort: sockets.tcp.address.port,
      },
      { rng, delegate },
    );
    const host = {
      onSwim: (effect: SwimHostEffect) => this.#onSwim(effect),
      onSerf: (effect: SerfHostEffect) => this.#onSerf(effect),
      onGossiped: (tookMs: number) => this.#swimLog.gossiped(tookMs),
      onSettled: () => {
        snapshot?.sawClock(serf.clocks.clock - 1);
        snapshot?.usesIncarnation(swim.local.incarnation);
        this.#swimLog.health(swim.healthScore);
      },
    };
    const cores = new CorePair({ swim, serf }, host, { clock, timers });
    const stopSampling = sampleQueues(timers, this.#dependencies.metrics, {
      queued: () => swim.queued,
      members: () => swim.members(),
    });
    return { sockets, swim, serf, cores, exchanges, snapshot, stopSampling };
  }

  /** One that has stopped is gone already. */
  async leave(): Promise<void> {
    if (this.#stopped) return;
    const { cores, snapshot } = this.#mustRun();
    const left = new Promise<void>((resolve) => {
      this.#leaveWaiters.push(resolve);
    });
    cores.feedSerf({ type: "leave" });
    // Behind the time of the leave itself: the next life must say that it is there at a later one.
    await Promise.all([left, snapshot?.leave()]);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#stopped = true;
    const running = this.#running;
    if (running === undefined) return;
    const { sockets, cores, exchanges, snapshot, stopSampling } = running;
    cores.stop();
    stopSampling();
    exchanges.close();
    this.#claimant?.close();
    this.#joining.stop();
    this.#queries.endAll();
    for (const resolve of this.#leaveWaiters.splice(0)) resolve();
    await Promise.all([sockets.tcp.close(), sockets.udp.close(), snapshot?.close()]);
  }

  #mustRun(): Running {
    if (this.#running === undefined || this.#stopped) throw TribuneError.internal("the gossip pool is not running");
    return this.#running;
  }

  // ---- joining ----

  async join(addresses: readonly string[], options: { readonly ignoreOldEvents?: boolean } = {}): Promise<number> {
    const { cores } = this.#mustRun();
    if (options.ignoreOldEvents) cores.feedSerf({ type: "ignoreOldEvents", on: true });
    const { joined, errors } = await this.#joining.joinAll(addresses);
    if (options.ignoreOldEvents) cores.feedSerf({ type: "ignoreOldEvents", on: false });
    if (joined === 0 && errors.length > 0) throw new TribuneError("unavailable", listErrors(errors));
    if (joined > 0) cores.feedSerf({ type: "joined" });
    return joined;
  }

  remembered(): readonly string[] {
    return this.#remembered;
  }

  // ---- members ----

  members(): readonly PoolMember[] {
    return this.#running?.serf.members() ?? [];
  }

  member(name: string): PoolMember | undefined {
    return this.#running?.serf.member(name);
  }

  get local(): PoolMember {
    return this.member(this.#options.name) ?? unstartedMember(this.#options, this.#tags);
  }

  setTags(tags: MemberTags): void {
    this.#tags = checkedTags(tags);
    this.#running?.cores.feedSerf({ type: "setTags", tags: this.#tags });
  }

  forceLeave(name: string, prune: boolean): void {
    const { cores } = this.#mustRun();
    if (this.member(name) === undefined) {
      throw new TribuneError("notFound", `agent: No node found with name '${name}'`);
    }
    cores.feedSerf({ type: "forceLeave", name, prune });
  }

  // ---- events and queries ----

  userEvent(name: string, payload: Uint8Array, coalesce: boolean): void {
    const { serf, cores } = this.#mustRun();
    serf.checkUserEvent(name, payload);
    cores.feedSerf({ type: "userEvent", name, payload, coalesce });
  }

  query(name: string, options: QueryOptions): QueryHandle {
    const { serf, cores } = this.#mustRun();
    const request = this.#queries.request(name, options);
    serf.checkQuery(request);
    this.#queries.begin(request.token, options);
    cores.feedSerf({ type: "query", request });
    return { id: request.token, cancel: () => cores.feedSerf({ type: "cancelQuery", token: request.token }) };
  }

  /** What is wrong with a key, its size too, the members say. */
  async keyring(operation: KeyringOperation, key: string, relayFactor: number): Promise<KeyringOutcome> {
    const raw = operation === "list" ? new Uint8Array(0) : Buffer.from(key, "base64");
    const tally = new KeyringTally(this.#mustRun().serf.answering);
    await new Promise<void>((resolve) => {
      const handle = this.query(`${INTERNAL_PREFIX}${operation}-key${operation === "list" ? "s" : ""}`, {
        payload: encodeSerfMessage({ type: "keyRequest", key: raw }),
        relayFactor,
        onResponse: (from, payload) => {
          tally.add(from, payload);
          if (tally.isComplete) handle.cancel();
        },
        onDone: resolve,
      });
    });
    return tally.outcome();
  }

  get encrypted(): boolean {
    return this.#keyring.encryption !== undefined;
  }

  /** The last one, where the pool has stopped: an agent that fell silent still says what it knows. */
  coordinate(): Coordinate {
    if (this.#running === undefined) throw TribuneError.internal("the gossip pool is not running");
    return this.#running.serf.coordinate();
  }

  coordinateOf(name: string): Coordinate | undefined {
    return this.#running?.serf.coordinateOf(name);
  }

  subscribe(listener: (event: PoolEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #emit(event: PoolEvent): void {
    const snapshot = this.#running?.snapshot;
    if (snapshot !== undefined) recordEvent(snapshot, event);
    for (const listener of [...this.#listeners]) listener(event);
  }

  stats(): Readonly<Record<string, string>> {
    return poolStats(this.members(), this.encrypted, this.#running ?? {});
  }

  // ---- what the cores want ----

  #onSwim(effect: SwimHostEffect): void {
    if (this.#stopped || this.#running === undefined) return; // A listener stopped the pool in the middle of a step.
    const { sockets, exchanges } = this.#running;
    switch (effect.type) {
      case "sendPacket":
        return this.#packets.send(sockets.udp, effect.to, effect.parts, effect.crc);
      case "dial":
        return exchanges.dial(effect.exchange, effect.to, effect.message, effect.timeoutMs);
      case "respond":
        return exchanges.respond(effect.exchange, effect.message);
      case "joined":
        return this.#joining.settle(effect.endpoint, undefined);
      case "joinFailed":
        return this.#joining.settle(effect.endpoint, effect.reason);
      case "memberChanged":
        return this.#swimLog.changed(effect.before, effect.after);
      case "reachedByStreamOnly":
        return this.#swimLog.reachedByStreamOnly(effect.name);
      case "probed":
        return this.#swimLog.probed(effect.tookMs);
      case "mergeRefused":
        return exchanges.refusedMerge(effect.exchange, effect.reason);
      case "pingForOther":
        return this.#swimLog.pingForOther(effect.name, effect.from);
      case "dropped":
        return this.#swimLog.dropped(effect.reason);
      default:
        return unreachable(effect);
    }
  }

  #onSerf(effect: SerfHostEffect): void {
    const { metrics } = this.#dependencies;
    switch (effect.type) {
      case "member":
        return this.#emit({ type: effect.event, members: [effect.member] });
      case "userEvent":
        return this.#emit({
          type: "user",
          name: effect.name,
          payload: effect.payload,
          lamportTime: effect.lTime,
        });
      case "queryAsked": {
        const { answer, name, payload, lTime, from } = effect;
        const respond = (answerPayload: Uint8Array): void =>
          this.#running?.cores.feedSerf({ type: "respond", answer, payload: answerPayload });
        return this.#emit({ type: "query", name, payload, lamportTime: lTime, from, respond });
      }
      case "keyQuery":
        return this.#applyKey(effect.operation, effect.key, effect.answer);
      case "queryAck":
        return this.#queries.acknowledged(effect.token, effect.from);
      case "queryResponse":
        return this.#queries.answered(effect.token, effect.from, effect.payload);
      case "queryDone":
        return this.#queries.done(effect.token);
      case "nameLost":
        return this.#nameLost(effect.to);
      case "leaveDone":
        for (const resolve of this.#leaveWaiters.splice(0)) resolve();
        return;
      case "log":
        return this.#serfLogger[LOG_METHOD[effect.level]](effect.message);
      case "metric":
        return metrics[effect.kind](effect.name, effect.value);
      default:
        return unreachable(effect);
    }
  }

  /** The votes were for what the others heard last: our own address of before, where our host has moved. */
  #nameLost(to: Endpoint): void {
    if (this.#claimant !== undefined) return;
    const { clock, timers, network, rng } = this.#dependencies.runtime;
    this.#claimant = new Claimant({
      ...{ network, timers, clock, rng, logger: this.#memberlistLogger, metrics: this.#dependencies.metrics },
      security: () => ({ encryption: this.#keyring.encryption }),
      timeoutMs: this.#options.settings.streamTimeoutMs,
    });
    void this.#claimant.answers(this.#options.name, to).then((answers) => {
      this.#claimant?.close();
      this.#claimant = undefined;
      if (answers) this.#fallSilent();
      else this.#serfLogger.warn(`nobody else answers by this agent's name at ${to}: going on`);
    });
  }

  #fallSilent(): void {
    this.#serfLogger.error("this agent is out of the pool: give it a name of its own (node_name), and start it again");
    // Its other duties go on: a snapshot file that cannot be closed must not end the agent.
    this.stop().catch((error: Error) => {
      this.#serfLogger.error("the pool could not be closed", { error: error.message });
    });
  }

  #applyKey(
    operation: KeyOperation,
    key: Uint8Array,
    answer: Extract<SerfHostEffect, { readonly type: "keyQuery" }>["answer"],
  ): void {
    void this.#keyring.apply(operation, key).then((outcome) => {
      this.#running?.cores.feedSerf({ type: "keyAnswer", answer, outcome });
    });
  }
}

const LOG_METHOD = { TRACE: "trace", DEBUG: "debug", INFO: "info", WARN: "warn", ERROR: "error" } as const;
