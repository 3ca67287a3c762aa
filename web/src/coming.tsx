// The years to come of one patient, as a model of timelines draws them: how likely what is, when, what
// that hangs on, and how it would be under another history.
import { useState } from "preact/hooks";
import { enc, post, type Coming, type ComingCode, type ComingYears, type Driver, type Timelines } from "./api";
import { count, percent, short } from "./format";
import { Card, Choice, Curl, curl, Table, useData, Waiting } from "./parts";
import { Lines, type Line } from "./plot";
import { t, word } from "./words";

const kColours = ["#0b5fa5", "#b3541e", "#3a7d44", "#7b3f98", "#8a6d00"];
const kGrey = "#5b6672";
const kRows = 12;
const kSpans = ["5", "10", "20"];

const named = (code: { code: string; meaning: string }) => code.meaning || code.code;

function Curves({ told, codes, ages }: { told: Coming; codes: ComingCode[]; ages: number[] }) {
  const lines: Line[] = codes.slice(0, kColours.length)
    .map((c, i) => ({ label: named(c), values: c.by, colour: kColours[i]! }));
  lines.push({ label: t("coming.alive"), values: told.alive, colour: kGrey, dash: [4, 4] });
  return (
    <Lines label={t("coming.curves.says", { n: lines.length - 1 })} x={ages} percent xLabel={t("coming.age")} lines={lines} />
  );
}

function Fan({ told, ages }: { told: Coming; ages: number[] }) {
  const of = (k: number) => told.events.map((quantiles) => quantiles[k]!);
  const last = told.events[told.events.length - 1]!;
  return (
    <Lines label={t("coming.fan.says", { low: last[0], middle: last[2], high: last[4] })} x={ages} xLabel={t("coming.age")}
      band={[1, 5]} lines={[
        { label: "95 %", values: of(4), colour: kGrey, dash: [4, 4] },
        { label: "75 %", values: of(3), colour: kGrey },
        { label: t("coming.median"), values: of(2), colour: kColours[0]! },
        { label: "25 %", values: of(1), colour: kGrey },
        { label: "5 %", values: of(0), colour: kGrey, dash: [4, 4] },
      ]} />
  );
}

function Drivers({ patient, model, asOf, code }: { patient: string; model: string; asOf: string; code: ComingCode }) {
  const body = { model, code: code.code, ...(asOf ? { as_of: asOf } : {}) };
  const told = useData(() => post<{ events: Driver[] }>(`/api/patients/${enc(patient)}/drivers`, body), [patient, model, asOf, code.code]);
  return (
    <Waiting of={told}>
      {({ events }) => (
        <Table caption={t("coming.drivers", { what: named(code) })} rows={events} empty={t("coming.drivers.none")} columns={[
          { title: t("coming.past"), cell: (e: Driver) => named(e) },
          { title: t("coming.at.age"), numeric: true, cell: (e) => e.age_years.toFixed(1) },
          { title: t("coming.factor"), numeric: true, cell: (e) => (e.ratio === null ? "–" : `× ${short(e.ratio)} ${e.ratio > 1 ? "▲" : "▼"}`) },
        ]} />
      )}
    </Waiting>
  );
}

// The same code in the supposed record.
function Supposed({ code, told }: { code: ComingCode; told: ComingYears }) {
  const other = told.supposed!.codes.find((c) => c.code === code.code);
  return <>{other ? percent(other.share) : t("coming.rarer")}</>;
}

function Shares(props: { told: ComingYears; codes: ComingCode[]; picked: string; pick: (code: string) => void }) {
  const { told } = props;
  return (
    <Table caption={t("coming.table")} rows={props.codes} empty={t("coming.none")} columns={[
      { title: t("coming.what"), cell: (c: ComingCode) => (
        <button type="button" class="pick" aria-pressed={c.code === props.picked} onClick={() => props.pick(c.code)}>{named(c)}</button>) },
      { title: t("coming.rate"), numeric: true, cell: (c) => short(1000 * c.yearly_rate) },
      { title: t("coming.share"), numeric: true, cell: (c) => percent(c.share) },
      { title: t("coming.between"), numeric: true, cell: (c) => `${percent(c.low)} – ${percent(c.high)}` },
      ...(told.supposed ? [{ title: t("coming.supposed"), numeric: true, cell: (c: ComingCode) => <Supposed code={c} told={told} /> }] : []),
    ]} />
  );
}

type Change = { kind: "" | "with" | "without"; code: string };

