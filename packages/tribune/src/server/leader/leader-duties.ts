import {
  type AutopilotConfig,
  AutopilotSetConfigRequest,
  type ConfigEntry,
  ConfigEntryRequest,
  type Coordinate,
  type LaterPart,
  laterPart,
  make,
  RegisterRequest,
  type Schema,
  Session,
  SessionRequest,
  TombstoneRequest,
} from "@tribune/api";
import { parseGoDuration } from "../../lib/duration.ts";
import type { Logger } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { Cancel, Runtime } from "../../lib/runtime.ts";
import type { PoolEvent } from "../../pool/types.ts";
import { autopilotConfig } from "../../state/autopilot.ts";
import { CoordinateBatch } from "../../state/catalog/snapshot.ts";
import { configEntryGet } from "../../state/config-entry.ts";
import { TOMBSTONES } from "../../state/kv.ts";
import type { Database } from "../../state/memdb/types.ts";
import { sessionList } from "../../state/session.ts";
import type { ServerIdentity } from "../identity.ts";
import type { PeersPort } from "../peers-port.ts";
import type { Autopilot } from "./autopilot.ts";
import { bootstrapRequest } from "./bootstrap-entries.ts";
import { Expiring } from "./expiring.ts";
import { MemberDuties, type MemberDutiesDependencies } from "./member-duties.ts";
import { prepareMesh } from "./mesh-duties.ts";
import { serverRegistration } from "./self-registration.ts";

/** Deleted keys are remembered this long, so that a list's index does not go back (Consul: 15 minutes). */
const TOMBSTONE_TTL_MS = 15 * 60_000;
const TOMBSTONE_GRANULARITY_MS = 30_000;
/** A session lives for its TTL and as much again: a holder that is late to renew is not punished at once. */
const SESSION_TTL_FACTOR = 2;
/** An expired session that could not be destroyed is tried again after this. */
const RETRY_MS = 1000;

/** First byte of the log entries that duties make (`wire/raft.md` §5). */
const TYPE = { register: 0, session: 3, tombstone: 5, autopilot: 9, configEntry: 22, coordinates: 6 + 128 } as const;
/** Consul's `coordinate_update_period` and batch limits. 128 in the type: a server may ignore what it does not know. */
const COORDINATE_PERIOD_MS = 5000;
const COORDINATES_BATCH = 128;
const COORDINATES_QUEUED_MAX = 5 * COORDINATES_BATCH;

export interface LeaderDutiesDependencies {
  readonly identity: ServerIdentity;
  /** Written where the datacenter has no rules yet. */
  readonly autopilotDefaults: AutopilotConfig;
  readonly autopilot: Autopilot;
  readonly peers: PeersPort | undefined;
  readonly metrics: Metrics;
  /** Config entries that a new leader writes where there are none (`config_entries.bootstrap`). */
  readonly bootstrapEntries: readonly ConfigEntry[];
  readonly db: Database;
  readonly runtime: Pick<Runtime, "clock" | "timers" | "rng">;
  /** Whether the mesh is switched on (`connect.enabled`). */
  readonly connectEnabled: boolean;
  readonly logger: Logger;
  readonly appliedIndex: () => number;
  /** See `LeaderApi`. */
  readonly requireKeepers: (part: LaterPart) => void;
  readonly whyNotPeer: MemberDutiesDependencies["whyNotPeer"];
  readonly propose: <T>(type: number, schema: Schema<T>, request: T) => Promise<unknown>;
}

/** What only the leader does: keep members and servers in order, end sessions, forget tombstones. */
export class LeaderDuties {
  readonly #d: LeaderDutiesDependencies;
  readonly #sessions: Expiring;
  #tombstoneMarks: { readonly atMs: number; readonly index: number }[] = [];
  #cancelTombstones: Cancel = () => {};
  readonly #coordinates = new Map<string, Coordinate>();
  #coordinateTimer: Cancel | undefined;
  readonly #members: MemberDuties | undefined;
  #leading = false;

