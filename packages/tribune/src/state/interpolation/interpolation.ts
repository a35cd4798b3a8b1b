/**
 * Texts with `${…}` in them, in the language of HashiCorp's HIL: variables, calls, text and number literals,
 * arithmetic, comparison, `&&`, `||`, `!` and `a ? b : c`. `$$` stands for a plain `$`. Complaints are HIL's.
 */
import { compile, type Scope } from "./compile.ts";
import { parse } from "./parse.ts";

export type { Scope, TemplateFunction } from "./compile.ts";
export { InterpolationError } from "./error.ts";

/** @throws InterpolationError for a name that is not known, wrong types, or what cannot be worked out */
export type Interpolated = (scope: Scope) => string;

/** @throws InterpolationError for a text that is not of the language. */
export function parseInterpolation(text: string): Interpolated {
  const root = parse(text);
  let compiled: Interpolated | undefined;
  return (scope) => {
    compiled ??= compile(root, scope);
    return compiled(scope);
  };
}
