import type { ConsulClient } from "@tribune/client/node";
import { goQuote } from "../../lib/go-quote.ts";
import { prettyRole, prettyRoles } from "../acl/format.ts";
import { deleteCommand, listCommand } from "../acl/kind-commands.ts";
import { mergeLinks, mergeNodes, mergeServices, roleId, roleIdByName } from "../acl/lookup.ts";
import { CommandFailure, failing, find, formatFlag, metaFlag, print, step, word, write } from "../acl/request.ts";
import { type Role, roleShape } from "../acl/shapes.ts";
import type { Command, CommandContext } from "../command.ts";
import { IDENTITY_FLAGS, identities, POLICY_FLAGS, policyLinks } from "./acl-token.ts";
import { boolFlag, stringFlag } from "./flag.ts";

const idFlag = stringFlag("id", "ID of the role, or how it begins.");
const GRANT_FLAGS = [...POLICY_FLAGS, ...IDENTITY_FLAGS];

export const roleCreate: Command = {
  usage: "[options]",
  description: `
Makes a role: rights that tokens can have together.

    $ consul acl role create -name=crawler -policy-name=kv-read -service-identity=crawler`,
  http: "namespace",
  flags: [
    stringFlag("name", "Its name."),
    stringFlag("description", "What it is for."),
    ...GRANT_FLAGS,
    metaFlag,
    formatFlag,
  ],
  run: failing(async (context) => {
    const { flags } = context;
    if (flags.string("name") === "") throw new CommandFailure("Missing require '-name' flag", true);
    if (GRANT_FLAGS.every(({ name }) => flags.list(name).length === 0)) {
      throw new CommandFailure(
        "Cannot create a role without specifying -policy-name, -policy-id, -service-identity, or -node-identity at least once",
      );
    }
    const client = context.client();
    const role = {
      Name: flags.string("name"),
      Description: flags.string("description"),
      Policies: await policyLinks(context, client),
      ...(await identities(context)),
    };
    const made = await step("Failed to create new role", () => write<Role>(client, "/v1/acl/role", role));
    print(context, made, roleShape, prettyRole);
  }),
};

export const roleList = listCommand<Role>({
  description: "Lists all roles.",
  what: "role",
  path: () => "/v1/acl/roles",
  shape: roleShape,
  pretty: prettyRoles,
});

export const roleRead: Command = {
  usage: "[options]",
  description: "Shows a role.",
  http: "namespace",
  flags: [idFlag, stringFlag("name", "Name of the role, instead of -id."), metaFlag, formatFlag],
  run: failing(async (context) => {
    const [part, name] = [context.flags.string("id"), context.flags.string("name")];
    if (part === "" && name === "") throw new CommandFailure("Must specify either the -id or -name parameters");
    const client = context.client();
    const role = part === "" ? await byName(client, name) : await byId(client, part);
    print(context, role, roleShape, prettyRole);
  }),
};

async function byId(client: ConsulClient, part: string): Promise<Role> {
  const id = await step("Error determining role ID", () => roleId(client, part));
  const role = await step(`Error reading role ${goQuote(id)}`, () => find<Role>(client, `/v1/acl/role/${id}`));
  if (role === undefined) throw new CommandFailure(`Role not found with ID ${goQuote(id)}`);
  return role;
}

async function byName(client: ConsulClient, name: string): Promise<Role> {
  const path = `/v1/acl/role/name/${word(name)}`;
  const role = await step(`Error reading role ${goQuote(name)}`, () => find<Role>(client, path));
  if (role === undefined) throw new CommandFailure(`Role not found with name ${goQuote(name)}`);
  return role;
}

export const roleUpdate: Command = {
  usage: "[options]",
  description: "Changes a role. What is given is added to what it has, unless -no-merge is set.",
  http: "namespace",
  flags: [
    idFlag,
    stringFlag("name", "Its new name."),
    stringFlag("description", "What it is for."),
    ...GRANT_FLAGS,
    boolFlag("no-merge", "What is not given becomes empty."),
    metaFlag,
    formatFlag,
  ],
  run: failing(async (context) => {
    const { flags } = context;
    if (flags.string("id") === "")
      throw new CommandFailure("Cannot update a role without specifying the -id parameter");
    const client = context.client();
    const id = await step("Error determining role ID", () => roleId(client, flags.string("id")));
    const given = await identities(context);
    const old = await step("Error when retrieving current role", () => find<Role>(client, `/v1/acl/role/${id}`));
    if (old === undefined) throw new CommandFailure(`Role not found with ID ${goQuote(id)}`);
    const role = roleShape(await changedRole(context, client, old, given));
    const changed = await step(`Error updating role ${goQuote(id)}`, () =>
      write<Role>(client, `/v1/acl/role/${id}`, role),
    );
    print(context, changed, roleShape, prettyRole);
  }),
};

async function changedRole(
  context: CommandContext,
  client: ConsulClient,
  old: Role,
  given: Awaited<ReturnType<typeof identities>>,
): Promise<Partial<Role>> {
  const { flags } = context;
  const [name, description] = [flags.string("name"), flags.string("description")];
  const policies = await policyLinks(context, client);
  if (flags.bool("no-merge")) return { ID: old.ID, Name: name, Description: description, Policies: policies, ...given };
  return {
    ...old,
    Name: name || old.Name,
    Description: description || old.Description,
    Policies: mergeLinks(old.Policies, policies),
    ServiceIdentities: mergeServices(old.ServiceIdentities, given.ServiceIdentities ?? []),
    NodeIdentities: mergeNodes(old.NodeIdentities, given.NodeIdentities ?? []),
  };
}

export const roleDelete = deleteCommand({
  description: "Deletes a role. Tokens lose the rights it gave.",
  what: "role",
  flags: [idFlag, stringFlag("name", "Name of the role, instead of -id.")],
  target({ flags, client }) {
    const [part, name] = [flags.string("id"), flags.string("name")];
    if (part === "" && name === "") throw new CommandFailure("Must specify the -id or -name parameters");
    return step("Error determining role ID", () =>
      part === "" ? roleIdByName(client(), name) : roleId(client(), part),
    );
  },
  path: (id) => `/v1/acl/role/${id}`,
});
