import { MsgpackError } from "../../codec/msgpack.ts";
import { encodeRaftRequest } from "../../codec/raft-message-encode.ts";
import type { RaftHeader } from "../../codec/raft-messages.ts";
import { RaftReplyReader } from "../../codec/raft-stream.ts";
import type { Cancel, Runtime, Stream } from "../../lib/runtime.ts";
import type { RaftRequest } from "../../raft/types.ts";
import type { StoredSnapshot } from "../storage-port.ts";
import type { LaneOutcome } from "./lane.ts";
import { toWireRequest } from "./wire.ts";

/** hashicorp scales the time for a snapshot by its size: one I/O timeout for each of these. */
const TIMEOUT_SCALE_BYTES = 256 * 1_024;

export interface SnapshotSending {
  readonly snapshot: StoredSnapshot;
  readonly message: Extract<RaftRequest, { type: "installSnapshot" }>;
  readonly header: RaftHeader;
  readonly dial: () => Promise<Stream>;
  readonly runtime: Pick<Runtime, "timers">;
  readonly ioTimeoutMs: number;
  /** Runs once, and not before `sendSnapshot` has returned. */
  readonly done: (outcome: LaneOutcome) => void;
}

/**
 * Sends one snapshot over a connection of its own, which is closed afterwards (sheet raft §2): a follower that takes
 * minutes for it must not hold up anything else. @returns cancel
 */
export function sendSnapshot(sending: SnapshotSending): Cancel {
  const { snapshot, message, header, runtime, ioTimeoutMs, done } = sending;
  let stream: Stream | undefined;
  let over = false;
  let wake = (): void => {};
  const finish = (outcome: LaneOutcome): void => {
    if (over) return;
    over = true;
    cancelTimer();
    stream?.destroy();
    wake();
    done(outcome);
  };
  const fail = (error: unknown): void =>
    finish({ failed: "error", cause: error instanceof Error ? error.message : String(error) });
  const timeoutMs = ioTimeoutMs * Math.max(1, snapshot.bytes / TIMEOUT_SCALE_BYTES);
  const cancelTimer = runtime.timers.after(timeoutMs, () => fail(`not received within ${timeoutMs} ms`));

  const pour = async (): Promise<void> => {
    stream = await sending.dial();
    if (over) return stream.destroy();
    const reader = new RaftReplyReader();
    stream.onData = (chunk) => {
      try {
        reader.push(chunk);
        const answer = reader.next("installSnapshot");
        if (answer !== undefined) finish(answer);
      } catch (error) {
        if (!(error instanceof MsgpackError)) throw error;
        fail(error);
      }
    };
    stream.onDrain = () => wake();
    stream.onEnd = () => fail("the peer closed the connection");
    stream.onClose = (error) => fail(error ?? "the connection was closed");
    stream.write(encodeRaftRequest(toWireRequest(message, header, snapshot.bytes)));
    for await (const chunk of snapshot.read()) {
      if (over) return;
      if (!stream.write(chunk)) await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  pour().catch(fail);
  return () => fail("the transport is closed");
}
