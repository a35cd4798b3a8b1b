/** Membership changes, one server at a time (Thesis §4.1): effective when stored, the next once committed. */
import { changedConfiguration, configurationError } from "./configuration.ts";
import { firstElection, startCampaign } from "./election.ts";
import { appendAsLeader, followPeers, trackBatch } from "./leader.ts";
import type { LeaderState, RaftState } from "./state.ts";
import type { Configuration, ConfigurationChange, LogIndex, ProposalId } from "./types.ts";

/** Changes waiting for the one before them. Autopilot and operators make few. */
const CHANGES_WAITING_MAX = 64;

export function proposeConfiguration(
  s: RaftState,
  proposal: ProposalId,
  change: ConfigurationChange,
  prevIndex: LogIndex,
): void {
  const { leading } = s;
  if (leading === undefined) {
    s.refuse([proposal], "notLeader", "node is not the leader");
    return;
  }
  if (leading.transfer !== undefined) {
    s.refuse([proposal], "transferInProgress", "leadership transfer in progress");
    return;
  }
  if (leading.changes.length >= CHANGES_WAITING_MAX) {
    s.refuse([proposal], "busy", "too many membership changes wait for each other; try again");
    return;
  }
  leading.changes.push({ proposal, change, prevIndex });
}

/**
 * Starts the next change when the newest configuration is committed and so is an entry of this term; the
 * second condition closes the hole found after the thesis (raft-dev, "bug in single-server membership changes").
 */
export function startPendingChange(s: RaftState, leading: LeaderState): void {
  while (leading.changes.length > 0 && leading.transfer === undefined) {
    if (s.latest.index > s.commitIndex || s.commitIndex < leading.startIndex) return;
    const { proposal, change, prevIndex } = leading.changes.shift()!;
    if (prevIndex !== 0 && prevIndex !== s.latest.index) {
      const message = `configuration changed since ${prevIndex} (latest is ${s.latest.index})`;
      s.refuse([proposal], "badConfiguration", message);
      continue;
    }
    const changed = changedConfiguration(s.latest.configuration, change);
    if ("error" in changed) {
      s.refuse([proposal], "badConfiguration", changed.error);
      continue;
    }
    const data = s.codec.encodeConfiguration(changed.configuration);
    const entry = appendAsLeader(s, "configuration", data);
    trackBatch(leading, entry.index, [proposal]);
    s.configurations.push({ index: entry.index, configuration: changed.configuration });
    s.followConfiguration();
    followPeers(s, leading);
  }
}

/**
 * Entry 1 of a new cluster, in term 1 as hashicorp writes it. A server that holds any state ignores it, but for the
 * traces of a bootstrap whose entry was lost in a crash: nobody ever leads term 1, and only a bootstrapped server
 * votes for itself.
 */
export function bootstrap(s: RaftState, configuration: Configuration): void {
  if (s.log.lastIndex > 0 || s.latest.index > 0 || s.leader !== undefined) return;
  if (s.refillTerm > 0) return;
  if (s.term > 1 && s.votedFor !== s.id) return;
  if (configurationError(configuration) !== undefined) return;
  s.persistHardState(Math.max(1, s.term), s.votedFor);
  const data = s.codec.encodeConfiguration(configuration);
  s.appendEntry({ index: 1, term: 1, type: "configuration", data });
  s.configurations.push({ index: 1, configuration });
  s.followConfiguration();
  if (s.isSoleVoter) startCampaign(s, false);
  else firstElection(s);
}
