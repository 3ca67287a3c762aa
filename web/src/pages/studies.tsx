import { get, type Report } from "../api";
import type { PageProps } from "../page";
import { Card, Page, Table, useData, Waiting } from "../parts";
import { link } from "../route";
import { t } from "../words";

const address = (name: string, file: string) => `/reports/${encodeURIComponent(name)}/${file}`;

function List() {
  const reports = useData(() => get<{ reports: Report[] }>("/api/reports"), []);
  return (
    <Page title={t("studies.title")}>
      <Card>
        <p class="quiet">{t("studies.about")}</p>
        <Waiting of={reports}>
          {(all) => (
            <Table caption={t("studies.title")} rows={all.reports} empty={t("studies.none")} columns={[
              { title: t("studies.name"), cell: (r) => <a href={link("studies", r.name, "index.html")}>{r.title ?? r.name}</a> },
              { title: t("studies.patients"), numeric: true, cell: (r) => r.patients ?? "" },
              { title: t("studies.examples"), numeric: true, cell: (r) => r.examples ?? "" },
              { title: t("studies.card"), cell: (r) => r.files.includes("card.html") && <a href={link("studies", r.name, "card.html")}>{t("studies.card")}</a> },
            ]} />
          )}
        </Waiting>
      </Card>
    </Page>
  );
}

export function Studies({ parts }: PageProps) {
  const [name, file] = parts;
  if (!name || !file) return <List />;
  return (
    <Page title={name} aside={<a href={address(name, file)} target="_blank" rel="noreferrer">{t("studies.open")}</a>}>
      <p><a href={link("studies")}>{t("studies.title")}</a></p>
      <iframe class="report" title={name} src={address(name, file)} />
    </Page>
  );
}
