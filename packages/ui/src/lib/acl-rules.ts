/** Rules of Consul's ACLs: what they say, and which of them decides. */

export type Access = "deny" | "read" | "list" | "write";

export interface Rule {
  /** `service`, `key`, `operator` …, without `_prefix`. */
  readonly resource: string;
  /** Empty for resources that have no names. */
  readonly name: string;
  /** Holds for every name that begins with `name`. */
  readonly prefix: boolean;
  readonly access: Access;
  /** What a rule of services says of intentions besides. */
  readonly intentions?: Access;
  readonly line: number;
}

/** The parser's tree of a text in HCL or JSON, as far as rules need it. */
export type RuleNode =
  | { readonly kind: "literal"; readonly value: string | number | boolean | null }
  | { readonly kind: "list"; readonly items: readonly RuleNode[] }
  | RuleTree;
export interface RuleTree {
  readonly kind: "object";
  readonly items: readonly RuleItem[];
}
interface RuleItem {
  readonly keys: readonly string[];
  readonly value: RuleNode;
  readonly position: { readonly line: number; readonly column: number };
}

export const named = ["agent", "event", "identity", "key", "node", "query", "service", "session"] as const;
export const unnamed = ["acl", "keyring", "mesh", "operator", "peering"] as const;
/** Blocks of Consul Enterprise; what is inside is not looked at. */
const passedOver = /^(namespace|partition)(_prefix)?$/;
const accesses: readonly string[] = ["deny", "read", "list", "write"];

/** Fails with the place and what is wrong there: also where Consul would pass over a word that it does not know. */
export class RuleFault extends Error {
  override readonly name = "RuleFault";
}

export function rulesOf(tree: RuleTree): Rule[] {
  return tree.items.flatMap((item) => rulesOfItem(item));
}

function rulesOfItem({ keys, value, position }: RuleItem): Rule[] {
  const [word = "", ...labels] = keys;
  const wrong = (what: string): RuleFault => new RuleFault(`At ${position.line}:${position.column}: ${what}`);
  const resource = word.replace(/_prefix$/, "");
  if (passedOver.test(word)) return [];
  if ((unnamed as readonly string[]).includes(word)) {
    if (value.kind !== "literal") throw wrong(`write ${word} = "read"`);
    return [{ resource, name: "", prefix: false, access: accessOf(value, word, wrong), line: position.line }];
  }
  if (!(named as readonly string[]).includes(resource)) throw wrong(`there is no resource ${JSON.stringify(word)}`);
  if (value.kind === "list") return value.items.flatMap((each) => rulesOfItem({ keys, value: each, position }));
  if (value.kind !== "object") throw wrong(`write ${word} "name" { policy = "read" }`);
  // In JSON the name is the key of an object inside.
  if (labels.length === 0)
    return value.items.flatMap((each) => rulesOfItem({ ...each, keys: [word, ...each.keys.slice(0, 1)] }));
  const field = (name: string): RuleNode | undefined => value.items.find(({ keys: [key] }) => key === name)?.value;
  const policy = field("policy");
  if (policy === undefined) throw wrong(`the rule for ${word} ${JSON.stringify(labels[0])} has no policy`);
  const intentions = field("intentions");
  if (intentions !== undefined && resource !== "service") throw wrong("only rules of services speak of intentions");
  return [
    {
      resource,
      name: labels[0]!,
      prefix: word !== resource,
      access: accessOf(policy, word, wrong),
      ...(intentions === undefined ? {} : { intentions: accessOf(intentions, "intentions", wrong) }),
      line: position.line,
    },
  ];
}

function accessOf(node: RuleNode, word: string, wrong: (what: string) => RuleFault): Access {
  const value = node.kind === "literal" ? node.value : undefined;
  if (typeof value !== "string" || !accesses.includes(value)) throw wrong(`${word} is "read", "write" or "deny"`);
  if (value === "list" && !/^key/.test(word)) throw wrong('only rules of keys know "list"');
  return value as Access;
}

