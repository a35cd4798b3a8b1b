import { type CommandGroup, type CommandNode, entry } from "./command.ts";

const token = () => import("./commands/acl-token.ts");
const policy = () => import("./commands/acl-policy.ts");
const role = () => import("./commands/acl-role.ts");
const method = () => import("./commands/acl-auth-method.ts");
const rule = () => import("./commands/acl-binding-rule.ts");
const other = () => import("./commands/acl-other.ts");

function group(name: string, synopsis: string, commands: readonly CommandNode[]): CommandGroup {
  return { name, synopsis, description: `${synopsis}.`, commands };
}

export const ACL_COMMANDS: CommandGroup = {
  name: "acl",
  synopsis: "Manages tokens and what they may do",
  description: `
Manages tokens, policies, roles, auth methods and binding rules.

    $ consul acl bootstrap
    $ consul acl policy create -name=ops -rules=@ops.hcl
    $ consul acl token create -policy-name=ops`,
  commands: [
    group("auth-method", "Manages ways to log in", [
      entry("create", "Makes an auth method", async () => (await method()).authMethodCreate),
      entry("delete", "Deletes an auth method", async () => (await method()).authMethodDelete),
      entry("list", "Lists the auth methods", async () => (await method()).authMethodList),
      entry("read", "Shows an auth method", async () => (await method()).authMethodRead),
      entry("update", "Changes an auth method", async () => (await method()).authMethodUpdate),
    ]),
    group("binding-rule", "Manages what rights a login gives", [
      entry("create", "Makes a binding rule", async () => (await rule()).bindingRuleCreate),
      entry("delete", "Deletes a binding rule", async () => (await rule()).bindingRuleDelete),
      entry("list", "Lists the binding rules", async () => (await rule()).bindingRuleList),
      entry("read", "Shows a binding rule", async () => (await rule()).bindingRuleRead),
      entry("update", "Changes a binding rule", async () => (await rule()).bindingRuleUpdate),
    ]),
    entry("bootstrap", "Makes the first token", async () => (await other()).aclBootstrap),
    group("policy", "Manages policies", [
      entry("create", "Makes a policy", async () => (await policy()).policyCreate),
      entry("delete", "Deletes a policy", async () => (await policy()).policyDelete),
      entry("list", "Lists the policies", async () => (await policy()).policyList),
      entry("read", "Shows a policy", async () => (await policy()).policyRead),
      entry("update", "Changes a policy", async () => (await policy()).policyUpdate),
    ]),
    group("role", "Manages roles", [
      entry("create", "Makes a role", async () => (await role()).roleCreate),
      entry("delete", "Deletes a role", async () => (await role()).roleDelete),
      entry("list", "Lists the roles", async () => (await role()).roleList),
      entry("read", "Shows a role", async () => (await role()).roleRead),
      entry("update", "Changes a role", async () => (await role()).roleUpdate),
    ]),
    entry("set-agent-token", "Gives the agent a token to work with", async () => (await other()).setAgentToken),
    group("token", "Manages tokens", [
      entry("clone", "Makes a token like another one", async () => (await token()).tokenClone),
      entry("create", "Makes a token", async () => (await token()).tokenCreate),
      entry("delete", "Deletes a token", async () => (await token()).tokenDelete),
      entry("list", "Lists the tokens", async () => (await token()).tokenList),
      entry("read", "Shows a token", async () => (await token()).tokenRead),
      entry("update", "Changes a token", async () => (await token()).tokenUpdate),
    ]),
    entry(
      "translate-rules",
      "Turns rules of the old kind into rules of today",
      async () => (await other()).translateRulesCommand,
    ),
  ],
};
