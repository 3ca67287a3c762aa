// The service as the pages see it. Sessions are a cookie; each change sends the token of /auth/me.

export interface Me { name: string; roles: string[]; minutes_idle: number; csrf?: string }
export interface Model {
  name: string; alias: string; bundle: string; asks: string; approved_by: string;
  approved_at: string; note: string; synthetic: boolean; answer: string; horizon_days?: number; usual?: number;
}
// A model of whole timelines.
export interface Timelines {
  name: string; alias: string; bundle: string; describes: string; approved_by: string; approved_at: string;
  note: string; synthetic: boolean; people: number; events: number; tokens: number; judged_by: string; nats: number | null;
}
export interface Models { models: Model[]; timelines: Timelines[]; not_served: number }
export interface Feature {
  feature: string; meaning: string; unit?: string; share?: number | null;
  low?: number | null; high?: number | null; missing?: number | null;
}
export interface CalibrationPoint {
  told: number; seen: number; low: number | null; high: number | null; count: number;
}
export interface Proposal {
  id: string; name: string; bundle: string; by: string; at: string; note: string;
  state: "open" | "approved" | "refused"; decided_by?: string; decided_at?: string;
}
export interface Candidate { bundle: string; aliases: string[]; damaged: boolean; card_lacks?: string[] }
export interface ModelDetail extends Model {
  recipe: string; learner: string; options: string; task: string;
  training_rows: number; judged_rows: number; columns: number; features: Feature[];
  calibration: CalibrationPoint[]; history: { bundle: string; by: string; at: string; note: string }[];
}
export interface Person { id: string; name?: string; birthDate?: string; gender?: string }
export interface Listed extends Person {
  value?: number | null; low?: number | null; high?: number | null; as_of?: string;
}
export interface Code { code: string; meaning: string; lane: string }
export interface Fact {
  code: number; time: number | null; number?: number; unit?: string; text?: string; source?: string;
}
export interface Timeline {
  person: Person; as_of: string; synthetic: boolean; first?: number; last?: number;
  codes: Code[]; events: Fact[]; earlier_left_out: number;
}
export interface Evidence { code: string; time: string | null; value?: number; unit?: string; source?: string }
export interface Reason {
  feature: string; code: string; aggregate: string; window?: string; description?: string;
  value: number | null; unit?: string;
  contribution: number; events: Evidence[];
}
export interface Reply {
  answer: "prediction" | "abstention"; value: number | null; low: number | null; high: number | null;
  unit?: string; reason?: string; why?: string; missing?: string[]; base?: number | null;
  classes?: Record<string, number>; set?: string[]; survival?: [number, number | null][]; reasons: Reason[];
  paragraphs?: { clinician: Both; patient: Both };
  what_if?: { feature: string; curve: [number, number][] };
}
export interface Both { en: string; zh: string }
export interface Answer {
  id: string; seal: string; person: Person; model: string; asks: string; as_of: string;
  synthetic: boolean; usual?: number;
  horizon_days?: number; headline?: string; reply: Reply;
}
export interface ComingCode {
  code: string; meaning: string; lane: string; yearly_rate: number; share: number; low: number; high: number; by: number[];
}
export interface Coming { alive: number[]; events: [number, number, number, number, number][]; codes: ComingCode[]; futures_cut: number }
export interface ComingYears {
  id: string; model: string; as_of: string; synthetic: boolean; age_years: number; years: number[]; futures: number;
  unknown_events: number; as_recorded: Coming; supposed?: Coming; warnings: string[];
}
export interface Driver { code: string; meaning: string; age_years: number; ratio: number | null }
export interface TrendPoint { time: number; value: number | null; low: number | null; high: number | null }
export interface Job {
  id: string; kind: string; model: string; by: string; state: string; done: number; total: number;
  created: string; started?: string; ended?: string; problem?: string; seconds_left?: number;
}
export interface JobDetail extends Job {
  request: Record<string, unknown>; result?: Record<string, unknown>; log: { at: string; text: string }[];
  curve: { series: string; step: number; value: number | null }[];
}
export interface DayTally {
  day: string; answers: number; missing_data: number; unlike_training: number; deceased: number;
  mean_ms: number | null; slowest_ms: number;
}
export interface Interval { value: number | null; low: number | null; high: number | null }
export interface Judgement {
  at: string; judged: number; waiting: number; enough?: boolean; metrics?: Record<string, Interval>;
  tenths?: CalibrationPoint[];
  subgroups?: { family: string; name: string; metrics: Record<string, Interval> }[];
}
export interface Monitored {
  model: string; days: DayTally[]; by_tenth: number[]; expected: number[]; psi: number | null;
  p: number | null; opinions: Record<string, number>; judgement: Judgement | null;
  missing?: { feature: string; expected: number | null; share: number | null }[];
  beside?: { pairs: number; mean_difference: number };
}
export interface AlertTold { kind: string; about: string; text: string; since: string }
export interface Report { name: string; files: string[]; title?: string; examples?: number; patients?: number }
export interface TrailRecord {
  n: number; at: string; what: string; who?: string; subject?: string; why?: string; name?: string;
  [key: string]: unknown;
}

export class ApiError extends Error {
  constructor(readonly status: number, message: string) { super(message); }
}

let csrf = "";
let whenSignedOut: () => void = () => undefined;
export function onSignedOut(act: () => void): void { whenSignedOut = act; }
export function setToken(token: string | undefined): void { csrf = token ?? ""; }

function complaint(body: unknown, status: number): string {
  const known = body as { detail?: string; error?: string; issue?: { diagnostics?: string }[] } | null;
  return known?.detail ?? known?.error ?? known?.issue?.[0]?.diagnostics ?? `HTTP ${status}`;
}

export interface Exchange { status: number; milliseconds: number; text: string }

// One exchange as it went over the wire, for the sandbox.
export async function exchange(method: string, path: string, body?: unknown): Promise<Exchange> {
  const headers: Record<string, string> = { "Accept-Language": document.documentElement.lang };
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const before = performance.now();
  const answer = await fetch(path, {
    method, headers, body: body === undefined ? undefined : JSON.stringify(body), credentials: "same-origin",
  });
  const text = await answer.text();
  return { status: answer.status, milliseconds: performance.now() - before, text };
}

// Their 401 says that nobody is signed in, or that a password is wrong: the caller knows.
const kOfSigningIn = ["/auth/sign-in", "/auth/sign-out", "/auth/me"];

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const { status, text } = await exchange(method, path, body);
  let json: unknown = null;
  try { json = text ? JSON.parse(text) : null; } catch { /* not JSON: the status says it */ }
  // 403 for the token: another person signed in meanwhile, in another tab.
  const another = status === 403 && complaint(json, status).includes("X-CSRF-Token");
  if ((status === 401 && !kOfSigningIn.includes(path)) || another) whenSignedOut();
  if (status >= 400) throw new ApiError(status, complaint(json, status));
  return json as T;
}

// A file as it is.
export async function sendFile(path: string, file: File): Promise<void> {
  const answer = await fetch(path, { method: "PUT", headers: { "X-CSRF-Token": csrf }, body: file, credentials: "same-origin" });
  if (answer.ok) return;
  throw new ApiError(answer.status, complaint(await answer.json().catch(() => null), answer.status));
}

export const get = <T,>(path: string): Promise<T> => call<T>("GET", path);
export const post = <T,>(path: string, body: unknown): Promise<T> => call<T>("POST", path, body);
export const enc = encodeURIComponent;
