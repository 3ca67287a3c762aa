// What happened beside what was told, and what is out of bounds.
import type { AlertTold, Interval, Judgement, Monitored } from "../api";
import { count, moment, percent, short } from "../format";
import { Card, Table } from "../parts";
import { Calibration } from "../plot";
import { t, word } from "../words";

const kShown = ["auroc", "c_index", "observed_to_expected", "calibration_slope"];

function written(one: Interval | undefined): string {
  if (!one || one.value === null) return "";
  const range = one.low === null || one.high === null ? "" : ` (${short(one.low)} – ${short(one.high)})`;
  return short(one.value) + range;
}

function Judged({ j }: { j: Judgement }) {
  const metrics = kShown.filter((name) => j.metrics?.[name]);
  return (
    <>
      <p>{t("outcomes.about", { judged: count(j.judged), waiting: count(j.waiting), at: moment(j.at) })}</p>
      {!j.enough && <p class="quiet">{t("outcomes.few")}</p>}
      {metrics.length > 0 && (
        <Table caption={t("outcomes.metrics")} rows={[
          { family: "", name: t("outcomes.all"), metrics: j.metrics ?? {} },
          ...(j.subgroups ?? []),
        ]} columns={[
          { title: t("outcomes.group"), cell: (g) => [g.family, g.name].filter(Boolean).join(" ") },
          ...metrics.map((name) => ({ title: word("metric", name), numeric: true, cell: (g: { metrics: Record<string, Interval> }) => written(g.metrics[name]) })),
        ]} />
      )}
      {(j.tenths ?? []).length > 0 && <Calibration points={j.tenths ?? []} />}
    </>
  );
}

export function Outcomes({ m }: { m: Monitored }) {
  const missing = (m.missing ?? []).filter((f) => f.share !== null && f.expected !== null);
  return (
    <>
      <h3>{t("outcomes.title")}</h3>
      {m.judgement ? <Judged j={m.judgement} /> : <p class="quiet">{t("outcomes.none")}</p>}
      {m.beside && <p>{t("outcomes.beside", { n: count(m.beside.pairs), difference: short(m.beside.mean_difference) })}</p>}
      {missing.length > 0 && (
        <Table caption={t("outcomes.missing")} rows={missing} columns={[
          { title: t("model.feature"), cell: (f) => f.feature },
          { title: t("model.missing"), numeric: true, cell: (f) => percent(f.expected ?? 0) },
          { title: t("outcomes.missing.now"), numeric: true, cell: (f) => percent(f.share ?? 0) },
        ]} />
      )}
    </>
  );
}

export function AlertList({ alerts, told }: { alerts: AlertTold[]; told: number }) {
  return (
    <Card title={t("alerts.title")} wide>
      <Table caption={t("alerts.title")} rows={alerts} empty={t("alerts.none")} columns={[
        { title: t("alerts.kind"), cell: (a) => word("alert", a.kind) },
        { title: t("alerts.about"), cell: (a) => a.about },
        { title: t("alerts.text"), cell: (a) => a.text },
        { title: t("alerts.since"), cell: (a) => moment(a.since) },
      ]} />
      <p class="quiet">{t(told > 0 ? "alerts.told" : "alerts.untold", { n: told })}</p>
    </Card>
  );
}
