import { useEffect, useMemo, useState } from "preact/hooks";
import { ApiError, enc, get, post, type Fact, type Model, type Models, type Timeline } from "../api";
import { ComingCard } from "../coming";
import type { PageProps } from "../page";
import { count, day, moment, personInFull, recorded } from "../format";
import { Picture } from "../lanes";
import { Act, Card, Choice, Curl, curl, Field, Page, Table, useData } from "../parts";
import { link, placeNow } from "../route";
import { t, word } from "../words";

const kRows = 100;  // of the table at first

// An emergency: an hour's access, with a reason that the trail keeps.
function BreakGlass(props: { id: string; opened: () => void }) {
  const [reason, setReason] = useState("");
  const open = async () => { await post("/auth/break-glass", { patient: props.id, reason }); props.opened(); };
  return (
    <Card title={t("glass.title")}>
      <p>{t("glass.says")}</p>
      <Field label={t("glass.reason")} value={reason} onInput={(e) => setReason(e.currentTarget.value)} />
      <Act label={t("glass.open")} kind="danger" act={open} disabled={reason.trim().length < 10} />
    </Card>
  );
}

// Nothing that became known later is on the page: the service leaves it out.
function Slider(props: { first: number; last: number; at: number; move: (at: number) => void }) {
  const [shown, setShown] = useState(props.at);
  useEffect(() => setShown(props.at), [props.at]);
  const step = 86_400_000;
  return (
    <div class="slider">
      <label>
        <span>{t("patient.as.of")}: <strong>{day(shown)}</strong></span>
        <input type="range" min={props.first} max={props.last + step} step={step} value={shown}
          aria-valuetext={day(shown)}
          onInput={(e) => setShown(Number(e.currentTarget.value))}
          onChange={(e) => props.move(Number(e.currentTarget.value))} />
      </label>
      <button type="button" onClick={() => props.move(props.last + step)}>{t("patient.today")}</button>
    </div>
  );
}

// What the code itself says stands in it: GENDER//female.
function named(code: { code: string; meaning: string; lane: string }): string {
  const end = code.code.split("//").slice(1).join(" ");
  if (!code.meaning) return code.code;
  return code.lane === "person" && end ? `${code.meaning}: ${word("sex", end)}` : code.meaning;
}

function Facts(props: { line: Timeline; code: string; pick: (code: string) => void; mark: number | null }) {
  const { line } = props;
  const [all, setAll] = useState(false);
  const rows = useMemo(() => line.events.filter((e) => !props.code || line.codes[e.code]!.code === props.code).reverse(),
    [line, props.code]);
  const options = useMemo(() => [...line.codes].sort((a, b) => a.code.localeCompare(b.code))
    .map((c): [string, string] => [c.code, c.meaning || c.code]), [line]);
  const shown = all ? rows : rows.slice(0, kRows);
  return (
    <Card title={t("patient.facts", { n: count(rows.length) })} wide>
      <Choice label={t("patient.only")} value={props.code} onPick={props.pick}
        options={[["", t("patient.all.codes")], ...options]} />
      <Table caption={t("patient.facts", { n: count(rows.length) })} rows={shown} columns={[
        { title: t("patient.when"), cell: (e: Fact) => (
          <span class={props.mark !== null && e.time === props.mark ? "marked" : ""}>{moment(e.time)}</span>) },
        { title: t("patient.lane"), cell: (e) => word("lane", line.codes[e.code]!.lane) },
        { title: t("patient.what"), cell: (e) => named(line.codes[e.code]!) },
        { title: t("patient.value"), numeric: true, cell: (e) => (e.number === undefined ? "" : recorded(e.number)) + (e.unit ? ` ${e.unit}` : "") },
        { title: t("patient.text"), cell: (e) => e.text ?? "" },
        { title: t("patient.source"), cell: (e) => e.source ?? "" },
      ]} />
      {rows.length > shown.length && <button type="button" onClick={() => setAll(true)}>{t("patient.show.all")}</button>}
    </Card>
  );
}

function Ask(props: { id: string; asOf: string; models: Model[] }) {
  return (
    <p class="row">
      {props.models.map((m) => (
        <a class="button main" href={`${link("prediction", props.id, `${m.name}@${m.alias}`)}${props.asOf ? `?as_of=${enc(props.asOf)}` : ""}`}>
          {t("patient.ask", { model: `${m.name}@${m.alias}` })}
        </a>
      ))}
    </p>
  );
}

export function PatientPage({ parts }: PageProps) {
  const id = parts[0] ?? "";
  const { query } = placeNow();  // as it stands: the slider writes it
  const [asOf, showAsOf] = useState(query.get("as_of") ?? "");
  const setAsOf = (next: string) => {
    if (next) query.set("as_of", next); else query.delete("as_of");
    history.replaceState(null, "", [link("patient", id), query.toString()].filter(Boolean).join("?"));
    showAsOf(next);
  };
  const [code, setCode] = useState(query.get("code") ?? "");
  const path = `/api/patients/${enc(id)}/timeline${asOf ? `?as_of=${enc(asOf)}` : ""}`;
  const [denied, setDenied] = useState(false);
  const line = useData(async () => {
    try {
      const data = await get<Timeline>(path);
      setDenied(false);
      return data;
    } catch (error) {
      if (error instanceof ApiError && error.status === 403) setDenied(true);
      throw error;
    }
  }, [path]);
  const data = line.data;
  const models = useData(() => get<Models>("/api/models"), []);
  const foretelling = (models.data?.timelines ?? []).filter((m) => m.alias !== "shadow");  // which answers nobody
  const mark = query.get("at") ? Number(query.get("at")) : null;
  return (
    <Page title={data ? personInFull(data.person) : t("patient.title")}>
      {line.error && <p class="problem" role="alert">{denied ? t("glass.denied") : line.error}</p>}
      {denied && <BreakGlass id={id} opened={line.again} />}
      {data && (
        <>
          {data.synthetic && <p class="synthetic">{t("synthetic.patient")}</p>}
          <Ask id={id} asOf={asOf} models={models.data?.models ?? []} />
          {data.first !== undefined && data.last !== undefined && (
            <Slider first={data.first} last={data.last} at={asOf ? Date.parse(asOf) : data.last + 86_400_000}
              move={(at) => setAsOf(at > data.last! ? "" : new Date(at).toISOString())} />
          )}
          {data.earlier_left_out > 0 && <p class="quiet">{t("patient.left.out", { n: count(data.earlier_left_out) })}</p>}
          <Card title={t("patient.picture")} wide>
            <Picture line={data} mark={mark} code={code} pick={setCode} />
          </Card>
          {foretelling.length > 0 && (
            <ComingCard patient={id} asOf={asOf} models={foretelling}
              recorded={data.codes.filter((c) => c.lane !== "person").map((c): [string, string] => [c.code, named(c)])} />
          )}
          <Facts line={data} code={code} pick={setCode} mark={mark} />
          <Curl command={curl("GET", path)} />
        </>
      )}
    </Page>
  );
}
