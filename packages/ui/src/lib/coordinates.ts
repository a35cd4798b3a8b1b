/** Network coordinates (Vivaldi, as Serf keeps them): seconds in all fields. */
export interface Coordinate {
  readonly Vec: readonly number[];
  readonly Error: number;
  readonly Adjustment: number;
  readonly Height: number;
}

/** Estimated round-trip time in milliseconds; undefined where the two cannot be compared. */
export function roundTripMs(a: Coordinate, b: Coordinate): number | undefined {
  if (a.Vec.length !== b.Vec.length) return undefined;
  const raw = Math.hypot(...a.Vec.map((x, i) => x - b.Vec[i]!)) + a.Height + b.Height;
  const adjusted = raw + a.Adjustment + b.Adjustment;
  return (adjusted > 0 ? adjusted : raw) * 1000;
}

export function formatMs(ms: number | undefined): string {
  if (ms === undefined) return "–";
  return ms < 10 ? `${ms.toFixed(2)} ms` : `${ms.toFixed(ms < 100 ? 1 : 0)} ms`;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * Places on a plane that keep the coordinates' distances as well as a plane can: the two directions in which they differ
 * most (principal components, by power iteration). The same coordinates always give the same picture.
 */
export function project(vectors: readonly (readonly number[])[]): Point[] {
  const size = vectors[0]?.length ?? 0;
  if (size === 0 || vectors.some((vector) => vector.length !== size)) return vectors.map(() => ({ x: 0, y: 0 }));
  const mean = Array.from({ length: size }, (_, i) => sum(vectors.map((vector) => vector[i]!)) / vectors.length);
  let rows = vectors.map((vector) => vector.map((x, i) => x - mean[i]!));
  const axes: number[][] = [];
  for (let n = 0; n < 2; n++) {
    const { axis, scores } = mainAxis(rows, size);
    axes.push(scores);
    rows = rows.map((row, k) => row.map((x, i) => x - scores[k]! * axis[i]!));
  }
  return vectors.map((_, k) => ({ x: axes[0]![k]!, y: axes[1]![k]! }));
}

const rounds = 60;

function mainAxis(rows: readonly (readonly number[])[], size: number): { axis: number[]; scores: number[] } {
  let axis = Array.from({ length: size }, (_, i) => 1 / (i + 1));
  for (let round = 0; round < rounds; round++) {
    const scores = rows.map((row) => dot(row, axis));
    const next = axis.map((_, i) => sum(rows.map((row, k) => row[i]! * scores[k]!)));
    const length = Math.hypot(...next);
    if (length === 0) return { axis: axis.map(() => 0), scores: rows.map(() => 0) };
    axis = next.map((x) => x / length);
  }
  return { axis, scores: rows.map((row) => dot(row, axis)) };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((total, x, i) => total + x * b[i]!, 0);
