/**
 * go-sockaddr templates: `{{ GetInterfaceIP "eth0" }}`, `{{ GetPrivateInterfaces | include "network" "10.0.0.0/8" |
 * attr "address" }}`. The pipelines operators write are here; Go's template control flow (`if`, `range`, variables)
 * and the `math` function are not.
 */
import { type Cidr, canonicalIp, cidrContains, cidrs, formatIp, type Ip, parseCidr, parseIp } from "./ip.ts";
import type { InterfaceAddress } from "./ports.ts";

/** The message continues Consul's `NAME: error parsing "TEMPLATE": `. */
export class SockaddrError extends Error {
  override readonly name = "SockaddrError";
}

type Value = string | number | readonly InterfaceAddress[];

/** Replaces every `{{…}}` of a text. A text without one is returned as it is. @throws SockaddrError */
export function expandSockaddr(text: string, interfaces: () => readonly InterfaceAddress[]): string {
  if (!text.includes("{{")) return text;
  let all: readonly InterfaceAddress[] | undefined;
  const read = (): readonly InterfaceAddress[] => (all ??= interfaces().filter((entry) => parseIp(entry.address)));
  let out = "";
  let rest = text;
  for (let open = rest.indexOf("{{"); open >= 0; open = rest.indexOf("{{")) {
    const close = rest.indexOf("}}", open);
    if (close < 0) throw new SockaddrError(`unable to parse template ${JSON.stringify(text)}: unclosed action`);
    out += rest.slice(0, open);
    out += asText(evaluate(rest.slice(open + 2, close), text, read));
    rest = rest.slice(close + 2);
  }
  return out + rest;
}

function evaluate(pipeline: string, whole: string, all: () => readonly InterfaceAddress[]): Value {
  let value: Value | undefined;
  for (const command of tokenize(pipeline, whole)) {
    const [name, ...given] = command;
    const run = typeof name === "string" && Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (run === undefined) {
      if (name === "." && given.length === 0 && value === undefined) value = all();
      else
        throw new SockaddrError(
          `unable to parse template ${JSON.stringify(whole)}: template: sockaddr.Parse:1: function "${name}" not defined`,
        );
      continue;
    }
    const args = given.map((arg) => literal(arg, all));
    value = run(value === undefined ? args : [...args, value], all);
  }
  if (value === undefined)
    throw new SockaddrError(`unable to parse template ${JSON.stringify(whole)}: missing value for command`);
  return value;
}

/** Commands between `|`, each a list of words; quoted words keep their quotes for `literal`. */
function tokenize(pipeline: string, whole: string): readonly (readonly string[])[] {
  const commands: string[][] = [[]];
  const token = /\s*("(?:[^"\\]|\\.)*"|`[^`]*`|\||[^\s|"`()]+)|\s+$/sy;
  while (token.lastIndex < pipeline.length) {
    const at = token.lastIndex;
    const match = token.exec(pipeline);
    if (match === null) {
      throw new SockaddrError(
        `unable to parse template ${JSON.stringify(whole)}: unexpected ${JSON.stringify(pipeline.slice(at))}`,
      );
    }
    if (match[1] === "|") commands.push([]);
    else if (match[1] !== undefined) commands.at(-1)?.push(match[1]);
  }
  return commands;
}

function literal(word: string, all: () => readonly InterfaceAddress[]): Value {
  if (word === ".") return all();
  if (word.startsWith("`")) return word.slice(1, -1);
  if (!word.startsWith('"')) return /^-?\d+$/.test(word) ? Number(word) : word;
  try {
    return JSON.parse(word) as string;
  } catch {
    // Go's string escapes that JSON lacks (`\x41`): nobody needs them in an interface name.
    throw new SockaddrError(`bad string ${word}`);
  }
}

function asText(value: Value): string {
  if (typeof value === "string" || typeof value === "number") return String(value);
  return `[${value.map((entry) => `${entry.address}/${entry.prefix} {${entry.name}}`).join(" ")}]`;
}

type Run = (args: readonly Value[], all: () => readonly InterfaceAddress[]) => Value;

