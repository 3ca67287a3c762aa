import { languageNow, t } from "./words";

const locale = (): string => (languageNow() === "zh" ? "zh-CN" : "en-GB");

export function count(value: number): string { return value.toLocaleString(locale()); }

export function short(value: number): string {
  if (value !== 0 && (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3)) return value.toPrecision(3);
  return value.toLocaleString(locale(), { maximumSignificantDigits: 4 });
}

export function percent(value: number): string {
  const per = 100 * value;
  if (per > 0 && per < 0.1) return t("format.below", { value: "0.1 %" });
  return `${per.toFixed(per < 10 ? 1 : 0)} %`;
}

export function figure(value: number | null | undefined, unit: string | undefined): string {
  if (value === null || value === undefined) return "–";
  return unit === "probability" || unit === undefined ? percent(value) : `${short(value)} ${unit}`;
}

// "34 of 100", or of 1,000 where it is rare: whole people, never a bare fraction.
export function frequency(value: number): { of: number; people: number } {
  const of = value > 0 && value < 0.01 ? 1000 : 100;
  return { of, people: Math.round(value * of) };
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