/** What a request needs. `intention` is decided by what rules of services say of intentions. */
export interface Need {
  readonly resource: string;
  readonly name: string;
  readonly access: Exclude<Access, "deny">;
  /** Not one name but everything below it: a folder of keys that is deleted. */
  readonly tree?: boolean;
}

/** Rules and where a token has them from. */
export interface RuleSource {
  readonly policy: string;
  /** The role that has the policy; empty where the token has it itself. */
  readonly role: string;
  readonly rules: readonly Rule[];
}

export interface Match extends Rule {
  readonly policy: string;
  readonly role: string;
  /** Among those that decide: the most exact name, and there the strictest. */
  readonly decides: boolean;
}

export interface Verdict {
  readonly allowed: boolean;
  /** No rule fits: the servers' default decides. */
  readonly byDefault: boolean;
  /** Every rule of the token that fits the name; those that decide first. */
  readonly matches: readonly Match[];
}

/** The strictest wins among rules of one name: deny, then write, list, read. */
const strictness: readonly Access[] = ["deny", "write", "list", "read"];
const grants: Readonly<Record<Access, readonly Access[]>> = {
  deny: [],
  read: ["read"],
  list: ["read", "list"],
  write: ["read", "list", "write"],
};

export function decide(need: Need, sources: readonly RuleSource[], defaultAllows: boolean): Verdict {
  const all = sources.flatMap(({ policy, role, rules }) =>
    rules.map((rule) => ({ ...rule, access: accessFor(need, rule), policy, role })),
  );
  const resource = need.resource === "intention" ? "service" : need.resource;
  const fitting = all.filter(
    (rule) => rule.resource === resource && (rule.prefix ? need.name.startsWith(rule.name) : rule.name === need.name),
  );
  const best = [...fitting].sort((a, b) => Number(a.prefix) - Number(b.prefix) || b.name.length - a.name.length)[0];
  const level = fitting.filter((rule) => rule.prefix === best?.prefix && rule.name === best.name);
  const strictest = strictness.find((access) => level.some((rule) => rule.access === access));
  const above = strictest === undefined ? defaultAllows : grants[strictest].includes(need.access);
  // What is below a folder must be granted too, however exact its rule.
  const below = need.tree
    ? all.filter((rule) => rule.resource === resource && rule.name.startsWith(need.name) && !level.includes(rule))
    : [];
  const refusing = below.filter((rule) => !grants[rule.access].includes(need.access));
  const deciding = above && refusing.length > 0 ? refusing : level.filter(({ access }) => access === strictest);
  return {
    allowed: above && refusing.length === 0,
    byDefault: strictest === undefined && refusing.length === 0,
    matches: [...new Set([...deciding, ...fitting, ...below])].map((rule) => ({
      ...rule,
      decides: deciding.includes(rule),
    })),
  };
}

/** Intentions are read by who reads or writes the service, and written only by who is told so. */
function accessFor({ resource }: Need, rule: Rule): Access {
  if (resource !== "intention") return rule.access;
  return rule.intentions ?? (rule.access === "deny" ? "deny" : "read");
}

/** The rule that grants it, to be put into a policy. */
export function ruleText({ resource, name, access, tree }: Need): string {
  if ((unnamed as readonly string[]).includes(resource)) return `${resource} = "${access}"\n`;
  const quoted = JSON.stringify(name);
  if (resource === "intention") return `service ${quoted} {\n  policy     = "read"\n  intentions = "${access}"\n}\n`;
  return `${resource}${tree || access === "list" ? "_prefix" : ""} ${quoted} {\n  policy = "${access}"\n}\n`;
}

/** What a token may do that stands for a service or for a node. */
export const identityRules = {
  service: (name: string): Rule[] => [
    plain("service", name, "write"),
    plain("service", `${name}-sidecar-proxy`, "write"),
    { ...plain("service", "", "read"), prefix: true },
    { ...plain("node", "", "read"), prefix: true },
  ],
  node: (name: string): Rule[] => [plain("node", name, "write"), { ...plain("service", "", "read"), prefix: true }],
};
const plain = (resource: string, name: string, access: Access): Rule => ({
  resource,
  name,
  prefix: false,
  access,
  line: 0,
});
