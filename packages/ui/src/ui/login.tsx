import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { Refused, sendJson } from "../data/send.ts";
import { setToken, token } from "../data/token.ts";
import { Dialog, say } from "./dialog.tsx";

const open = signal(false);

export function openLogin(): void {
  open.value = true;
}

/** Asks for a token, tries it where the agent checks tokens, and keeps it. */
export function LoginHost() {
  const [secret, setSecret] = useState("");
  const [remember, setRemember] = useState(false);
  const [problem, setProblem] = useState("");
  if (!open.value) return null;
  const close = (): void => {
    open.value = false;
    setSecret("");
    setProblem("");
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      await sendJson("acl/token/self", { headers: { "X-Consul-Token": secret } });
    } catch (error) {
      const refused = error instanceof Refused ? error : undefined;
      if (refused?.status === 403) return setProblem("The agent does not know this token.");
      // An agent without ACLs takes any token: it is kept for the day it matters.
      if (refused === undefined) return setProblem("The agent does not answer.");
    }
    setToken(secret.trim(), remember);
    say("Logged in");
    close();
  };
  return (
    <Dialog title="Log in with a token" onClose={close}>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        <label class="field">
          <span>Secret of the token</span>
          <input
            class="input mono"
            type="password"
            autocomplete="off"
            required
            value={secret}
            onInput={(event) => setSecret(event.currentTarget.value)}
          />
        </label>
        <label class="check">
          <input type="checkbox" checked={remember} onChange={(event) => setRemember(event.currentTarget.checked)} />
          Remember it in this browser
        </label>
        {problem !== "" && (
          <p class="banner critical" role="alert">
            {problem}
          </p>
        )}
        <div class="actions">
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="button primary">
            Log in
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function logout(): void {
  setToken("", false);
  say("Logged out");
}

export const loggedIn = (): boolean => token.value !== "";
