/** A change of an answer as the agent's stream tells it: rows spliced into a list, keys set in an object. */
export interface Change {
  readonly Splices?: readonly {
    readonly At: number;
    readonly Remove: number;
    readonly Add?: readonly unknown[] | null;
  }[];
  readonly Set?: Readonly<Record<string, unknown>> | null;
  readonly Unset?: readonly string[] | null;
}

/** The new value; the old one stays as it is, since somebody may be drawing it. Throws where the two do not fit. */
export function applyChange(value: unknown, change: Change): unknown {
  if (change.Splices !== undefined) {
    if (!Array.isArray(value)) throw new Error("A change of a list came for something else");
    const rows: unknown[] = value.slice();
    for (const { At, Remove, Add } of change.Splices) rows.splice(At, Remove, ...(Add ?? []));
    return rows;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error("A change of an object came for something else");
  }
  const result: Record<string, unknown> = { ...value };
  for (const key of change.Unset ?? []) delete result[key];
  return Object.assign(result, change.Set ?? {});
}
