import { playOurCommands } from "./recorded.mjs";

// What our agents do not answer yet, our commands ask Consul's.
playOurCommands(["acl-bootstrap", "acl-policy", "acl-token", "config", "keyring", "members-two"]);