const FUNCTIONS: Readonly<Record<string, Run>> = {
  GetAllInterfaces: (_, all) => all(),
  GetDefaultInterfaces: (_, all) => all().filter((entry) => entry.default),
  GetPrivateInterfaces: (_, all) => routable(all()).filter(isPrivate),
  GetPublicInterfaces: (_, all) => routable(all()).filter((entry) => !isPrivate(entry)),
  GetPrivateIP: (_, all) => firstAddress(routable(all()).filter(isPrivate)),
  GetPublicIP: (_, all) => firstAddress(routable(all()).filter((entry) => !isPrivate(entry))),
  GetPrivateIPs: (_, all) =>
    joined(sortBy("type,size", all()).filter((entry) => isPrivate(entry) && isForwardable(entry))),
  GetPublicIPs: (_, all) => joined(sortBy("type,size", all()).filter((entry) => !isPrivate(entry))),
  GetInterfaceIP: ([name], all) =>
    firstAddress(sortBy("type,size", matchName(text(name), all()).filter(isForwardable))),
  GetInterfaceIPs: ([name], all) => joined(sortBy("type,size", matchName(text(name), all()))),
  include: ([selector, parameter, list]) => entries(list).filter(matcher(text(selector), text(parameter))),
  exclude: ([selector, parameter, list]) => {
    const matches = matcher(text(selector), text(parameter));
    return entries(list).filter((entry) => !matches(entry));
  },
  sort: ([clauses, list]) => sortBy(text(clauses), entries(list)),
  unique: ([by, list]) => unique(text(by), entries(list)),
  limit: ([count, list]) => entries(list).slice(0, Number(count)),
  offset: ([count, list]) => entries(list).slice(Number(count)),
  attr: ([name, list]) => {
    const [first] = entries(list);
    return first === undefined ? "" : attribute(text(name), first);
  },
  join: ([name, separator, list]) =>
    entries(list)
      .map((entry) => attribute(text(name), entry))
      .join(text(separator)),
};

function text(value: Value | undefined): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  throw new SockaddrError("expected a string argument");
}

function entries(value: Value | undefined): readonly InterfaceAddress[] {
  if (typeof value === "object") return value;
  throw new SockaddrError("expected a list of interface addresses");
}

