import { checkSchema, serviceSchema } from "../definition-schema.ts";
import { any, bool, int, list, map, string } from "../schema.ts";
import { flag, reload, row } from "./row.ts";

export const CHECKS = {
  check: row(checkSchema, "A check of this node", reload),
  checks: row(list(checkSchema), "Checks of this node", reload),
  service: row(serviceSchema, "A service of this node", reload),
  services: row(list(serviceSchema), "Services of this node", reload),
  watches: row(list(map(any)), "Handlers to run on changes", reload),
  check_output_max_size: row(int, "Bytes of a check's output that are kept", {
    default: 4096,
    ...flag("check_output_max_size"),
  }),
  check_update_interval: row(string, "How long a change of output alone may wait", { default: "5m" }),
  discard_check_output: row(bool, "Keep no output of checks", reload),
  enable_agent_tls_for_checks: row(bool, "Use the agent's TLS settings for checks"),
  enable_script_checks: row(bool, "Run scripts whoever registered them", flag("enable-script-checks")),
  enable_local_script_checks: row(
    bool,
    "Run scripts of the configuration files only",
    flag("enable-local-script-checks"),
  ),
};
