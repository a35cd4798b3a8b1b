import { flag, local } from "../contract.ts";

export const snapshotContracts = {
  snapshotSave: local({
    http: "GET /v1/snapshot",
    parameters: { stale: flag("Let any server answer") },
    acl: { by: "require", resource: "acl", access: "write" },
    summary: "Save the state of the datacenter as an archive",
    answers: "Archive",
  }),
  snapshotRestore: local({
    http: "PUT /v1/snapshot",
    parameters: {},
    acl: { by: "require", resource: "acl", access: "write" },
    summary: "Replace the state of the datacenter by an archive's",
    answers: "Nothing",
  }),
};
