import { call, enc, get, type Job, type JobDetail } from "../api";
import type { PageProps } from "../page";
import { moment } from "../format";
import { Act, Card, Code, Curl, curl, Page, useData, useTick, Waiting } from "../parts";
import { Lines } from "../plot";
import { link } from "../route";
import { t, word } from "../words";
import { isOpen, Progress } from "./jobs";

const kColours = ["#0b5fa5", "#b3541e", "#2f7d4f", "#6b4fa0"];

// Each series over the steps that any of them has.
function Curves({ curve }: { curve: JobDetail["curve"] }) {
  const steps = [...new Set(curve.map((p) => p.step))].sort((a, b) => a - b);
  const names = [...new Set(curve.map((p) => p.series))];
  const lines = names.map((name, i) => {
    const values = new Map(curve.filter((p) => p.series === name).map((p) => [p.step, p.value]));
    return { label: name, colour: kColours[i % kColours.length] ?? "", values: steps.map((s) => values.get(s) ?? null) };
  });
  return <Lines label={t("job.curve.says")} x={steps} lines={lines} xLabel={t("job.step")} />;
}

function Facts({ job }: { job: Job }) {
  const rows: [string, string | undefined][] = [
    [t("jobs.kind"), word("job", job.kind)], [t("jobs.state"), word("state", job.state)], [t("jobs.by"), job.by],
    [t("jobs.created"), moment(job.created)], [t("job.ended"), job.ended && moment(job.ended)],
  ];
  return <dl>{rows.map(([name, value]) => value && <><dt>{name}</dt><dd>{value}</dd></>)}</dl>;
}

export function JobPage({ parts }: PageProps) {
  const id = parts[0] ?? "";
  const path = `/api/jobs/${enc(id)}`;
  const job = useData(() => get<JobDetail>(path), [id]);
  useTick(1000, () => { if (job.data && isOpen(job.data)) job.again(); });
  const report = job.data?.result?.report;
  return (
    <Page title={t("job.title")}>
      <Waiting of={job}>
        {(j) => (
          <div class="grid">
            <Card title={j.model || word("job", j.kind)}>
              <Facts job={j} />
              {j.problem && <p class="problem">{j.problem}</p>}
              <p><Progress job={j} /></p>
              {isOpen(j) && <Act label={t("jobs.cancel")} act={async () => { await call("DELETE", path); job.again(); }} />}
              {typeof report === "string" && <p><a href={link("studies", report, "index.html")}>{t("job.report")}</a></p>}
              <Curl command={curl("GET", path)} />
            </Card>
            {j.curve.length > 1 && <Card title={t("job.curve")}><Curves curve={j.curve} /></Card>}
            <Card title={t("job.log")} wide>
              {j.log.length > 0
                ? <Code label={t("job.log")} text={j.log.map((line) => `${moment(line.at)}  ${line.text}`).join("\n")} />
                : <p class="quiet">{t("job.log.none")}</p>}
            </Card>
            <Card title={t("job.request")} wide><Code label={t("job.request")} text={JSON.stringify(j.request, null, 1)} /></Card>
            {j.result && <Card title={t("job.result")} wide><Code label={t("job.result")} text={JSON.stringify(j.result, null, 1)} /></Card>}
          </div>
        )}
      </Waiting>
    </Page>
  );
}
