import { local, streamBody } from "../contract.ts";

export const snapshotContracts = {
  snapshotSave: local({
    http: "GET /v1/snapshot",
    parameters: {},
    honours: ["dc", "stale"],
    acl: { by: "require", resource: "acl", access: "write" },
    summary: "Save the state of the datacenter as an archive",
    answers: "Archive",
  }),
  snapshotRestore: local({
    http: "PUT /v1/snapshot",
    parameters: { archive: streamBody("An archive as GET answers it") },
    honours: ["dc"],
    acl: { by: "require", resource: "acl", access: "write" },
    summary: "Replace the state of the datacenter by an archive's",
    answers: "Nothing",
  }),
};
