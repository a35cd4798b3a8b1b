/** First byte of a command in the Raft log and of a record in a snapshot (sheet raft §5; never reused). */
export const MESSAGE = {
  REGISTER: 0,
  DEREGISTER: 1,
  KVS: 2,
  SESSION: 3,
  ACL_LEGACY: 4,
  TOMBSTONE: 5,
  COORDINATE_BATCH_UPDATE: 6,
  PREPARED_QUERY: 7,
  TXN: 8,
  AUTOPILOT: 9,
  AREA: 10,
  ACL_BOOTSTRAP: 11,
  INTENTION: 12,
  CONNECT_CA: 13,
  CONNECT_CA_PROVIDER_STATE: 14,
  CONNECT_CA_CONFIG: 15,
  INDEX: 16,
  ACL_TOKEN_SET: 17,
  ACL_TOKEN_DELETE: 18,
  ACL_POLICY_SET: 19,
  ACL_POLICY_DELETE: 20,
  CONNECT_CA_LEAF: 21,
  CONFIG_ENTRY: 22,
  ACL_ROLE_SET: 23,
  ACL_ROLE_DELETE: 24,
  ACL_BINDING_RULE_SET: 25,
  ACL_BINDING_RULE_DELETE: 26,
  ACL_AUTH_METHOD_SET: 27,
  ACL_AUTH_METHOD_DELETE: 28,
  CHUNKING_STATE: 29,
  FEDERATION_STATE: 30,
  SYSTEM_METADATA: 31,
} as const;

/** Set on a command that a server may pass over when it does not know its type. */
export const IGNORE_IF_UNKNOWN = 128;

export function messageName(type: number): string {
  const found = Object.entries(MESSAGE).find(([, value]) => value === type);
  return found === undefined ? String(type) : found[0].toLowerCase().replaceAll("_", "-");
}
