/**
 * What a datacenter must hold before its mesh can be told of: the id that its trust domain is named after, and that its
 * intentions are configuration entries, on which Consul's servers insist before they apply a change of one.
 */
import { CAConfiguration, CARequest, IntentionRequest, make, type Schema } from "@tribune/api";
import { randomUuid } from "../../lib/random.ts";
import type { Rng } from "../../lib/runtime.ts";
import { caConfiguration } from "../../state/connect-ca.ts";
import { hasLegacyIntentions, intentionsAreEntries } from "../../state/intention.ts";
import type { Database } from "../../state/memdb/types.ts";

const TYPE = { intention: 12, connectCa: 13 } as const;
/** Consul's defaults of its own authority. */
const AUTHORITY = { Provider: "consul", Config: { LeafCertTTL: "72h", IntermediateCertTTL: "8760h" } };

export interface MeshDutiesDependencies {
  readonly db: Pick<Database, "peek">;
  readonly rng: Rng;
  readonly datacenter: string;
  readonly propose: <T>(type: number, schema: Schema<T>, request: T) => Promise<unknown>;
}

/** Writes what is missing. @returns promises that are kept when it is there */
export function prepareMesh({ db, rng, datacenter, propose }: MeshDutiesDependencies): Promise<unknown>[] {
  const started: Promise<unknown>[] = [];
  if (db.peek(caConfiguration) === undefined) {
    const Config = make(CAConfiguration, { ClusterID: randomUuid(rng), ...AUTHORITY });
    const request = make(CARequest, { Op: "set-config", Datacenter: datacenter, Config });
    started.push(propose(TYPE.connectCa, CARequest, request));
  }
  // Intentions of before 1.9 are left to a server that can bring them over.
  if (!db.peek(intentionsAreEntries) && !db.peek(hasLegacyIntentions)) {
    const request = make(IntentionRequest, { Op: "delete-all", Datacenter: datacenter });
    started.push(propose(TYPE.intention, IntentionRequest, request));
  }
  return started;
}
