/** What the head of an answer says of the read it comes from. */
export interface ReadHead {
  readonly index: number;
  readonly lastContactMs: number;
  readonly knownLeader: boolean;
  /** Kept up to date by the servers' event stream. */
  readonly streamed: boolean;
  /** Where the contract says it. */
  readonly consistency: string | undefined;
  /** Whether the agent's cache had it; for reads that let it. */
  readonly cacheHit: boolean | undefined;
  readonly ageSeconds: number | undefined;
}

/** A flat name/value list, in Consul's order. */
export function readFields(read: ReadHead): readonly string[] {
  const fields = [
    "X-Consul-Index",
    String(read.index),
    "X-Consul-Lastcontact",
    String(read.lastContactMs),
    "X-Consul-Knownleader",
    read.knownLeader ? "true" : "false",
    "X-Consul-Query-Backend",
    read.streamed ? "streaming" : "blocking-query",
  ];
  if (read.consistency !== undefined) fields.push("X-Consul-Effective-Consistency", read.consistency);
  if (read.cacheHit !== undefined) fields.push("X-Cache", read.cacheHit ? "HIT" : "MISS");
  if (read.ageSeconds !== undefined) fields.push("Age", String(read.ageSeconds));
  return fields;
}

/** Of a read that was refused where the state is: Consul's index is never 0, for clients that wait for the next. */
export const REFUSED_FIELDS = readFields({
  index: 1,
  lastContactMs: 0,
  knownLeader: false,
  streamed: false,
  consistency: undefined,
  cacheHit: undefined,
  ageSeconds: undefined,
});

export function saysTheSame(one: ReadHead | undefined, other: ReadHead | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return (
    one.index === other.index &&
    one.lastContactMs === other.lastContactMs &&
    one.knownLeader === other.knownLeader &&
    one.streamed === other.streamed &&
    one.consistency === other.consistency &&
    one.cacheHit === other.cacheHit &&
    one.ageSeconds === other.ageSeconds
  );
}
