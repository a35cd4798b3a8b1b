/** What is special about watching events: an agent lists the last ones, and the index is the last one's name. */
import type { Change, Index, Resume } from "./change.ts";

interface Named {
  readonly ID: string;
}

/** Only the events that were not in the list before; undefined when there are none. */
export function newEvents<T extends Named>(change: Change<T>, from: Resume<T> | undefined): Change<T> | undefined {
  const unknownBefore = change.changed.some(({ before }) => before === undefined);
  const added = unknownBefore && from !== undefined ? behind([...change.all.values()], from.index) : change.added;
  return added.length > 0 || change.first ? { ...change, added, changed: [], removed: [] } : undefined;
}

/** The events after the one that the index stands for; all, when the agent has forgotten it. */
function behind<T extends Named>(events: readonly T[], index: Index): readonly T[] {
  const at = events.findLastIndex(({ ID }) => eventIndex(ID) === BigInt(index));
  return events.slice(at + 1);
}

/** The index that an agent answers when this event was its last: both halves of the UUID, one over the other. */
export function eventIndex(id: string): bigint {
  const digits = id.replaceAll("-", "");
  if (!/^[\da-f]{32}$/i.test(digits)) return -1n;
  return BigInt(`0x${digits.slice(0, 16)}`) ^ BigInt(`0x${digits.slice(16)}`);
}
