/** Intentions as people write them: the source's part of a `service-intentions` entry, and its rules for HTTP. */

export type HeaderTest = "Present" | "Exact" | "Prefix" | "Suffix" | "Regex";
export type PathTest = "" | "PathExact" | "PathPrefix" | "PathRegex";

export interface HeaderRule {
  readonly Name: string;
  readonly Present?: boolean;
  readonly Exact?: string;
  readonly Prefix?: string;
  readonly Suffix?: string;
  readonly Regex?: string;
  readonly Invert?: boolean;
}
export interface HttpRule {
  readonly PathExact?: string;
  readonly PathPrefix?: string;
  readonly PathRegex?: string;
  readonly Methods?: readonly string[] | null;
  readonly Header?: readonly HeaderRule[] | null;
}
/** What a later Consul adds to it is kept when it is saved. */
export interface Permission {
  readonly Action: "allow" | "deny";
  readonly HTTP?: HttpRule | null;
}
export interface IntentionSource {
  readonly Name: string;
  readonly Action?: "allow" | "deny" | "";
  readonly Permissions?: readonly Permission[] | null;
  readonly Precedence?: number;
  readonly Description?: string;
}
/** `service-intentions`: all intentions of one destination are one entry. */
export interface IntentionsEntry {
  readonly Kind: string;
  readonly Name: string;
  readonly Sources: readonly IntentionSource[] | null;
  readonly ModifyIndex?: number;
}

export const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
export const pathTests: readonly (readonly [PathTest, string])[] = [
  ["", "any path"],
  ["PathExact", "path is"],
  ["PathPrefix", "path begins with"],
  ["PathRegex", "path matches"],
];
export const headerTests: readonly (readonly [HeaderTest, string])[] = [
  ["Present", "is there"],
  ["Exact", "is"],
  ["Prefix", "begins with"],
  ["Suffix", "ends with"],
  ["Regex", "matches"],
];

/** A test whose value is still empty is one, too: somebody is writing it. */
export const pathTest = (http: HttpRule): PathTest => {
  const tests = pathTests.map(([test]) => test).filter((test) => test !== "");
  return tests.find((test) => http[test]) ?? tests.find((test) => http[test] !== undefined) ?? "";
};
export const headerTest = (header: HeaderRule): HeaderTest => {
  const tests = headerTests.map(([test]) => test).filter((test) => test !== "Present");
  const written = tests.find((test) => header[test]);
  return written ?? (header.Present ? "Present" : (tests.find((test) => header[test] !== undefined) ?? "Present"));
};

export function withPath(http: HttpRule, test: PathTest, value: string): HttpRule {
  const { PathExact: _exact, PathPrefix: _prefix, PathRegex: _regex, ...rest } = http;
  return test === "" ? rest : { ...rest, [test]: value };
}
export function withHeaderTest(header: HeaderRule, test: HeaderTest, value: string): HeaderRule {
  const { Present: _p, Exact: _e, Prefix: _f, Suffix: _s, Regex: _r, ...rest } = header;
  return { ...rest, [test]: test === "Present" ? true : value };
}

/** What is wrong with the rules, for people; undefined when they can be sent. */
export function rulesProblem(rules: readonly Permission[]): string | undefined {
  if (rules.length === 0) return "At least one rule is needed.";
  for (const [i, { HTTP: http }] of rules.entries()) {
    const which = `Rule ${i + 1}`;
    if (http === undefined || http === null || isEmpty(http))
      return `${which} says nothing of a request: give it a path, methods or headers.`;
    const path = pathTest(http);
    if ((path === "PathExact" || path === "PathPrefix") && !http[path]!.startsWith("/"))
      return `${which}: a path begins with a slash.`;
    if (path === "PathRegex" && http.PathRegex === "") return `${which} has no path.`;
    for (const header of http.Header ?? []) {
      if (header.Name.trim() === "") return `${which}: a header has no name.`;
      if (header[headerTest(header)] === "") return `${which}: the header ${header.Name} is compared with nothing.`;
    }
  }
  return undefined;
}

const isEmpty = (http: HttpRule): boolean =>
  pathTest(http) === "" && (http.Methods ?? []).length === 0 && (http.Header ?? []).length === 0;

/** A rule in one line: `allow GET, HEAD /v1/…`, `deny /admin with x-debug`. */
export function ruleText({ Action, HTTP: http }: Permission): string {
  if (!http) return Action;
  const { PathExact, PathPrefix, PathRegex } = http;
  const path = PathExact || (PathPrefix && `${PathPrefix}…`) || (PathRegex && `~ ${PathRegex}`) || "";
  const headers = (http.Header ?? []).map((header) => {
    const test = headerTest(header);
    const word = headerTests.find(([each]) => each === test)![1];
    const value = test === "Present" ? "" : ` ${word} ${header[test]}`;
    return `${header.Invert ? "not " : ""}${header.Name}${value}`;
  });
  return [Action, (http.Methods ?? []).join(", "), path, headers.length > 0 && `with ${headers.join(" and ")}`]
    .filter(Boolean)
    .join(" ");
}

/**
 * Consul's order, without namespaces: the destination's name counts before the source's.
 *
 * @returns 9, 8, 6 or 5; the higher one is tried first
 */
export const precedenceOf = (source: string, destination: string): number =>
  destination === "*" ? (source === "*" ? 5 : 6) : source === "*" ? 8 : 9;

/** The entry with this source in it, in place of the one that was called so. */
export function withSource(entry: IntentionsEntry, source: IntentionSource): IntentionsEntry {
  const sources = entry.Sources ?? [];
  const known = sources.some(({ Name }) => Name === source.Name);
  return {
    ...entry,
    Sources: known ? sources.map((each) => (each.Name === source.Name ? source : each)) : [...sources, source],
  };
}

/** What is edited of a source, and what a conflict is shown by. */
export function sourceText({ Action, Permissions, Description }: IntentionSource): string {
  return JSON.stringify(
    {
      ...(Permissions?.length ? { Permissions } : { Action }),
      ...(Description ? { Description } : {}),
    },
    null,
    2,
  );
}
