import type { Configuration, ConfigurationChange, Server, ServerId } from "./types.ts";

export const EMPTY_CONFIGURATION: Configuration = { servers: [] };

/** Staging servers vote, as they do for hashicorp. */
export function isVoter(server: Server): boolean {
  return server.suffrage !== "nonvoter";
}

export function voterIds(configuration: Configuration): ServerId[] {
  return configuration.servers.filter(isVoter).map((server) => server.id);
}

export function findServer(configuration: Configuration, id: ServerId): Server | undefined {
  return configuration.servers.find((server) => server.id === id);
}

/**
 * The configuration after one change, or the reason why it may not be. A single server at a time, so that any
 * quorum of the old and any quorum of the new configuration share a server (Thesis §4.1).
 */
export function changedConfiguration(
  current: Configuration,
  change: ConfigurationChange,
): { readonly configuration: Configuration } | { readonly error: string } {
  const servers = current.servers.filter((server) => server.id !== change.id);
  const existing = findServer(current, change.id);
  const place = (server: Server): Server[] =>
    existing === undefined
      ? [...servers, server]
      : current.servers.map((other) => (other.id === server.id ? server : other));
  switch (change.type) {
    case "addVoter":
      return checked(place({ id: change.id, address: change.address, suffrage: "voter" }));
    case "addNonvoter": {
      const suffrage = existing !== undefined && isVoter(existing) ? existing.suffrage : "nonvoter";
      return checked(place({ id: change.id, address: change.address, suffrage }));
    }
    case "demoteVoter":
      return checked(existing === undefined ? servers : place({ ...existing, suffrage: "nonvoter" }));
    case "removeServer":
      return checked(servers);
  }
}

function checked(servers: readonly Server[]): { readonly configuration: Configuration } | { readonly error: string } {
  const error = configurationError({ servers });
  return error === undefined ? { configuration: { servers } } : { error };
}

/** Why a configuration cannot be used, in the words operators know, or undefined. */
export function configurationError(configuration: Configuration): string | undefined {
  const ids = new Set<string>();
  const addresses = new Set<string>();
  for (const { id, address } of configuration.servers) {
    if (id === "") return "empty ID in configuration";
    if (address === "") return `empty address in configuration for server ${id}`;
    if (ids.has(id)) return `found duplicate ID in configuration: ${id}`;
    if (addresses.has(address)) return `found duplicate address in configuration: ${address}`;
    ids.add(id);
    addresses.add(address);
  }
  if (!configuration.servers.some(isVoter)) return "need at least one voter in configuration";
  return undefined;
}
