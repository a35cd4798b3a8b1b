import type { ConsulClient } from "@tribune/client/node";
import { parseGoDuration } from "../../lib/duration.ts";
import { goQuote } from "../../lib/go-quote.ts";
import { prettyToken, prettyTokens } from "../acl/format.ts";
import { deleteCommand, listCommand } from "../acl/kind-commands.ts";
import {
  mergeLinks,
  mergeNodes,
  mergeServices,
  nodeIdentities,
  policyId,
  roleId,
  serviceIdentities,
  tokenId,
} from "../acl/lookup.ts";
import { CommandFailure, failing, formatFlag, metaFlag, print, read, step, write } from "../acl/request.ts";
import { type Grants, type Link, type Token, tokenEntryShape, tokenShape } from "../acl/shapes.ts";
import type { Command, CommandContext } from "../command.ts";
import { boolFlag, durationFlag, listFlag, stringFlag } from "./flag.ts";

const POLICY_FLAGS = [
  listFlag("policy-id", "ID of a policy, or how it begins; may be repeated."),
  listFlag("policy-name", "Name of a policy; may be repeated."),
];
const ROLE_FLAGS = [
  listFlag("role-id", "ID of a role, or how it begins; may be repeated."),
  listFlag("role-name", "Name of a role; may be repeated."),
];
const IDENTITY_FLAGS = [
  listFlag("service-identity", "Rights of a service: NAME or NAME:DC1,DC2; may be repeated."),
  listFlag("node-identity", "Rights of a node: NAME:DC; may be repeated."),
];
const GRANT_FLAGS = [...POLICY_FLAGS, ...ROLE_FLAGS, ...IDENTITY_FLAGS];
const idFlag = stringFlag("id", "Accessor ID of the token, or how it begins.");

/** Names as they are, IDs completed. @throws CommandFailure */
async function policyLinks(context: CommandContext, client: ConsulClient): Promise<readonly Link[]> {
  return links(context, client, "policy", policyId);
}

async function links(
  { flags }: CommandContext,
  client: ConsulClient,
  what: "policy" | "role",
  complete: (client: ConsulClient, part: string) => Promise<string>,
): Promise<readonly Link[]> {
  const found: Link[] = flags.list(`${what}-name`).map((Name) => ({ Name }));
  for (const part of flags.list(`${what}-id`)) {
    // Consul prints the ID it did not find, which is nothing.
    const ID = await step(`Error resolving ${what} ID `, () => complete(client, part));
    found.push({ ID });
  }
  return found;
}

async function identities({
  flags,
}: CommandContext): Promise<Required<Pick<Grants, "ServiceIdentities" | "NodeIdentities">>> {
  try {
    return {
      ServiceIdentities: serviceIdentities(flags.list("service-identity")),
      NodeIdentities: nodeIdentities(flags.list("node-identity")),
    };
  } catch (error) {
    throw new CommandFailure((error as Error).message);
  }
}

export const tokenCreate: Command = {
  usage: "[options]",
  description: `
Makes a token.

    $ consul acl token create -description="web" -service-identity=web`,
  http: "namespace",
  flags: [
    stringFlag("accessor", "The token's accessor ID, a UUID; made up if not given."),
    stringFlag("secret", "The token's secret ID, a UUID; made up if not given."),
    boolFlag("local", "Valid in this datacenter only."),
    stringFlag("description", "What it is for."),
    durationFlag("expires-ttl", "How long it is valid."),
    ...GRANT_FLAGS,
    metaFlag,
    formatFlag,
  ],
  run: failing(async (context) => {
    const { flags } = context;
    if (GRANT_FLAGS.every(({ name }) => flags.list(name).length === 0)) {
      throw new CommandFailure(
        "Cannot create a token without specifying -policy-name, -policy-id, -role-name, -role-id, -service-identity, or -node-identity at least once",
      );
    }
    const client = context.client();
    const found = await identities(context);
    const ttlNs = Number(parseGoDuration(flags.string("expires-ttl") || "0s") ?? 0);
    const token = {
      Description: flags.string("description"),
      Local: flags.bool("local"),
      AccessorID: flags.string("accessor"),
      SecretID: flags.string("secret"),
      ...(ttlNs > 0 ? { ExpirationTTL: ttlNs } : {}),
      ...found,
      Policies: await policyLinks(context, client),
      Roles: await links(context, client, "role", roleId),
    };
    const made = await step("Failed to create new token", () => write<Token>(client, "/v1/acl/token", token));
    print(context, made, tokenShape, prettyToken);
  }),
};

