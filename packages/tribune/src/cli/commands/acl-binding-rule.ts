import type { ConsulClient } from "@tribune/client/node";
import { goQuote } from "../../lib/go-quote.ts";
import { prettyBindingRule, prettyBindingRules } from "../acl/format.ts";
import { deleteCommand, listCommand } from "../acl/kind-commands.ts";
import { bindingRuleId } from "../acl/lookup.ts";
import { CommandFailure, failing, find, formatFlag, metaFlag, print, step, word, write } from "../acl/request.ts";
import { type BindingRule, bindingRuleShape } from "../acl/shapes.ts";
import type { Command, CommandContext } from "../command.ts";
import { boolFlag, stringFlag } from "./flag.ts";

const idFlag = stringFlag("id", "ID of the binding rule, or how it begins.");
const SETTING_FLAGS = [
  stringFlag("description", "What it is for."),
  stringFlag("selector", "Expression that the identity must match."),
  stringFlag("bind-type", "What to give: service or role.", "service"),
  stringFlag("bind-name", "Its name, which may hold variables of the identity."),
];

const pathOf = (id: string): string => `/v1/acl/binding-rule/${id}`;

/** @throws CommandFailure */
function required({ flags }: CommandContext, names: readonly string[]): void {
  for (const name of names)
    if (flags.string(name) === "") throw new CommandFailure(`Missing required '-${name}' flag`, true);
}

export const bindingRuleCreate: Command = {
  usage: "[options]",
  description: `
Makes a binding rule: what rights who logs in gets.

    $ consul acl binding-rule create -method=ci -bind-type=role -bind-name=builder -selector='value.repo == "a"'`,
  http: "namespace",
  flags: [stringFlag("method", "Name of the auth method."), ...SETTING_FLAGS, metaFlag, formatFlag],
  run: failing(async (context) => {
    const { flags } = context;
    required(context, ["method", "bind-type", "bind-name"]);
    const rule = {
      Description: flags.string("description"),
      AuthMethod: flags.string("method"),
      BindType: flags.string("bind-type"),
      BindName: flags.string("bind-name"),
      Selector: flags.string("selector"),
    };
    const made = await step("Failed to create new binding rule", () =>
      write<BindingRule>(context.client(), "/v1/acl/binding-rule", rule),
    );
    print(context, made, bindingRuleShape, prettyBindingRule);
  }),
};

export const bindingRuleList = listCommand<BindingRule>({
  description: "Lists the binding rules.",
  what: "binding rule",
  flags: [stringFlag("method", "Only those of this auth method.")],
  path({ flags }) {
    const method = flags.string("method");
    return method === "" ? "/v1/acl/binding-rules" : `/v1/acl/binding-rules?authmethod=${word(method)}`;
  },
  shape: bindingRuleShape,
  pretty: prettyBindingRules,
});

async function idOf(context: CommandContext, client: ConsulClient, complaint: string): Promise<string> {
  const part = context.flags.string("id");
  if (part === "") throw new CommandFailure(complaint);
  return step("Error determining binding rule ID", () => bindingRuleId(client, part));
}

async function existing(client: ConsulClient, id: string, prefix: string): Promise<BindingRule> {
  const rule = await step(prefix, () => find<BindingRule>(client, pathOf(id)));
  if (rule === undefined) throw new CommandFailure(`Binding rule not found with ID ${goQuote(id)}`);
  return rule;
}

export const bindingRuleRead: Command = {
  usage: "[options]",
  description: "Shows a binding rule.",
  http: "namespace",
  flags: [idFlag, metaFlag, formatFlag],
  run: failing(async (context) => {
    const client = context.client();
    const id = await idOf(context, client, "Must specify the -id parameter.");
    const rule = await existing(client, id, `Error reading binding rule ${goQuote(id)}`);
    print(context, rule, bindingRuleShape, prettyBindingRule);
  }),
};

export const bindingRuleUpdate: Command = {
  usage: "[options]",
  description: `
Changes a binding rule. What is not given stays as it is, unless -no-merge is set; but the type becomes "service"
unless -bind-type says otherwise.`,
  http: "namespace",
  flags: [idFlag, ...SETTING_FLAGS, boolFlag("no-merge", "What is not given becomes empty."), metaFlag, formatFlag],
  run: failing(async (context) => {
    const { flags } = context;
    const client = context.client();
    const id = await idOf(context, client, "Cannot update a binding rule without specifying the -id parameter");
    const old = await existing(client, id, "Error when retrieving current binding rule");
    const whole = flags.bool("no-merge");
    if (whole) required(context, ["bind-type", "bind-name"]);
    const given = (flag: string, before: string): string => flags.string(flag) || (whole ? "" : before);
    const rule = {
      ...(whole ? { ID: id, AuthMethod: old.AuthMethod } : old),
      Description: given("description", old.Description),
      BindType: given("bind-type", old.BindType),
      BindName: given("bind-name", old.BindName),
      // An empty selector is one as well: it matches everybody.
      Selector: whole || flags.has("selector") ? flags.string("selector") : old.Selector,
    };
    const changed = await step(`Error updating binding rule ${goQuote(id)}`, () =>
      write<BindingRule>(client, pathOf(id), rule),
    );
    print(context, changed, bindingRuleShape, prettyBindingRule);
  }),
};

export const bindingRuleDelete = deleteCommand({
  description: "Deletes a binding rule.",
  what: "binding rule",
  flags: [idFlag],
  target: (context) => idOf(context, context.client(), "Must specify the -id parameter"),
  path: pathOf,
});
