import { useState } from "preact/hooks";
import { call, enc, get, post } from "../api";
import type { PageProps } from "../page";
import { Act, Card, Choice, Code, Curl, curl, Field, Page, Table, useData, Waiting } from "../parts";
import { t, word } from "../words";

const kRoles = ["clinician", "scientist", "integrator", "admin", "auditor"];

interface Account { name: string; roles: string[] }

function AddAccount(props: { added: () => void }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [roles, setRoles] = useState<string[]>(["clinician"]);
  const toggle = (role: string) => setRoles(roles.includes(role) ? roles.filter((r) => r !== role) : [...roles, role]);
  const add = async () => {
    await post("/admin/accounts", { name, password, roles });
    setName("");
    setPassword("");
    props.added();
  };
  return (
    <Card title={t("admin.new")}>
      <Field label={t("sign.name")} value={name} autocomplete="off" onInput={(e) => setName(e.currentTarget.value)} />
      <Field label={t("sign.password")} type="password" value={password} autocomplete="new-password" hint={t("sign.new.hint")}
        onInput={(e) => setPassword(e.currentTarget.value)} />
      <fieldset>
        <legend>{t("admin.roles")}</legend>
        {kRoles.map((role) => (
          <label class="tick"><input type="checkbox" checked={roles.includes(role)} onChange={() => toggle(role)} /> {word("role", role)}</label>
        ))}
      </fieldset>
      <Act label={t("admin.add")} kind="main" act={add} disabled={!name || !password || roles.length === 0} />
    </Card>
  );
}

function Care(props: { accounts: Account[] }) {
  const [name, setName] = useState("");
  const [patient, setPatient] = useState("");
  const [done, setDone] = useState("");
  const chosen = name || props.accounts[0]?.name || "";
  const change = (method: "PUT" | "DELETE") => async () => {
    setDone("");
    await call(method, `/admin/accounts/${enc(chosen)}/patients/${enc(patient)}`, method === "PUT" ? {} : undefined);
    setDone(t(method === "PUT" ? "admin.care.added" : "admin.care.removed", { name: chosen }));
  };
  return (
    <Card title={t("admin.care")}>
      <p class="quiet">{t("admin.care.about")}</p>
      <Choice label={t("sign.name")} value={chosen} onPick={setName} options={props.accounts.map((a) => [a.name, a.name])} />
      <Field label={t("sandbox.patient")} value={patient} onInput={(e) => setPatient(e.currentTarget.value.trim())} />
      <p class="row">
        <Act label={t("admin.care.add")} act={change("PUT")} disabled={!patient} />
        <Act label={t("admin.care.remove")} act={change("DELETE")} disabled={!patient} />
      </p>
      {done && <p role="status">{done}</p>}
    </Card>
  );
}

function Token(props: { accounts: Account[] }) {
  const [name, setName] = useState("");
  const [label, setLabel] = useState("");
  const [token, setToken] = useState("");
  const chosen = name || props.accounts[0]?.name || "";
  const make = async () => {
    const made = await post<{ token: string }>(`/admin/accounts/${enc(chosen)}/tokens`, { label, days: 90 });
    setToken(made.token);
  };
  return (
    <Card title={t("admin.token")}>
      <p class="quiet">{t("admin.token.about")}</p>
      <Choice label={t("sign.name")} value={chosen} onPick={setName} options={props.accounts.map((a) => [a.name, a.name])} />
      <Field label={t("admin.label")} value={label} onInput={(e) => setLabel(e.currentTarget.value)} />
      <Act label={t("admin.token.make")} act={make} disabled={!label} />
      {token && <><p role="status">{t("admin.token.once")}</p><Code text={token} label={t("admin.token")} /></>}
    </Card>
  );
}

export function Admin({ me }: PageProps) {
  const accounts = useData(() => get<{ accounts: Account[] }>("/admin/accounts"), []);
  const remove = (name: string) => async () => {
    await call("DELETE", `/admin/accounts/${enc(name)}`);
    accounts.again();
  };
  return (
    <Page title={t("admin.title")}>
      <Waiting of={accounts}>
        {({ accounts: all }) => (
          <div class="grid">
            <Card title={t("admin.accounts")} wide>
              <Table caption={t("admin.accounts")} rows={all} columns={[
                { title: t("sign.name"), cell: (a) => a.name },
                { title: t("admin.roles"), cell: (a) => a.roles.map((r) => word("role", r)).join(", ") },
                { title: t("jobs.act"), cell: (a) => a.name !== me.name && <Act label={t("admin.remove", { name: a.name })} kind="danger" act={remove(a.name)} /> },
              ]} />
              <Curl command={curl("GET", "/admin/accounts")} />
            </Card>
            <AddAccount added={accounts.again} />
            <Care accounts={all} />
            <Token accounts={all} />
          </div>
        )}
      </Waiting>
    </Page>
  );
}
