import type { Language } from "../lib/highlight.ts";

/** What is wrong with a text in its language, or undefined. The parsers of YAML and HCL come when they are first needed. */
export async function problemOf(text: string, language: Language): Promise<string | undefined> {
  if (language === "text" || text.trim() === "") return undefined;
  try {
    if (language === "json") JSON.parse(text);
    else if (language === "yaml") (await import("js-yaml")).loadAll(text);
    else (await import("../../../tribune/src/codec/hcl.ts")).parseHcl(text);
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? error.message.split("\n")[0]! : String(error);
    return language === "json" ? withLine(message, text) : message;
  }
}

/** Engines name the place by its offset; people look for a line. */
function withLine(message: string, text: string): string {
  const offset = /at position (\d+)/.exec(message)?.[1];
  if (offset === undefined || /line \d+/.test(message)) return message;
  const before = text.slice(0, Number(offset)).split("\n");
  return message.replace(/at position \d+.*/, `at line ${before.length}, column ${before.at(-1)!.length + 1}`);
}
