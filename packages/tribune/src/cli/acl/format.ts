/** ACL objects as `-format=pretty` prints them. Every text ends with a line feed but a policy's, which ends with its rules. */
import { goMap, stringifyGo } from "../../lib/go-json.ts";
import type { AuthMethod, BindingRule, Grants, Meta, Policy, Role, Token } from "./shapes.ts";

type Pair = readonly [label: string, value: string] | undefined;

/** `Label:` and the value in a column of its own; undefined entries are left out. */
function lines(pairs: readonly Pair[], width: number, indent = ""): string {
  return pairs
    .map((pair) => (pair === undefined ? "" : `${indent}${`${pair[0]}:`.padEnd(width)}${pair[1]}\n`))
    .join("");
}

const given = (label: string, value: string | undefined): Pair =>
  value === undefined || value === "" ? undefined : [label, value];

function indexes(meta: Meta, show: boolean, withHash: boolean): readonly Pair[] {
  if (!show) return [];
  const hash: Pair = ["Hash", Buffer.from(meta.Hash ?? "", "base64").toString("hex")];
  return [
    ...(withHash ? [hash] : []),
    ["Create Index", String(meta.CreateIndex ?? 0)],
    ["Modify Index", String(meta.ModifyIndex ?? 0)],
  ];
}

function grantLines(grants: Grants, indent = ""): string {
  const block = (title: string, rows: readonly string[]): string =>
    rows.length === 0 ? "" : `${indent}${title}:\n${rows.map((row) => `${indent}   ${row}\n`).join("")}`;
  const links = (list: Grants["Policies"]) => (list ?? []).map(({ ID, Name }) => `${ID ?? ""} - ${Name ?? ""}`);
  const services = (grants.ServiceIdentities ?? []).map(({ ServiceName, Datacenters }) => {
    const where = (Datacenters ?? []).length === 0 ? "all" : Datacenters?.join(", ");
    return `${ServiceName} (Datacenters: ${where})`;
  });
  const nodes = (grants.NodeIdentities ?? []).map(
    ({ NodeName, Datacenter }) => `${NodeName} (Datacenter: ${Datacenter})`,
  );
  return (
    block("Policies", links(grants.Policies)) +
    block("Roles", links(grants.Roles)) +
    block("Service Identities", services) +
    block("Node Identities", nodes)
  );
}

