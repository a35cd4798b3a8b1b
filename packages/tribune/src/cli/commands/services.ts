import { loadConfig } from "../../config/load.ts";
import type { ServiceDefinition } from "../../config/types.ts";
import type { Command, CommandContext } from "../command.ts";
import { nodeMachine } from "../node-machine.ts";
import { attempt } from "../run.ts";
import { intFlag, listFlag, mapFlag, stringFlag } from "./flag.ts";
import { type Registration, serviceRegistration } from "./service-registration.ts";

/** Definitions of configuration files, read as the agent would. */
async function registrationsOf(context: CommandContext): Promise<readonly Registration[] | undefined> {
  const loaded = await attempt(context, "Error", async () => {
    const options = { configFiles: context.args, devMode: true };
    const { config, warnings } = loadConfig(options, nodeMachine(context.io.env));
    for (const warning of warnings) context.error(warning);
    return config.services.map((service: ServiceDefinition) => serviceRegistration(service));
  });
  return loaded?.value;
}

export const servicesRegister: Command = {
  usage: "[options] [FILE...]",
  description: `
Registers services with the local agent: those of configuration files, or one described by flags. They stay until
deregistered.

    $ consul services register web.json
    $ consul services register -name=web -port=80 -tag=v1`,
  http: "namespace",
  flags: [
    stringFlag("id", "ID of the service; the name if not given."),
    stringFlag("name", "Name of the service."),
    stringFlag("address", "Address of the service; the node's if not given."),
    intFlag("port", "Port of the service."),
    stringFlag("socket", "Unix socket of the service, instead of address and port."),
    mapFlag("meta", "Metadata as key=value; may be repeated."),
    listFlag("tag", "A tag; may be repeated."),
    mapFlag("tagged-address", "A further address as tag=host:port; may be repeated."),
    stringFlag("kind", "Kind of the service, for proxies and gateways."),
  ],
  async run(context) {
    const name = context.flags.string("name");
    if (context.args.length === 0 && name === "") {
      context.error("Service registration requires at least one argument or flags.");
      return 1;
    }
    if (context.args.length > 0 && name !== "") {
      context.error("Service registration requires arguments or -id, not both.");
      return 1;
    }
    const services = context.args.length > 0 ? await registrationsOf(context) : fromFlags(context);
    if (services === undefined) return 1;
    for (const service of services) {
      const prefix = `Error registering service ${JSON.stringify(service.Name)}`;
      const done = await attempt(context, prefix, () => context.client().agent.registerService(service));
      if (done === undefined) return 1;
      context.out(`Registered service: ${service.Name}`);
    }
    return 0;
  },
};

function fromFlags(context: CommandContext): readonly Registration[] | undefined {
  const { flags } = context;
  const addresses: Record<string, { Address: string; Port: number }> = {};
  for (const [tag, text] of Object.entries(flags.map("tagged-address"))) {
    const [, host, bare, port] = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(text) ?? [];
    if (port === undefined) {
      context.error(`Invalid Tagged Address: address ${text}: missing port in address`);
      return undefined;
    }
    addresses[tag] = { Address: host ?? bare ?? "", Port: Number(port) };
  }
  const fields = {
    Kind: flags.string("kind"),
    ID: flags.string("id"),
    Name: flags.string("name"),
    Tags: flags.list("tag"),
    Address: flags.string("address"),
    Port: flags.number("port"),
    SocketPath: flags.string("socket"),
    Meta: flags.map("meta"),
    TaggedAddresses: addresses,
  };
  return [fields];
}

export const servicesDeregister: Command = {
  usage: "[options] [FILE...]",
  description: `
Deregisters services of the local agent, by ID or by the files they were registered from.

    $ consul services deregister web.json
    $ consul services deregister -id=web`,
  http: "namespace",
  flags: [stringFlag("id", "ID of the service, instead of files.")],
  async run(context) {
    const id = context.flags.string("id");
    if (context.args.length === 0 && id === "") {
      context.error("Service deregistration requires at least one argument or -id.");
      return 1;
    }
    if (context.args.length > 0 && id !== "") {
      context.error("Service deregistration requires arguments or -id, not both.");
      return 1;
    }
    const services = context.args.length > 0 ? await registrationsOf(context) : [{ ID: id, Name: "" }];
    if (services === undefined) return 1;
    for (const service of services) {
      const target = service.ID || service.Name;
      if (target === "") continue;
      const prefix = `Error registering service ${JSON.stringify(service.Name)}`;
      const done = await attempt(context, prefix, () => context.client().agent.deregisterService(target));
      if (done === undefined) return 1;
      context.out(`Deregistered service: ${target}`);
    }
    return 0;
  },
};
