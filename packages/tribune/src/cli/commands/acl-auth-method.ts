import type { ConsulClient } from "@tribune/client/node";
import { parseJson } from "../../lib/go-json-parse.ts";
import { goQuote } from "../../lib/go-quote.ts";
import { prettyAuthMethod, prettyAuthMethods } from "../acl/format.ts";
import { deleteCommand, listCommand } from "../acl/kind-commands.ts";
import { CommandFailure, failing, find, formatFlag, metaFlag, print, step, word, write } from "../acl/request.ts";
import { type AuthMethod, authMethodEntryShape, authMethodShape } from "../acl/shapes.ts";
import type { Command, CommandContext } from "../command.ts";
import { loadData } from "../output.ts";
import { boolFlag, durationFlag, stringFlag } from "./flag.ts";

const nameFlag = stringFlag("name", "Name of the auth method.");
const SETTING_FLAGS = [
  stringFlag("display-name", "Name to show to people."),
  stringFlag("description", "What it is for."),
  durationFlag("max-token-ttl", "How long tokens made by it are valid."),
  stringFlag("token-locality", "local or global: where tokens made by it are valid."),
  stringFlag("kubernetes-host", "Address of the Kubernetes API, for type kubernetes."),
  stringFlag("kubernetes-ca-cert", "CA certificate of that API: text or @FILE."),
  stringFlag("kubernetes-service-account-jwt", "Token of a service account that may review tokens."),
  stringFlag("config", "Configuration as JSON: text, @FILE, or - for standard input."),
];

type Config = Readonly<Record<string, unknown>>;

const KUBERNETES = [
  ["Host", "kubernetes-host"],
  ["CACert", "kubernetes-ca-cert"],
  ["ServiceAccountJWT", "kubernetes-service-account-jwt"],
] as const;

/** The configuration that -config names; undefined without the flag. @throws CommandFailure */
async function configOf(context: CommandContext, flagWord: string, parsing: string): Promise<Config | undefined> {
  const { flags, io } = context;
  if (flags.string("config") === "") return undefined;
  if (KUBERNETES.some(([, flag]) => flags.string(flag) !== ""))
    throw new CommandFailure(`Cannot use command line arguments with '-config' ${flagWord}`);
  const data = await step("Error loading configuration file", () => loadData(flags.string("config"), io));
  return step(parsing, () => parseJson(data.toString(), { mode: "whole" }) as Config);
}

/** Kubernetes' settings by their flags, the certificate loaded. @throws CommandFailure when `required` and not there */
async function kubernetesOf(context: CommandContext, required: boolean): Promise<Config> {
  const { flags, io } = context;
  for (const [, flag] of KUBERNETES) {
    if (required && flags.string(flag) === "") throw new CommandFailure(`Missing required '-${flag}' flag`);
  }
  const config: Record<string, string> = {};
  for (const [field, flag] of KUBERNETES) {
    const text = flags.string(flag);
    if (text === "") continue;
    config[field] =
      field === "CACert"
        ? (await step("Invalid '-kubernetes-ca-cert' value", () => loadData(text, io))).toString()
        : text;
    if (config[field] === "") throw new CommandFailure("Kubernetes CA Cert is empty");
  }
  return config;
}

const ttlOf = ({ flags }: CommandContext): object => {
  const ttl = flags.string("max-token-ttl");
  return ttl === "" || /^[+]?0/.test(ttl) || ttl.startsWith("-") ? {} : { MaxTokenTTL: ttl };
};

