import { InterpolationError } from "./error.ts";
import type { Node } from "./parse.ts";
import { conversion, type Type, type Value } from "./values.ts";

export interface TemplateFunction {
  readonly args: readonly Type[];
  readonly returns: Type;
  call(args: readonly Value[]): Value;
}

/** What names in an expression stand for; undefined for one that is not known. Which are known must not change. */
export interface Scope {
  variable(name: string): string | undefined;
  function(name: string): TemplateFunction | undefined;
}

/** @throws InterpolationError for what shows only when values are there: division by zero, texts that are no numbers */
export type Evaluate = (scope: Scope) => Value;

interface Compiled {
  readonly type: Type;
  readonly evaluate: Evaluate;
}

/** How HIL's code calls its types, and so some of its complaints. */
const TYPE_NAMES: Readonly<Record<Type, string>> = {
  string: "TypeString",
  int: "TypeInt",
  float: "TypeFloat",
  bool: "TypeBool",
};

/**
 * Checks names and types and makes a function of the text that works it out. All parts are worked out, whether they
 * count or not: `true ? 1 : 1 / 0` fails, as with HIL. @throws InterpolationError
 */
export function compile(root: Node, scope: Scope): (scope: Scope) => string {
  checkNames(root, scope);
  const { evaluate } = compiled(root, scope);
  return (now) => evaluate(now) as string; // a whole text is a literal, or its parts joined
}

function childrenOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case "output":
      return node.parts;
    case "call":
      return node.args;
    case "binary":
      return [node.left, node.right];
    case "conditional":
      return [node.condition, node.yes, node.no];
    case "index":
      return [node.target, node.key];
    default:
      return [];
  }
}

function checkNames(node: Node, scope: Scope): void {
  for (const child of childrenOf(node)) checkNames(child, scope);
  const unknown = (what: string): InterpolationError =>
    new InterpolationError(`${node.place.line}:${node.place.column}: ${what}`);
  if (node.kind === "variable" && scope.variable(node.name) === undefined)
    throw unknown(`unknown variable accessed: ${node.name}`);
  if (node.kind !== "call") return;
  const known = scope.function(node.name);
  if (known === undefined) throw unknown(`unknown function called: ${node.name}`);
  if (known.args.length !== node.args.length)
    throw unknown(`${node.name}: expected ${known.args.length} arguments, got ${node.args.length}`);
}

function compiled(node: Node, scope: Scope): Compiled {
  const wrong = (why: string): InterpolationError =>
    new InterpolationError(`At column ${node.place.column}, line ${node.place.line}: ${why}`);
  /** `what` is worked out as `type`, or there is a complaint. */
  function as(what: Compiled, type: Type, complaint: () => string): Evaluate {
    const convert = conversion(what.type, type);
    if (convert === undefined) throw wrong(complaint());
    return (now) => convert(what.evaluate(now));
  }
  switch (node.kind) {
    case "literal":
      return { type: node.type, evaluate: () => node.value };
    case "variable":
      return { type: "string", evaluate: (now) => now.variable(node.name) ?? "" };
    case "index":
      for (const child of childrenOf(node)) compiled(child, scope);
      throw wrong("invalid index operation into non-indexable type: TypeString");
    case "output": {
      const parts = node.parts
        .map((part) => compiled(part, scope))
        .map((part) => as(part, "string", () => "output of an HIL expression must be a string"));
      return { type: "string", evaluate: (now) => parts.map((part) => part(now)).join("") };
    }
    case "call": {
      const known = scope.function(node.name);
      const given = node.args.map((arg) => compiled(arg, scope));
      const args = given.map((arg, at) => {
        const type = known?.args[at] ?? "string";
        return as(arg, type, () => `${node.name}: argument ${at + 1} should be type ${type}, got type ${arg.type}`);
      });
      const call: Evaluate = (now) => now.function(node.name)?.call(args.map((arg) => arg(now))) ?? "";
      return { type: known?.returns ?? "string", evaluate: call };
    }
    case "conditional": {
      const [condition, yes, no] = [node.condition, node.yes, node.no].map((part) => compiled(part, scope)) as [
        Compiled,
        Compiled,
        Compiled,
      ];
      const decide = as(condition, "bool", () => `condition must be type bool, not type ${condition.type}`);
      const type = yes.type === "string" ? no.type : yes.type;
      const differ = (): string =>
        `true and false expression types must match; have type ${yes.type} and type ${no.type}`;
      const [then, otherwise] = [as(yes, type, differ), as(no, type, differ)];
      return {
        type,
        evaluate(now) {
          const [decided, first, second] = [decide(now), then(now), otherwise(now)];
          return decided === true ? first : second;
        },
      };
    }
    case "binary":
      return binary(node.operator, [compiled(node.left, scope), compiled(node.right, scope)], as, wrong);
  }
}

function binary(
  operator: string,
  operands: readonly [Compiled, Compiled],
  as: (what: Compiled, type: Type, complaint: () => string) => Evaluate,
  wrong: (why: string) => InterpolationError,
): Compiled {
  const both = (type: Type): readonly [Evaluate, Evaluate] => {
    const [left, right] = operands.map((operand, at) =>
      as(operand, type, () => `operand ${at + 1} should be ${TYPE_NAMES[type]}, got ${TYPE_NAMES[operand.type]}`),
    );
    return [left as Evaluate, right as Evaluate];
  };
  const numeric: Type = operands.some(({ type }) => type === "float") ? "float" : "int";
  if (operator === "&&" || operator === "||") {
    const [left, right] = operands.map((operand) =>
      as(operand, "bool", () => `logical operators require boolean operands, not ${TYPE_NAMES[operand.type]}`),
    ) as [Evaluate, Evaluate];
    const evaluate: Evaluate = (now) => {
      const [first, second] = [left(now), right(now)];
      return operator === "&&" ? first === true && second === true : first === true || second === true;
    };
    return { type: "bool", evaluate };
  }
  const compare = COMPARISONS[operator];
  if (compare !== undefined) {
    const [left, right] = both(operator === "==" || operator === "!=" ? operands[0].type : numeric);
    return { type: "bool", evaluate: (now) => compare(left(now), right(now)) };
  }
  const [left, right] = both(numeric);
  if (operator === "%" && numeric === "float") throw wrong("modulo cannot be used with floats");
  if (numeric === "float") {
    return { type: "float", evaluate: (now) => floatMath(operator, left(now) as number, right(now) as number) };
  }
  return { type: "int", evaluate: (now) => intMath(operator, left(now) as bigint, right(now) as bigint) };
}

const COMPARISONS: Readonly<Record<string, (left: Value, right: Value) => boolean>> = {
  "==": (left, right) => left === right,
  "!=": (left, right) => left !== right,
  "<": (left, right) => left < right,
  "<=": (left, right) => left <= right,
  ">": (left, right) => left > right,
  ">=": (left, right) => left >= right,
};

function floatMath(operator: string, left: number, right: number): number {
  if (operator === "+") return left + right;
  if (operator === "-") return left - right;
  return operator === "*" ? left * right : left / right;
}

function intMath(operator: string, left: bigint, right: bigint): bigint {
  const whole = (): bigint => {
    if (operator === "+") return left + right;
    if (operator === "-") return left - right;
    if (operator === "*") return left * right;
    if (right === 0n) throw new InterpolationError("__builtin_IntMath: divide by zero");
    return operator === "/" ? left / right : left % right;
  };
  return BigInt.asIntN(64, whole());
}
