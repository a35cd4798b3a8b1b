import { seededRng } from "../../lib/random.ts";
import { RaftCore } from "../raft-core.ts";
import { recoverLog } from "../recovery.ts";
import {
  type Configuration,
  DEFAULT_RAFT_CONFIG,
  type ExchangeId,
  type HardState,
  type LogEntry,
  type RaftConfig,
  type RaftEffect,
  type RaftInput,
  type RaftMessage,
  type ServerId,
  type SnapshotMeta,
} from "../types.ts";
import { jsonConfigurationCodec } from "./json-configuration-codec.ts";

export function id(name: string): ServerId {
  return name as ServerId;
}

export function configurationOf(...voters: string[]): Configuration {
  return { servers: voters.map((name) => ({ id: id(name), address: `${name}:8300`, suffrage: "voter" })) };
}

export function configurationEntry(index: number, term: number, configuration: Configuration): LogEntry {
  return { index, term, type: "configuration", data: jsonConfigurationCodec.encodeConfiguration(configuration) };
}

/** Commands with the given terms behind entry 1, which names the voters. */
export function logOf(voters: readonly string[], ...terms: number[]): LogEntry[] {
  const first = configurationEntry(1, 1, configurationOf(...voters));
  const rest = terms.map(
    (term, at): LogEntry => ({ index: at + 2, term, type: "command", data: Uint8Array.of(at, term) }),
  );
  return [first, ...rest];
}

/** A core with its inputs in short form, for tests that look at one server alone. */
export class TestServer {
  readonly core: RaftCore;
  nowMs = 0;
  #exchange = 1000;

  constructor(options: {
    readonly name?: string;
    readonly log: readonly LogEntry[];
    readonly hardState?: HardState;
    readonly config?: Partial<RaftConfig>;
    readonly justStarted?: boolean;
    readonly snapshot?: SnapshotMeta;
    readonly refillTerm?: number | undefined;
  }) {
    this.core = new RaftCore(
      {
        id: id(options.name ?? "a"),
        config: { ...DEFAULT_RAFT_CONFIG, ...options.config },
        hardState: options.hardState ?? { term: options.log.at(-1)?.term ?? 0, votedFor: undefined },
        log: recoverLog(options.log, options.snapshot),
        snapshot: options.snapshot,
        refillTerm: options.refillTerm,
      },
      { rng: seededRng(1), codec: jsonConfigurationCodec },
    );
    this.feed({ type: "tick" });
    // It may vote: what it promised before it was started is over.
    if (options.justStarted !== true) this.nowMs += 700;
  }

  feed(input: RaftInput): readonly RaftEffect[] {
    return this.core.step(this.nowMs, input);
  }

  tickAfter(ms: number): readonly RaftEffect[] {
    this.nowMs += ms;
    return this.feed({ type: "tick" });
  }

  /** A request from a peer, or with `exchange` the reply to one of ours. */
  receive(from: string, message: RaftMessage, exchange?: ExchangeId): readonly RaftEffect[] {
    return this.feed({
      type: "message",
      from: id(from),
      exchange: exchange ?? (++this.#exchange as ExchangeId),
      message,
    });
  }

  /** Makes every write durable. */
  persist(effects: readonly RaftEffect[]): readonly RaftEffect[] {
    const [first] = effects;
    return first?.type === "persist" ? this.feed({ type: "persisted", write: first.write }) : [];
  }

  readonly #votes = new Map<string, Extract<RaftEffect, { type: "send" }>>();
  #vote(voter: string): Extract<RaftEffect, { type: "send" }> {
    const send = this.#votes.get(voter);
    if (send === undefined) throw new Error(`no vote was asked of ${voter}`);
    return send;
  }

  /** Starts an election without pre-vote; returns the requests. */
  campaign(): Extract<RaftEffect, { type: "send" }>[] {
    const effects = this.tickAfter(5000);
    const requests = sends(effects, "requestVote");
    for (const request of requests) this.#votes.set(request.to, request);
    this.persist(effects);
    return requests;
  }

  /** Starts an election and gets the votes of the given peers. @returns the effects of the last one. */
  win(...voters: string[]): readonly RaftEffect[] {
    this.campaign();
    let effects: readonly RaftEffect[] = [];
    for (const voter of voters) {
      const term = this.core.status().term;
      effects = this.receive(voter, { type: "requestVoteReply", term, granted: true }, this.#vote(voter).exchange);
    }
    return effects;
  }
}

export function sends<T extends RaftMessage["type"]>(effects: readonly RaftEffect[], type: T) {
  const found: (Extract<RaftEffect, { type: "send" }> & { readonly message: Extract<RaftMessage, { type: T }> })[] = [];
  for (const effect of effects) {
    if (effect.type === "send" && effect.message.type === type) found.push(effect as (typeof found)[number]);
  }
  return found;
}
