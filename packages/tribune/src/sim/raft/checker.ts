/**
 * Raft's five safety properties (Figure 3), judged from the outside: from effects, disks and state machines, never
 * from the core's opinion of itself. The checker's memory survives every crash of the servers.
 */

import { isVoter } from "../../raft/configuration.ts";
import type { Configuration, LogEntry, LogIndex, RaftEffect, RaftStatus, ServerId, Term } from "../../raft/types.ts";
import { hasEntry, type ServerDisk } from "./server-disk.ts";

/** A safety property does not hold. The message says which, where and when. */
export class Violation extends Error {
  override readonly name = "Violation";
}

interface Known {
  readonly term: Term;
  readonly entry: LogEntry;
  readonly previousTerm: Term | undefined;
}

/** The checker's copy of one server's log, followed through its `persist` effects. */
interface Mirror {
  /** Index and term in front of `terms[0]`. */
  baseIndex: LogIndex;
  baseTerm: Term;
  terms: Term[];
}

export class RaftChecker {
  readonly #leaders = new Map<Term, ServerId>();
  readonly #votes = new Map<string, ServerId>();
  /** Entry of each committed index, from the first server that applied it. */
  readonly #committed: (LogEntry | undefined)[] = [];
  /** The term of whoever first applied an entry: that of its commitment, or a later one. */
  readonly #committedIn: (Term | undefined)[] = [];
  readonly #known = new Map<string, Known>();
  readonly #digests = new Map<LogIndex, string>();
  readonly #mirrors = new Map<ServerId, Mirror>();
  readonly #applied = new Map<ServerId, LogIndex>();
  /** Newest entry found on a quorum's disks when a leader committed it. */
  #durableTo: LogIndex = 0;
  elections = 0;

