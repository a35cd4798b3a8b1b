import { TRIBUNE_VERSION } from "../lib/version.ts";

/** Says which program stands behind Consul's version; Consul prints a commit here. */
export const REVISION = `tribune-${TRIBUNE_VERSION}`;

export const PROTOCOL = { default: 2, min: 2, max: 3 } as const;
