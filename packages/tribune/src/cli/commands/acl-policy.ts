import type { ConsulClient } from "@tribune/client/node";
import { goQuote } from "../../lib/go-quote.ts";
import { prettyPolicies, prettyPolicy } from "../acl/format.ts";
import { deleteCommand, listCommand } from "../acl/kind-commands.ts";
import { legacyRules, translateRules } from "../acl/legacy-rules.ts";
import { policyId, policyIdByName } from "../acl/lookup.ts";
import { CommandFailure, failing, formatFlag, metaFlag, print, read, step, write } from "../acl/request.ts";
import { type Policy, policyEntryShape, policyShape } from "../acl/shapes.ts";
import type { Command, CommandContext } from "../command.ts";
import { loadData } from "../output.ts";
import { boolFlag, listFlag, stringFlag } from "./flag.ts";

const idFlag = stringFlag("id", "ID of the policy, or how it begins.");
const datacenterFlag = listFlag("valid-datacenter", "Datacenter it is valid in; may be repeated. All if not given.");
const rulesFlag = stringFlag("rules", "The rules: text, @FILE, or - for standard input.");

const source = async (context: CommandContext, flag: string): Promise<string> =>
  (await loadData(context.flags.string(flag), context.io)).toString();

/** By ID or by name. @throws CommandFailure */
function idOf(context: CommandContext, client: ConsulClient): Promise<string> {
  const { flags } = context;
  const [id, name] = [flags.string("id"), flags.string("name")];
  if (id === "" && name === "") throw new CommandFailure("Must specify either the -id or -name parameters");
  return step("Error determining policy ID", () => (id === "" ? policyIdByName(client, name) : policyId(client, id)));
}

export const policyCreate: Command = {
  usage: "[options]",
  description: `
Makes a policy.

    $ consul acl policy create -name=ops -rules=@ops.hcl`,
  http: "namespace",
  flags: [
    stringFlag("name", "Its name."),
    stringFlag("description", "What it is for."),
    datacenterFlag,
    rulesFlag,
    stringFlag("from-token", "A token of the old kind whose rules to take instead: its ID, @FILE, or -."),
    boolFlag("token-secret", "-from-token names a secret ID."),
    metaFlag,
    formatFlag,
  ],
  run: failing(async (context) => {
    const { flags } = context;
    if (flags.string("name") === "") throw new CommandFailure("Missing require '-name' flag", true);
    const client = context.client();
    const policy = {
      Name: flags.string("name"),
      Description: flags.string("description"),
      Rules: await step("Error loading rules", () => rulesOf(context, client)),
      Datacenters: flags.list("valid-datacenter"),
    };
    const made = await step("Failed to create new policy", () => write<Policy>(client, "/v1/acl/policy", policy));
    print(context, made, policyShape, prettyPolicy);
  }),
};

async function rulesOf(context: CommandContext, client: ConsulClient): Promise<string> {
  const { flags } = context;
  if (flags.string("from-token") === "") return source(context, "rules");
  if (flags.string("rules") !== "") throw new Error("Cannot specify both -rules and -from-token");
  const token = await step("Error loading rules: Invalid -from-token value", () => source(context, "from-token"));
  return translateRules(client, await legacyRules(context, token, flags.bool("token-secret")));
}

export const policyList = listCommand<Policy>({
  description: "Lists all policies.",
  what: "policy",
  path: () => "/v1/acl/policies",
  shape: policyEntryShape,
  pretty: prettyPolicies,
});

export const policyRead: Command = {
  usage: "[options]",
  description: "Shows a policy with its rules.",
  http: "namespace",
  flags: [idFlag, stringFlag("name", "Name of the policy, instead of -id."), metaFlag, formatFlag],
  run: failing(async (context) => {
    const client = context.client();
    const id = await idOf(context, client);
    const policy = await step(`Error reading policy ${goQuote(id)}`, () =>
      read<Policy>(client, `/v1/acl/policy/${id}`),
    );
    print(context, policy, policyShape, prettyPolicy);
  }),
};

export const policyUpdate: Command = {
  usage: "[options]",
  description: "Changes a policy. What is not given stays as it is, unless -no-merge is set.",
  http: "namespace",
  flags: [
    idFlag,
    stringFlag("name", "Name of the policy; with -id, its new name."),
    stringFlag("description", "What it is for."),
    datacenterFlag,
    rulesFlag,
    boolFlag("no-merge", "What is not given becomes empty."),
    metaFlag,
    formatFlag,
  ],
  run: failing(async (context) => {
    const { flags } = context;
    const client = context.client();
    const id = await idOf(context, client);
    const rules = await step("Error loading data source", () => source(context, "rules"));
    const given = {
      Name: flags.string("name"),
      Description: flags.string("description"),
      Rules: rules,
      Datacenters: flags.list("valid-datacenter"),
    };
    const flagOf = { Name: "name", Description: "description", Rules: "rules", Datacenters: "valid-datacenter" };
    let policy: object = given;
    if (!flags.bool("no-merge")) {
      const old = await step(`Error reading policy ${goQuote(id)}`, () => read<Policy>(client, `/v1/acl/policy/${id}`));
      const { Name, Description, Rules, Datacenters } = old;
      const changes = Object.entries(given).filter(([field]) => flags.has(flagOf[field as keyof typeof flagOf]));
      policy = { Name, Description, Rules, Datacenters, ...Object.fromEntries(changes) };
    }
    const changed = await step(`Error updating policy ${goQuote(id)}`, () =>
      write<Policy>(client, `/v1/acl/policy/${id}`, { ID: id, ...policy }),
    );
    print(context, changed, policyShape, prettyPolicy);
  }),
};

export const policyDelete = deleteCommand({
  description: "Deletes a policy. Tokens and roles lose the rights it gave.",
  what: "policy",
  flags: [idFlag, stringFlag("name", "Name of the policy, instead of -id.")],
  target: (context) => idOf(context, context.client()),
  path: (id) => `/v1/acl/policy/${id}`,
});