  constructor(dependencies: LeaderDutiesDependencies) {
    this.#d = dependencies;
    this.#sessions = new Expiring(dependencies.runtime, (id) => this.#expire(id));
    const { peers, identity } = dependencies;
    if (peers !== undefined)
      this.#members = new MemberDuties({
        ...dependencies,
        self: { name: identity.name, datacenter: identity.datacenter },
        members: () => peers.members(),
      });
  }

  /** Followers hear of members too, and leave it to the leader. */
  memberEvent(event: PoolEvent): void {
    this.#members?.event(event);
  }

  /** Takes up the duties of a new leader. Resolves when the datacenter looks as it should. */
  async begin(): Promise<void> {
    this.#leading = true;
    const { db, identity, autopilotDefaults, autopilot, peers, propose } = this.#d;
    for (const session of db.peek((tx) => sessionList(tx).sessions))
      if (session.TTL !== "") this.resetSession(session.ID, session.TTL);
    this.#armTombstones();
    const started: Promise<unknown>[] = [this.#register()];
    if (db.peek((tx) => autopilotConfig(tx).config) === undefined) {
      const request = make(AutopilotSetConfigRequest, { Datacenter: identity.datacenter, Config: autopilotDefaults });
      started.push(propose(TYPE.autopilot, AutopilotSetConfigRequest, request));
    }
    if (this.#d.connectEnabled) {
      const { datacenter } = identity;
      started.push(...prepareMesh({ db, rng: this.#d.runtime.rng, datacenter, propose }));
    }
    for (const entry of this.#d.bootstrapEntries) {
      if (db.peek((tx) => configEntryGet(tx, entry.Kind, entry.Name)).entry !== undefined) continue;
      const part = laterPart(entry);
      if (part !== undefined && !this.#hasKeepers(part)) continue;
      started.push(propose(TYPE.configEntry, ConfigEntryRequest, bootstrapRequest(identity.datacenter, entry)));
    }
    await Promise.all(started);
    if (!this.#leading) return;
    peers?.announceLeader();
    autopilot.begin();
    this.#members?.begin();
  }

  #hasKeepers(part: LaterPart): boolean {
    try {
      this.#d.requireKeepers(part);
      return true;
    } catch (error) {
      this.#d.logger.error("failed to apply a configured config entry", { error });
      return false;
    }
  }

  /**
   * The catalog may refuse us, who are in the datacenter none the less: after a restored backup our name may be that of
   * the machine before us. All else goes on, as in Consul; whoever removes that node ends it.
   */
  async #register(): Promise<void> {
    try {
      await this.#d.propose(TYPE.register, RegisterRequest, serverRegistration(this.#d.identity));
    } catch (error) {
      this.#d.logger.error("failed to register this server", { error });
    }
  }

  end(): void {
    this.#leading = false;
    this.#d.autopilot.end();
    this.#members?.end();
    this.#sessions.clearAll();
    this.#cancelTombstones();
    this.#coordinateTimer?.();
    this.#coordinateTimer = undefined;
    this.#tombstoneMarks = [];
  }

  /** @param ttl as the session has it, such as `"15s"`. */
  resetSession(id: string, ttl: string): void {
    const ttlNs = parseGoDuration(ttl) ?? 0;
    if (ttlNs > 0 && this.#leading) this.#sessions.set(id, (ttlNs / 1e6) * SESSION_TTL_FACTOR);
  }

  clearSession(id: string): void {
    this.#sessions.clear(id);
  }

  /** Coordinates change all the time and matter little: they are written together, the latest of each node. */
  queueCoordinate(coordinate: Coordinate): void {
    if (this.#coordinates.size >= COORDINATES_QUEUED_MAX) return; // the next update of that node will do
    this.#coordinates.set(`${coordinate.Node}\0${coordinate.Segment}`, coordinate);
    this.#coordinateTimer ??= this.#d.runtime.timers.after(COORDINATE_PERIOD_MS, () => this.#writeCoordinates());
  }

  #writeCoordinates(): void {
    this.#coordinateTimer = undefined;
    const batch = [...this.#coordinates.values()];
    this.#coordinates.clear();
    if (!this.#leading || batch.length === 0) return;
    for (let from = 0; from < batch.length; from += COORDINATES_BATCH)
      this.#d
        .propose(TYPE.coordinates, CoordinateBatch, batch.slice(from, from + COORDINATES_BATCH))
        .catch((error: unknown) => this.#d.logger.warn("Coordinate update failed", { error }));
  }

  get sessionTimers(): number {
    return this.#sessions.size;
  }

  #expire(id: string): void {
    const request = make(SessionRequest, {
      Datacenter: this.#d.identity.datacenter,
      Op: "destroy",
      Session: make(Session, { ID: id }),
    });
    this.#d.logger.debug("Session TTL expired", { session: id });
    this.#timed("session_ttl.invalidate", this.#d.propose(TYPE.session, SessionRequest, request)).catch(
      (error: unknown) => {
        if (!this.#leading) return; // the next leader has a timer of its own
        this.#d.logger.error("Failed to destroy an expired session; trying again", {
          session: id,
          error,
        });
        this.#sessions.set(id, RETRY_MS);
      },
    );
  }

  async #timed<T>(name: string, work: Promise<T>): Promise<T> {
    const { clock } = this.#d.runtime;
    const startedMs = clock.nowMs();
    try {
      return await work;
    } finally {
      this.#d.metrics.sample(name, clock.nowMs() - startedMs);
    }
  }

  #armTombstones(): void {
    const { runtime, db, appliedIndex, propose, identity, logger } = this.#d;
    this.#cancelTombstones = runtime.timers.after(TOMBSTONE_GRANULARITY_MS, () => {
      this.#armTombstones();
      const nowMs = runtime.clock.nowMs();
      if (db.peek((tx) => !isEmpty(tx.peekScan(TOMBSTONES, ""))))
        this.#tombstoneMarks.push({ atMs: nowMs, index: appliedIndex() });
      let reapIndex = 0;
      while (this.#tombstoneMarks[0] !== undefined && this.#tombstoneMarks[0].atMs + TOMBSTONE_TTL_MS <= nowMs)
        reapIndex = this.#tombstoneMarks.shift()!.index;
      if (reapIndex === 0) return;
      const request = make(TombstoneRequest, { Datacenter: identity.datacenter, Op: "reap", ReapIndex: reapIndex });
      this.#timed("leader.reapTombstones", propose(TYPE.tombstone, TombstoneRequest, request)).catch((error: unknown) =>
        logger.error("Failed to reap tombstones; they are kept until the next time", { error }),
      );
    });
  }
}

function isEmpty(rows: Iterable<unknown>): boolean {
  for (const _ of rows) return false;
  return true;
}
