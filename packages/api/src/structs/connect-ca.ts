/** The certificate authority of the mesh. Fields and order are Consul 1.10's. */
import { any, bool, hidden, type Infer, int, list, map, nullable, struct, text, time, u64, uint } from "../schema.ts";
import { queryMeta, raftIndex } from "./common.ts";

export const CARoot = struct("CARoot", {
  ID: text,
  Name: text,
  SerialNumber: u64,
  SigningKeyID: text,
  /** The trust domain of an external authority; else that of the datacenter it was made in. */
  ExternalTrustDomain: text,
  NotBefore: time,
  NotAfter: time,
  /** PEM. */
  RootCert: text,
  /** PEM, the first signed by the root. */
  IntermediateCerts: list(text),
  SigningCert: hidden(text),
  /** The private key, where the authority itself holds it. Leaves the servers in snapshots alone. */
  SigningKey: hidden(text),
  Active: bool,
  RotatedOutAt: hidden(time),
  PrivateKeyType: text,
  PrivateKeyBits: int,
  ...raftIndex,
});
export type CARoot = Infer<typeof CARoot>;

const hiddenMeta = Object.fromEntries(
  Object.entries(queryMeta).map(([name, schema]) => [name, hidden(schema as never)]),
) as typeof queryMeta;

export const IndexedCARoots = struct("IndexedCARoots", {
  /** "" while there is none. */
  ActiveRootID: text,
  /** `CLUSTER-ID.consul`, the host of all SPIFFE ids. */
  TrustDomain: text,
  Roots: list(nullable(CARoot)),
  ...hiddenMeta,
});
export type IndexedCARoots = Infer<typeof IndexedCARoots>;

/** Settings of the certificate authority; what `Config` holds depends on the provider. */
export const CAConfiguration = struct("CAConfiguration", {
  ClusterID: text,
  Provider: text,
  Config: map(any),
  State: map(text),
  ForceWithoutCrossSigning: bool,
  ...raftIndex,
});
export type CAConfiguration = Infer<typeof CAConfiguration>;

/** Changes what is known of the authority. `Op`: `set-config` (others are not applied by this version). */
export const CARequest = struct("CARequest", {
  Op: text,
  Datacenter: text,
  /** The roots' index for a conditional change. */
  Index: uint,
  Roots: list(nullable(CARoot)),
  Config: nullable(CAConfiguration),
  ProviderState: any,
  Token: text,
});
export type CARequest = Infer<typeof CARequest>;
