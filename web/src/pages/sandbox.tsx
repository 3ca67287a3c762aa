import { useState } from "preact/hooks";
import { enc, exchange, get, type Exchange } from "../api";
import { Act, Card, Choice, Code, Curl, curl, Field, Page, useData } from "../parts";
import { t, word } from "../words";

interface Service { id: string; hook: string; title: string; prefetch: Record<string, string> }
interface Cds {
  uuid: string; summary: string; indicator: string; detail?: string;
  overrideReasons?: { code: string; display: string }[];
}

// Markdown as plain text: what a record says is never markup here.
const plain = (text: string) => text.replace(/\\(.)/g, "$1").replace(/\*\*/g, "");

function CardShown({ card, service }: { card: Cds; service: string }) {
  const [told, setTold] = useState("");
  const answer = (outcome: "accepted" | "overridden", reason?: { code: string; display: string }) => async () => {
    const item: Record<string, unknown> = { card: card.uuid, outcome, outcomeTimestamp: new Date().toISOString() };
    if (reason) item.overrideReason = { reason };
    const got = await exchange("POST", `/cds-services/${enc(service)}/feedback`, { feedback: [item] });
    if (got.status !== 200) throw new Error(got.text);
    setTold(outcome);
  };
  return (
    <article class={`cds ${card.indicator}`}>
      <h3>{word("indicator", card.indicator)}: {card.summary}</h3>
      {card.detail && <p class="pre">{plain(card.detail)}</p>}
      <p class="row">
        <Act label={t("sandbox.accept")} act={answer("accepted")} />
        {(card.overrideReasons ?? []).map((r) => <Act label={t("sandbox.override", { reason: r.display })} act={answer("overridden", r)} />)}
      </p>
      {told && <p role="status">{t("sandbox.told")}</p>}
    </article>
  );
}

export function Sandbox() {
  const services = useData(() => get<{ services: Service[] }>("/cds-services"), []);
  const [picked, setPicked] = useState("");
  const [patient, setPatient] = useState("");
  const [got, setGot] = useState<Exchange | null>(null);
  const all = services.data?.services ?? [];
  const service = all.find((s) => s.id === picked) ?? all[0];
  const [instance, setInstance] = useState(() => crypto.randomUUID());
  const body = { hook: "patient-view", hookInstance: instance, context: { userId: "Practitioner/sandbox", patientId: patient } };
  const path = service ? `/cds-services/${enc(service.id)}` : "";
  const ask = async () => { setGot(await exchange("POST", path, body)); setInstance(crypto.randomUUID()); };
  const pretty = (text: string) => { try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; } };
  let cards: Cds[] = [];
  if (got?.status === 200) cards = (JSON.parse(got.text) as { cards: Cds[] }).cards;
  return (
    <Page title={t("sandbox.title")}>
      <p class="quiet">{t("sandbox.about")}</p>
      {services.error && <p class="problem" role="alert">{services.error}</p>}
      <Card>
        <div class="row">
          <Choice label={t("sandbox.service")} value={service?.id ?? ""} onPick={setPicked} options={all.map((s) => [s.id, s.title])} />
          <Field label={t("sandbox.patient")} value={patient} onInput={(e) => setPatient(e.currentTarget.value)} />
          <Act label={t("sandbox.view")} kind="main" act={ask} disabled={!service || !patient} />
        </div>
      </Card>
      {got && <p role="status">{t("sandbox.took", { status: got.status, ms: got.milliseconds.toFixed(1) })}</p>}
      {service && cards.map((card) => <CardShown card={card} service={service.id} key={card.uuid} />)}
      <div class="grid">
        <Card title={t("sandbox.request")}><Code text={`POST ${path}\n${JSON.stringify(body, null, 2)}`} label={t("sandbox.request")} /></Card>
        {got && <Card title={t("sandbox.response")}><Code text={pretty(got.text)} label={t("sandbox.response")} /></Card>}
        {service && <Card title={t("sandbox.prefetch")}><Code text={JSON.stringify(service.prefetch, null, 2)} label={t("sandbox.prefetch")} /></Card>}
      </div>
      {service && <Curl command={curl("POST", path, body)} />}
    </Page>
  );
}
