import type { Configuration, ConfigurationCodec } from "../types.ts";

/** Configurations as JSON: for tests and the simulator, where no other implementation reads them. */
export const jsonConfigurationCodec: ConfigurationCodec = {
  encodeConfiguration: (configuration) => Buffer.from(JSON.stringify(configuration)),
  decodeConfiguration: (bytes) => {
    try {
      return JSON.parse(Buffer.from(bytes).toString()) as Configuration;
    } catch {
      return undefined; // not a configuration: the core wants to know just that
    }
  },
};
