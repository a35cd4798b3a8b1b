/** What a filter expression says, before it meets a type. */
export type Expression =
  | { readonly type: "and" | "or"; readonly operands: readonly Expression[] }
  | { readonly type: "not"; readonly operand: Expression }
  | Match;

export interface Match {
  readonly type: "match";
  /** Path from the row to the value, never empty: `Service.Meta["a.b"]` is three parts. */
  readonly selector: readonly string[];
  readonly operator: MatchOperator;
  /** As written, unquoted; undefined for the two emptiness operators. */
  readonly value: string | undefined;
}

/**
 * `x in list` and `list contains x` are one operator. The texts are the ones error messages show.
 */
export type MatchOperator =
  | "Equal"
  | "Not Equal"
  | "In"
  | "Not In"
  | "Is Empty"
  | "Is Not Empty"
  | "Matches"
  | "Not Matches";

/**
 * A filter that cannot be used. The message is the evaluator's own, without a prefix: Consul's endpoints
 * put `FILTER_ERROR_PREFIX` in front of it, except where the type is met only later (agent checks).
 */
export class FilterError extends Error {
  override readonly name = "FilterError";
  /** `syntax`: the text is no expression. `type`: the expression does not fit the rows. */
  readonly stage: "syntax" | "type";

  constructor(stage: "syntax" | "type", message: string) {
    super(message);
    this.stage = stage;
  }
}

export const FILTER_ERROR_PREFIX = "Failed to create boolean expression evaluator: ";
