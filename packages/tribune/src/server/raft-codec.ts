import { MsgpackError } from "../codec/msgpack.ts";
import { decodeRaftConfiguration, encodeRaftConfiguration } from "../codec/raft-configuration.ts";
import type { Configuration, ConfigurationCodec, ServerId } from "../raft/types.ts";

/** Gives the Raft core the wire's form of its peer sets. */
export const raftConfigurationCodec: ConfigurationCodec = {
  encodeConfiguration: (configuration) => encodeRaftConfiguration(configuration),
  decodeConfiguration(bytes): Configuration | undefined {
    try {
      const { servers } = decodeRaftConfiguration(bytes);
      return { servers: servers.map((server) => ({ ...server, id: server.id as ServerId })) };
    } catch (error) {
      if (error instanceof MsgpackError) return undefined;
      throw error;
    }
  },
};