export const tokenClone: Command = {
  usage: "[options]",
  description: "Makes a token with the rights of another one.",
  http: "namespace",
  flags: [idFlag, stringFlag("description", "What the new one is for."), formatFlag],
  run: failing(async (context) => {
    const client = context.client();
    const id = await idOf(context, client, "Cannot update a token without specifying the -id parameter");
    const body = { Description: context.flags.string("description") };
    const made = await step("Error cloning token", () => write<Token>(client, `/v1/acl/token/${id}/clone`, body));
    print(context, made, tokenShape, prettyToken);
  }),
};

async function idOf(context: CommandContext, client: ConsulClient, complaint: string): Promise<string> {
  const part = context.flags.string("id");
  if (part === "") throw new CommandFailure(complaint);
  return step("Error determining token ID", () => tokenId(client, part));
}

export const tokenList = listCommand<Token>({
  description: "Lists all tokens.",
  what: "token",
  path: () => "/v1/acl/tokens",
  shape: tokenEntryShape,
  pretty: prettyTokens,
});

export const tokenRead: Command = {
  usage: "[options]",
  description: "Shows a token.",
  http: "namespace",
  flags: [idFlag, boolFlag("self", "The token that this command sends, instead of -id."), metaFlag, formatFlag],
  run: failing(async (context) => {
    const client = context.client();
    if (context.flags.bool("self")) {
      const own = await step("Error reading token", () => read<Token>(client, "/v1/acl/token/self"));
      print(context, own, tokenShape, prettyToken);
      return;
    }
    const id = await idOf(context, client, "Must specify the -id parameter");
    const token = await step(`Error reading token ${goQuote(id)}`, () => read<Token>(client, `/v1/acl/token/${id}`));
    print(context, token, tokenShape, prettyToken);
  }),
};

export const tokenUpdate: Command = {
  usage: "[options]",
  description: `
Changes a token. Rights that are not given are taken away, unless the -merge flag of their kind is set.

    $ consul acl token update -id=abcd -merge-policies -policy-name=ops`,
  http: "namespace",
  flags: [
    idFlag,
    stringFlag("description", "What it is for; stays as it is if not given."),
    ...GRANT_FLAGS,
    boolFlag("merge-policies", "Keep the policies it has."),
    boolFlag("merge-roles", "Keep the roles it has."),
    boolFlag("merge-service-identities", "Keep the service identities it has."),
    boolFlag("merge-node-identities", "Keep the node identities it has."),
    boolFlag("upgrade-legacy", "Drop the rules of a token of the old kind: the policies given must stand in for them."),
    metaFlag,
    formatFlag,
  ],
  run: failing(async (context) => {
    const { flags } = context;
    const client = context.client();
    const id = await idOf(context, client, "Cannot update a token without specifying the -id parameter");
    const old = await step("Error when retrieving current token", () => read<Token>(client, `/v1/acl/token/${id}`));
    if (flags.bool("upgrade-legacy") && (old.Rules ?? "") === "")
      throw new CommandFailure("Can't use -upgrade-legacy on a non-legacy token");
    const given = await identities(context);
    const policies = await policyLinks(context, client);
    const roles = await links(context, client, "role", roleId);
    const merge = <T>(flag: string, merged: T, replaced: T): T => (flags.bool(flag) ? merged : replaced);
    const token = {
      ...old,
      ...(flags.bool("upgrade-legacy") ? { Rules: "" } : {}),
      ...(flags.string("description") === "" ? {} : { Description: flags.string("description") }),
      Policies: merge("merge-policies", mergeLinks(old.Policies, policies), policies),
      Roles: merge("merge-roles", mergeLinks(old.Roles, roles), roles),
      ServiceIdentities: merge(
        "merge-service-identities",
        mergeServices(old.ServiceIdentities, given.ServiceIdentities ?? []),
        given.ServiceIdentities,
      ),
      NodeIdentities: merge(
        "merge-node-identities",
        mergeNodes(old.NodeIdentities, given.NodeIdentities ?? []),
        given.NodeIdentities,
      ),
    };
    const path = `/v1/acl/token/${old.AccessorID}`;
    const changed = await step(`Failed to update token ${id}`, () => write<Token>(client, path, tokenShape(token)));
    print(context, changed, tokenShape, prettyToken);
  }),
};

export const tokenDelete = deleteCommand({
  description: "Deletes a token. Who still uses it has no rights any more.",
  what: "token",
  flags: [idFlag],
  target: (context) => idOf(context, context.client(), "Must specify the -id parameter"),
  path: (id) => `/v1/acl/token/${id}`,
});

export { IDENTITY_FLAGS, identities, POLICY_FLAGS, policyLinks };
