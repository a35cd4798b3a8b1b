/** `?filter=`: the rows of an answer that an expression selects. */
import { createFilter, type RowFilter } from "../lib/bexpr/compile.ts";
import { FilterError } from "../lib/bexpr/expression.ts";
import type { StructType } from "../lib/bexpr/field-type.ts";
import { compileRe2 } from "../lib/bexpr/re2.ts";
import { TribuneError } from "../lib/errors.ts";
import { ROWS_A_STEP, type Steps } from "../lib/steps.ts";

/** @throws TribuneError (status 500, as in Consul) when the expression cannot be used. */
export function filterRows<R extends object>(expression: string, type: StructType, rows: readonly R[]): readonly R[] {
  const filter = rowFilter(expression, type);
  return filter === undefined ? rows : rows.filter(filter);
}

/** The same in steps. */
export function* filterRowsSteps<R extends object>(
  expression: string,
  type: StructType,
  rows: readonly R[],
): Steps<readonly R[]> {
  const filter = rowFilter(expression, type);
  if (filter === undefined) return rows;
  const chosen: R[] = [];
  for (const [at, row] of rows.entries()) {
    if (at % ROWS_A_STEP === 0 && at > 0) yield;
    if (filter(row)) chosen.push(row);
  }
  return chosen;
}

/** The filter to apply; undefined for the empty expression. */
export function rowFilter(expression: string, type: StructType): RowFilter | undefined {
  try {
    return createFilter(expression, type, compileRe2);
  } catch (error) {
    if (error instanceof FilterError) throw TribuneError.internal(error.message, error);
    throw error;
  }
}
