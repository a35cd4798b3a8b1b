import type { Logger } from "../../../lib/log.ts";
import type { Disk } from "../../../lib/runtime.ts";
import { ConsulLayout, type Found } from "./consul-layout.ts";
import { type Durability, Journal, type JournalDeps } from "./journal.ts";
import {
  type Change,
  decodeChanges,
  encodeChanges,
  type PersistedCheck,
  type PersistedCheckState,
  type PersistedService,
  type Registration,
} from "./records.ts";

/** What an earlier run of this agent left behind, by ID. */
export interface Persisted {
  readonly services: ReadonlyMap<string, PersistedService>;
  readonly checks: ReadonlyMap<string, PersistedCheck>;
  readonly checkStates: ReadonlyMap<string, PersistedCheckState>;
}

/** Keeps registrations over restarts. */
export interface RegistrationStore {
  /** Called once, before anything else. */
  load(): Promise<Persisted>;
  /** All changes of one call are kept or lost together. Resolves when they are as safe as asked for. */
  write(changes: readonly Change[], durability: Durability): Promise<void>;
  /** Whether dropping this check has anything to drop. */
  hasCheck(id: string): boolean;
  /** Whether it holds more of this check than its last state. */
  hasCheckDefinition(id: string): boolean;
  hasService(id: string): boolean;
  /** What drops all that it holds of a service that is registered no more, because the disk refused to drop it before. */
  dropOf(serviceId: string): readonly Change[];
  close(): Promise<void>;
}

/** Dev mode: nothing is kept. */
export const noStore: RegistrationStore = {
  load: () => Promise.resolve({ services: new Map(), checks: new Map(), checkStates: new Map() }),
  write: () => Promise.resolve(),
  hasCheck: () => false,
  hasCheckDefinition: () => false,
  hasService: () => false,
  dropOf: () => [],
  close: () => Promise.resolve(),
};

/** Holds the digest of Consul's files as our last clean stop has left them. */
const LEFT_FILE = "left-to-consul";

/**
 * Registrations in a journal under `DATA_DIR/agent`. On its first start in a data directory that a Consul agent has used
 * it takes over what it finds there. A clean stop brings Consul's files up to date, so that a Consul can go on; if they
 * are others at the next start, one has, and what it has left is taken over again. After a crash the journal counts.
 */
export class JournalStore implements RegistrationStore, Persisted {
  readonly services = new Map<string, PersistedService>();
  readonly checks = new Map<string, PersistedCheck>();
  readonly checkStates = new Map<string, PersistedCheckState>();
  private readonly journal: Journal;
  private readonly layout: ConsulLayout;
  private readonly dir: string;
  private readonly leftPath: string;
  private readonly disk: Disk;
  private readonly logger: Logger;
  private loaded = false;
  /** What writes that are not settled yet have replaced, in their order. */
  private readonly unsettled = new Set<Replaced>();

  constructor(options: { readonly dataDir: string }, deps: JournalDeps) {
    this.layout = new ConsulLayout(options.dataDir, deps);
    this.dir = `${options.dataDir}/agent`;
    this.leftPath = `${this.dir}/${LEFT_FILE}`;
    this.disk = deps.disk;
    this.logger = deps.logger;
    this.journal = new Journal({ dir: this.dir, liveRecords: () => this.liveRecords() }, deps);
  }

  async load(): Promise<Persisted> {
    const known = await this.journal.open((payload) => {
      for (const change of decodeChanges(payload)) this.apply(change);
    });
    if (!known || (await this.consulWasHere())) await this.takeOver();
    await this.disk.remove(this.leftPath);
    // Were it there again after a power failure, what is registered from now on would be given up for Consul's files.
    await this.disk.syncDir(this.dir);
    this.loaded = true;
    return this;
  }

  /** Whether Consul's files are others than those we have left. */
  private async consulWasHere(): Promise<boolean> {
    const left = await this.disk.readFile(this.leftPath);
    if (left === undefined) return false;
    return (await this.layout.digest()) !== Buffer.from(left).toString();
  }

  /** Consul's files are all that counts from now on, but for those that cannot be read. */
  private async takeOver(): Promise<void> {
    const found = await this.layout.read();
    const gone = this.gone(found);
    const records = found.changes.length;
    if (records === 0 && gone.length === 0) return;
    this.logger.info("took over services and checks from a Consul data directory", { records });
    await this.write([...gone, ...found.changes], "durable");
  }

