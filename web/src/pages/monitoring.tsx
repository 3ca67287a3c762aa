import { useState } from "preact/hooks";
import { get, type AlertTold, type Monitored } from "../api";
import { count, percent, short } from "../format";
import { Card, Choice, Curl, curl, Page, Table, useData, Waiting } from "../parts";
import { Lines } from "../plot";
import { t } from "../words";
import { AlertList, Outcomes } from "./outcomes";

// The usual reading of the index (Siddiqi 2006): below .1 little, above .25 much.
function reading(m: Monitored): string {
  if (m.psi === null) return t("monitoring.few");
  const size = m.psi < 0.1 ? t("monitoring.little") : m.psi < 0.25 ? t("monitoring.some") : t("monitoring.much");
  return t("monitoring.psi", { psi: m.psi.toFixed(3), size, p: m.p === null ? "–" : short(m.p) });
}

function One({ m }: { m: Monitored }) {
  const x = m.days.map((d) => Date.parse(d.day) / 1000);
  const total = m.by_tenth.reduce((a, b) => a + b, 0);
  return (
    <Card title={m.model} wide>
      {m.days.length === 0 && <p class="quiet">{t("monitoring.none")}</p>}
      {m.days.length > 1 && (
        <div class="grid">
          <Lines time label={t("monitoring.volume")} x={x} lines={[
            { label: t("monitoring.answers"), values: m.days.map((d) => d.answers), colour: "#0b5fa5", points: true },
            { label: t("monitoring.abstained"), values: m.days.map((d) => d.missing_data + d.unlike_training), colour: "#b3530b", points: true, dash: [4, 4] },
          ]} />
          <Lines time label={t("monitoring.latency")} x={x} lines={[
            { label: t("monitoring.mean"), values: m.days.map((d) => d.mean_ms), colour: "#0b5fa5", points: true },
            { label: t("monitoring.slowest"), values: m.days.map((d) => d.slowest_ms), colour: "#b3530b", points: true, dash: [4, 4] },
          ]} />
        </div>
      )}
      <p>{reading(m)}</p>
      <Table caption={t("monitoring.by.day")} rows={m.days} columns={[
        { title: t("monitoring.day"), cell: (d) => d.day },
        { title: t("monitoring.answers"), numeric: true, cell: (d) => count(d.answers) },
        { title: t("monitoring.missing"), numeric: true, cell: (d) => count(d.missing_data) },
        { title: t("monitoring.unlike"), numeric: true, cell: (d) => count(d.unlike_training) },
        { title: t("monitoring.mean"), numeric: true, cell: (d) => (d.mean_ms === null ? "" : short(d.mean_ms)) },
        { title: t("monitoring.slowest"), numeric: true, cell: (d) => short(d.slowest_ms) },
      ]} />
      {total > 0 && m.expected.length > 0 && (
        <Table caption={t("monitoring.tenths")} rows={m.by_tenth.map((n, k) => ({ n, k }))} columns={[
          { title: t("monitoring.tenth"), numeric: true, cell: (r) => r.k + 1 },
          { title: t("monitoring.expected"), numeric: true, cell: (r) => percent(m.expected[r.k] ?? 0) },
          { title: t("monitoring.now"), numeric: true, cell: (r) => percent(r.n / total) },
        ]} />
      )}
      <Outcomes m={m} />
      {Object.keys(m.opinions).length > 0 && (
        <p>{t("monitoring.opinions", { agree: m.opinions.agree ?? 0, disagree: m.opinions.disagree ?? 0, other: m.opinions.not_relevant ?? 0 })}</p>
      )}
    </Card>
  );
}

export function Monitoring() {
  const [days, setDays] = useState("30");
  const path = `/api/monitoring?days=${days}`;
  const seen = useData(() => get<{ models: Monitored[] }>(path), [path]);
  const alerts = useData(() => get<{ alerts: AlertTold[]; told: number }>("/api/alerts"), []);
  return (
    <Page title={t("monitoring.title")}>
      <Waiting of={alerts}>{(all) => <AlertList alerts={all.alerts} told={all.told} />}</Waiting>
      <Card>
        <Choice label={t("monitoring.days")} value={days} onPick={setDays} options={["7", "30", "90"].map((d) => [d, t("monitoring.last", { n: d })])} />
        <Curl command={curl("GET", path)} />
      </Card>
      <Waiting of={seen}>{(all) => <>{all.models.map((m) => <One m={m} />)}{all.models.length === 0 && <p>{t("models.none")}</p>}</>}</Waiting>
    </Page>
  );
}
