/**
 * Is a history of one register linearizable (Herlihy & Wing 1990)? Wing & Gong's search with Lowe's memo: pick an
 * operation that may come next, try it, remember configurations that failed.
 */

/** Values are unique for each write; 0 is the initial value. Times in virtual milliseconds. */
export interface RegisterOperation {
  readonly client: string;
  readonly key: string;
  readonly kind:
    | { readonly op: "read"; readonly value: number | undefined }
    | { readonly op: "put"; readonly value: number }
    /** `ok` and `found` are undefined when no answer came; `found` also where a refusal does not tell. */
    | {
        readonly op: "cas";
        readonly expected: number;
        readonly value: number;
        readonly ok: boolean | undefined;
        readonly found: number | undefined;
      };
  readonly invokedAtMs: number;
  /** Undefined when the client never learned the outcome: it may take effect at any later time, or never. */
  readonly returnedAtMs: number | undefined;
}

interface Bounded {
  readonly operation: RegisterOperation;
  readonly invokedAtMs: number;
  readonly returnedAtMs: number;
}

/** Configurations looked at before giving up; far beyond what a history with few clients needs. */
const SEARCH_MAX = 2_000_000;

/** @returns what is wrong, or undefined for a linearizable history. */
export function linearizabilityError(history: readonly RegisterOperation[]): string | undefined {
  const byKey = new Map<string, RegisterOperation[]>();
  for (const operation of history) {
    const operations = byKey.get(operation.key);
    if (operations === undefined) byKey.set(operation.key, [operation]);
    else operations.push(operation);
  }
  for (const [key, operations] of byKey) {
    const error = registerError(boundUnknown(operations));
    if (error !== undefined) return `key ${key}: ${error}`;
  }
  return undefined;
}

function written(operation: RegisterOperation): number | undefined {
  return operation.kind.op === "read" ? undefined : operation.kind.value;
}

function observed(operation: RegisterOperation): number | undefined {
  const { kind } = operation;
  if (kind.op === "read") return kind.value;
  if (kind.op === "cas") return kind.ok === true ? kind.expected : kind.found;
  return undefined;
}

/**
 * Keeps the search small. A write without an answer whose value nobody ever saw may be left out: had it happened, no
 * operation stood between it and the next write. One that was seen happened before the first answer that saw it.
 * Only a cas whose refusal does not tell what it found may have stood there: behind such a write it proves nothing.
 */
function boundUnknown(operations: readonly RegisterOperation[]): Bounded[] {
  const firstSeenMs = new Map<number, number>();
  for (const operation of operations) {
    const value = operation.returnedAtMs === undefined ? undefined : observed(operation);
    if (value === undefined || operation.returnedAtMs === undefined) continue;
    firstSeenMs.set(value, Math.min(firstSeenMs.get(value) ?? Number.POSITIVE_INFINITY, operation.returnedAtMs));
  }
  // A cas without an answer sees its expected value too, once it is known to have happened.
  for (let changed = true; changed; ) {
    changed = false;
    for (const { kind, returnedAtMs } of operations) {
      if (kind.op !== "cas" || returnedAtMs !== undefined) continue;
      const happenedBy = firstSeenMs.get(kind.value);
      if (happenedBy === undefined || (firstSeenMs.get(kind.expected) ?? Number.POSITIVE_INFINITY) <= happenedBy)
        continue;
      firstSeenMs.set(kind.expected, happenedBy);
      changed = true;
    }
  }
  let unseenSinceMs = Number.POSITIVE_INFINITY;
  for (const operation of operations) {
    const value = written(operation);
    if (operation.returnedAtMs === undefined && value !== undefined && !firstSeenMs.has(value))
      unseenSinceMs = Math.min(unseenSinceMs, operation.invokedAtMs);
  }
  const bounded: Bounded[] = [];
  for (const operation of operations) {
    const { kind } = operation;
    if (kind.op === "cas" && kind.ok === false && kind.found === undefined)
      if ((operation.returnedAtMs ?? 0) > unseenSinceMs) continue;
    const value = written(operation);
    const returnedAtMs = operation.returnedAtMs ?? (value === undefined ? undefined : firstSeenMs.get(value));
    if (returnedAtMs !== undefined) bounded.push({ operation, invokedAtMs: operation.invokedAtMs, returnedAtMs });
  }
  return bounded.sort((a, b) => a.invokedAtMs - b.invokedAtMs);
}

/** @returns the register's value behind the operation, or undefined where it cannot stand here. */
function applied(operation: RegisterOperation, value: number): number | undefined {
  const { kind } = operation;
  switch (kind.op) {
    case "read":
      return kind.value === value ? value : undefined;
    case "put":
      return kind.value;
    case "cas":
      if (kind.ok === false) {
        return value !== kind.expected && (kind.found === undefined || kind.found === value) ? value : undefined;
      }
      return value === kind.expected ? kind.value : undefined; // without an answer: it was seen, so it happened
  }
}

function registerError(operations: readonly Bounded[]): string | undefined {
  const failed = new Set<string>();
  const taken = new Array<boolean>(operations.length).fill(false);
  let searched = 0;
  let deepest = 0;
  let stuckAt: Bounded | undefined;

  /** Tries every order; depth is at most the number of operations, kept off the call stack by `stack`. */
  const stack: { readonly choices: readonly number[]; at: number; readonly value: number; readonly base: number }[] =
    [];
  const open = (base: number, value: number): boolean => {
    let low = base;
    while (low < operations.length && taken[low] === true) low++;
    if (low === operations.length) return true;
    let horizonMs = Number.POSITIVE_INFINITY;
    const choices: number[] = [];
    let ahead = "";
    for (let at = low; at < operations.length; at++) {
      const { invokedAtMs, returnedAtMs } = operations[at]!;
      // Sorted by invocation, and the horizon never shrinks: nothing behind is taken or may be.
      if (invokedAtMs > horizonMs) break;
      if (taken[at] === true) {
        ahead += `,${at}`;
        continue;
      }
      horizonMs = Math.min(horizonMs, returnedAtMs);
      choices.push(at);
    }
    const memo = `${low}${ahead}:${value}`;
    if (failed.has(memo)) {
      stack.push({ choices: [], at: 0, value, base: low });
      return false;
    }
    failed.add(memo);
    if (low > deepest) {
      deepest = low;
      stuckAt = operations[low];
    }
    const allowed = choices.filter((at) => operations[at]!.invokedAtMs <= horizonMs);
    stack.push({ choices: allowed, at: 0, value, base: low });
    return false;
  };

  const order: number[] = [];
  if (open(0, 0)) return undefined;
  while (stack.length > 0) {
    if (++searched > SEARCH_MAX) return `gave up after ${SEARCH_MAX} steps`;
    const top = stack.at(-1)!;
    const choice = top.choices[top.at++];
    if (choice === undefined) {
      stack.pop();
      const undone = order.pop();
      if (undone !== undefined) taken[undone] = false;
      continue;
    }
    const value = applied(operations[choice]!.operation, top.value);
    if (value === undefined) continue;
    taken[choice] = true;
    order.push(choice);
    if (open(top.base, value)) return undefined;
  }
  const stuck = stuckAt ?? operations[0];
  return `no order explains ${JSON.stringify(stuck?.operation)}`;
}
