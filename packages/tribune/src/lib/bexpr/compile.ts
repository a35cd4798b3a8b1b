import { goQuote } from "../go-quote.ts";
import { type Coerced, coerce } from "./coerce.ts";
import { type Expression, FILTER_ERROR_PREFIX, FilterError, type Match, type MatchOperator } from "./expression.ts";
import { type FieldType, isScalar, type ListType, memberOf, operatorsOf, string } from "./field-type.ts";
import { parseFilter } from "./parser.ts";

/**
 * Longest regular expression taken, in UTF-16 units. Matching is linear in the text but also in the pattern, and
 * happens on the thread that answers everyone: sixty thousand characters over a long check output took a minute.
 */
export const REGEXP_LENGTH_MAX = 1024;

export type Row = object;
export type RowFilter = (row: Row) => boolean;

/**
 * Compiles an RE2 pattern into an unanchored test. A throw's message is Go's text
 * (``error parsing regexp: missing closing ): `(` ``). `re2.ts` has the one to use; it is handed in so that
 * the regexp library is loaded only by processes that answer filters.
 */
export type RegexpCompiler = (pattern: string) => (text: string) => boolean;

/**
 * Compiles a filter once, for any number of rows of one type.
 *
 * @throws FilterError with the evaluator's bare text: see `createFilter` for the form endpoints answer with.
 */
export function compileFilter(expression: string, type: FieldType, regexp: RegexpCompiler): RowFilter {
  return compileExpression(parseFilter(expression), type, regexp) as RowFilter;
}

/** Compiled filters kept per type: pollers and blocking queries ask with the same few over and over. */
const KEPT_FILTERS_MAX = 128;
const KEPT_EXPRESSION_LENGTH_MAX = 1024;
const keptFilters = new WeakMap<FieldType, Map<string, RowFilter>>();

/**
 * The filter of an endpoint's `filter` parameter: undefined when there is none to apply.
 *
 * @throws FilterError whose message carries the prefix that Consul's answers have.
 */
export function createFilter(expression: string, type: FieldType, regexp: RegexpCompiler): RowFilter | undefined {
  if (expression === "") return undefined;
  let filters = keptFilters.get(type);
  if (filters === undefined) {
    filters = new Map();
    keptFilters.set(type, filters);
  }
  const known = filters.get(expression);
  if (known !== undefined) return known;
  // A regular expression grows tables of up to 8 MB as it matches: those go with the request.
  let hasRegexp = false;
  const noting: RegexpCompiler = (pattern) => {
    hasRegexp = true;
    return regexp(pattern);
  };
  const filter = prefixed(() => compileFilter(expression, type, noting));
  if (!hasRegexp && expression.length <= KEPT_EXPRESSION_LENGTH_MAX) {
    // The oldest goes; one in use comes back at the cost of a compilation.
    if (filters.size >= KEPT_FILTERS_MAX) filters.delete(filters.keys().next().value as string);
    filters.set(expression, filter);
  }
  return filter;
}

/**
 * The filter of `/v1/agent/checks`, which meets its type only with the first row: a selector that is not
 * valid is answered without the prefix, and not at all while there are no checks.
 *
 * @throws FilterError, prefixed, for a syntax error; the returned filter throws the others on its first row.
 */
export function createLateFilter(expression: string, type: FieldType, regexp: RegexpCompiler): RowFilter | undefined {
  if (expression === "") return undefined;
  const parsed = prefixed(() => parseFilter(expression));
  let compiled: Test | undefined;
  return (row) => {
    compiled ??= compileExpression(parsed, type, regexp);
    return compiled(row);
  };
}

function prefixed<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw new FilterError(error.stage, FILTER_ERROR_PREFIX + error.message);
  }
}

type Test = (value: unknown) => boolean;

function compileExpression(expression: Expression, type: FieldType, regexp: RegexpCompiler): Test {
  switch (expression.type) {
    case "match":
      return compileMatch(expression, type, regexp);
    case "not": {
      const operand = compileExpression(expression.operand, type, regexp);
      return (row) => !operand(row);
    }
    case "and": {
      const operands = expression.operands.map((operand) => compileExpression(operand, type, regexp));
      return (row) => operands.every((operand) => operand(row));
    }
    case "or": {
      const operands = expression.operands.map((operand) => compileExpression(operand, type, regexp));
      return (row) => operands.some((operand) => operand(row));
    }
  }
}

