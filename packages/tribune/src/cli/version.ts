/** Release of this program. */
export const TRIBUNE_VERSION = "0.1.0";

/**
 * The release of Consul whose behaviour this one has. Tools read it from `consul version`, `/v1/agent/self` and the
 * gossip tag `build`, and choose what they may ask for by it.
 */
export const CONSUL_VERSION = "1.10.11";

/** Says which program stands behind the version; Consul prints a commit here. */
export const REVISION = `tribune-${TRIBUNE_VERSION}`;

export const PROTOCOL = { default: 2, min: 2, max: 3 } as const;
