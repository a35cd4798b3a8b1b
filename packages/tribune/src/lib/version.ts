/** Tribune's own version, and the version of Consul whose behaviour it has: what peers and clients compare with. */
export const TRIBUNE_VERSION = "0.1.0";
export const CONSUL_VERSION = "1.10.11";
