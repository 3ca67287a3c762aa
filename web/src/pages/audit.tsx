import { useState } from "preact/hooks";
import { enc, get, post, type TrailRecord } from "../api";
import { count, moment } from "../format";
import { Act, Card, Curl, curl, Field, Page, Table, useData, Waiting } from "../parts";
import { t, word } from "../words";

// What a record may say besides.
const kMore = ["reason", "account", "roles", "label", "opinion", "job", "route", "unknown", "resource", "subjects"];

interface Check { holds: boolean; records: number; checkpoints: number; head: string; first_bad_line: number; problem: string }

function Verify() {
  const [check, setCheck] = useState<Check | null>(null);
  return (
    <Card title={t("audit.chain")}>
      <Act label={t("audit.verify")} kind="main" act={async () => setCheck(await post<Check>("/api/audit/verify", {}))} />
      {check && (
        <p role="status" class={check.holds ? "" : "problem"}>
          {check.holds
            ? t("audit.holds", { records: count(check.records), checkpoints: count(check.checkpoints) })
            : t("audit.broken", { line: check.first_bad_line, problem: check.problem })}
        </p>
      )}
      {check && <p class="quiet">{t("audit.head")} <code>{check.head}</code></p>}
    </Card>
  );
}

export function Audit() {
  const [filter, setFilter] = useState({ subject: "", who: "", what: "" });
  const [asked, setAsked] = useState(filter);
  const wanted = Object.entries(asked).filter(([, v]) => v).map(([k, v]) => `&${k}=${enc(v)}`).join("");
  const path = `/api/audit?_count=200${wanted}`;
  const trail = useData(() => get<{ events: TrailRecord[] }>(path), [path]);
  const field = (key: "subject" | "who" | "what", label: string) => (
    <Field label={label} value={filter[key]} onInput={(e) => setFilter({ ...filter, [key]: e.currentTarget.value.trim() })} />
  );
  return (
    <Page title={t("audit.title")}>
      <Verify />
      <Card title={t("audit.events")} wide>
        <form class="row" onSubmit={(e) => { e.preventDefault(); setAsked(filter); }}>
          {field("who", t("audit.who"))}
          {field("subject", t("audit.whom"))}
          {field("what", t("audit.what"))}
          <button type="submit" class="main">{t("patients.seek")}</button>
        </form>
        <Waiting of={trail}>
          {(all) => (
            <Table caption={t("audit.events")} rows={all.events} columns={[
              { title: "n", numeric: true, cell: (r) => r.n },
              { title: t("audit.when"), cell: (r) => moment(r.at) },
              { title: t("audit.who"), cell: (r) => r.who ?? "" },
              { title: t("audit.what"), cell: (r) => word("what", r.what) },
              { title: t("audit.whom"), cell: (r) => r.subject ?? "" },
              { title: t("patients.model"), cell: (r) => r.name ?? "" },
              { title: t("audit.why"), cell: (r) => [r.why, ...kMore.map((key) => r[key])].filter(Boolean).map((v) => Array.isArray(v) ? v.join(", ") : String(v)).join("; ") },
            ]} />
          )}
        </Waiting>
        <Curl command={curl("GET", path)} />
      </Card>
    </Page>
  );
}