/** Go's way to print a time: `2026-01-02 15:04:05.123 +0000 UTC`. The text is RFC 3339, as JSON has it. */
export function goTime(text: string): string {
  const [, day, time, zone = "Z"] = /^(\d+-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  if (day === undefined || time === undefined) return text;
  const offset = zone === "Z" ? "+0000" : zone.replace(":", "");
  const seconds = time.includes(".") ? time.replace(/\.?0+$/, "") : time;
  return `${day} ${seconds} ${offset} ${zone === "Z" ? "UTC" : offset}`;
}

const NEVER = "0001-01-01T00:00:00Z";
const TOKEN_WIDTH = 18;

function tokenHead(token: Token): readonly Pair[] {
  const expires = token.ExpirationTime === NEVER ? undefined : (token.ExpirationTime ?? undefined);
  return [
    ["AccessorID", token.AccessorID],
    ["SecretID", token.SecretID],
    given("Namespace", token.Namespace),
    ["Description", token.Description],
    ["Local", String(token.Local)],
    given("Auth Method", token.AuthMethod),
    ["Create Time", goTime(token.CreateTime ?? NEVER)],
    expires === undefined ? undefined : ["Expiration Time", goTime(expires)],
  ];
}

export function prettyToken(token: Token, meta: boolean): string {
  const rules = (token.Rules ?? "") === "" ? "" : `Rules:\n${token.Rules}\n`;
  return lines([...tokenHead(token), ...indexes(token, meta, true)], TOKEN_WIDTH) + grantLines(token) + rules;
}

export function prettyTokens(tokens: readonly Token[], meta: boolean): string {
  return tokens
    .map((token) => {
      const legacy: Pair = ["Legacy", String(token.Legacy ?? false)];
      return lines([...tokenHead(token), legacy, ...indexes(token, meta, true)], TOKEN_WIDTH) + grantLines(token);
    })
    .join("\n");
}

const WIDTH = 14;

function policyHead(policy: Policy, meta: boolean): readonly Pair[] {
  return [
    given("Namespace", policy.Namespace),
    ["Description", policy.Description],
    ["Datacenters", (policy.Datacenters ?? []).join(", ")],
    ...indexes(policy, meta, true),
  ];
}

export function prettyPolicy(policy: Policy, meta: boolean): string {
  const head = lines([["ID", policy.ID], ["Name", policy.Name], ...policyHead(policy, meta)], WIDTH);
  return `${head}Rules:\n${policy.Rules ?? ""}`;
}

export function prettyPolicies(policies: readonly Policy[], meta: boolean): string {
  return entries(
    policies,
    ({ Name }) => Name,
    (policy) => [["ID", policy.ID], ...policyHead(policy, meta)],
  );
}

export function prettyRole(role: Role, meta: boolean): string {
  const pairs: readonly Pair[] = [
    ["ID", role.ID],
    ["Name", role.Name],
    given("Namespace", role.Namespace),
    ["Description", role.Description],
    ...indexes(role, meta, true),
  ];
  return lines(pairs, WIDTH) + grantLines({ ...role, Roles: null });
}

export function prettyRoles(roles: readonly Role[], meta: boolean): string {
  return roles
    .map((role) => {
      const pairs: readonly Pair[] = [
        ["ID", role.ID],
        given("Namespace", role.Namespace),
        ["Description", role.Description],
        ...indexes(role, meta, true),
      ];
      return `${role.Name}:\n${lines(pairs, WIDTH, "   ")}${grantLines({ ...role, Roles: null }, "   ")}`;
    })
    .join("");
}

export function prettyAuthMethod(method: AuthMethod, meta: boolean): string {
  const width = 15;
  const ttl = method.MaxTokenTTL === "0s" ? "" : method.MaxTokenTTL;
  const head: readonly Pair[] = [
    ["Name", method.Name],
    ["Type", method.Type],
    given("Namespace", method.Namespace),
    given("DisplayName", method.DisplayName),
    ["Description", method.Description ?? ""],
    given("MaxTokenTTL", ttl),
    given("TokenLocality", method.TokenLocality),
  ];
  const rules = method.NamespaceRules ?? [];
  const ruleLines = rules.map(({ Selector = "", BindNamespace = "" }) =>
    lines(
      [
        ["Selector", Selector],
        ["BindNamespace", BindNamespace],
      ],
      width,
      "   ",
    ),
  );
  const namespaces = rules.length === 0 ? "" : `NamespaceRules:\n${ruleLines.join("")}`;
  const config = method.Config === null || method.Config === undefined ? null : goMap(method.Config);
  return `${lines(head, width)}${namespaces}${lines(indexes(method, meta, false), width)}Config:\n${twoBlanks(config)}`;
}

/** Go's JSON, indented by two. */
export function twoBlanks(value: unknown): string {
  return stringifyGo(value, true)
    .trimEnd()
    .replace(/^ +/gm, (blanks) => blanks.slice(blanks.length / 2));
}

export function prettyAuthMethods(methods: readonly AuthMethod[], meta: boolean): string {
  return entries(
    methods,
    ({ Name }) => Name,
    (method) => [
      ["Type", method.Type],
      given("Namespace", method.Namespace),
      given("DisplayName", method.DisplayName),
      ["Description", method.Description ?? ""],
      ...indexes(method, meta, false),
    ],
  );
}

function ruleHead(rule: BindingRule, meta: boolean): readonly Pair[] {
  return [
    given("Namespace", rule.Namespace),
    ["AuthMethod", rule.AuthMethod],
    ["Description", rule.Description],
    ["BindType", rule.BindType],
    ["BindName", rule.BindName],
    ["Selector", rule.Selector],
    ...indexes(rule, meta, false),
  ];
}

export function prettyBindingRule(rule: BindingRule, meta: boolean): string {
  return lines([["ID", rule.ID], ...ruleHead(rule, meta)], WIDTH);
}

export function prettyBindingRules(rules: readonly BindingRule[], meta: boolean): string {
  return entries(
    rules,
    ({ ID }) => ID,
    (rule) => ruleHead(rule, meta),
  );
}

function entries<T>(all: readonly T[], name: (one: T) => string, pairs: (one: T) => readonly Pair[]): string {
  return all.map((one) => `${name(one)}:\n${lines(pairs(one), WIDTH, "   ")}`).join("");
}
