import { call, enc, get, type Job } from "../api";
import type { PageProps } from "../page";
import { count, moment, seconds } from "../format";
import { Act, Card, Page, Table, useData, useTick, Waiting } from "../parts";
import { link } from "../route";
import { t, word } from "../words";
import { NewJob } from "./new-job";

export const isOpen = (job: Job) => job.state === "queued" || job.state === "running";

export function Progress({ job }: { job: Job }) {
  if (!isOpen(job)) return <>{count(job.done)}</>;
  return (
    <>
      <progress max={Math.max(job.total, 1)} value={job.done} aria-label={t("jobs.progress")} />{" "}
      {t("jobs.of", { done: count(job.done), total: count(job.total) })}{" "}
      {job.seconds_left !== undefined && t("jobs.left", { time: seconds(job.seconds_left) })}
    </>
  );
}

export function Jobs({ me }: PageProps) {
  const jobs = useData(() => get<{ jobs: Job[] }>("/api/jobs"), []);
  useTick(1000, () => { if (jobs.data?.jobs.some(isOpen)) jobs.again(); });
  return (
    <Page title={t("jobs.title")}>
      <Card title={t("jobs.new")} wide><NewJob roles={me.roles} done={jobs.again} /></Card>
      <Card title={t("jobs.list")} wide>
        <Waiting of={jobs}>
          {(all) => (
            <Table caption={t("jobs.list")} rows={all.jobs} empty={t("jobs.none")} columns={[
              { title: t("jobs.created"), cell: (j) => <a href={link("job", j.id)}>{moment(j.created)}</a> },
              { title: t("jobs.kind"), cell: (j) => word("job", j.kind) },
              { title: t("jobs.of.what"), cell: (j) => j.model.includes("@") ? <a href={link("model", j.model)}>{j.model}</a> : j.model },
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
