import { useState } from "preact/hooks";
import { call, get, post, type Me } from "../api";
import { Act, Card, Code, Field, Page, useData, Waiting } from "../parts";
import { t, word } from "../words";

interface Begun { secret: string; uri: string }

// A secret goes into an authenticator app; the first code shows that it arrived.
function SecondFactor(props: { has: boolean; changed: () => void }) {
  const [begun, setBegun] = useState<Begun | null>(null);
  const [code, setCode] = useState("");
  const [password, setPassword] = useState("");
  const send = (remove: boolean) => async () => {
    await call("PUT", "/auth/second-factor", { code: code.replace(/\s/g, ""), remove });
    setBegun(null);
    setCode("");
    props.changed();
  };
  const field = (
    <Field label={t("sign.code")} inputMode="numeric" autocomplete="one-time-code" value={code}
      onInput={(e) => setCode(e.currentTarget.value)} />
  );
  return (
    <Card title={t("account.second")}>
      <p>{t(props.has ? "account.second.on" : "account.second.off")}</p>
      {props.has && <>{field}<Act label={t("account.second.remove")} act={send(true)} disabled={code.trim().length < 6} /></>}
      {!props.has && !begun && (
        <>
          <Field label={t("sign.password")} type="password" autocomplete="current-password" value={password}
            onInput={(e) => setPassword(e.currentTarget.value)} />
          <Act label={t("account.second.begin")} kind="main" disabled={!password}
            act={async () => setBegun(await post<Begun>("/auth/second-factor", { password }))} />
        </>
      )}
      {begun && (
        <>
          <p>{t("account.second.secret")}</p>
          <Code text={begun.secret} label={t("account.second")} />
          <p><a href={begun.uri}>{t("account.second.link")}</a></p>
          {field}
          <Act label={t("account.second.confirm")} kind="main" act={send(false)} disabled={code.trim().length < 6} />
        </>
      )}
    </Card>
  );
}

export function AccountPage() {
  const me = useData(() => get<Me & { second_factor: boolean }>("/auth/me"), []);
  return (
    <Page title={t("account.title")}>
      <Waiting of={me}>
        {(who) => (
          <div class="grid">
            <Card title={who.name}><p>{t("admin.roles")}: {who.roles.map((r) => word("role", r)).join(", ")}</p></Card>
            <SecondFactor has={who.second_factor} changed={me.again} />
          </div>
        )}
      </Waiting>
    </Page>
  );
}
