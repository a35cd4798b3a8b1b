import { loadConfig } from "../../config/load.ts";
import { ConfigError } from "../../config/problems.ts";
import type { Command } from "../command.ts";
import { nodeMachine } from "../node-machine.ts";
import { boolFlag, stringFlag } from "./flag.ts";

export const validate: Command = {
  usage: "[options] FILE_OR_DIRECTORY...",
  description: `
Reads configuration files as the agent would and reports what is wrong with them. Give all the files the agent gets:
parts of a configuration do not pass. Exits with 0 if an agent could start with them.`,
  http: "none",
  flags: [
    stringFlag("config-format", "Read every file as this, hcl or json, whatever its ending."),
    boolFlag("quiet", "Print nothing if all is well."),
  ],
  run(context) {
    const configFormat = context.flags.string("config-format");
    if (context.args.length === 0) {
      context.error("Must specify at least one config file or directory");
      return 1;
    }
    if (!["", "json", "hcl"].includes(configFormat)) {
      context.error("-config-format must be either 'hcl' or 'json");
      return 1;
    }
    try {
      const { warnings } = loadConfig({ configFiles: context.args, configFormat }, nodeMachine(context.io.env));
      if (context.flags.bool("quiet")) return 0;
      for (const warning of warnings) context.error(warning);
      context.out("Configuration is valid!");
      return 0;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      context.error(`Config validation failed: ${error.message}`);
      return 1;
    }
  },
};
