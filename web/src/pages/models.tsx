import { get, type Model } from "../api";
import { moment } from "../format";
import { Card, Curl, curl, Page, Table, useData, Waiting } from "../parts";
import { link } from "../route";
import { t } from "../words";
import type { PageProps } from "../page";
import { Life } from "./life";

export function Models({ me }: PageProps) {
  const models = useData(() => get<{ models: Model[]; not_served: number }>("/api/models"), []);
  return (
    <Page title={t("models.title")}>
      <Waiting of={models}>
        {(all) => (
          <Card>
            {all.not_served > 0 && <p class="problem">{t("home.not.served", { n: all.not_served })}</p>}
            <Table caption={t("models.title")} rows={all.models} empty={t("models.none")} columns={[
              { title: t("models.name"), cell: (m) => <a href={link("model", `${m.name}@${m.alias}`)}>{`${m.name}@${m.alias}`}</a> },
              { title: t("models.asks"), cell: (m) => m.asks },
              { title: t("models.approved"), cell: (m) => `${m.approved_by}, ${moment(m.approved_at)}` },
              { title: t("models.note"), cell: (m) => (m.synthetic ? `${t("synthetic.word")}. ` : "") + m.note },
            ]} />
            <p class="quiet">{t("models.approve")}</p>
            <Curl command={curl("GET", "/api/models")} />
          </Card>
        )}
      </Waiting>
      <Life me={me} changed={models.again} />
    </Page>
  );
}
