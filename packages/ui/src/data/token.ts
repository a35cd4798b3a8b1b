import { signal } from "@preact/signals";

/** The token that requests carry. Kept for the tab, or for this browser where the user said so. */
const key = "tribune:token";
/** Beside it: the token was made by a login, and is to end with it. */
const loginKey = "tribune:login";

function stored(name: string): string {
  try {
    return sessionStorage.getItem(name) ?? localStorage.getItem(name) ?? "";
  } catch {
    return ""; // storage may be forbidden: then the token lives as long as the page
  }
}

export const token = signal(stored(key));
let made = stored(loginKey) !== "";
/** Whether the token was made by a login with an auth method. */
export const madeByLogin = (): boolean => made;

export function setToken(secret: string, remember: boolean, byLogin = false): void {
  try {
    for (const name of [key, loginKey]) {
      sessionStorage.removeItem(name);
      localStorage.removeItem(name);
    }
    const storage = remember ? localStorage : sessionStorage;
    if (secret !== "") storage.setItem(key, secret);
    if (secret !== "" && byLogin) storage.setItem(loginKey, "yes");
  } catch {
    // as above
  }
  made = byLogin;
  token.value = secret;
}