function compileMatch(match: Match, rowType: FieldType, regexp: RegexpCompiler): Test {
  const { selector, operator } = match;
  let type = rowType;
  for (const [index, part] of selector.entries()) {
    const member = memberOf(type, part);
    if (member === undefined) {
      throw typeError(`Selector ${goQuote(selector.slice(0, index + 1).join("."))} is not valid`);
    }
    type = member;
  }
  const name = goQuote(selector.join("."));
  if (!operatorsOf(type).includes(operator)) {
    throw typeError(`Invalid match operator ${goQuote(operator)} for selector ${name}`);
  }
  return reach(rowType, selector, 0, operator, compileTest(match, name, type, regexp));
}

/** The test on the value that the whole selector leads to, with the negation applied to it alone. */
function compileTest(match: Match, name: string, type: FieldType, regexp: RegexpCompiler): Test {
  const { operator, value = "" } = match;
  const compared = comparedType(type);
  let coerced: Coerced = value;
  if (compared !== undefined && match.value !== undefined) {
    const result = coerce(compared, value);
    if ("error" in result) {
      throw typeError(`Failed to coerce value ${goQuote(value)} for selector ${name}: ${result.error}`);
    }
    coerced = result.value;
  }
  switch (operator) {
    case "Equal":
      return equality(type, coerced);
    case "Not Equal":
      return negate(equality(type, coerced));
    case "In":
      return containment(type, coerced);
    case "Not In":
      return negate(containment(type, coerced));
    case "Is Empty":
      return isEmpty;
    case "Is Not Empty":
      return negate(isEmpty);
    case "Matches":
      return compileRegexp(value, regexp);
    case "Not Matches":
      return negate(compileRegexp(value, regexp));
  }
}

function comparedType(type: FieldType) {
  if (isScalar(type)) return type;
  if (type.kind === "map") return string;
  return type.kind === "list" && isScalar(type.element) ? type.element : undefined;
}

function compileRegexp(pattern: string, regexp: RegexpCompiler): Test {
  let test: (text: string) => boolean;
  try {
    if (pattern.length > REGEXP_LENGTH_MAX) throw new Error(`it is longer than ${REGEXP_LENGTH_MAX} characters`);
    test = regexp(pattern);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw typeError(`Failed to compile regular expression ${goQuote(pattern)}: ${why}`);
  }
  return (value) => test(typeof value === "string" ? value : "");
}

function equality(type: FieldType, wanted: Coerced): Test {
  const zero = type.kind === "string" ? "" : type.kind === "bool" ? false : 0;
  if (typeof wanted === "number") {
    // A 64-bit field may hold a bigint; one that is not exact as a number cannot equal a safe integer.
    return (value) => (typeof value === "bigint" ? Number(value) : (value ?? zero)) === wanted;
  }
  return (value) => (value ?? zero) === wanted;
}

function containment(type: FieldType, wanted: Coerced): Test {
  if (type.kind === "map") {
    const key = String(wanted);
    return (value) => isObject(value) && Object.hasOwn(value, key);
  }
  if (type.kind === "list") {
    const equals = equality(type.element, wanted);
    return (value) => Array.isArray(value) && value.some(equals);
  }
  const part = String(wanted);
  return (value) => (typeof value === "string" ? value : "").includes(part);
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isObject(value)) for (const key in value) if (Object.hasOwn(value, key)) return false;
  return true;
}

/** Leads from a row to the values the selector names. A list on the way asks whether any element passes. */
function reach(type: FieldType, selector: readonly string[], index: number, operator: MatchOperator, test: Test): Test {
  const part = selector[index];
  if (part === undefined) return test;
  switch (type.kind) {
    case "struct": {
      const next = reach(memberOf(type, part) as FieldType, selector, index + 1, operator, test);
      return (value) => next((value as Record<string, unknown> | null | undefined)?.[part]);
    }
    case "map":
      return reachMap(part, reach(type.value, selector, index + 1, operator, test), operator);
    default: {
      const next = reach((type as ListType).element, selector, index, operator, test);
      return (value) => Array.isArray(value) && value.some(next);
    }
  }
}

/** A key that is not there fails what asks for something and passes what asks for its absence, `matches` too. */
function reachMap(key: string, next: Test, operator: MatchOperator): Test {
  const whenAbsent = !(operator === "Equal" || operator === "Is Not Empty" || operator === "In");
  return (value) => (isObject(value) && Object.hasOwn(value, key) ? next(value[key]) : whenAbsent);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function negate(test: Test): Test {
  return (value) => !test(value);
}

function typeError(message: string): FilterError {
  return new FilterError("type", message);
}
