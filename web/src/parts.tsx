// What the pages are made of.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "./words";

export interface Loaded<T> { data?: T; error?: string; loading: boolean; again: () => void }

// Data that is asked for when `keys` change; what was answered to other keys is dropped at once.
export function useData<T>(ask: () => Promise<T>, keys: unknown[]): Loaded<T> {
  const [state, setState] = useState<{ data?: T; error?: string; loading: boolean }>({ loading: true });
  const [round, setRound] = useState(0);
  const key = JSON.stringify(keys);
  const answered = useRef(key);
  useEffect(() => {
    let wanted = true;
    setState((old) => ({ data: answered.current === key ? old.data : undefined, loading: true }));
    answered.current = key;
    ask().then(
      (data) => wanted && setState({ data, loading: false }),
      (error: Error) => wanted && setState({ error: error.message, loading: false }),
    );
    return () => { wanted = false; };
  }, [key, round]);
  const stale = answered.current !== key;  // the effect that drops it runs after this drawing
  return { ...state, data: stale ? undefined : state.data, error: stale ? undefined : state.error, again: () => setRound((n) => n + 1) };
}

export function useTick(milliseconds: number, act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const timer = setInterval(() => latest.current(), milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds]);
}

// The heading takes the focus, so that a screen reader says where one is.
export function Page(props: { title: string; children: ComponentChildren; aside?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = "Cangong";  // a title stays in the browser's history, and may name a patient
    heading.current?.focus({ preventScroll: true });
  }, [props.title]);
  return (
    <>
      <header class="page-head">
        <h1 ref={heading} tabIndex={-1}>{props.title}</h1>
        {props.aside}
      </header>
      {props.children}
    </>
  );
}

export function Card(props: { title?: string; children: ComponentChildren; wide?: boolean }) {
  return (
    <section class={props.wide ? "card wide" : "card"}>
      {props.title && <h2>{props.title}</h2>}
      {props.children}
    </section>
  );
}

export function Waiting<T>(props: { of: Loaded<T>; children: (data: T) => ComponentChildren }) {
  const { data, error } = props.of;
  if (error) return <p class="problem" role="alert">{error}</p>;
  if (data === undefined) return <p class="quiet" role="status">{t("loading")}</p>;
  return <>{props.children(data)}</>;
}

export interface Column<Row> { title: string; cell: (row: Row) => ComponentChildren; numeric?: boolean }

export function Table<Row>(props: { caption: string; columns: Column<Row>[]; rows: Row[]; empty?: string }) {
  if (props.rows.length === 0) return <p class="quiet">{props.empty ?? t("nothing")}</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={props.caption}>
      <table>
        <caption class="unseen">{props.caption}</caption>
        <thead>
          <tr>{props.columns.map((c) => <th scope="col" class={c.numeric ? "number" : ""}>{c.title}</th>)}</tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr>{props.columns.map((c) => <td class={c.numeric ? "number" : ""}>{c.cell(row)}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Field(props: { label: string; hint?: string } & JSX.IntrinsicElements["input"]) {
  const { label, hint, ...rest } = props;
  return <label class="field"><span>{label}</span><input {...rest} />{hint && <small>{hint}</small>}</label>;
}

export function TextArea(props: { label: string; value: string; onText: (text: string) => void }) {
  return (
    <label class="field"><span>{props.label}</span>
      <textarea rows={12} cols={60} spellcheck={false} value={props.value} onInput={(e) => props.onText(e.currentTarget.value)} />
    </label>
  );
}

export function Choice(props: {
  label: string; value: string; options: [string, string][]; onPick: (value: string) => void;
}) {
  return (
    <label class="field">
      <span>{props.label}</span>
      <select value={props.value} onChange={(e) => props.onPick(e.currentTarget.value)}>
        {props.options.map(([value, text]) => <option value={value}>{text}</option>)}
      </select>
    </label>
  );
}

// A button that waits for its work and shows why it failed.
export function Act(props: {
  label: string; act: () => Promise<unknown>; kind?: "main" | "danger"; disabled?: boolean;
}) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const press = async () => {
    setBusy(true);
    setProblem("");
    try { await props.act(); } catch (error) { setProblem((error as Error).message); }
    setBusy(false);
  };
  return (
    <span class="act">
      <button type="button" class={props.kind ?? ""} disabled={busy || props.disabled} onClick={press}>
        {props.label}
      </button>
      {problem && <span class="problem" role="alert">{problem}</span>}
    </span>
  );
}

export function Code(props: { text: string; label: string }) {
  return <pre tabIndex={0} aria-label={props.label}><code>{props.text}</code></pre>;
}

// The request that a button stands for.
export function Curl(props: { command: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(props.command);
    setCopied(true);
  };
  return (
    <details class="curl">
      <summary>curl</summary>
      <Code text={props.command} label="curl" />
      <button type="button" onClick={() => void copy()}>{copied ? t("copied") : t("copy")}</button>
    </details>
  );
}

// One word for the shell, whatever stands in it.
const quoted = (text: string) => `'${text.replace(/'/g, "'\\''")}'`;

export function curl(method: string, path: string, body?: unknown): string {
  const data = body === undefined ? "" : ` -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(body))}`;
  const verb = method === "GET" || method === "POST" ? "" : ` -X ${method}`;
  return `curl --cacert tls.crt -H "Authorization: Bearer $TOKEN"${verb}${data} ${quoted(location.origin + path)}`;
}