  /** What no file is about. A damaged one says nothing, not even that its service is gone. */
  private gone({ changes, isUnreadable }: Found): Change[] {
    const services = new Set<string>();
    const checks = new Set<string>();
    for (const change of changes) {
      if (change.kind === "service") services.add(change.value.Service.ID);
      else if (change.kind === "check") checks.add(change.value.Check.CheckID);
    }
    const gone: Change[] = [];
    for (const id of this.services.keys())
      if (!services.has(id) && !isUnreadable("service", id)) gone.push({ kind: "serviceGone", id });
    for (const id of new Set([...this.checks.keys(), ...this.checkStates.keys()]))
      if (!checks.has(id) && !isUnreadable("check", id)) gone.push({ kind: "checkGone", id });
    return gone;
  }

  async write(changes: readonly Change[], durability: Durability): Promise<void> {
    const replaced = changes.flatMap((change) => this.apply(change));
    for (const one of replaced) this.unsettled.add(one);
    try {
      await this.journal.append(encodeChanges(changes), durability);
    } catch (error) {
      // The next file begins with a snapshot of what counts, and what was refused does not.
      for (const one of replaced) this.takeBack(one);
      throw error;
    } finally {
      for (const one of replaced) this.unsettled.delete(one);
    }
  }

  private takeBack(one: Replaced): void {
    let isLater = false;
    for (const other of this.unsettled) {
      if (isLater && other.map === one.map && other.id === one.id) {
        // Should that write fail as well, this is what it goes back to.
        other.before = one.before;
        return;
      }
      isLater ||= other === one;
    }
    put(one.map, one.id, one.before);
  }

  hasService(id: string): boolean {
    return this.mayHold(this.services, id);
  }

  hasCheck(id: string): boolean {
    return this.mayHold(this.checks, id) || this.mayHold(this.checkStates, id);
  }

  dropOf(serviceId: string): readonly Change[] {
    const checkIds = new Set<string>();
    const note = ({ Check }: PersistedCheck): void => {
      if (Check.ServiceID === serviceId) checkIds.add(Check.CheckID);
    };
    for (const check of this.checks.values()) note(check);
    for (const { map, before } of this.unsettled)
      if (map === this.checks && before !== undefined) note(before as PersistedCheck);
    const gone: readonly Change[] = this.hasService(serviceId) ? [{ kind: "serviceGone", id: serviceId }] : [];
    return [...gone, ...[...checkIds].map((id) => ({ kind: "checkGone", id }) as const)];
  }

  /** Holds it, or would again: while a removal is not settled, a second one must not be taken for done. */
  private mayHold(map: Map<string, unknown>, id: string): boolean {
    if (map.has(id)) return true;
    for (const one of this.unsettled) if (one.map === map && one.id === id) return true;
    return false;
  }

  hasCheckDefinition(id: string): boolean {
    return this.checks.has(id);
  }

  async close(): Promise<void> {
    await this.journal.close();
    if (!this.loaded) return;
    try {
      const digest = await this.layout.write(this.registrations());
      await this.disk.writeFileAtomic(this.leftPath, Buffer.from(digest));
    } catch (error) {
      this.logger.warn("cannot leave services and checks for a Consul agent", { error });
    }
  }

  /** @returns what the maps held before */
  private apply(change: Change): Replaced[] {
    switch (change.kind) {
      case "service":
        return [replace(this.services, change.value.Service.ID, change.value)];
      case "check":
        return [replace(this.checks, change.value.Check.CheckID, change.value)];
      case "checkState":
        return [replace(this.checkStates, change.value.CheckID, change.value)];
      case "serviceGone":
        return [replace(this.services, change.id, undefined)];
      case "checkGone":
        return [replace(this.checks, change.id, undefined), replace(this.checkStates, change.id, undefined)];
    }
  }

  private *registrations(): Iterable<Registration> {
    for (const value of this.services.values()) yield { kind: "service", value };
    for (const value of this.checks.values()) yield { kind: "check", value };
    for (const value of this.checkStates.values()) yield { kind: "checkState", value };
  }

  private *liveRecords(): Iterable<Uint8Array> {
    for (const registration of this.registrations()) yield encodeChanges([registration]);
  }
}

interface Replaced {
  readonly map: Map<string, unknown>;
  readonly id: string;
  before: unknown;
}

function replace<T>(map: Map<string, T>, id: string, value: T | undefined): Replaced {
  const before = map.get(id);
  put(map, id, value);
  return { map, id, before };
}

function put(map: Map<string, unknown>, id: string, value: unknown): void {
  if (value === undefined) map.delete(id);
  else map.set(id, value);
}
