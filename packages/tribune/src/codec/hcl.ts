/**
 * HCL1 and JSON, the two languages of configuration files and ACL rules.
 *
 * `parseHcl` and `parseJson` give one tree with positions; `toHclValue` folds it into plain values the way
 * HashiCorp's HCL1 decodes into a map, which is what Consul's readers build on:
 *  - an object under a key becomes a list of objects, one per block with that key (`a {} a {}` → `[{}, {}]`);
 *  - an object inside a list stays an object;
 *  - labels nest: `a "x" {}` → `{a: [{x: [{}]}]}`;
 *  - a list assigned twice is one longer list, a scalar assigned twice has its last value.
 */
import { HCL_LIMITS, HclError, type HclItem, type HclLimits, type HclNode, type HclObject } from "./hcl-ast.ts";
import { JsonParser } from "./hcl-json.ts";
import { HclParser } from "./hcl-parser.ts";

export * from "./hcl-ast.ts";

export type HclValue = string | number | boolean | null | readonly HclValue[] | HclMap;
export interface HclMap {
  readonly [key: string]: HclValue;
}

/** @throws HclError, and nothing else, whatever the text. */
export function parseHcl(text: string, limits: HclLimits = HCL_LIMITS): HclObject {
  // HashiCorp's parser switches to JSON on a leading brace; ACL rules sent as JSON rely on it.
  if (/^\s*\{/.test(text)) return parseJsonObject(text, limits);
  return new HclParser(text, limits).parseFile();
}

/** @throws HclError, and nothing else, whatever the text. */
export function parseJson(text: string, limits: HclLimits = HCL_LIMITS): HclNode {
  return new JsonParser(text, limits).parseFile();
}

function parseJsonObject(text: string, limits: HclLimits): HclObject {
  const node = parseJson(text, limits);
  if (node.kind !== "object") throw new HclError(node.position, "expected an object");
  return node;
}

/** HCL text as plain values; see the head of this file for the shape. */
export function decodeHcl(text: string, limits?: HclLimits): HclMap {
  return objectToMap(parseHcl(text, limits));
}

/** JSON text as plain values: objects stay objects, the last of equal keys wins. */
export function decodeJson(text: string, limits?: HclLimits): HclValue {
  return plainJson(parseJson(text, limits));
}

function plainJson(node: HclNode): HclValue {
  if (node.kind === "literal") return node.value;
  if (node.kind === "list") return node.items.map(plainJson);
  return fromEntries(node.items.map((item) => [item.keys[0] ?? "", plainJson(item.value)]));
}

/** The value of one node; an object directly under a key is for the caller to wrap (see `objectToMap`). */
export function toHclValue(node: HclNode): HclValue {
  if (node.kind === "literal") return node.value;
  if (node.kind === "list") return node.items.map(toHclValue);
  return objectToMap(node);
}

function objectToMap(object: HclObject): HclMap {
  return itemsToMap(object.items);
}

function itemsToMap(items: readonly HclItem[]): HclMap {
  const map = new Map<string, HclValue>();
  for (const item of items) {
    const [key = "", ...labels] = item.keys;
    map.set(key, joined(map.get(key), itemValue(item, labels)));
  }
  return fromEntries(map);
}

function itemValue(item: HclItem, labels: readonly string[]): HclValue {
  if (labels.length > 0) return [itemsToMap([{ ...item, keys: labels }])];
  const value = toHclValue(item.value);
  return item.value.kind === "object" ? [value] : value;
}

function joined(earlier: HclValue | undefined, later: HclValue): HclValue {
  return Array.isArray(earlier) && Array.isArray(later) ? [...earlier, ...later] : later;
}

/** `Object.fromEntries` defines properties, so a key `__proto__` is a key like any other. */
function fromEntries(entries: Iterable<readonly [string, HclValue]>): HclMap {
  return Object.fromEntries(entries) as HclMap;
}