export const authMethodCreate: Command = {
  usage: "[options]",
  description: `
Makes an auth method: a way to trade somebody else's credentials for a token.

    $ consul acl auth-method create -type=jwt -name=ci -config=@ci.json`,
  http: "namespace",
  flags: [stringFlag("type", "Its type: kubernetes or jwt."), nameFlag, ...SETTING_FLAGS, metaFlag, formatFlag],
  run: failing(async (context) => {
    const { flags } = context;
    for (const name of ["type", "name"])
      if (flags.string(name) === "") throw new CommandFailure(`Missing required '-${name}' flag`, true);
    const client = context.client();
    const loaded = await configOf(context, "flags", "Error parsing JSON configuration file");
    const config = flags.string("type") === "kubernetes" ? await kubernetesOf(context, true) : loaded;
    const method = authMethodShape({
      Name: flags.string("name"),
      Type: flags.string("type"),
      DisplayName: flags.string("display-name"),
      Description: flags.string("description"),
      TokenLocality: flags.string("token-locality"),
      ...ttlOf(context),
      Config: config ?? null,
    });
    const made = await step("Failed to create new auth method", () =>
      write<AuthMethod>(client, "/v1/acl/auth-method", method),
    );
    print(context, made, authMethodShape, prettyAuthMethod);
  }),
};

export const authMethodList = listCommand<AuthMethod>({
  description: "Lists all auth methods.",
  what: "auth method",
  path: () => "/v1/acl/auth-methods",
  shape: authMethodEntryShape,
  pretty: prettyAuthMethods,
});

const pathOf = (name: string): string => `/v1/acl/auth-method/${word(name)}`;

async function existing(client: ConsulClient, name: string, prefix: string): Promise<AuthMethod> {
  const method = await step(prefix, () => find<AuthMethod>(client, pathOf(name)));
  if (method === undefined) throw new CommandFailure(`Auth method not found with name ${goQuote(name)}`);
  return method;
}

export const authMethodRead: Command = {
  usage: "[options]",
  description: "Shows an auth method.",
  http: "namespace",
  flags: [nameFlag, metaFlag, formatFlag],
  run: failing(async (context) => {
    const name = context.flags.string("name");
    if (name === "") throw new CommandFailure("Must specify the -name parameter");
    const method = await existing(context.client(), name, `Error reading auth method ${goQuote(name)}`);
    print(context, method, authMethodShape, prettyAuthMethod);
  }),
};

export const authMethodUpdate: Command = {
  usage: "[options]",
  description: "Changes an auth method. What is not given stays as it is, unless -no-merge is set.",
  http: "namespace",
  flags: [nameFlag, ...SETTING_FLAGS, boolFlag("no-merge", "What is not given becomes empty."), metaFlag, formatFlag],
  run: failing(async (context) => {
    const name = context.flags.string("name");
    if (name === "") throw new CommandFailure("Cannot update an auth method without specifying the -name parameter");
    const client = context.client();
    const old = await existing(client, name, "Error when retrieving current auth method");
    const method = authMethodShape(await changedMethod(context, old));
    const changed = await step(`Error updating auth method ${goQuote(name)}`, () =>
      write<AuthMethod>(client, pathOf(name), method),
    );
    print(context, changed, authMethodShape, prettyAuthMethod);
  }),
};

async function changedMethod(context: CommandContext, old: AuthMethod): Promise<Partial<AuthMethod>> {
  const { flags } = context;
  const whole = flags.bool("no-merge");
  const kubernetes = old.Type === "kubernetes";
  const loaded = await configOf(context, "flag", "Error parsing JSON for auth method config");
  const settings = {
    DisplayName: flags.string("display-name"),
    Description: flags.string("description"),
    TokenLocality: flags.string("token-locality"),
  };
  if (whole) {
    const config = kubernetes ? await kubernetesOf(context, true) : loaded;
    return { Name: old.Name, Type: old.Type, ...settings, ...ttlOf(context), Config: config ?? null };
  }
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== ""));
  const config = { ...(loaded ?? old.Config), ...(kubernetes ? await kubernetesOf(context, false) : {}) };
  return { ...old, ...given, ...ttlOf(context), Config: config };
}

export const authMethodDelete = deleteCommand({
  description: "Deletes an auth method, its binding rules, and the tokens made by it.",
  what: "auth method",
  flags: [nameFlag],
  target({ flags }) {
    const name = flags.string("name");
    if (name === "") throw new CommandFailure("Must specify the -name parameter");
    return name;
  },
  path: pathOf,
});
