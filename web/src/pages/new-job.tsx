// What a new job is asked, by its kind.
import { useState } from "preact/hooks";
import { enc, get, post, sendFile, type Model } from "../api";
import { Act, Choice, Curl, curl, Field, TextArea, useData } from "../parts";
import { t, word } from "../words";

type Body = Record<string, string>;
interface FormProps { begin: (body: Body) => Promise<void> }

function OfModel({ kind, begin }: FormProps & { kind: string }) {
  const models = useData(() => get<{ models: Model[] }>("/api/models"), []);
  const fits = (m: Model) => kind !== "predict" || m.answer !== "category";
  const names = (models.data?.models ?? []).filter(fits).map((m) => `${m.name}@${m.alias}`);
  const [model, setModel] = useState("");
  const body = { kind, model: model || names[0] || "" };
  return (
    <>
      <div class="row">
        <Choice label={t("patients.model")} value={body.model} onPick={setModel} options={names.map((n) => [n, n])} />
        <Act label={t("jobs.start")} kind="main" disabled={!body.model} act={() => begin(body)} />
      </div>
      <Curl command={curl("POST", "/api/jobs", body)} />
    </>
  );
}

function Import({ begin }: FormProps) {
  const inbox = useData(() => get<{ files: { name: string }[] }>("/api/inbox"), []);
  const names = (inbox.data?.files ?? []).map((f) => f.name);
  const [format, setFormat] = useState("csv");
  const [path, setPath] = useState("");
  const [mapping, setMapping] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const body: Body = { kind: "import", format, path: path || names[0] || "" };
  if (mapping) body.mapping = mapping;
  const send = async () => {
    if (!file) return;
    await sendFile(`/api/inbox/${enc(file.name)}`, file);
    setPath(file.name);
    inbox.again();
  };
  return (
    <>
      <div class="row">
        <label class="field"><span>{t("job.file")}</span>
          <input type="file" onChange={(e) => setFile(e.currentTarget.files?.[0] ?? null)} /></label>
        <Act label={t("job.send")} disabled={!file} act={send} />
      </div>
      <div class="row">
        <Choice label={t("job.format")} value={format} onPick={setFormat} options={["csv", "fhir", "omop", "meds"].map((f) => [f, f])} />
        <Choice label={t("job.path")} value={body.path ?? ""} onPick={setPath} options={names.map((n) => [n, n])} />
        <Act label={t("jobs.start")} kind="main" disabled={!body.path} act={() => begin(body)} />
      </div>
      {format === "csv" && <TextArea label={t("job.mapping")} value={mapping} onText={setMapping} />}
      <Curl command={curl("POST", "/api/jobs", body)} />
    </>
  );
}

function Train({ begin }: FormProps) {
  const [name, setName] = useState("");
  const [task, setTask] = useState("");
  const [recipe, setRecipe] = useState("");
  const body = { kind: "train", name, task, recipe };
  return (
    <>
      <div class="row">
        <Field label={t("job.name")} value={name} onInput={(e) => setName(e.currentTarget.value)} />
        <Act label={t("jobs.start")} kind="main" disabled={!name || !task || !recipe} act={() => begin(body)} />
      </div>
      <div class="row">
        <TextArea label={t("job.task")} value={task} onText={setTask} />
        <TextArea label={t("job.recipe")} value={recipe} onText={setRecipe} />
      </div>
      <Curl command={curl("POST", "/api/jobs", body)} />
    </>
  );
}

const kKinds: [string, string[]][] = [
  ["predict", ["scientist", "integrator", "admin"]], ["import", ["integrator"]],
  ["train", ["scientist", "admin"]], ["evaluate", ["scientist", "admin"]],
];

export function NewJob({ roles, done }: { roles: string[]; done: () => void }) {
  const kinds = kKinds.filter(([, may]) => may.some((role) => roles.includes(role))).map(([kind]) => kind);
  const [kind, setKind] = useState(kinds[0] ?? "predict");
  const begin = async (body: Body) => { await post("/api/jobs", body); done(); };
  return (
    <>
      <Choice label={t("jobs.kind")} value={kind} onPick={setKind} options={kinds.map((k) => [k, word("job", k)])} />
      <p class="quiet">{word("job.about", kind)}</p>
      {kind === "import" ? <Import begin={begin} /> : kind === "train" ? <Train begin={begin} /> : <OfModel key={kind} kind={kind} begin={begin} />}
    </>
  );
}
