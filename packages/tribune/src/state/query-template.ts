/**
 * Prepared queries that stand for many names: a template's texts hold `${…}`, which is worked out anew for each name
 * that is looked up. Known are `name.full`, `name.prefix`, `name.suffix`, `agent.segment` and `match(N)`, the Nth
 * group of the template's regular expression.
 */
import type { PreparedQuery, ServiceQuery } from "@tribune/api";
import { compileRe2Groups } from "../lib/bexpr/re2.ts";
import { TribuneError } from "../lib/errors.ts";
import {
  type Interpolated,
  InterpolationError,
  parseInterpolation,
  type Scope,
  type TemplateFunction,
} from "./interpolation/interpolation.ts";

/** Makes the query for a name. */
export type Render = (name: string) => PreparedQuery;

/** @throws TribuneError for a template of unknown type, or with a text or pattern that cannot be read. */
export function compileTemplate(query: PreparedQuery): Render {
  const { Type, Regexp, RemoveEmptyTags } = query.Template;
  if (Type !== "name_prefix_match") throw bad(`Bad Template.Type '${Type}'`);
  const texts = new Map<string, Interpolated>();
  mapTexts(query.Service, "", (text, path) => {
    texts.set(
      path,
      explain(() => parseInterpolation(text), `Bad format '${text}' in Service${path}`),
    );
    return text;
  });
  const groupsOf = Regexp === "" ? () => undefined : compilePattern(Regexp);
  const render: Render = (name) => {
    const scope = scopeOf(query.Name, name, groupsOf(name) ?? []);
    const service = mapTexts(query.Service, "", (text, path) =>
      explain(() => texts.get(path)?.(scope) ?? text, `Bad evaluation for '${text}' in Service${path}`),
    ) as ServiceQuery;
    const Tags = RemoveEmptyTags ? (service.Tags ?? []).filter((tag) => tag !== "") : service.Tags;
    return { ...query, Service: { ...service, Tags } };
  };
  render(query.Name); // the shortest name it will meet: what cannot be worked out shows now
  return render;
}

function compilePattern(pattern: string): (text: string) => readonly string[] | undefined {
  try {
    return compileRe2Groups(pattern);
  } catch (error) {
    throw bad(`Bad Regexp: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The Nth group; empty where there is none. */
const match = (groups: readonly string[]): TemplateFunction => ({
  args: ["int"],
  returns: "string",
  call: ([index]) => groups[Number(index)] ?? "",
});

function scopeOf(prefix: string, name: string, groups: readonly string[]): Scope {
  const variables: Readonly<Record<string, string>> = {
    "name.full": name,
    "name.prefix": prefix,
    "name.suffix": name.startsWith(prefix) ? name.slice(prefix.length) : name,
    "agent.segment": "",
  };
  return {
    variable: (known) => (Object.hasOwn(variables, known) ? variables[known] : undefined),
    function: (known) => (known === "match" ? match(groups) : undefined),
  };
}

/** A copy in which every text is what `change` makes of it. Keys of maps stay. */
function mapTexts(
  value: unknown,
  path: string,
  change: (text: string, path: string) => string,
  inMap = false,
): unknown {
  if (typeof value === "string") return change(value, path);
  if (Array.isArray(value)) return value.map((item, at) => mapTexts(item, `${path}[${at}]`, change));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, item]) => {
    const isMap = name === "NodeMeta" || name === "ServiceMeta";
    return [name, mapTexts(item, inMap ? `${path}[${name}]` : `${path}.${name}`, change, isMap && !inMap)];
  });
  return Object.fromEntries(entries);
}

function explain<T>(step: () => T, what: string): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof InterpolationError) throw bad(`${what}: ${error.message}`);
    throw error;
  }
}

function bad(why: string): TribuneError {
  return TribuneError.internal(why);
}
