import type { RecentValues } from "./series.ts";

const SLICE_MS = 2_000;
const SLICES = 5;
/** Values kept per slice; beyond, each new one takes the place of an old one at random. */
export const SLICE_VALUES_MAX = 512;

interface Slice {
  number: number;
  seen: number;
  values: number[];
}

/** The last ten seconds in slices of two, each a sample of bounded size (Vitter's algorithm R). */
export function slidingWindow(): RecentValues {
  const slices: Slice[] = Array.from({ length: SLICES }, () => ({ number: -1, seen: 0, values: [] }));
  let state = 1;
  return {
    add(value, nowMs) {
      const number = Math.floor(nowMs / SLICE_MS);
      const slice = slices[number % SLICES] as Slice;
      if (slice.number !== number) {
        slice.number = number;
        slice.seen = 0;
        slice.values = [];
      }
      slice.seen++;
      if (slice.values.length < SLICE_VALUES_MAX) {
        slice.values.push(value);
        return;
      }
      // A small generator of its own: quantiles need no better chance, and runs stay reproducible.
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const place = Math.floor((state / 2 ** 32) * slice.seen);
      if (place < SLICE_VALUES_MAX) slice.values[place] = value;
    },
    sorted(nowMs) {
      const oldest = Math.floor(nowMs / SLICE_MS) - SLICES;
      return Float64Array.from(slices.flatMap((slice) => (slice.number > oldest ? slice.values : []))).sort();
    },
  };
}
