import { useState } from "preact/hooks";
import { call, enc, get, post, type Answer, type Reason, type Reply, type TrendPoint } from "../api";
import type { PageProps } from "../page";
import { crowd, day, figure, people, percent, personInFull, short, span, windowInWords } from "../format";
import { Act, Card, Choice, Curl, curl, Page, useData, Waiting } from "../parts";
import { Lines, People, Waterfall } from "../plot";
import { link, linkWith } from "../route";
import { languageNow, t, word } from "../words";

const kReasons = 8;
const kBlue = "#0b5fa5", kGrey = "#52606d";

const isShare = (reply: Reply) => reply.unit === "probability";

// One sentence: whole people, with the interval, beside the usual.
function Sentence({ answer }: { answer: Answer }) {
  const { reply } = answer;
  if (reply.value === null) return null;
  const [likeliest] = Object.entries(reply.classes ?? {}).sort((a, b) => b[1] - a[1]);
  if (likeliest)
    return (
      <p class="answer">
        <strong>{t("prediction.class", { n: people(likeliest[1], crowd(likeliest[1])), of: crowd(likeliest[1]), name: likeliest[0] })}</strong>{" "}
        {t("prediction.asks", { asks: answer.asks })}{" "}
        {(reply.set ?? []).length > 1 && t("prediction.set", { names: reply.set!.join(", ") })}
      </p>
    );
  if (!isShare(reply))
    return (
      <p class="answer">
        {t("prediction.value", { asks: answer.asks, value: figure(reply.value, reply.unit) })}
        {reply.low !== null && reply.high !== null &&
          ` ${t("prediction.between", { low: figure(reply.low, reply.unit), high: figure(reply.high, reply.unit) })}`}
      </p>
    );
  const of = crowd(reply.value);
  const scaled = (v: number) => people(v, of);
  return (
    <p class="answer">
      <strong>{t("prediction.of", { n: scaled(reply.value), of })}</strong>{" "}
      {answer.horizon_days ? t("prediction.within", { asks: answer.asks, time: span(answer.horizon_days) }) : t("prediction.asks", { asks: answer.asks })}{" "}
      {reply.low !== null && reply.high !== null && t("prediction.interval", { low: scaled(reply.low), high: scaled(reply.high), of })}{" "}
      {answer.usual !== undefined && t("prediction.usual", { n: scaled(answer.usual), of })}
    </p>
  );
}

// What a reason says of the patient, by how its feature was made of events.
function name(reason: Reason): string {
  const { code, value, aggregate } = reason;
  if (!code) return reason.feature;
  if (aggregate === "state") return t("prediction.course");
  const end = code.split("//").pop()!;
  if (code === "AGE" && value !== null) return t("prediction.age", { n: Math.floor(value) });
  if (code.startsWith("GENDER//")) return t(value ? "prediction.is" : "prediction.is.not", { what: word("sex", end) });
  const what = reason.description || reason.feature;
  const within = reason.window && reason.window !== "all" ? ` (${windowInWords(reason.window)})` : "";
  if (value !== null && aggregate === "count") return t("prediction.times", { what, n: value }) + within;
  if (value !== null && reason.description) {
    const how = aggregate === "last" ? "" : `${word("aggregate", aggregate)} `;
    const unit = aggregate === "slope" ? t("prediction.per.day", { unit: reason.unit ?? "" }) : aggregate === "time_since" ? "" : reason.unit ?? "";
    return `${what}: ${how}${short(value)} ${unit}`.trimEnd() + within;
  }
  return reason.value === null ? t("prediction.absent", { what }) : `${what}: ${short(reason.value)}${reason.unit ? ` ${reason.unit}` : ""}`;
}

// The largest, and all others as one, so that the steps arrive at the answer.
function shown(reasons: Reason[]): Reason[] {
  const rest = reasons.slice(kReasons);
  if (rest.length === 0) return reasons;
  const contribution = rest.reduce((sum, r) => sum + r.contribution, 0);
  return [...reasons.slice(0, kReasons), {
    feature: t("prediction.others", { n: rest.length }), code: "", aggregate: "", value: null, contribution, events: [] }];
}

