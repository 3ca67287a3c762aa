import { enc, get, type Feature, type ModelDetail } from "../api";
import type { PageProps } from "../page";
import { count, moment, percent, short } from "../format";
import { Card, Code, Curl, curl, Page, Table, useData, Waiting } from "../parts";
import { Calibration } from "../plot";
import { t, word } from "../words";
import { RollBack, Withdraw } from "./life";

function range(f: Feature): string {
  if (f.low === null || f.low === undefined || f.high === null || f.high === undefined) return "";
  return `${short(f.low)} – ${short(f.high)}${f.unit ? ` ${f.unit}` : ""}`;
}

function Facts({ model }: { model: ModelDetail }) {
  const rows: [string, string][] = [
    [t("models.asks"), model.asks],
    [t("model.answer"), word("answer", model.answer)],
    [t("model.learner"), model.learner],
    [t("model.trained"), count(model.training_rows)],
    [t("model.judged"), count(model.judged_rows)],
    [t("model.columns"), count(model.columns)],
    [t("model.bundle"), model.bundle],
  ];
  return <dl>{rows.map(([name, value]) => <><dt>{name}</dt><dd>{value}</dd></>)}</dl>;
}

export function ModelPage({ me, parts }: PageProps) {
  const name = parts[0] ?? "";
  const path = `/api/models/${enc(name)}`;
  const model = useData(() => get<ModelDetail>(path), [name]);
  return (
    <Page title={t("model.title", { name })}>
      <Waiting of={model}>
        {(m) => (
          <>
            {m.synthetic && <p class="synthetic">{t("synthetic.model")}</p>}
            <div class="grid">
              <Card title={t("model.calibration")}>
                {m.calibration.length > 0
                  ? <><p class="quiet">{t("model.calibration.about", { n: count(m.judged_rows) })}</p><Calibration points={m.calibration} /></>
                  : <p class="quiet">{t("model.no.calibration")}</p>}
              </Card>
              <Card title={t("model.facts")}><Facts model={m} /></Card>
              {m.calibration.length > 0 && (
                <Card title={t("model.calibration.table")} wide>
                  <Table caption={t("model.calibration.table")} rows={m.calibration} columns={[
                    { title: t("model.calibration.told"), numeric: true, cell: (p) => percent(p.told) },
                    { title: t("model.calibration.seen"), numeric: true, cell: (p) => percent(p.seen) },
                    { title: "95 %", numeric: true, cell: (p) => (p.low === null || p.high === null ? "" : `${percent(p.low)} – ${percent(p.high)}`) },
                    { title: t("model.count"), numeric: true, cell: (p) => count(p.count) },
                  ]} />
                </Card>
              )}
              <Card title={t("model.features")} wide>
                <Table caption={t("model.features")} rows={m.features} columns={[
                  { title: t("model.feature"), cell: (f) => f.feature },
                  { title: t("model.meaning"), cell: (f) => f.meaning },
                  { title: t("model.share"), numeric: true, cell: (f) => (f.share === null || f.share === undefined ? "" : percent(f.share)) },
                  { title: t("model.range"), numeric: true, cell: range },
                  { title: t("model.missing"), numeric: true, cell: (f) => (f.missing === null || f.missing === undefined ? "" : percent(f.missing)) },
                ]} />
              </Card>
              <Card title={t("model.history")} wide>
                <Table caption={t("model.history")} rows={m.history} columns={[
                  { title: t("model.at"), cell: (h) => moment(h.at) },
                  { title: t("model.by"), cell: (h) => h.by },
                  { title: t("model.bundle"), cell: (h) => (h.bundle ? <code>{h.bundle.slice(0, 16)}</code> : t("model.withdrawn")) },
                  { title: t("models.note"), cell: (h) => h.note },
                  { title: t("jobs.act"), cell: (h) => <RollBack me={me} id={`${m.name}@${m.alias}`} bundle={h.bundle} now={m.bundle} changed={model.again} /> },
                ]} />
                <p class="quiet">{t("model.rollback", { name })}</p>
                <Withdraw me={me} id={`${m.name}@${m.alias}`} changed={() => { location.hash = "#/models"; }} />
              </Card>
              <Card title={t("model.task")} wide><Code text={m.task} label={t("model.task")} /></Card>
              {m.options && <Card title={t("model.options")} wide><Code text={m.options} label={t("model.options")} /></Card>}
            </div>
          </>
        )}
      </Waiting>
      <Curl command={curl("GET", path)} />
    </Page>
  );
}
