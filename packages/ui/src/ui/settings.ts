import { effect, signal } from "@preact/signals";

/** What one browser prefers. */
export type Theme = "system" | "light" | "dark";
export type Density = "comfortable" | "compact";

function kept<T extends string>(key: string, values: readonly T[], fallback: T) {
  let start = fallback;
  try {
    start = values.find((value) => value === localStorage.getItem(`tribune:${key}`)) ?? fallback;
  } catch {
    // storage may be forbidden: then preferences live as long as the page
  }
  const value = signal<T>(start);
  effect(() => {
    const { value: chosen } = value;
    try {
      localStorage.setItem(`tribune:${key}`, chosen);
    } catch {
      // as above
    }
  });
  return value;
}

export const theme = kept<Theme>("theme", ["system", "light", "dark"], "system");
export const density = kept<Density>("density", ["comfortable", "compact"], "comfortable");

const systemDark = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(systemDark.matches);
systemDark.addEventListener("change", ({ matches }) => {
  systemIsDark.value = matches;
});

export const dark = (): boolean => (theme.value === "system" ? systemIsDark.value : theme.value === "dark");

export function startSettings(): void {
  effect(() => {
    const { dataset } = document.documentElement;
    dataset.theme = dark() ? "dark" : "light";
    dataset.density = density.value;
  });
}