function Reasons({ answer, patient, asOf }: { answer: Answer; patient: string; asOf: string }) {
  const top = shown(answer.reply.reasons);
  if (top.length === 0) return null;
  return (
    <Card title={t("prediction.why")} wide>
      <Waterfall reasons={top} base={answer.reply.base ?? 0} describe={name} />
      <ul class="sources">
        {top.filter((r) => r.events.length > 0).map((r) => {
          const event = r.events[r.events.length - 1]!;
          const query: Record<string, string> = { code: event.code };
          if (event.time) query.at = String(Date.parse(event.time));
          if (asOf) query.as_of = asOf;
          return <li><a href={linkWith(query, "patient", patient)}>{t("prediction.source", {
            what: r.code === "AGE" ? t("prediction.birth") : r.description || r.feature, when: event.time ? day(event.time) : t("prediction.always"), source: event.source ?? "" })}</a></li>;
        })}
      </ul>
      {answer.reply.paragraphs && <p>{answer.reply.paragraphs.clinician[languageNow()]}</p>}
      {answer.reply.paragraphs && (
        <details><summary>{t("prediction.for.patient")}</summary><p>{answer.reply.paragraphs.patient[languageNow()]}</p></details>
      )}
    </Card>
  );
}

function WhatIf({ answer, patient, asOf }: { answer: Answer; patient: string; asOf: string }) {
  const options = answer.reply.reasons.filter((r) => r.value !== null)
    .map((r): [string, string] => [r.feature, r.description ? `${r.description} (${r.feature})` : r.feature]);
  const [feature, setFeature] = useState("");
  const asked = useData(async () => (feature
    ? (await post<Answer>(`/api/patients/${enc(patient)}/predict`, { model: answer.model, as_of: asOf, explain: false, what_if: feature })).reply.what_if ?? null
    : null), [feature, asOf]);
  if (options.length === 0) return null;
  const curve = asked.data?.curve ?? [];
  return (
    <Card title={t("prediction.what.if")}>
      <p class="quiet">{t("prediction.what.if.says")}</p>
      <Choice label={t("prediction.feature")} value={feature} onPick={setFeature} options={[["", t("prediction.pick")], ...options]} />
      {asked.error && <p class="problem" role="alert">{asked.error}</p>}
      {curve.length > 1 && (
        <Lines label={t("prediction.what.if.label", { feature })} x={curve.map(([x]) => x)} percent={isShare(answer.reply)}
          xLabel={feature} lines={[{ label: t("prediction.answer"), values: curve.map(([, y]) => y), colour: kBlue, points: true }]} />
      )}
      {feature && asked.data && curve.length < 2 && <p class="quiet">{t("prediction.no.support")}</p>}
    </Card>
  );
}

function Trend({ answer, patient, asOf }: { answer: Answer; patient: string; asOf: string }) {
  const path = `/api/patients/${enc(patient)}/trend?model=${enc(answer.model)}${asOf ? `&as_of=${enc(asOf)}` : ""}`;
  const trend = useData(() => get<{ trend: TrendPoint[] }>(path), [path]);
  const points = trend.data?.trend ?? [];
  return (
    <Card title={t("prediction.trend")}>
      {trend.error && <p class="problem" role="alert">{trend.error}</p>}
      {trend.data && points.length < 2 && <p class="quiet">{t("prediction.no.trend")}</p>}
      {points.length > 1 && (
        <Lines time label={t("prediction.trend.label", { from: figure(points[0]!.value, answer.reply.unit), to: figure(points[points.length - 1]!.value, answer.reply.unit) })}
          x={points.map((p) => p.time / 1000)} percent={isShare(answer.reply)} band={[3, 2]} lines={[
            { label: t("prediction.answer"), values: points.map((p) => p.value), colour: kBlue, points: true },
            { label: t("prediction.low"), values: points.map((p) => p.low), colour: kGrey, dash: [4, 4] },
            { label: t("prediction.high"), values: points.map((p) => p.high), colour: kGrey, dash: [4, 4] },
          ]} />
      )}
    </Card>
  );
}

function Survival({ reply }: { reply: Reply }) {
  const curve = (reply.survival ?? []).filter(([, free]) => free !== null);
  if (curve.length < 2) return null;
  return (
    <Card title={t("prediction.survival")}>
      <Lines label={t("prediction.survival.label", { days: curve[curve.length - 1]![0], free: percent(curve[curve.length - 1]![1]!) })}
        x={curve.map(([days]) => days)} percent xLabel={t("prediction.days")}
        lines={[{ label: t("prediction.free"), values: curve.map(([, free]) => free), colour: kBlue }]} />
    </Card>
  );
}