// What is supposed: one code recorded now, or never.
function Suppose(props: { told: ComingYears; recorded: [string, string][]; change: Change; set: (change: Change) => void }) {
  const { change } = props;
  const coming = props.told.as_recorded.codes.filter((c) => c.lane !== "person" && c.lane !== "measurements")
    .map((c): [string, string] => [c.code, named(c)]).sort((a, b) => a[1].localeCompare(b[1]));
  return (
    <>
      <h3>{t("prediction.what.if")}</h3>
      <p class="quiet">{t("coming.what.if.says")}</p>
      <p class="row">
        <Choice label={t("coming.with")} value={change.kind === "with" ? change.code : ""} options={[["", "–"], ...coming]}
          onPick={(code) => props.set({ kind: code ? "with" : "", code })} />
        <Choice label={t("coming.without")} value={change.kind === "without" ? change.code : ""} options={[["", "–"], ...props.recorded]}
          onPick={(code) => props.set({ kind: code ? "without" : "", code })} />
      </p>
      {props.told.warnings.map((warning) => <p class="problem">{warning}</p>)}
    </>
  );
}

const idOf = (model: Timelines) => `${model.name}@${model.alias}`;

// Drawn when it is asked for: it is an answer, which takes a moment and is recorded.
export function ComingCard(props: { patient: string; asOf: string; models: Timelines[]; recorded: [string, string][] }) {
  const [model, setModel] = useState(idOf(props.models[0]!));
  const [asked, ask] = useState("");
  const now = `${props.patient} ${props.asOf}`;
  return (
    <Card title={t("coming.title")} wide>
      {props.models.length > 1 && (
        <Choice label={t("models.name")} value={model} onPick={setModel} options={props.models.map((m) => [idOf(m), idOf(m)])} />
      )}
      {asked === now ? <Drawn {...props} model={model} /> : (
        <p><button type="button" class="main" onClick={() => ask(now)}>{t("coming.ask", { model })}</button></p>
      )}
    </Card>
  );
}

function Drawn(props: { patient: string; asOf: string; model: string; recorded: [string, string][] }) {
  const { patient, asOf, model } = props;
  const [years, setYears] = useState("10");
  const [lane, setLane] = useState("diagnoses");
  const [picked, pick] = useState("");
  const [change, setChange] = useState<Change>({ kind: "", code: "" });
  const body = { model, years: Number(years), ...(asOf ? { as_of: asOf } : {}), ...(change.kind ? { [change.kind]: [change.code] } : {}) };
  const path = `/api/patients/${enc(patient)}/coming-years`;
  const coming = useData(() => post<ComingYears>(path, body), [path, JSON.stringify(body)]);
  return (
    <>
      <Choice label={t("coming.years")} value={years} onPick={setYears} options={kSpans.map((n) => [n, t("format.years", { n })])} />
      <Waiting of={coming}>
        {(told) => {
          const ages = told.years.map((year) => told.age_years + year);
          const all = told.as_recorded.codes.filter((c) => c.lane !== "person");
          const lanes = [...new Set(all.map((c) => c.lane))];
          const now = lanes.includes(lane) ? lane : lanes[0] ?? "";
          const codes = all.filter((c) => c.lane === now).slice(0, kRows);
          const chosen = codes.find((c) => c.code === picked) ?? codes[0];
          return (
            <>
              {told.as_recorded.futures_cut > 0 && <p class="problem">{t("coming.cut", { n: told.as_recorded.futures_cut })}</p>}
              {told.unknown_events > 0 && <p class="quiet">{t("coming.unknown", { n: told.unknown_events })}</p>}
              <p class="quiet">{t("coming.says", { model, n: count(told.futures), age: told.age_years.toFixed(1) })} {told.synthetic && t("synthetic.answer")}</p>
              <p class="row">
                <Choice label={t("patient.lane")} value={now} onPick={setLane} options={lanes.map((l) => [l, word("lane", l)])} />
              </p>
              <Shares told={told} codes={codes} picked={chosen?.code ?? ""} pick={pick} />
              <h3>{t("coming.curves")}</h3>
              <Curves told={told.as_recorded} codes={codes} ages={ages} />
              <h3>{t("coming.fan")}</h3>
              <Fan told={told.as_recorded} ages={ages} />
              {chosen && <><h3>{t("coming.drivers", { what: named(chosen) })}</h3><Drivers patient={patient} model={model} asOf={asOf} code={chosen} /></>}
              <Suppose told={told} recorded={props.recorded} change={change} set={setChange} />
            </>
          );
        }}
      </Waiting>
      {coming.error && change.kind && <button type="button" onClick={() => setChange({ kind: "", code: "" })}>{t("coming.undo")}</button>}
      <Curl command={curl("POST", path, body)} />
    </>
  );
}
