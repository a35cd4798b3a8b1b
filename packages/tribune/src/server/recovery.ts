/** What a server that starts makes of its disk: the state of the newest snapshot, and a Raft core that knows the log. */
import { RaftCore } from "../raft/raft-core.ts";
import { DEFAULT_RAFT_CONFIG, type ServerId } from "../raft/types.ts";
import { resumeHistory } from "./history-file.ts";
import { raftConfigurationCodec } from "./raft-codec.ts";
import { scanLog } from "./raft-storage.ts";
import type { ServerDependencies, ServerOptions } from "./server-options.ts";
import type { StoredSnapshot } from "./storage-port.ts";

/** The state as of `snapshot`; what the log holds beyond it is applied once it is known to be committed. */
export async function restoreState(
  snapshot: StoredSnapshot,
  { stateMachine, runtime, logger, metrics }: ServerDependencies,
): Promise<void> {
  const startedMs = runtime.clock.nowMs();
  (await stateMachine.prepareRestore(snapshot.read())).commit(snapshot.meta.index);
  if (stateMachine.history !== undefined) await resumeHistory(stateMachine.history, snapshot, { logger });
  const tookMs = runtime.clock.nowMs() - startedMs;
  metrics.sample("raft.fsm.restore", tookMs);
  metrics.gauge("raft.fsm.lastRestoreDuration", tookMs);
}

/** @param snapshot the newest on disk, which `restoreState` has made the state */
export async function recoverCore(
  { identity, raft }: ServerOptions,
  { log, hardState, refillTerm, runtime }: ServerDependencies,
  snapshot: StoredSnapshot | undefined,
): Promise<RaftCore> {
  const { heartbeatTimeoutMs, electionTimeoutMs, leaderLeaseTimeoutMs, preVote = true } = raft;
  return new RaftCore(
    {
      id: identity.id as ServerId,
      config: { ...DEFAULT_RAFT_CONFIG, heartbeatTimeoutMs, electionTimeoutMs, leaderLeaseTimeoutMs, preVote },
      hardState: { term: hardState.term, votedFor: hardState.votedFor as ServerId | undefined },
      log: await scanLog(log, snapshot?.meta),
      snapshot: snapshot?.meta,
      refillTerm,
    },
    { rng: runtime.rng, codec: raftConfigurationCodec },
  );
}
