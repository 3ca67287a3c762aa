import { useState } from "preact/hooks";
import { enc, get, post, type Job, type Listed, type Model } from "../api";
import type { PageProps } from "../page";
import { count, day, figure, person } from "../format";
import { Act, Card, Choice, Curl, curl, Field, Page, Table, useData, Waiting } from "../parts";
import { link } from "../route";
import { t } from "../words";

const kPage = 50;

interface List { patients: Listed[]; total: number; unscored: number; model?: string; unit?: string }

function risk(row: Listed, unit: string | undefined): string {
  if (row.value === null || row.value === undefined) return row.as_of ? t("patients.no.answer") : t("patients.not.asked");
  const told = (value: number) => figure(value, unit);
  const { low, high } = row;
  const between = low !== null && low !== undefined && high !== null && high !== undefined;
  return told(row.value) + (between ? ` (${told(low)} – ${told(high)})` : "");
}

export function Patients({ me }: PageProps) {
  const [text, setText] = useState("");
  const [asked, setAsked] = useState("");
  const [model, setModel] = useState("");
  const [skip, setSkip] = useState(0);
  const models = useData(() => get<{ models: Model[] }>("/api/models"), []);
  const names = (models.data?.models ?? []).filter((m) => m.answer !== "category").map((m) => `${m.name}@${m.alias}`);
  const chosen = model || names[0] || "";
  const path = `/api/patients?_count=${kPage}&_offset=${skip}`
    + (chosen ? `&model=${enc(chosen)}` : "") + (asked ? `&q=${enc(asked)}` : "");
  const list = useData(() => (models.data ? get<List>(path) : new Promise<List>(() => undefined)),
    [path, models.data]);
  const everybody = async () => {
    await post<Job>("/api/jobs", { kind: "predict", model: chosen });
    location.hash = link("jobs");
  };
  const seek = (event: Event) => { event.preventDefault(); setSkip(0); setAsked(text.trim()); };
  return (
    <Page title={t("patients.title")}>
      <Card>
        <form class="row" role="search" onSubmit={seek}>
          <Field label={t("patients.search")} value={text} type="search"
            onInput={(e) => setText(e.currentTarget.value)} />
          <Choice label={t("patients.model")} value={chosen} onPick={(m) => { setSkip(0); setModel(m); }}
            options={names.map((name) => [name, name])} />
          <button type="submit" class="main">{t("patients.seek")}</button>
          {me.roles.includes("integrator") && chosen && <Act label={t("patients.everybody")} act={everybody} />}
        </form>
        <Curl command={curl("GET", path)} />
      </Card>
      <Waiting of={list}>
        {(found) => (
          <Card title={t("patients.found", { n: count(found.total) })}>
            {found.unscored > 0 && <p class="quiet">{t("patients.unscored", { n: count(found.unscored) })}</p>}
            <Table caption={t("patients.title")} rows={found.patients} empty={t("patients.none")} columns={[
              { title: t("patients.who"), cell: (p) => <a href={link("patient", p.id)}>{person(p)}</a> },
              { title: t("patients.born"), cell: (p) => p.birthDate ?? "" },
              { title: t("patients.risk"), numeric: true, cell: (p) => p.value !== null && p.value !== undefined && chosen
                ? <a href={link("prediction", p.id, chosen)}>{risk(p, found.unit)}</a> : found.model ? risk(p, found.unit) : "" },
              { title: t("patients.as.of"), cell: (p) => day(p.as_of) },
            ]} />
            <p class="row">
              <button type="button" disabled={skip === 0} onClick={() => setSkip(Math.max(0, skip - kPage))}>{t("back")}</button>
              <button type="button" disabled={skip + kPage >= found.total} onClick={() => setSkip(skip + kPage)}>{t("next")}</button>
            </p>
          </Card>
        )}
      </Waiting>
    </Page>
  );
}
