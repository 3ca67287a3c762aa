import { useState } from "preact/hooks";
import { call, enc, get, post, type Job, type Model } from "../api";
import { count, moment, seconds } from "../format";
import { Act, Card, Choice, Curl, curl, Page, Table, useData, useTick, Waiting } from "../parts";
import { link } from "../route";
import { t, word } from "../words";

const isOpen = (job: Job) => job.state === "queued" || job.state === "running";

function Progress({ job }: { job: Job }) {
  if (!isOpen(job)) return <>{count(job.done)}</>;
  return (
    <>
      <progress max={Math.max(job.total, 1)} value={job.done} aria-label={t("jobs.progress")} />{" "}
      {t("jobs.of", { done: count(job.done), total: count(job.total) })}{" "}
      {job.seconds_left !== undefined && t("jobs.left", { time: seconds(job.seconds_left) })}
    </>
  );
}

export function Jobs() {
  const jobs = useData(() => get<{ jobs: Job[] }>("/api/jobs"), []);
  const models = useData(() => get<{ models: Model[] }>("/api/models"), []);
  const names = (models.data?.models ?? []).filter((m) => m.answer !== "category").map((m) => `${m.name}@${m.alias}`);
  const [model, setModel] = useState("");
  const chosen = model || names[0] || "";
  useTick(1000, () => { if (jobs.data?.jobs.some(isOpen)) jobs.again(); });
  const body = { kind: "predict", model: chosen };
  return (
    <Page title={t("jobs.title")}>
      <Card title={t("jobs.new")}>
        <p class="quiet">{t("jobs.about")}</p>
        <div class="row">
          <Choice label={t("patients.model")} value={chosen} onPick={setModel} options={names.map((n) => [n, n])} />
          <Act label={t("jobs.start")} kind="main" disabled={!chosen}
            act={async () => { await post("/api/jobs", body); jobs.again(); }} />
        </div>
        <Curl command={curl("POST", "/api/jobs", body)} />
      </Card>
      <Card title={t("jobs.list")} wide>
        <Waiting of={jobs}>
          {(all) => (
            <Table caption={t("jobs.list")} rows={all.jobs} empty={t("jobs.none")} columns={[
              { title: t("jobs.created"), cell: (j) => moment(j.created) },
              { title: t("jobs.kind"), cell: (j) => word("job", j.kind) },
              { title: t("patients.model"), cell: (j) => <a href={link("model", j.model)}>{j.model}</a> },
              { title: t("jobs.by"), cell: (j) => j.by },
              { title: t("jobs.state"), cell: (j) => <>{word("state", j.state)}{j.problem && <span class="problem"> {j.problem}</span>}</> },
              { title: t("jobs.progress"), cell: (j) => <Progress job={j} /> },
              { title: t("jobs.act"), cell: (j) => isOpen(j) && (
                <Act label={t("jobs.cancel")} act={async () => { await call("DELETE", `/api/jobs/${enc(j.id)}`); jobs.again(); }} />) },
            ]} />
          )}
        </Waiting>
      </Card>
    </Page>
  );
}
