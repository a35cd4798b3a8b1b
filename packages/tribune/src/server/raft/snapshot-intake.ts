import type { Logger } from "../../lib/log.ts";
import type { ExchangeId, RaftInput, SnapshotMeta } from "../../raft/types.ts";
import type { SnapshotKeeper, SnapshotSink, StoredSnapshot } from "../storage-port.ts";
import type { StateSink } from "./inbound.ts";

/** State bytes that wait for the disk; above it the leader's connection is not read. */
export const INTAKE_BYTES_MAX = 4 * 1_024 * 1_024;

/** A snapshot on its way from the leader to our disk. */
interface Intake {
  readonly sink: SnapshotSink;
  state: "receiving" | "received" | "over";
}

/** Snapshots that a leader sends: into a temporary place as the bytes arrive, among our own once the core says so. */
export class SnapshotIntake {
  readonly #keeper: SnapshotKeeper;
  readonly #feed: (input: RaftInput) => void;
  readonly #logger: Logger;
  readonly #intakes = new Map<ExchangeId, Intake>();

  constructor(keeper: SnapshotKeeper, feed: (input: RaftInput) => void, logger: Logger) {
    this.#keeper = keeper;
    this.#feed = feed;
    this.#logger = logger;
  }

  /** For the effect `receiveSnapshot`. Ends in `snapshotReceived` or `snapshotFailed`, unless it is discarded before. */
  begin(exchange: ExchangeId, meta: SnapshotMeta): StateSink {
    const intake: Intake = { sink: this.#keeper.create(meta), state: "receiving" };
    this.#intakes.set(exchange, intake);
    const over = (cause: string): void => {
      if (intake.state === "over") return;
      this.#logger.error("failed to receive a snapshot from the leader; it will be sent again", { error: cause });
      this.#drop(exchange);
      this.#feed({ type: "snapshotFailed", exchange });
    };
    let queue: Promise<void> = Promise.resolve();
    let queuedBytes = 0;
    const stateSink: StateSink = {
      onDrain: () => {},
      write: (chunk) => {
        if (intake.state !== "receiving") return true;
        queuedBytes += chunk.length;
        queue = queue.then(async () => {
          if (intake.state !== "receiving") return;
          await intake.sink.write(chunk);
          const wasFull = queuedBytes >= INTAKE_BYTES_MAX;
          queuedBytes -= chunk.length;
          if (intake.state !== "receiving") return;
          this.#feed({ type: "snapshotChunk", exchange });
          if (wasFull && queuedBytes < INTAKE_BYTES_MAX) stateSink.onDrain();
        });
        queue.catch((error: unknown) => over(text(error)));
        return queuedBytes < INTAKE_BYTES_MAX;
      },
      end: () => {
        queue = queue.then(() => {
          if (intake.state !== "receiving") return;
          intake.state = "received";
          this.#feed({ type: "snapshotReceived", exchange });
        });
        queue.catch((error: unknown) => over(text(error)));
      },
      fail: over,
    };
    return stateSink;
  }

  /** Makes a received snapshot the newest. A rejection means that nobody knows what the disk holds. */
  async commit(exchange: ExchangeId): Promise<StoredSnapshot> {
    const intake = this.#intakes.get(exchange);
    if (intake === undefined || intake.state !== "received") throw new Error("no such snapshot was received");
    intake.state = "over";
    this.#intakes.delete(exchange);
    return intake.sink.commit();
  }

  discard(exchange: ExchangeId): void {
    this.#drop(exchange);
  }

  #drop(exchange: ExchangeId): void {
    const intake = this.#intakes.get(exchange);
    this.#intakes.delete(exchange);
    if (intake === undefined || intake.state === "over") return;
    intake.state = "over";
    // What could not be removed goes at the next start, like everything with that ending.
    intake.sink.abort().catch((error: unknown) => {
      this.#logger.warn("could not remove an unwanted snapshot", { error: text(error) });
    });
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
