// The pages' words. A key that one language lacks does not compile.
import { en, type Key } from "./words/en";
import { zh } from "./words/zh";

export type { Key };
export type Language = "en" | "zh";
const all: Record<Language, Record<Key, string>> = { en, zh };

let language: Language = pick();

function pick(): Language {
  const kept = localStorage.getItem("language");
  if (kept === "en" || kept === "zh") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function languageNow(): Language { return language; }
export function setLanguage(next: Language): void {
  language = next;
  localStorage.setItem("language", next);
  document.documentElement.lang = next === "zh" ? "zh-CN" : "en";
}
setLanguage(language);

// "{n} patients" with { n: 3 }.
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return all[language][key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}
// A word that the service sends: "running". Itself where the pages have none for it.
export function word(prefix: string, text: string): string {
  const key = `${prefix}.${text}`;
  return key in en ? t(key as Key) : text;
}
