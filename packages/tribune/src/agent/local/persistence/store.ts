import type { Logger } from "../../../lib/log.ts";
import type { Disk } from "../../../lib/runtime.ts";
import { readConsulLayout } from "./consul-layout.ts";
import { type Durability, Journal, type JournalDeps } from "./journal.ts";
import {
  type Change,
  decodeChanges,
  encodeChanges,
  type PersistedCheck,
  type PersistedCheckState,
  type PersistedService,
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
  hasService(id: string): boolean;
  close(): Promise<void>;
}

/** Dev mode: nothing is kept. */
export const noStore: RegistrationStore = {
  load: () => Promise.resolve({ services: new Map(), checks: new Map(), checkStates: new Map() }),
  write: () => Promise.resolve(),
  hasCheck: () => false,
  hasService: () => false,
  close: () => Promise.resolve(),
};

/**
 * Registrations in a journal under `DATA_DIR/agent`. On its first start in a data directory that a Consul
 * agent has used it takes over what it finds there; Consul's own files are left as they are.
 */
export class JournalStore implements RegistrationStore, Persisted {
  readonly services = new Map<string, PersistedService>();
  readonly checks = new Map<string, PersistedCheck>();
  readonly checkStates = new Map<string, PersistedCheckState>();
  private readonly journal: Journal;
  private readonly dataDir: string;
  private readonly disk: Disk;
  private readonly logger: Logger;

  constructor(options: { readonly dataDir: string }, deps: JournalDeps) {
    this.dataDir = options.dataDir;
    this.disk = deps.disk;
    this.logger = deps.logger;
    this.journal = new Journal({ dir: `${options.dataDir}/agent`, liveRecords: () => this.liveRecords() }, deps);
  }

  async load(): Promise<Persisted> {
    const known = await this.journal.open((payload) => {
      for (const change of decodeChanges(payload)) this.apply(change);
    });
    if (!known) {
      const found = await readConsulLayout(this.dataDir, { disk: this.disk, logger: this.logger });
      if (found.length > 0) {
        this.logger.info("took over services and checks from a Consul data directory", { records: found.length });
        await this.write(found, "durable");
      }
    }
    return this;
  }

  write(changes: readonly Change[], durability: Durability): Promise<void> {
    for (const change of changes) this.apply(change);
    return this.journal.append(encodeChanges(changes), durability);
  }

  hasService(id: string): boolean {
    return this.services.has(id);
  }

  hasCheck(id: string): boolean {
    return this.checks.has(id) || this.checkStates.has(id);
  }

  close(): Promise<void> {
    return this.journal.close();
  }

  private apply(change: Change): void {
    switch (change.kind) {
      case "service":
        this.services.set(change.value.Service.ID, change.value);
        break;
      case "check":
        this.checks.set(change.value.Check.CheckID, change.value);
        break;
      case "checkState":
        this.checkStates.set(change.value.CheckID, change.value);
        break;
      case "serviceGone":
        this.services.delete(change.id);
        break;
      case "checkGone":
        this.checks.delete(change.id);
        this.checkStates.delete(change.id);
        break;
    }
  }

  private *liveRecords(): Iterable<Uint8Array> {
    for (const value of this.services.values()) yield encodeChanges([{ kind: "service", value }]);
    for (const value of this.checks.values()) yield encodeChanges([{ kind: "check", value }]);
    for (const value of this.checkStates.values()) yield encodeChanges([{ kind: "checkState", value }]);
  }
}
