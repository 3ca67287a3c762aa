import type { Person } from "./api";
import { languageNow, t, word } from "./words";

const locale = (): string => (languageNow() === "zh" ? "zh-CN" : "en-GB");

export function count(value: number): string { return value.toLocaleString(locale()); }

export function short(value: number): string {
  if (value !== 0 && (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3)) return value.toPrecision(3);
  return value.toLocaleString(locale(), { maximumSignificantDigits: 4 });
}

// A value as it was recorded: single precision holds seven digits.
export function recorded(value: number): string {
  return Number(value.toPrecision(7)).toLocaleString(locale(), { maximumFractionDigits: 20 });
}

export function percent(value: number): string {
  const per = 100 * value;
  if (per > 0 && per < 0.1) return t("format.below", { value: "0.1 %" });
  return `${per.toFixed(per < 10 ? 1 : 0)} %`;
}

export function figure(value: number | null | undefined, unit: string | undefined): string {
  if (value === null || value === undefined) return "–";
  return unit === "probability" || unit === undefined ? percent(value) : short(value);
}

// Of how many people a share is told, so that what is rare is somebody: 100, 1,000 or 10,000.
export function crowd(value: number): number {
  const rarer = Math.min(value, 1 - value);
  return rarer <= 0 || rarer >= 0.01 ? 100 : rarer >= 0.001 ? 1000 : 10000;
}

// "34", "fewer than 1", "more than 99": whole people; none and all only where it is so.
export function people(value: number, of: number): string {
  const whole = Math.round(value * of);
  if (whole === 0 && value > 0) return t("format.fewer", { n: 1 });
  if (whole === of && value < 1) return t("format.more", { n: count(of - 1) });
  return count(whole);
}

// Dates are told in UTC, as the record keeps them.
export function day(time: number | string | null | undefined): string {
  if (time === null || time === undefined) return "";
  return new Date(time).toISOString().slice(0, 10);
}
export function moment(time: number | string | null | undefined): string {
  if (time === null || time === undefined) return "";
  return new Date(time).toISOString().slice(0, 16).replace("T", " ");
}

export function seconds(value: number): string {
  if (value < 90) return t("format.seconds", { n: Math.ceil(value) });
  return t("format.minutes", { n: Math.ceil(value / 60) });
}

// "30 days", "5 years".
export function span(days: number): string {
  if (days < 700) return t("format.days", { n: short(days) });
  return t("format.years", { n: Number((days / 365.25).toFixed(1)) });
}

export function person(who: { id: string; name?: string }): string {
  return who.name ? `${who.name} (${who.id})` : who.id;
}

// A window of time as encoders name it: "730d", "36h".
export function windowInWords(window: string): string {
  const parts = /^(\d+(?:\.\d+)?)([dh])$/.exec(window);
  if (!parts) return window;
  return parts[2] === "d" ? span(Number(parts[1])) : t("format.hours", { n: parts[1]! });
}

// With birth and sex: who it is, beyond doubt.
export function personInFull(who: Person): string {
  const sex = who.gender ? word("sex", who.gender) : "";
  return [person(who), who.birthDate ? t("format.born", { day: who.birthDate }) : "", sex].filter(Boolean).join(", ");
}
