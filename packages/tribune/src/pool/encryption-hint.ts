/** What an operator can do where two agents do not read each other's gossip. The errors' own texts are Consul's. */

const NONE_HERE =
  "the sender has a gossip key and this agent has none; set encrypt, here, to the key that the pool has (consul keyring -list)";
const NONE_THERE =
  "the other agent has no gossip key and this one has; set encrypt, there, to the key that the pool has. To give a running pool its first key, begin with encrypt_verify_incoming = false";
const PLAIN_HERE =
  "the other agent takes only encrypted gossip and this one sends its own plain; set encrypt, here, to the key that the pool has, and leave encrypt_verify_outgoing = false out";
const OTHERS =
  "the other agent has another gossip key, or none; compare encrypt and the files serf/*.keyring of both, and what consul keyring -list says";

const HINTS: readonly (readonly [text: string, hint: string])[] = [
  ["Remote state is encrypted and encryption is not configured", NONE_HERE],
  ["Encryption is configured but remote state is not encrypted", NONE_THERE],
  ["No installed keys could decrypt the message", OTHERS],
];

/** Of a join: what the other agent said of us, which we can read only where one of both does not insist on encryption. */
const TOLD_BY_THE_OTHER: typeof HINTS = [
  ["remote error: Remote state is encrypted and encryption is not configured", NONE_THERE],
  ["remote error: Encryption is configured but remote state is not encrypted", PLAIN_HERE],
];

/** @param text of an error, or one that holds it. @returns fields for the log: none for errors about something else */
export function encryptionHint(text: string): { readonly hint?: string } {
  const hint = [...TOLD_BY_THE_OTHER, ...HINTS].find(([known]) => text.includes(known))?.[1];
  return hint === undefined ? {} : { hint };
}

/** The same for a packet, of which less can be told. @param encrypted whether this agent has a key */
export function packetHint(encrypted: boolean): { readonly hint: string } {
  return { hint: encrypted ? OTHERS : NONE_HERE };
}
