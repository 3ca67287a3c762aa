import { get, type Models as AllModels } from "../api";
import { count, moment, short } from "../format";
import { Card, Curl, curl, Page, Table, useData, Waiting } from "../parts";
import { link } from "../route";
import { t } from "../words";
import type { PageProps } from "../page";
import { Life } from "./life";

export function Models({ me }: PageProps) {
  const models = useData(() => get<AllModels>("/api/models"), []);
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
            {all.timelines.length > 0 && <><h2>{t("models.timelines")}</h2>
              <Table caption={t("models.timelines")} rows={all.timelines} columns={[
                { title: t("models.name"), cell: (m) => `${m.name}@${m.alias}` },
                { title: t("models.describes"), cell: (m) => m.describes },
                { title: t("models.learned"), cell: (m) => t("models.learned.from", { people: count(m.people), events: count(m.events) }) },
                { title: t("models.nats"), numeric: true, cell: (m) => (m.nats === null ? "–" : short(m.nats)) },
                { title: t("models.approved"), cell: (m) => `${m.approved_by}, ${moment(m.approved_at)}` },
                { title: t("models.note"), cell: (m) => (m.synthetic ? `${t("synthetic.word")}. ` : "") + m.note },
              ]} /></>}
            <p class="quiet">{t("models.approve")}</p>
            <Curl command={curl("GET", "/api/models")} />
          </Card>
        )}
      </Waiting>
      <Life me={me} changed={models.again} />
    </Page>
  );
}
