import { signal } from "@preact/signals";

/** The token that requests carry. Kept for the tab, or for this browser where the user said so. */
const key = "tribune:token";

function stored(): string {
  try {
    return sessionStorage.getItem(key) ?? localStorage.getItem(key) ?? "";
  } catch {
    return ""; // storage may be forbidden: then the token lives as long as the page
  }
}

export const token = signal(stored());

export function setToken(secret: string, remember: boolean): void {
  try {
    sessionStorage.removeItem(key);
    localStorage.removeItem(key);
    if (secret !== "") (remember ? localStorage : sessionStorage).setItem(key, secret);
  } catch {
    // as above
  }
  token.value = secret;
}
