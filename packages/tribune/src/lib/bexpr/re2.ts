import { RE2JS } from "re2js";
import type { RegexpCompiler } from "./compile.ts";

/** Go's `regexp` for filters: linear time on any pattern and text, same syntax, same error texts. */
export const compileRe2: RegexpCompiler = (pattern) => {
  const compiled = compile(pattern);
  // `test` keeps no positions and is served by a table: several times faster than a matcher's `find`.
  return (text) => compiled.test(text);
};

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // Go names the fragment at fault even where it is empty.
    throw new Error(message.endsWith("at end of expression") ? `${message}: \`\`` : message, { cause: error });
  }
}

/**
 * The same for Go's `FindStringSubmatch`: the first match and its groups, undefined where nothing matches. A group
 * that took no part is empty.
 *
 * @throws Error with Go's text for a pattern that is none.
 */
export function compileRe2Groups(pattern: string): (text: string) => readonly string[] | undefined {
  const compiled = compile(pattern);
  return (text) => {
    const matcher = compiled.matcher(text);
    if (!matcher.find()) return undefined;
    return Array.from({ length: matcher.groupCount() + 1 }, (_, at) => matcher.group(at) ?? "");
  };
}