function Opinion({ answer, patient }: { answer: Answer; patient: string }) {
  const [given, setGiven] = useState("");
  const give = (opinion: string) => async () => {
    await call("PUT", `/api/answers/${enc(answer.id)}/opinion`, { patient, model: answer.model, opinion, seal: answer.seal });
    setGiven(opinion);
  };
  return (
    <Card title={t("prediction.opinion")}>
      <p class="row">
        <Act label={t("prediction.agree")} act={give("agree")} disabled={given === "agree"} />
        <Act label={t("prediction.disagree")} act={give("disagree")} disabled={given === "disagree"} />
        <Act label={t("prediction.not.relevant")} act={give("not_relevant")} disabled={given === "not_relevant"} />
      </p>
      {given && <p role="status">{t("prediction.thanks")}</p>}
    </Card>
  );
}

function Abstained({ reply }: { reply: Reply }) {
  return (
    <Card title={t("prediction.none")} wide>
      <p>{reply.reason}</p>
      {(reply.missing ?? []).length > 0 && <><h3>{t("prediction.would.help")}</h3><ul>{reply.missing!.map((m) => <li>{m}</li>)}</ul></>}
    </Card>
  );
}

function Missing({ reply }: { reply: Reply }) {
  const absent = reply.reasons.filter((r) => r.value === null).slice(0, 12);
  if (absent.length === 0) return null;
  return <Card title={t("prediction.missing")}><ul>{absent.map((r) => <li>{r.description || r.feature}</li>)}</ul></Card>;
}

function Classes({ reply }: { reply: Reply }) {
  const classes = Object.entries(reply.classes ?? {});
  if (classes.length === 0) return null;
  return (
    <Card title={t("prediction.classes")}>
      <ul class="meters">{classes.map(([label, share]) => <li><span>{label}</span><meter min={0} max={1} value={share} aria-label={label} /><span>{percent(share)}</span></li>)}</ul>
    </Card>
  );
}

export function PredictionPage({ parts, query }: PageProps) {
  const patient = parts[0] ?? "", model = parts[1] ?? "", asOf = query.get("as_of") ?? "";
  const body = asOf ? { model, as_of: asOf } : { model };
  const path = `/api/patients/${enc(patient)}/predict`;
  const answer = useData(() => post<Answer>(path, body), [patient, model, asOf]);
  return (
    <Page title={t("prediction.heading", { model })} aside={<button type="button" class="no-print" onClick={() => print()}>{t("print")}</button>}>
      {answer.data && <p><strong>{personInFull(answer.data.person)}</strong></p>}
      <p><a href={asOf ? linkWith({ as_of: asOf }, "patient", patient) : link("patient", patient)}>{t("prediction.back", { id: patient })}</a> {asOf && t("prediction.as.of", { day: day(asOf) })}</p>
      <Waiting of={answer}>
        {(told) => (
          <>
            {told.synthetic && <p class="synthetic">{t("synthetic.answer")}</p>}
            {told.reply.answer === "abstention" ? <Abstained reply={told.reply} /> : (
              <>
                <section class="card wide first">
                  <Sentence answer={told} />
                  {isShare(told.reply) && !told.reply.classes && told.reply.value !== null && crowd(told.reply.value) === 100 && (
                    <People value={told.reply.value} label={t("prediction.people", { n: Math.round(told.reply.value * 100) })} />
                  )}
                </section>
                <div class="grid">
                  <Reasons answer={told} patient={patient} asOf={asOf} />
                  <Classes reply={told.reply} />
                  {!told.reply.classes && <Trend answer={told} patient={patient} asOf={asOf} />}
                  <Survival reply={told.reply} />
                  {!told.reply.classes && <WhatIf answer={told} patient={patient} asOf={asOf} />}
                  <Missing reply={told.reply} />
                  <Opinion answer={told} patient={patient} />
                </div>
              </>
            )}
            <p class="quiet">{t("prediction.stamp", { model: told.model, day: told.as_of, id: told.id })}</p>
          </>
        )}
      </Waiting>
      <Curl command={curl("POST", path, body)} />
    </Page>
  );
}