const RFC_BLOCKS: Readonly<Record<string, readonly Cidr[]>> = {
  "1112": cidrs("240.0.0.0/4"),
  "1918": cidrs("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
  "3927": cidrs("169.254.0.0/16"),
  "4193": cidrs("fc00::/7"),
  "6598": cidrs("100.64.0.0/10"),
  "6890": cidrs(
    ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"],
    ...["192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"],
    ...["240.0.0.0/4", "::1/128", "::/128", "64:ff9b::/96", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16"],
    ...["fc00::/7", "fe80::/10"],
  ),
};

const NOT_FORWARDABLE = cidrs(
  ...["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24"],
  ...["203.0.113.0/24", "240.0.0.0/4", "::1/128", "::/128", "2001:db8::/32", "2001:10::/28", "fe80::/10"],
);

const ipOf = (entry: InterfaceAddress): Ip => parseIp(entry.address) as Ip;
const inBlocks = (blocks: readonly Cidr[], entry: InterfaceAddress): boolean =>
  blocks.some((block) => cidrContains(block, ipOf(entry)));
const isPrivate = (entry: InterfaceAddress): boolean => inBlocks(RFC_BLOCKS["6890"] ?? [], entry);
const isForwardable = (entry: InterfaceAddress): boolean => !inBlocks(NOT_FORWARDABLE, entry);
const firstAddress = (list: readonly InterfaceAddress[]): string => (list[0] === undefined ? "" : address(list[0]));
const address = (entry: InterfaceAddress): string => formatIp(ipOf(entry));
const joined = (list: readonly InterfaceAddress[]): string => list.map(address).join(" ");

/** Addresses others can reach, those of the default route first. */
function routable(all: readonly InterfaceAddress[]): readonly InterfaceAddress[] {
  return sortBy(
    "default,type,size",
    all.filter((entry) => entry.up && isForwardable(entry)),
  );
}

function pattern(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch {
    throw new SockaddrError(`Unable to compile name regexp ${JSON.stringify(source)}`);
  }
}

function matchName(source: string, list: readonly InterfaceAddress[]): readonly InterfaceAddress[] {
  const expression = pattern(source);
  return list.filter((entry) => expression.test(entry.name));
}

function matcher(selector: string, parameter: string): (entry: InterfaceAddress) => boolean {
  switch (selector.toLowerCase()) {
    case "address": {
      const expression = pattern(parameter);
      return (entry) => expression.test(address(entry));
    }
    case "name": {
      const expression = pattern(parameter);
      return (entry) => expression.test(entry.name);
    }
    case "network": {
      const block = parseCidr(parameter) ?? parseCidr(`${parameter}/${parameter.includes(":") ? 128 : 32}`);
      if (block === undefined) throw new SockaddrError(`unable to include network ${JSON.stringify(parameter)}`);
      return (entry) => cidrContains(block, ipOf(entry));
    }
    case "rfc":
    case "rfcs":
      return rfcMatcher(parameter);
    case "size": {
      const size = Number(parameter.replace("/", ""));
      if (!Number.isInteger(size)) throw new SockaddrError(`invalid mask size ${JSON.stringify(parameter)}`);
      return (entry) => entry.prefix === size;
    }
    case "type":
      return anyOf(parameter, TYPES, "unsupported type");
    case "flag":
    case "flags":
      return anyOf(parameter, FLAGS, "Unknown interface flag:");
    default:
      throw new SockaddrError(`invalid include selector: ${JSON.stringify(selector)}`);
  }
}

function rfcMatcher(parameter: string): (entry: InterfaceAddress) => boolean {
  const blocks = parameter.split("|").flatMap((rfc) => {
    const known = Object.hasOwn(RFC_BLOCKS, rfc) ? RFC_BLOCKS[rfc] : undefined;
    if (known === undefined) throw new SockaddrError(`unable to match RFC ${rfc}: this RFC is not known`);
    return known;
  });
  return (entry) => inBlocks(blocks, entry);
}

type Test = (entry: InterfaceAddress) => boolean;

const TYPES: Readonly<Record<string, Test>> = {
  ip: () => true,
  ipv4: (entry) => ipOf(entry).family === 4,
  ipv6: (entry) => ipOf(entry).family === 6,
  unix: () => false,
};
const LINK_LOCAL = cidrs("169.254.0.0/16", "fe80::/10");
const FLAGS: Readonly<Record<string, Test>> = {
  up: (entry) => entry.up,
  down: (entry) => !entry.up,
  forwardable: isForwardable,
  loopback: (entry) => entry.loopback,
  "link-local unicast": (entry) => inBlocks(LINK_LOCAL, entry),
  "global unicast": (entry) => !entry.loopback && !inBlocks(LINK_LOCAL, entry),
};

function anyOf(parameter: string, tests: Readonly<Record<string, Test>>, complaint: string): Test {
  const chosen = parameter
    .toLowerCase()
    .split("|")
    .map((name) => {
      const test = Object.hasOwn(tests, name) ? tests[name] : undefined;
      if (test === undefined) throw new SockaddrError(`${complaint} ${JSON.stringify(name)}`);
      return test;
    });
  return (entry) => chosen.some((test) => test(entry));
}

type Compare = (a: InterfaceAddress, b: InterfaceAddress) => number;

const COMPARE: Readonly<Record<string, Compare>> = {
  address: (a, b) => Number(ipOf(a).bits > ipOf(b).bits) - Number(ipOf(a).bits < ipOf(b).bits),
  default: (a, b) => Number(b.default) - Number(a.default),
  name: (a, b) => Number(a.name > b.name) - Number(a.name < b.name),
  private: (a, b) => Number(isPrivate(b)) - Number(isPrivate(a)),
  /** Larger networks, those with shorter masks, first. */
  size: (a, b) => (ipOf(a).family === ipOf(b).family ? a.prefix - b.prefix : 0),
  type: (a, b) => ipOf(a).family - ipOf(b).family,
};

function sortBy(clauses: string, list: readonly InterfaceAddress[]): readonly InterfaceAddress[] {
  const compares = clauses.split(",").map((clause): Compare => {
    const [, sign, name = ""] = /^([+-]?)(.*)$/.exec(clause.trim().toLowerCase()) ?? [];
    const compare = Object.hasOwn(COMPARE, name) ? COMPARE[name] : undefined;
    if (compare === undefined) throw new SockaddrError(`unknown sort type: ${JSON.stringify(clause)}`);
    return sign === "-" ? (a, b) => compare(b, a) : compare;
  });
  return [...list].sort((a, b) => {
    for (const compare of compares) {
      const order = compare(a, b);
      if (order !== 0) return order;
    }
    return 0;
  });
}

function unique(by: string, list: readonly InterfaceAddress[]): readonly InterfaceAddress[] {
  const seen = new Set<string>();
  return list.filter((entry) => {
    const value = attribute(by === "name" ? "name" : "address", entry);
    return !seen.has(value) && seen.add(value);
  });
}

function attribute(name: string, entry: InterfaceAddress): string {
  switch (name.toLowerCase()) {
    case "name":
      return entry.name;
    case "address":
      return canonicalIp(entry.address) ?? "";
    case "size":
      return String(2n ** BigInt((ipOf(entry).family === 4 ? 32 : 128) - entry.prefix));
    case "type":
      return ipOf(entry).family === 4 ? "IPv4" : "IPv6";
    case "string":
      return `${address(entry)}/${entry.prefix}`;
    default:
      throw new SockaddrError(`unsupported attribute name ${JSON.stringify(name)}`);
  }
}
