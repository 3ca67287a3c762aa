import { get, type Job, type Model } from "../api";
import type { PageProps } from "../page";
import { Card, Page, useData, Waiting } from "../parts";
import { link } from "../route";
import { t } from "../words";

interface State { models: Model[]; not_served: number; jobs: Job[]; ready: boolean }

async function look(canSeeJobs: boolean): Promise<State> {
  const [models, jobs, ready] = await Promise.all([
    get<{ models: Model[]; not_served: number }>("/api/models"),
    canSeeJobs ? get<{ jobs: Job[] }>("/api/jobs") : Promise.resolve({ jobs: [] }),
    get("/readyz").then(() => true, () => false),
  ]);
  return { ...models, jobs: jobs.jobs, ready };
}

// What needs somebody, most urgent first.
function Needs(props: { state: State }) {
  const { state } = props;
  const needs: [string, string][] = [];
  if (!state.ready) needs.push([t("home.not.ready"), link("monitoring")]);
  if (state.not_served > 0) needs.push([t("home.not.served", { n: state.not_served }), link("models")]);
  for (const job of state.jobs.filter((j) => j.state === "failed").slice(0, 3))
    needs.push([t("home.job.failed", { model: job.model }), link("jobs")]);
  if (state.models.length === 0) needs.push([t("home.no.models"), link("connect")]);
  if (needs.length === 0) return <p>{t("home.all.well")}</p>;
  return <ul>{needs.map(([text, where]) => <li><a href={where}>{text}</a></li>)}</ul>;
}

export function Home({ me }: PageProps) {
  const canSeeJobs = ["scientist", "integrator", "admin"].some((role) => me.roles.includes(role));
  const state = useData(() => look(canSeeJobs), []);
  return (
    <Page title={t("home.title")}>
      <Waiting of={state}>
        {(seen) => (
          <div class="grid">
            <Card title={t("home.needs")}><Needs state={seen} /></Card>
            <Card title={t("home.models", { n: seen.models.length })}>
              <ul>
                {seen.models.map((m) => (
                  <li>
                    <a href={link("model", `${m.name}@${m.alias}`)}>{`${m.name}@${m.alias}`}</a>{" "}
                    <span class="quiet">{m.asks}</span>
                  </li>
                ))}
              </ul>
            </Card>
            {canSeeJobs && (
              <Card title={t("home.jobs")}>
                <p>{t("home.jobs.running", { n: seen.jobs.filter((j) => j.state === "running" || j.state === "queued").length })}</p>
                <p><a href={link("jobs")}>{t("jobs.title")}</a></p>
              </Card>
            )}
          </div>
        )}
      </Waiting>
    </Page>
  );
}
