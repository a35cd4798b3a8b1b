import type { Stream } from "../../lib/runtime.ts";
import type { Configuration, ExchangeId, RaftEffect, SnapshotMeta, WriteId } from "../../raft/types.ts";
import type { HostLog, HostPeers } from "../raft-host.ts";
import type { StateMachine } from "../state-machine-port.ts";
import type { DurableLog, SnapshotKeeper, StoredSnapshot } from "../storage-port.ts";
import { Outbox } from "./outbox.ts";
import type { RaftTransport } from "./raft-transport.ts";
import type { SnapshotIntake } from "./snapshot-intake.ts";

type Effect<T extends RaftEffect["type"]> = Extract<RaftEffect, { type: T }>;

export interface RaftPeersDependencies {
  readonly transport: RaftTransport;
  readonly intake: SnapshotIntake;
  readonly log: DurableLog;
  readonly stateMachine: StateMachine;
  /** The state is that of a leader's snapshot now, as of `index`. */
  readonly onInstalled: (index: number, wentBack: boolean) => void;
}

/** What the Raft core asks for that has to do with other servers: messages, and snapshots that come from a leader. */
export class RaftPeers implements HostPeers {
  readonly #d: RaftPeersDependencies;
  readonly #outbox: Outbox;
  /** Settles with the newest write; an installation is one of them. */
  #lastWrite: Promise<unknown> = Promise.resolve();
  #installing: Promise<unknown> | undefined;

  constructor(dependencies: RaftPeersDependencies) {
    this.#d = dependencies;
    this.#outbox = new Outbox((to, exchange, message) => dependencies.transport.send(to, exchange, message));
  }

  /** The log with its writes in the core's order: those behind an installation wait for it. */
  get log(): HostLog {
    const { log } = this.#d;
    return {
      append: (entries, hardState, truncateFrom) => {
        const append = (): Promise<void> =>
          log.append({
            entries,
            ...(hardState === undefined ? {} : { hardState }),
            ...(truncateFrom === undefined ? {} : { truncateFrom }),
          });
        const written = this.#installing === undefined ? append() : this.#installing.then(append);
        this.#lastWrite = written;
        return written;
      },
      read: (from, to, maxBytes) => log.read(from, to + 1, maxBytes),
    };
  }

  accept(stream: Stream): void {
    this.#d.transport.accept(stream);
  }

  send(effect: Effect<"send">): void {
    this.#outbox.post(effect);
  }

  durable(write: WriteId): void {
    this.#outbox.durable(write);
  }

  receiveSnapshot({ exchange, snapshot }: Effect<"receiveSnapshot">): void {
    this.#d.transport.receiveSnapshot(exchange, this.#d.intake.begin(exchange, snapshot));
  }

  discardSnapshot(exchange: ExchangeId): void {
    this.#d.intake.discard(exchange);
  }

  /**
   * With everything before it applied: the snapshot becomes the newest, the log is emptied, the state machine restored.
   * A crash in between leaves a log older than the snapshot, which the next start throws away.
   */
  install({ exchange, snapshot, keepLog }: Effect<"installSnapshot">): Promise<void> {
    const { intake, log, stateMachine, onInstalled } = this.#d;
    const install = async (): Promise<void> => {
      const stored: StoredSnapshot = await intake.commit(exchange);
      const prepared = await stateMachine.prepareRestore(stored.read());
      if (!keepLog) await log.reset(snapshot.index, snapshot.term);
      const wentBack = prepared.commit(snapshot.index);
      onInstalled(snapshot.index, wentBack);
    };
    const installing = this.#lastWrite.then(install);
    this.#installing = installing;
    this.#lastWrite = installing;
    return installing.finally(() => {
      if (this.#installing === installing) this.#installing = undefined;
    });
  }

  followConfiguration({ servers }: Configuration): void {
    this.#d.transport.retain(new Set(servers.map(({ id }) => id)));
  }

  close(): void {
    this.#d.transport.close();
  }
}

/** The stored snapshot that the core means, while it is still the newest. */
export function sameSnapshot(keeper: SnapshotKeeper, { index, term }: SnapshotMeta): StoredSnapshot | undefined {
  const newest = keeper.newest();
  return newest?.meta.index === index && newest.meta.term === term ? newest : undefined;
}