  get committedIndex(): LogIndex {
    return Math.max(0, this.#committed.length - 1);
  }

  /** A server starts with what its disk holds. */
  booted(id: ServerId, disk: ServerDisk): void {
    const base = disk.snapshot?.meta;
    const first = disk.log[0];
    const fromLog = first !== undefined && first.index <= (base?.index ?? 0);
    this.#mirrors.set(id, {
      baseIndex: fromLog ? first.index - 1 : (base?.index ?? 0),
      baseTerm: fromLog ? 0 : (base?.term ?? 0),
      terms: disk.log.map((entry) => entry.term),
    });
  }

  /** Log Matching: an index and term name one entry with one predecessor, wherever it appears. */
  persisting(id: ServerId, effect: Extract<RaftEffect, { type: "persist" }>): void {
    const mirror = this.#mirror(id);
    if (effect.truncateFrom !== undefined) {
      if (effect.truncateFrom <= this.#appliedBy(id)) {
        throw new Violation(`${id} truncates from ${effect.truncateFrom}, below what it applied`);
      }
      mirror.terms.length = Math.max(0, effect.truncateFrom - mirror.baseIndex - 1);
    }
    for (const entry of effect.entries) {
      const expected = mirror.baseIndex + mirror.terms.length + 1;
      if (entry.index !== expected) throw new Violation(`${id} stores entry ${entry.index} where ${expected} is due`);
      this.#checkKnown(id, entry, mirror.terms.at(-1) ?? mirror.baseTerm);
      mirror.terms.push(entry.term);
    }
  }

  #checkKnown(id: ServerId, entry: LogEntry, previousTerm: Term): void {
    const key = `${entry.index}/${entry.term}`;
    const known = this.#known.get(key);
    // A mirror that starts at a compacted entry cannot tell the term in front of it.
    const previous = previousTerm === 0 && entry.index > 1 ? undefined : previousTerm;
    if (known === undefined) {
      this.#known.set(key, { term: entry.term, entry, previousTerm: previous });
      return;
    }
    const same = known.entry.type === entry.type && Buffer.compare(known.entry.data, entry.data) === 0;
    const samePrevious = known.previousTerm === undefined || previous === undefined || known.previousTerm === previous;
    if (!same || !samePrevious) throw new Violation(`Log Matching: ${id} has another entry ${key} than its peers`);
  }

  #appliedBy(id: ServerId): LogIndex {
    return this.#applied.get(id) ?? 0;
  }

  /** Election Safety and Leader Completeness. */
  leads(id: ServerId, term: Term): void {
    const other = this.#leaders.get(term);
    if (other === id) return;
    if (other !== undefined) throw new Violation(`Election Safety: ${other} and ${id} both lead term ${term}`);
    this.#leaders.set(term, id);
    this.elections++;
    const mirror = this.#mirror(id);
    for (let index = mirror.baseIndex + 1; index < this.#committed.length; index++) {
      const entry = this.#committed[index];
      // Not the entry's own term: a later leader may have committed what an earlier one wrote (Raft §5.4.2).
      if (entry === undefined || (this.#committedIn[index] ?? 0) >= term) continue;
      if (mirror.terms[index - mirror.baseIndex - 1] !== entry.term) {
        throw new Violation(`Leader Completeness: ${id} leads term ${term} without committed entry ${index}`);
      }
    }
  }

  /** A vote leaves a server: one candidate a term, however often the voter crashed (Raft §5.2). */
  votes(voter: ServerId, term: Term, candidate: ServerId): void {
    const key = `${voter}/${term}`;
    const other = this.#votes.get(key);
    if (other !== undefined && other !== candidate) {
      throw new Violation(`${voter} voted for ${other} and for ${candidate} in term ${term}`);
    }
    this.#votes.set(key, candidate);
  }

  /**
   * State Machine Safety; and what a leader commits must at this moment be on the disks of a quorum, or an unlucky
   * crash could still take it back.
   */
  applies(
    id: ServerId,
    entries: readonly LogEntry[],
    status: RaftStatus,
    disks: ReadonlyMap<ServerId, ServerDisk>,
  ): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    this.#applied.set(id, Math.max(this.#appliedBy(id), last.index));
    for (const entry of entries) {
      const known = this.#committed[entry.index];
      if (known === undefined) {
        this.#committed[entry.index] = entry;
        this.#committedIn[entry.index] = status.term;
      } else if (known.term !== entry.term || Buffer.compare(known.data, entry.data) !== 0) {
        throw new Violation(
          `State Machine Safety: ${id} applies entry ${entry.index} of term ${entry.term}, others term ${known.term}`,
        );
      }
    }
    if (status.role !== "leader" || last.index <= this.#durableTo) return;
    this.#durableTo = last.index;
    // The commit may have been counted under either: a change can follow it in the same step.
    const { configuration, committedConfiguration } = status;
    const majorities = [configuration, committedConfiguration].map((each) => holds(last, each, disks));
    if (majorities.some(({ holders, voters }) => holders * 2 > voters)) return;
    const { holders, voters } = majorities[0]!;
    throw new Violation(
      `${id} commits entry ${last.index} of term ${last.term}, durable on ${holders} of ${voters} voters`,
    );
  }

  /** The state machine's digest after an index is one and the same everywhere. */
  stateAt(id: ServerId, index: LogIndex, digest: string): void {
    const known = this.#digests.get(index);
    if (known !== undefined && known !== digest) throw new Violation(`${id} has another state at index ${index}`);
    this.#digests.set(index, digest);
  }

  installs(id: ServerId, index: LogIndex, term: Term, keepLog: boolean): void {
    this.#applied.set(id, Math.max(this.#appliedBy(id), index));
    if (!keepLog) this.#mirrors.set(id, { baseIndex: index, baseTerm: term, terms: [] });
  }

  /** A state machine starts over from its snapshot when the server restarts. */
  restarted(id: ServerId, appliedIndex: LogIndex): void {
    this.#applied.set(id, appliedIndex);
  }

  committedEntry(index: LogIndex): LogEntry | undefined {
    return this.#committed[index];
  }

  #mirror(id: ServerId): Mirror {
    const mirror = this.#mirrors.get(id);
    if (mirror === undefined) throw new Error(`server ${id} was never booted`);
    return mirror;
  }
}

function holds(
  entry: LogEntry,
  configuration: Configuration,
  disks: ReadonlyMap<ServerId, ServerDisk>,
): { readonly holders: number; readonly voters: number } {
  const voters = configuration.servers.filter(isVoter);
  const holders = voters.filter((server) => {
    const disk = disks.get(server.id);
    return disk !== undefined && hasEntry(disk, entry.index, entry.term);
  });
  return { holders: holders.length, voters: voters.length };
}
